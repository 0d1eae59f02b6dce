//! DescribeUserScramCredentials (key 50), version 0: which SCRAM mechanisms users have, never their secrets (KIP-554).

use std::collections::HashMap;
use std::sync::Arc;

use bytestring::ByteString;
use naru_protocol::ErrorCode;
use naru_protocol::messages::describe_user_scram_credentials::{
    CredentialInfo, DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
};

use crate::broker::Broker;
use crate::metadata::ScramCredentials;

use super::{Answer, RequestContext};

pub(super) fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: DescribeUserScramCredentialsRequest,
) -> Answer<DescribeUserScramCredentialsResponse> {
    let image = broker.metadata().image();
    let known = image.scram_credentials();
    let asked = request.users.unwrap_or_default();
    // No list, and an empty one, ask for everybody.
    let users: Vec<ByteString> = if asked.is_empty() {
        known.users().map(|user| (&**user).into()).collect()
    } else {
        asked.into_iter().map(|user| user.name).collect()
    };
    let mut times: HashMap<ByteString, usize> = HashMap::new();
    for user in &users {
        *times.entry(user.clone()).or_default() += 1;
    }
    let once = users.into_iter().filter_map(|user| times.remove(&user).map(|times| describe(known, user, times)));
    Answer::Ready(DescribeUserScramCredentialsResponse {
        error_message: Some(ByteString::default()),
        results: once.collect(),
        ..Default::default()
    })
}

fn describe(known: &ScramCredentials, user: ByteString, times: usize) -> DescribeUserScramCredentialsResult {
    let refused = |error_code, message| DescribeUserScramCredentialsResult {
        user: user.clone(),
        error_code,
        error_message: Some(ByteString::from_static(message)),
        ..Default::default()
    };
    if times > 1 {
        return refused(ErrorCode::DUPLICATE_RESOURCE, "The user comes more than once in the request.");
    }
    let Some(credentials) = known.of(&user) else {
        return refused(ErrorCode::RESOURCE_NOT_FOUND, "The user has no SCRAM credential.");
    };
    let infos = credentials.iter().map(|(mechanism, credential)| CredentialInfo {
        mechanism: *mechanism as i8,
        iterations: credential.iterations,
    });
    DescribeUserScramCredentialsResult {
        user: user.clone(),
        error_message: Some(ByteString::default()),
        credential_infos: infos.collect(),
        ..Default::default()
    }
}
