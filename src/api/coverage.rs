//! Keeps the coverage table of `docs/protocol.md` what [`TABLE`] says.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use naru_protocol::ApiKey;

use super::TABLE;
use crate::documentation;

fn range(versions: &RangeInclusive<i16>) -> String {
    if versions.start() == versions.end() {
        versions.start().to_string()
    } else {
        format!("{}–{}", versions.start(), versions.end())
    }
}

fn table() -> String {
    let mut table = String::from("\n| key | API | Kafka 4.4 | Naru |\n|---:|---|---|---|\n");
    for key in ApiKey::ALL {
        let ours = TABLE.iter().find(|api| api.key == *key).map_or_else(|| "–".to_owned(), |api| range(&api.versions));
        let _ = writeln!(table, "| {} | {} | {} | {ours} |", *key as i16, key.name(), range(&key.versions()));
    }
    table.push('\n');
    table
}

#[test]
fn the_documented_coverage_is_the_table() {
    assert_eq!(documentation::keep("protocol.md", "coverage", &table()), Ok(()));
}
