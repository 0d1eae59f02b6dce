//! AlterUserScramCredentials (key 51), version 0: gives users SCRAM credentials and takes them away (KIP-554).

use std::collections::BTreeSet;
use std::sync::Arc;

use naru_protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, AlterUserScramCredentialsResult,
};

use crate::broker::Broker;
use crate::metadata::{ScramDeletion, ScramUpsertion};

use super::{Answer, RequestContext};

pub(super) async fn handle(
    broker: Arc<Broker>,
    _context: RequestContext,
    request: AlterUserScramCredentialsRequest,
) -> Answer<AlterUserScramCredentialsResponse> {
    let deletions: Vec<_> = (request.deletions.into_iter())
        .map(|deletion| ScramDeletion { user: deletion.name.to_string(), mechanism: deletion.mechanism })
        .collect();
    let upsertions: Vec<_> = (request.upsertions.into_iter())
        .map(|upsertion| ScramUpsertion {
            user: upsertion.name.to_string(),
            mechanism: upsertion.mechanism,
            iterations: upsertion.iterations,
            salt: upsertion.salt,
            salted_password: upsertion.salted_password,
        })
        .collect();
    let users: BTreeSet<_> =
        deletions.iter().map(|d| d.user.clone()).chain(upsertions.iter().map(|u| u.user.clone())).collect();
    let outcomes = match broker.metadata().alter_scram_credentials(deletions, upsertions).await {
        Ok(outcomes) => outcomes,
        Err(error) => users.into_iter().map(|user| (user, Err(error.clone()))).collect(),
    };
    let results = outcomes.into_iter().map(|(user, outcome)| {
        let mut result = AlterUserScramCredentialsResult { user: user.into(), ..Default::default() };
        if let Err(error) = outcome {
            result.error_code = error.code;
            result.error_message = error.message.map(Into::into);
        }
        result
    });
    Answer::Ready(AlterUserScramCredentialsResponse { results: results.collect(), ..Default::default() })
}
