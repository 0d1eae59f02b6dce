//! The same conversation with Apache Kafka 4.4 and with Naru, answers compared.
//!
//! `FOLDER/NAME.jsonl` is a script of requests, `FOLDER/NAME.kafka.jsonl` what Kafka answered; README.md says how to
//! write and record one. Each script is a test. What is meant to differ between any two brokers is made equal in one
//! place, [`normalise`]; an answer of Naru that is meant to differ says why in its step of the script.

mod broker;
mod coverage;
#[path = "../../src/documentation.rs"]
mod documentation;
mod normalise;
mod player;
mod script;

use std::collections::BTreeMap;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use script::{Recording, Script};

/// Names a broker to record from instead of comparing; `tests/oracle/record` sets it.
const RECORD_FROM: &str = "NARU_ORACLE_RECORD";

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of a script is waiting.
    arguments.test_threads.get_or_insert(8);
    let mut trials: Vec<Trial> =
        script::find().into_iter().map(|script| Trial::test(script.name(), move || run(&script))).collect();
    trials.push(Trial::test("coverage", coverage::is_documented));
    trials.push(Trial::test("recordings", script::every_recording_has_its_script));
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(script: &Script) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let Ok(kafka) = std::env::var(RECORD_FROM) {
        let mut answers = runtime.block_on(player::record(&kafka, script));
        answers.values_mut().for_each(normalise::normalise);
        script.save(&Recording { answers });
        return Ok(());
    }
    let answers = runtime.block_on(async {
        let broker = broker::start(script).await;
        let answers = player::play(&broker.address(), script).await;
        broker.stop().await;
        answers
    });
    compare(script, &script.recording(), answers)
}

/// Every step: equal, or different where the script says so.
fn compare(script: &Script, kafka: &Recording, mut naru: BTreeMap<usize, Value>) -> Result<(), Failed> {
    naru.values_mut().for_each(normalise::normalise);
    let mut faults = Vec::new();
    for (step, kafka) in &kafka.answers {
        let mut kafka = kafka.clone();
        normalise::normalise(&mut kafka);
        let naru = naru.remove(step).unwrap_or(Value::Null);
        match (naru == kafka, script.differs(*step)) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(reason)) => faults.push(format!("step {step} is equal, though \"{reason}\"")),
            (false, None) => {
                faults.push(format!(
                    "step {step} {}\n  Kafka: {kafka}\n  Naru:  {naru}",
                    script.steps[*step - 1]["note"]
                ));
            }
        }
    }
    faults
        .extend(naru.iter().map(|(step, answer)| format!("step {step}: an answer that Kafka did not give: {answer}")));
    if faults.is_empty() { Ok(()) } else { Err(format!("{} differences\n{}", faults.len(), faults.join("\n")).into()) }
}
