//! Keeps the lists of `docs/compatibility.md` of settings that change nothing what the tables say.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::documentation;

use super::{CLIENT_METRICS_SETTINGS, ConfigDef, Effect, GROUP_SETTINGS, TOPIC_SETTINGS, broker_settings};

fn lists() -> String {
    let broker: Vec<ConfigDef> = broker_settings().iter().map(|def| **def).collect();
    let tables = [
        ("Broker", &*broker),
        ("Topic", TOPIC_SETTINGS),
        ("Group", GROUP_SETTINGS),
        ("Client metrics", CLIENT_METRICS_SETTINGS),
    ];
    let mut text = String::new();
    for (title, table) in tables {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for def in table.iter().filter(|def| !def.internal) {
            if let Effect::Accepted(reason) = def.effect {
                reasons.entry(reason).or_default().push(def.name);
            }
        }
        text.push_str(&rows(title, "kept and shown, without effect", &reasons));
    }
    let mut refused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for def in &broker {
        if let Effect::Unavailable(reason) = def.effect {
            refused.entry(reason).or_default().push(def.name);
        }
    }
    text.push_str(&rows("Broker", "refused, unless it is the default", &refused));
    text.push('\n');
    text
}

fn rows(title: &str, what: &str, reasons: &BTreeMap<&str, Vec<&str>>) -> String {
    let mut text = format!("\n| {title} settings: {what} | reason |\n|---|---|\n");
    for (reason, names) in reasons {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(text, "| {} | {reason} |", names.join(", "));
    }
    text
}

#[test]
fn what_changes_nothing_is_documented() {
    assert_eq!(documentation::keep("compatibility.md", "settings", &lists()), Ok(()));
}
