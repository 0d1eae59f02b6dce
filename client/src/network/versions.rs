//! Which versions of which APIs a broker speaks.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use naru_protocol::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use naru_protocol::{ApiKey, ErrorCode, Request, decode_response};

use crate::error::{Error, ErrorKind};
use crate::raw::Connection;

/// The newest `ApiVersions` request that every broker since Kafka 2.4 answers, or refuses in a way that can be read.
const FIRST_TRY: i16 = 4;

/// What a broker said in its `ApiVersions` answer.
#[derive(Debug)]
pub(crate) struct Versions(HashMap<i16, RangeInclusive<i16>>);

impl Versions {
    /// Asks the broker at the other end.
    pub(crate) async fn ask(connection: &mut Connection) -> Result<Self, Error> {
        let request = ApiVersionsRequest {
            client_software_name: "naru-client".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
            ..Default::default()
        };
        let mut version = FIRST_TRY;
        loop {
            connection.submit_unanswered(&request, version).await?;
            let frame = connection.receive_raw().await?;
            // A broker that does not know the version says so in version 0, with what it does know.
            let refused = frame.get(4..6) == Some(&ErrorCode::UNSUPPORTED_VERSION.0.to_be_bytes());
            let (_, answer) = decode_response::<ApiVersionsResponse>(frame, if refused { 0 } else { version })?;
            if !refused && answer.error_code.is_error() {
                return Err(Error::broker_code(ApiKey::ApiVersions, answer.error_code));
            }
            let ranges = answer.api_keys.iter().map(|api| (api.api_key, api.min_version..=api.max_version));
            let versions = Self(ranges.collect());
            if !refused {
                return Ok(versions);
            }
            let lower = versions.newest::<ApiVersionsRequest>(0..=version - 1).unwrap_or(0);
            if version == 0 {
                return Err(Error::broker_code(ApiKey::ApiVersions, ErrorCode::UNSUPPORTED_VERSION));
            }
            version = lower;
        }
    }

    /// The newest version within `wanted` that the broker and this library speak.
    pub(crate) fn newest<R: Request>(&self, wanted: RangeInclusive<i16>) -> Result<i16, Error> {
        let ours = R::VERSIONS;
        let Some(theirs) = self.0.get(&(R::KEY as i16)) else {
            let message = format!("the broker does not have the API {}", R::KEY.name());
            return Err(Error::new(ErrorKind::Unsupported, message).of(R::KEY));
        };
        let newest = *theirs.end().min(ours.end()).min(wanted.end());
        let oldest = *theirs.start().max(ours.start()).max(wanted.start());
        if newest < oldest {
            let message = format!(
                "the broker speaks versions {} to {} of {}; this call needs one of {} to {}",
                theirs.start(),
                theirs.end(),
                R::KEY.name(),
                wanted.start().max(ours.start()),
                wanted.end().min(ours.end()),
            );
            return Err(Error::new(ErrorKind::Unsupported, message).of(R::KEY));
        }
        Ok(newest)
    }
}

#[cfg(test)]
mod tests {
    use naru_protocol::messages::fetch::FetchRequest;

    use super::*;

    #[test]
    fn the_newest_common_version_is_taken() {
        let versions = Versions(HashMap::from([(ApiKey::Fetch as i16, 4..=12)]));
        assert_eq!(versions.newest::<FetchRequest>(0..=99).unwrap(), 12);
        assert_eq!(versions.newest::<FetchRequest>(4..=7).unwrap(), 7);
        let error = versions.newest::<FetchRequest>(13..=17).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error.to_string().starts_with("the broker speaks versions 4 to 12 of Fetch; this call needs one of 13"),
            "{error}"
        );
        assert_eq!(versions.newest::<ApiVersionsRequest>(0..=4).unwrap_err().api(), Some(ApiKey::ApiVersions));
    }
}
