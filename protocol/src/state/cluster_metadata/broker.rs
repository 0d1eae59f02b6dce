//! Records about the brokers of the cluster.
//!
//! `RegisterBrokerRecord`:
//!
//! - 1: `in_controlled_shutdown`.
//! - 2: `is_migrating_zk_broker`.
//! - 3: `log_dirs`.
//! - 4: `cordoned_log_dirs`.
//!
//! `BrokerRegistrationChangeRecord`:
//!
//! - 1: `in_controlled_shutdown`.
//! - 2: `log_dirs`.
//! - 3: `cordoned_log_dirs`.

use bytestring::ByteString;
use naru_protocol_derive::{Message, Wire};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 0, versions = "0-4", flexible = "0+")]
pub struct RegisterBrokerRecord {
    pub broker_id: i32,
    #[field(versions = "2+")]
    pub is_migrating_zk_broker: bool,
    pub incarnation_id: Uuid,
    pub broker_epoch: i64,
    pub end_points: Vec<BrokerEndpoint>,
    pub features: Vec<BrokerFeature>,
    #[field(nullable)]
    pub rack: Option<ByteString>,
    #[field(default = true)]
    pub fenced: bool,
    #[field(versions = "1+")]
    pub in_controlled_shutdown: bool,
    #[field(versions = "3+", tag = 0)]
    pub log_dirs: Vec<Uuid>,
    #[field(versions = "4+", nullable, tag = 1, default = null)]
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct BrokerEndpoint {
    pub name: ByteString,
    pub host: ByteString,
    pub port: u16,
    pub security_protocol: i16,
}

#[derive(Clone, Debug, PartialEq, Wire)]
pub struct BrokerFeature {
    pub name: ByteString,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 1, versions = "0", flexible = "0+")]
pub struct UnregisterBrokerRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 7, versions = "0", flexible = "0+")]
pub struct FenceBrokerRecord {
    pub id: i32,
    pub epoch: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 8, versions = "0", flexible = "0+")]
pub struct UnfenceBrokerRecord {
    pub id: i32,
    pub epoch: i64,
}

#[derive(Clone, Debug, PartialEq, Message)]
#[message(record = 17, versions = "0-3", flexible = "0+")]
pub struct BrokerRegistrationChangeRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
    #[field(tag = 0)]
    pub fenced: i8,
    #[field(versions = "1+", tag = 1)]
    pub in_controlled_shutdown: i8,
    #[field(versions = "2+", tag = 2)]
    pub log_dirs: Vec<Uuid>,
    #[field(versions = "3+", nullable, tag = 3, default = null)]
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}
