//! Broker settings of client quotas.

use crate::config::def::{ConfigDef, Importance};

pub(super) const SETTINGS: &[ConfigDef] = &[
    ConfigDef::int("controller.quota.window.num", Some("11"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .doc("Samples in the window of quotas on creating and deleting partitions."),
    ConfigDef::int("controller.quota.window.size.seconds", Some("1"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .doc("Length of a sample of such a window."),
    ConfigDef::int("quota.window.num", Some("11"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .doc("Samples in the window over which the rates of clients are measured."),
    ConfigDef::int("quota.window.size.seconds", Some("1"))
        .at_least(1)
        .read_only()
        .importance(Importance::Low)
        .doc("Length of a sample of such a window."),
];
