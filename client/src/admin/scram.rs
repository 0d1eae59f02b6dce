//! SCRAM credentials: who may log in by name and password (KIP-554). A password never leaves the client; what is sent is a
//! salted hash of it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use hmac::digest::InvalidLength;
use hmac::{Hmac, Mac};
use naru_protocol::ApiKey;
use naru_protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, ScramCredentialDeletion, ScramCredentialUpsertion,
};
use naru_protocol::messages::describe_user_scram_credentials::{DescribeUserScramCredentialsRequest, UserName};
use sha2::{Sha256, Sha512};
use uuid::Uuid;

use super::call::{Twice, check, in_order, single};
use super::{Admin, Each};
use crate::call::Target;
use crate::error::{Error, ErrorKind};

/// The hash function of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256 = 1,
    /// SCRAM-SHA-512.
    Sha512 = 2,
}

impl ScramMechanism {
    fn from_wire(number: i8) -> Option<Self> {
        match number {
            1 => Some(Self::Sha256),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// A new password of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramPassword {
    mechanism: ScramMechanism,
    iterations: u32,
    salt: Bytes,
    password: ByteString,
}

impl ScramPassword {
    /// A password with a fresh salt and 4096 iterations. It should be ASCII: other characters are hashed as they are, without
    /// `SASLprep`.
    pub fn new(mechanism: ScramMechanism, password: impl Into<ByteString>) -> Self {
        let salt = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat().into();
        Self { mechanism, iterations: 4096, salt, password: password.into() }
    }

    /// Rounds of hashing: brokers take 4096 to 16384.
    #[must_use]
    pub fn iterations(mut self, iterations: u32) -> Self {
        self.iterations = iterations;
        self
    }

    fn salted(&self) -> Result<Bytes, InvalidLength> {
        let (password, salt, iterations) = (self.password.as_bytes(), &self.salt, self.iterations);
        Ok(match self.mechanism {
            ScramMechanism::Sha256 => salted(&Hmac::<Sha256>::new_from_slice(password)?, salt, iterations),
            ScramMechanism::Sha512 => salted(&Hmac::<Sha512>::new_from_slice(password)?, salt, iterations),
        })
    }
}

impl fmt::Debug for ScramPassword {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mechanism, iterations, .. } = self;
        f.debug_struct("ScramPassword")
            .field("mechanism", mechanism)
            .field("iterations", iterations)
            .finish_non_exhaustive()
    }
}

/// `Hi` of RFC 5802, section 2.2.
fn salted<M: Mac + Clone>(keyed: &M, salt: &[u8], iterations: u32) -> Bytes {
    let mut round = keyed.clone().chain_update(salt).chain_update(1_u32.to_be_bytes()).finalize().into_bytes();
    let mut all = round.clone();
    for _ in 1..iterations {
        round = keyed.clone().chain_update(&round).finalize().into_bytes();
        all.iter_mut().zip(&round).for_each(|(sum, byte)| *sum ^= byte);
    }
    Bytes::copy_from_slice(&all)
}

/// A change of a user's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScramChange {
    /// A new password, in place of an older one of the same mechanism.
    Set(ScramPassword),
    /// No password of this mechanism any more.
    Delete(ScramMechanism),
}

impl Admin {
    /// The mechanisms that each of these users has a password for, with their iterations. Without any user: of all that
    /// have one. A user without is an error of his own, [`Error::code`] `RESOURCE_NOT_FOUND`.
    pub async fn describe_scram_credentials<T: Into<ByteString>>(
        &self,
        users: impl IntoIterator<Item = T>,
    ) -> Result<Each<ByteString, BTreeMap<ScramMechanism, u32>>, Error> {
        let users: Vec<ByteString> = users.into_iter().map(Into::into).collect();
        self.one(self.deadline(), Twice::Harmless, || self.describe_scram_credentials_once(&users)).await
    }

    async fn describe_scram_credentials_once(
        &self,
        users: &[ByteString],
    ) -> Result<Each<ByteString, BTreeMap<ScramMechanism, u32>>, Error> {
        let api = ApiKey::DescribeUserScramCredentials;
        let names = users.iter().map(|name| UserName { name: name.clone() });
        let request = DescribeUserScramCredentialsRequest { users: (!users.is_empty()).then(|| names.collect()) };
        let answer = self.ask(Target::Controller, 0..=0, |_| request).await?;
        check(api, answer.error_code, answer.error_message.as_deref())?;
        let described: Each<_, _> = (answer.results.into_iter())
            .map(|result| {
                let known = check(api, result.error_code, result.error_message.as_deref());
                let infos = result.credential_infos.into_iter().filter_map(|info| {
                    let iterations = u32::try_from(info.iterations).unwrap_or(0);
                    Some((ScramMechanism::from_wire(info.mechanism)?, iterations))
                });
                (result.user, known.map(|()| infos.collect()))
            })
            .collect();
        if users.is_empty() {
            return Ok(described);
        }
        let results = in_order(api, users, &described.into_iter().collect());
        Ok(users.iter().cloned().zip(results).collect())
    }

    /// Changes the credentials of one user. In a dry run nothing is asked.
    ///
    /// ```no_run
    /// use naru_client::admin::{ScramChange, ScramMechanism, ScramPassword};
    ///
    /// # async fn example(admin: naru_client::admin::Admin) -> Result<(), naru_client::Error> {
    /// let password = ScramPassword::new(ScramMechanism::Sha256, "open sesame");
    /// admin.alter_scram_credential("billing", ScramChange::Set(password)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn alter_scram_credential(&self, user: impl Into<ByteString>, change: ScramChange) -> Result<(), Error> {
        single(self.alter_scram_credentials([(user.into(), change)]).await)
    }

    /// Changes credentials. A broker takes one change of each user in a call. In a dry run nothing is asked.
    pub async fn alter_scram_credentials(
        &self,
        changes: impl IntoIterator<Item = (ByteString, ScramChange)>,
    ) -> Result<Each<ByteString, ()>, Error> {
        let changes: Vec<_> = changes.into_iter().collect();
        if self.dry_run {
            return Ok(changes.into_iter().map(|(user, _)| (user, Ok(()))).collect());
        }
        let attempt = |changes| self.alter_scram_credentials_once(changes);
        let altered = self.each(self.deadline(), Twice::Misleading, changes, attempt).await?;
        Ok(altered.into_iter().map(|((user, _), result)| (user, result)).collect())
    }

    async fn alter_scram_credentials_once(
        &self,
        changes: Vec<(ByteString, ScramChange)>,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let users: Vec<_> = changes.iter().map(|(user, _)| user.clone()).collect();
        // Hashing takes milliseconds for each password, and the runtime's threads serve everybody.
        let request = tokio::task::spawn_blocking(move || request(changes)).await;
        let request = request.map_err(|error| Error::new(ErrorKind::Protocol, error.to_string()))?;
        let request = request.map_err(|error| Error::new(ErrorKind::Config, error.to_string()))?;
        let answer = self.ask(Target::Controller, 0..=0, |_| request).await?;
        let api = ApiKey::AlterUserScramCredentials;
        let answers: HashMap<_, _> = (answer.results.into_iter())
            .map(|result| (result.user, check(api, result.error_code, result.error_message.as_deref())))
            .collect();
        Ok(in_order(api, &users, &answers))
    }
}

fn request(changes: Vec<(ByteString, ScramChange)>) -> Result<AlterUserScramCredentialsRequest, InvalidLength> {
    let mut request = AlterUserScramCredentialsRequest::default();
    for (name, change) in changes {
        match change {
            ScramChange::Delete(mechanism) => {
                request.deletions.push(ScramCredentialDeletion { name, mechanism: mechanism as i8 });
            }
            ScramChange::Set(password) => request.upsertions.push(ScramCredentialUpsertion {
                name,
                mechanism: password.mechanism as i8,
                iterations: i32::try_from(password.iterations).unwrap_or(i32::MAX),
                salted_password: password.salted()?,
                salt: password.salt,
            }),
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_salted_password_is_that_of_the_examples_in_the_rfcs() {
        // RFC 7677, section 3: user "user", password "pencil".
        let salt = Bytes::from_static(&[
            0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81,
        ]);
        let password = ScramPassword { salt, ..ScramPassword::new(ScramMechanism::Sha256, "pencil") };
        let salted = password.salted().unwrap();
        assert_eq!(salted[..8], [0xc4, 0xa4, 0x95, 0x10, 0x32, 0x3a, 0xb4, 0xf9]);
        let longer = ScramPassword { mechanism: ScramMechanism::Sha512, ..password };
        assert_eq!(longer.salted().unwrap().len(), 64);
    }

    #[test]
    fn a_password_is_not_shown_and_each_has_its_own_salt() {
        let password = || ScramPassword::new(ScramMechanism::Sha512, "open sesame");
        assert!(!format!("{:?}", ScramChange::Set(password())).contains("sesame"));
        assert_ne!(password().salt, password().salt);
    }
}
