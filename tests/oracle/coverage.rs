//! What the conversations cover, for `docs/protocol.md`: by API and version the error codes that Kafka gave, and every
//! answer that is meant to differ with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use libtest_mimic::Failed;
use naru_protocol::{ApiKey, ErrorCode};
use serde_json::Value;

use crate::documentation;
use crate::normalise::normalise;
use crate::script;

#[derive(Default)]
struct Covered {
    steps: usize,
    explained: usize,
    outcomes: BTreeSet<Outcome>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Error(i16),
    Closed,
    NoAnswer,
}

pub fn is_documented() -> Result<(), Failed> {
    Ok(documentation::keep("protocol.md", "conversations", &text())?)
}

fn text() -> String {
    let mut covered: BTreeMap<(i16, i64), Covered> = BTreeMap::new();
    let mut reasons: BTreeMap<(String, i16), Vec<String>> = BTreeMap::new();
    let (mut scripts, mut steps, mut explained) = (0, 0, 0);
    let mut different = BTreeSet::new();
    for script in script::find() {
        scripts += 1;
        for (number, mut answer) in script.recording().answers {
            normalise(&mut answer);
            let step = &script.steps[number - 1];
            let reason = script.differs(number);
            steps += 1;
            explained += usize::from(reason.is_some());
            different.insert(format!("{} {} {} {answer}", step["api"], step["version"], step["body"]));
            let key = ApiKey::ALL.iter().find(|key| answer["api"] == key.name()).map(|key| *key as i16);
            if let Some(reason) = reason {
                reasons
                    .entry((reason.to_owned(), key.unwrap_or(-1)))
                    .or_default()
                    .push(format!("{} {number}", script.name()));
            }
            let Some(key) = key else { continue };
            let covered = covered.entry((key, answer["version"].as_i64().unwrap_or(-1))).or_default();
            covered.steps += 1;
            covered.explained += usize::from(reason.is_some());
            outcomes(&answer, &mut covered.outcomes);
        }
    }
    let mut text = format!(
        "\n{scripts} conversations with {steps} answers of Apache Kafka, {} of them really different; Naru's are equal but for \
         {explained}, explained below.\n\n| API | version | answers | explained | error codes and other ends |\n|---|---:|---:|---:|---|\n",
        different.len()
    );
    for ((key, version), covered) in &covered {
        let name = ApiKey::ALL.iter().find(|known| **known as i16 == *key).map_or("?", |key| key.name());
        let outcomes: Vec<String> = covered.outcomes.iter().map(Outcome::text).collect();
        let explained = if covered.explained == 0 { String::new() } else { covered.explained.to_string() };
        let _ = writeln!(text, "| {name} | {version} | {} | {explained} | {} |", covered.steps, outcomes.join(", "));
    }
    text.push_str("\n| API | what Naru does otherwise | where |\n|---|---|---|\n");
    let mut rows: Vec<_> = reasons.into_iter().collect();
    rows.sort_by(|((one, a), _), ((other, b), _)| (a, one).cmp(&(b, other)));
    for ((reason, key), places) in rows {
        let name = ApiKey::ALL.iter().find(|known| **known as i16 == key).map_or("connection", |key| key.name());
        let _ = writeln!(text, "| {name} | {reason} | {} |", places.join(", "));
    }
    text.push('\n');
    text
}

fn outcomes(answer: &Value, found: &mut BTreeSet<Outcome>) {
    match answer {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value.as_i64()) {
                    ("errorCode", Some(code)) => drop(found.insert(Outcome::Error(code as i16))),
                    ("closed", _) => drop(found.insert(Outcome::Closed)),
                    ("timeout", _) => drop(found.insert(Outcome::NoAnswer)),
                    _ => outcomes(value, found),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| outcomes(element, found)),
        _ => {}
    }
}

impl Outcome {
    fn text(&self) -> String {
        match self {
            Self::Error(code) => ErrorCode(*code).name().to_owned(),
            Self::Closed => "(closed)".to_owned(),
            Self::NoAnswer => "(no answer)".to_owned(),
        }
    }
}
