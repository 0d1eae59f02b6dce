//! Keeps the coverage table of `docs/protocol.md` what [`TABLE`] says.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::Path;

use naru_protocol::ApiKey;

use super::TABLE;

const BEGIN: &str = "<!-- coverage: begin -->\n";
const END: &str = "<!-- coverage: end -->\n";

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

/// Run with `NARU_UPDATE_DOCS=1` to write the table anew.
#[test]
fn the_documented_coverage_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let page = std::fs::read_to_string(&path).expect("docs/protocol.md is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page marks where the table begins");
    let (documented, after) = rest.split_once(END).expect("the page marks where the table ends");
    if std::env::var_os("NARU_UPDATE_DOCS").is_some() {
        let page = format!("{before}{BEGIN}{}{END}{after}", table());
        std::fs::write(&path, page).expect("docs/protocol.md can be written");
    } else {
        assert!(documented == table(), "docs/protocol.md is out of date: run this test with NARU_UPDATE_DOCS=1");
    }
}
