//! Every broker setting of Kafka 4.4, and those of Naru.

mod cluster;
mod groups;
mod modern_groups;
mod node;
mod policies;
mod quotas;
mod remote;
mod security;
mod storage;
mod topic_defaults;
mod transactions;

use std::sync::LazyLock;

use super::def::ConfigDef;

static SORTED: LazyLock<Vec<&'static ConfigDef>> = LazyLock::new(|| {
    let tables = [
        cluster::SETTINGS,
        groups::SETTINGS,
        modern_groups::SETTINGS,
        node::SETTINGS,
        policies::SETTINGS,
        quotas::SETTINGS,
        remote::SETTINGS,
        security::SETTINGS,
        storage::SETTINGS,
        topic_defaults::SETTINGS,
        transactions::SETTINGS,
    ];
    let mut all: Vec<_> = tables.into_iter().flatten().collect();
    all.sort_unstable_by_key(|def| def.name);
    all
});

/// All broker settings, sorted by name.
pub fn broker_settings() -> &'static [&'static ConfigDef] {
    &SORTED
}

/// The broker setting with this name.
pub fn broker_setting(name: &str) -> Option<&'static ConfigDef> {
    SORTED.binary_search_by(|def| def.name.cmp(name)).ok().and_then(|index| SORTED.get(index).copied())
}
