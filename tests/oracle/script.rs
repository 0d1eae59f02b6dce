//! Scripts and recordings, as they lie in the folders beside this file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use serde_json::Value;

const SCRIPT: &str = ".jsonl";
const RECORDING: &str = ".kafka.jsonl";

/// What is said to a broker.
pub struct Script {
    path: PathBuf,
    /// The settings of Naru, `name=value`.
    pub settings: Vec<String>,
    /// Whether the broker is asked before its group coordinator is ready.
    pub is_cold: bool,
    /// The lines, the first one being step 1.
    pub steps: Vec<Value>,
}

/// What a broker answered, by step.
pub struct Recording {
    pub answers: BTreeMap<usize, Value>,
}

/// Every script, by name.
pub fn find() -> Vec<Script> {
    let mut scripts: Vec<Script> =
        files().iter().filter(|path| !has_ending(path, RECORDING)).map(|path| Script::read(path)).collect();
    scripts.sort_by_key(Script::name);
    scripts
}

/// A recording without a script is one that nobody plays.
pub fn every_recording_has_its_script() -> Result<(), Failed> {
    let files = files();
    let is_orphan =
        |path: &&PathBuf| has_ending(path, RECORDING) && !files.contains(&exchange(path, RECORDING, SCRIPT));
    match files.iter().find(is_orphan) {
        Some(orphan) => Err(format!("{} has no script", orphan.display()).into()),
        None => Ok(()),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

fn files() -> Vec<PathBuf> {
    let entries = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let folders = entries(&root()).into_iter().filter(|path| path.is_dir());
    folders.flat_map(|folder| entries(&folder)).filter(|path| has_ending(path, SCRIPT)).collect()
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.to_str().unwrap().ends_with(ending)
}

fn exchange(path: &Path, ending: &str, other: &str) -> PathBuf {
    format!("{}{other}", path.to_str().unwrap().strip_suffix(ending).unwrap()).into()
}

impl Script {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut script = Self { path: path.to_owned(), settings: Vec::new(), is_cold: false, steps: Vec::new() };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let Some(comment) = line.strip_prefix('#').map(str::trim) else {
                let step = serde_json::from_str(line);
                script.steps.push(step.unwrap_or_else(|error| panic!("{}: {error}: {line}", path.display())));
                continue;
            };
            script.is_cold |= comment == "cold";
            let settings = comment.strip_prefix("settings:").or_else(|| comment.strip_prefix("naru:"));
            script.settings.extend(settings.unwrap_or_default().split_whitespace().map(str::to_owned));
        }
        script
    }

    /// `FOLDER/NAME`.
    pub fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap().to_str().unwrap().strip_suffix(SCRIPT).unwrap().to_owned()
    }

    /// Why Naru's answer to a step is not Kafka's, if it is not.
    pub fn differs(&self, step: usize) -> Option<&str> {
        self.steps[step - 1]["differs"].as_str()
    }

    pub fn recording(&self) -> Recording {
        let path = exchange(&self.path, SCRIPT, RECORDING);
        let text = std::fs::read_to_string(&path);
        let text =
            text.unwrap_or_else(|error| panic!("{}: {error}: run tests/oracle/record {}", path.display(), self.name()));
        let answer = |line| {
            let mut answer: Value = serde_json::from_str(line).unwrap();
            let step = answer.as_object_mut().unwrap().remove("step").unwrap();
            (step.as_u64().unwrap() as usize, answer)
        };
        Recording { answers: text.lines().map(answer).collect() }
    }

    pub fn save(&self, recording: &Recording) {
        let line = |(step, answer): (&usize, &Value)| {
            let fields = answer.to_string();
            format!("{{\"step\":{step},{}\n", fields.strip_prefix('{').unwrap())
        };
        let text: String = recording.answers.iter().map(line).collect();
        std::fs::write(exchange(&self.path, SCRIPT, RECORDING), text).unwrap();
    }
}
