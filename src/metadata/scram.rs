//! SCRAM credentials (RFC 5802): what the broker keeps of users' passwords, and how it is changed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, Mac, digest::InvalidLength};
use naru_protocol::ErrorCode;
use naru_protocol::state::cluster_metadata::Record;
use naru_protocol::state::cluster_metadata::security::{RemoveUserScramCredentialRecord, UserScramCredentialRecord};
use sha2::{Digest, Sha256, Sha512};

use super::{Decision, MetadataImage, RequestError};

/// Rounds of hashing that a credential may have: fewer are too easy to guess, more too slow at every login.
const ITERATIONS: RangeInclusive<i32> = 4096..=16_384;

/// Users that may have credentials: all of them are in memory, and read at every start.
const MAX_USERS: usize = 10_000;

/// Bytes that a user's name may have: longer than any in use, short enough to keep ten thousand.
const MAX_NAME: usize = 1024;

/// Bytes that a salt may have. Clients take some tens.
const MAX_SALT: usize = 1024;

/// The hash function of a credential; the numbers are those of the wire and of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256 = 1,
    /// SCRAM-SHA-512.
    Sha512 = 2,
}

impl TryFrom<i8> for ScramMechanism {
    type Error = i8;

    fn try_from(number: i8) -> Result<Self, i8> {
        match number {
            1 => Ok(Self::Sha256),
            2 => Ok(Self::Sha512),
            other => Err(other),
        }
    }
}

/// What the broker keeps of a password: enough to check a login, not enough to make one.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramCredential {
    /// The salt that the password was hashed with.
    pub salt: Bytes,
    /// The hash that proves the client.
    pub stored_key: Bytes,
    /// The key that proves the broker.
    pub server_key: Bytes,
    /// Rounds of hashing, 4096 to 16384.
    pub iterations: i32,
}

impl fmt::Debug for ScramCredential {
    /// Keys and salt stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramCredential").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// The credentials of every user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScramCredentials {
    users: BTreeMap<Arc<str>, BTreeMap<ScramMechanism, ScramCredential>>,
}

impl ScramCredentials {
    /// The users that have a credential, by name.
    pub fn users(&self) -> impl Iterator<Item = &Arc<str>> {
        self.users.keys()
    }

    /// The credentials of a user, at most one for each mechanism; `None` if there is none.
    pub fn of(&self, user: &str) -> Option<&BTreeMap<ScramMechanism, ScramCredential>> {
        self.users.get(user)
    }

    /// `Err` names a mechanism that this version does not know.
    pub(super) fn set(&mut self, record: &UserScramCredentialRecord) -> Result<(), i8> {
        let mechanism = ScramMechanism::try_from(record.mechanism)?;
        // Copies: a slice would keep the whole request in memory, or at a start a megabyte of the log.
        let [salt, stored_key, server_key] =
            [&record.salt, &record.stored_key, &record.server_key].map(|bytes| Bytes::copy_from_slice(bytes));
        let credential = ScramCredential { salt, stored_key, server_key, iterations: record.iterations };
        self.users.entry((&*record.name).into()).or_default().insert(mechanism, credential);
        Ok(())
    }

    pub(super) fn remove(&mut self, record: &RemoveUserScramCredentialRecord) -> Result<(), i8> {
        let mechanism = ScramMechanism::try_from(record.mechanism)?;
        if let Some(of_user) = self.users.get_mut(&*record.name) {
            of_user.remove(&mechanism);
            if of_user.is_empty() {
                self.users.remove(&*record.name);
            }
        }
        Ok(())
    }
}

/// A credential that shall be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramDeletion {
    /// The user.
    pub user: String,
    /// The number of the mechanism, as it arrived.
    pub mechanism: i8,
}

/// A credential that shall be there, in place of an older one of the same mechanism.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramUpsertion {
    /// The user.
    pub user: String,
    /// The number of the mechanism, as it arrived.
    pub mechanism: i8,
    /// Rounds of hashing that made `salted_password`.
    pub iterations: i32,
    /// The salt that made `salted_password`.
    pub salt: Bytes,
    /// The password, salted and hashed by the client: the broker never sees it.
    pub salted_password: Bytes,
}

/// Decides about an `AlterUserScramCredentials` request. One answer for each user; of a user that appears more than once
/// nothing is changed.
pub fn alter_scram_credentials(
    image: &MetadataImage,
    deletions: &[ScramDeletion],
    upsertions: &[ScramUpsertion],
) -> Decision<(String, Result<(), RequestError>)> {
    let mut outcomes: HashMap<&str, Result<Record, RequestError>> = HashMap::new();
    let mut order = Vec::new();
    let deletions = deletions.iter().map(|deletion| (&*deletion.user, delete(image, deletion)));
    let upsertions = upsertions.iter().map(|upsertion| (&*upsertion.user, upsert(upsertion)));
    for (user, outcome) in deletions.chain(upsertions) {
        match outcomes.get_mut(user) {
            None => {
                order.push(user);
                outcomes.insert(user, outcome);
            }
            Some(first) if first.is_ok() => {
                let message = "A user's credentials can be altered once in a request.";
                *first = Err(RequestError::new(ErrorCode::DUPLICATE_RESOURCE, message));
            }
            Some(_) => {}
        }
    }
    let mut decision = Decision::new();
    let mut room = MAX_USERS.saturating_sub(image.scram_credentials().users.len());
    for user in order {
        let Some(mut outcome) = outcomes.remove(user) else { continue };
        // Whoever has no credential can only be given one.
        if outcome.is_ok() && image.scram_credentials().of(user).is_none() {
            match room.checked_sub(1) {
                Some(left) => room = left,
                None => outcome = Err(no_room()),
            }
        }
        decision.answers.push((user.to_owned(), outcome.map(|record| decision.records.push(record))));
    }
    decision
}

fn no_room() -> RequestError {
    let message = format!("{MAX_USERS} users have SCRAM credentials already. Delete those of users that are gone.");
    RequestError::new(ErrorCode::POLICY_VIOLATION, message)
}

fn delete(image: &MetadataImage, deletion: &ScramDeletion) -> Result<Record, RequestError> {
    let mechanism = check(&deletion.user, deletion.mechanism)?;
    let exists = image.scram_credentials().of(&deletion.user).is_some_and(|known| known.contains_key(&mechanism));
    if !exists {
        let message = "The user has no such credential.";
        return Err(RequestError::new(ErrorCode::RESOURCE_NOT_FOUND, message));
    }
    let name = deletion.user.as_str().into();
    Ok(RemoveUserScramCredentialRecord { name, mechanism: mechanism as i8 }.into())
}

fn upsert(upsertion: &ScramUpsertion) -> Result<Record, RequestError> {
    let mechanism = check(&upsertion.user, upsertion.mechanism)?;
    if !ITERATIONS.contains(&upsertion.iterations) {
        let (least, most) = (ITERATIONS.start(), ITERATIONS.end());
        return Err(unacceptable(format!("{} iterations; {least} to {most} are possible.", upsertion.iterations)));
    }
    for (what, length, most) in [("name", upsertion.user.len(), MAX_NAME), ("salt", upsertion.salt.len(), MAX_SALT)] {
        if length > most {
            return Err(unacceptable(format!("The {what} has {length} bytes; {most} are possible.")));
        }
    }
    if upsertion.salted_password.is_empty() {
        return Err(unacceptable("The salted password is empty."));
    }
    let (stored_key, server_key) = keys(mechanism, &upsertion.salted_password)
        .map_err(|error| unacceptable(format!("The salted password cannot be used: {error}.")))?;
    let record = UserScramCredentialRecord {
        name: upsertion.user.as_str().into(),
        mechanism: mechanism as i8,
        salt: upsertion.salt.clone(),
        stored_key,
        server_key,
        iterations: upsertion.iterations,
    };
    Ok(record.into())
}

fn check(user: &str, mechanism: i8) -> Result<ScramMechanism, RequestError> {
    if user.is_empty() {
        return Err(unacceptable("The user has no name."));
    }
    ScramMechanism::try_from(mechanism).map_err(|number| {
        RequestError::new(ErrorCode::UNSUPPORTED_SASL_MECHANISM, format!("There is no SCRAM mechanism {number}."))
    })
}

fn unacceptable(message: impl Into<String>) -> RequestError {
    RequestError::new(ErrorCode::UNACCEPTABLE_CREDENTIAL, message)
}

/// `StoredKey` and `ServerKey` of RFC 5802, section 3.
fn keys(mechanism: ScramMechanism, salted_password: &[u8]) -> Result<(Bytes, Bytes), InvalidLength> {
    const CLIENT_KEY: &[u8] = b"Client Key";
    const SERVER_KEY: &[u8] = b"Server Key";
    match mechanism {
        ScramMechanism::Sha256 => {
            let hmac = |text| Ok(Hmac::<Sha256>::new_from_slice(salted_password)?.chain_update(text).finalize());
            let (client, server) = (hmac(CLIENT_KEY)?.into_bytes(), hmac(SERVER_KEY)?.into_bytes());
            Ok((Bytes::copy_from_slice(&Sha256::digest(client)), Bytes::copy_from_slice(&server)))
        }
        ScramMechanism::Sha512 => {
            let hmac = |text| Ok(Hmac::<Sha512>::new_from_slice(salted_password)?.chain_update(text).finalize());
            let (client, server) = (hmac(CLIENT_KEY)?.into_bytes(), hmac(SERVER_KEY)?.into_bytes());
            Ok((Bytes::copy_from_slice(&Sha512::digest(client)), Bytes::copy_from_slice(&server)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upsertion(user: &str, mechanism: i8) -> ScramUpsertion {
        ScramUpsertion {
            user: user.to_owned(),
            mechanism,
            iterations: 4096,
            salt: Bytes::from_static(b"salt"),
            salted_password: Bytes::from_static(b"secret password"),
        }
    }

    fn altered(
        image: &mut MetadataImage,
        deletions: &[ScramDeletion],
        upsertions: &[ScramUpsertion],
    ) -> Vec<ErrorCode> {
        let decision = alter_scram_credentials(image, deletions, upsertions);
        decision.records.iter().for_each(|record| image.apply(record).unwrap());
        decision.answers.into_iter().map(|(_, outcome)| outcome.map_or_else(|e| e.code, |()| ErrorCode::NONE)).collect()
    }

    #[test]
    fn the_keys_are_those_of_the_example_in_rfc_7677() {
        // SaltedPassword of user "user", password "pencil", 4096 iterations, salt W22ZaJ0SNY7soEsUEjb6gQ==.
        let salted = [
            0xc4, 0xa4, 0x95, 0x10, 0x32, 0x3a, 0xb4, 0xf9, 0x52, 0xca, 0xc1, 0xfa, 0x99, 0x44, 0x19, 0x39, 0xe7, 0x8e,
            0xa7, 0x4d, 0x6b, 0xe8, 0x1d, 0xdf, 0x70, 0x96, 0xe8, 0x75, 0x13, 0xdc, 0x61, 0x5d,
        ];
        let (stored, server) = keys(ScramMechanism::Sha256, &salted).unwrap();
        // ServerSignature = HMAC(ServerKey, AuthMessage), as the RFC prints it.
        let auth = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = Hmac::<Sha256>::new_from_slice(&server).unwrap().chain_update(auth).finalize().into_bytes();
        assert_eq!(signature[..4], [0xea, 0xba, 0xe2, 0x4d]);
        assert_eq!((stored.len(), server.len()), (32, 32));
        let (stored, server) = keys(ScramMechanism::Sha512, &salted).unwrap();
        assert_eq!((stored.len(), server.len()), (64, 64));
    }

    #[test]
    fn a_credential_is_there_until_it_is_deleted() {
        let mut image = MetadataImage::new(1);
        assert_eq!(altered(&mut image, &[], &[upsertion("a", 1)]), [ErrorCode::NONE]);
        assert_eq!(altered(&mut image, &[], &[upsertion("a", 2)]), [ErrorCode::NONE]);
        assert_eq!(image.scram_credentials().of("a").map(BTreeMap::len), Some(2));
        for mechanism in [1, 2] {
            let deletion = ScramDeletion { user: "a".to_owned(), mechanism };
            assert_eq!(altered(&mut image, std::slice::from_ref(&deletion), &[]), [ErrorCode::NONE]);
            assert_eq!(altered(&mut image, &[deletion], &[]), [ErrorCode::RESOURCE_NOT_FOUND]);
        }
        assert_eq!(image, MetadataImage::new(1));
    }

    #[test]
    fn no_more_than_so_many_users_have_credentials_and_deleting_one_makes_room() {
        let mut image = MetadataImage::new(1);
        for number in 0..9_999 {
            let name = format!("user-{number}").into();
            let record = UserScramCredentialRecord { name, mechanism: 1, iterations: 4096, ..Default::default() };
            image.apply(&record.into()).unwrap();
        }
        let two = [upsertion("a", 1), upsertion("b", 1)];
        assert_eq!(altered(&mut image, &[], &two), [ErrorCode::NONE, ErrorCode::POLICY_VIOLATION]);
        assert_eq!(altered(&mut image, &[], &two), [ErrorCode::NONE, ErrorCode::POLICY_VIOLATION]);
        assert_eq!(altered(&mut image, &[], &[upsertion("user-5", 2)]), [ErrorCode::NONE], "a known one gets another");
        let deletion = ScramDeletion { user: "a".to_owned(), mechanism: 1 };
        assert_eq!(altered(&mut image, &[deletion], &[]), [ErrorCode::NONE]);
        assert_eq!(altered(&mut image, &[], &two[1..]), [ErrorCode::NONE]);
    }

    #[test]
    fn names_and_salts_are_no_longer_than_what_can_be_kept() {
        let mut image = MetadataImage::new(1);
        for (length, code) in [(1024, ErrorCode::NONE), (1025, ErrorCode::UNACCEPTABLE_CREDENTIAL)] {
            assert_eq!(altered(&mut image, &[], &[upsertion(&"x".repeat(length), 1)]), [code]);
            let salted = ScramUpsertion { salt: vec![0; length].into(), ..upsertion("a", 1) };
            assert_eq!(altered(&mut image, &[], &[salted]), [code]);
        }
    }

    #[test]
    fn a_credential_keeps_no_more_in_memory_than_itself() {
        let request = Bytes::from(vec![7; 1 << 16]);
        let mut image = MetadataImage::new(1);
        altered(&mut image, &[], &[ScramUpsertion { salt: request.slice(..16), ..upsertion("a", 1) }]);
        assert_eq!(image.scram_credentials().of("a").unwrap()[&ScramMechanism::Sha256].salt, [7; 16].as_slice());
        assert!(request.is_unique());
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut image = MetadataImage::new(1);
        altered(&mut image, &[], &[upsertion("a", 1)]);
        let shown = format!("{image:?}");
        assert!(shown.contains("iterations: 4096") && !shown.contains("stored_key"), "{shown}");
    }
}
