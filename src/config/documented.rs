//! Keeps the lists of `docs/compatibility.md` of settings that change nothing what the tables say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::{CLIENT_METRICS_SETTINGS, ConfigDef, Effect, GROUP_SETTINGS, TOPIC_SETTINGS, broker_settings};

const BEGIN: &str = "<!-- settings: begin -->\n";
const END: &str = "<!-- settings: end -->\n";

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

/// Run with `NARU_UPDATE_DOCS=1` to write the lists anew.
#[test]
fn what_changes_nothing_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    let page = std::fs::read_to_string(&path).expect("docs/compatibility.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page marks where the lists begin");
    let (documented, after) = rest.split_once(END).expect("the page marks where the lists end");
    if std::env::var_os("NARU_UPDATE_DOCS").is_some() {
        let page = format!("{before}{BEGIN}{}{END}{after}", lists());
        std::fs::write(&path, page).expect("docs/compatibility.md can be written");
    } else {
        assert!(documented == lists(), "docs/compatibility.md is out of date: run this test with NARU_UPDATE_DOCS=1");
    }
}
