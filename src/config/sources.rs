//! Where the settings of a start come from: flags, `-X name=value`, `NARU_*` variables.

use std::fmt;

use super::{broker_setting, broker_settings, nearest_name};

/// A setting as somebody gave it, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Kafka's name.
    pub name: String,
    /// The text of the value.
    pub value: String,
    /// Who gave it.
    pub source: SettingSource,
}

/// Who gave a value, the weakest first: of two values for one setting the one with the stronger source counts, and of
/// two from the same source the later one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingSource {
    /// Nobody.
    Default,
    /// An environment variable of this name.
    Environment(String),
    /// `-X name=value` on the command line.
    Override,
    /// A flag of its own on the command line, such as `--listen`.
    Flag(&'static str),
}

impl SettingSource {
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Environment(_) => 1,
            Self::Override => 2,
            Self::Flag(_) => 3,
        }
    }
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(variable) => f.write_str(variable),
            Self::Override => f.write_str("-X"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting, as it was given.
    pub name: String,
    /// What is wrong and what to do.
    pub reason: String,
    /// The valid name that was probably meant, if the name is unknown.
    pub nearest: Option<&'static str>,
}

impl ConfigError {
    pub(super) fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into(), nearest: None }
    }

    pub(super) fn unknown(name: &str) -> Self {
        let nearest = nearest_name(name, broker_settings().iter().map(|def| def.name));
        Self { nearest, ..Self::new(name, "there is no broker setting of this name") }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)?;
        match self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

const PREFIX: &str = "NARU_";
/// Variables that other rooms read.
const NOT_SETTINGS: &[&str] = &["NARU_LOG"];
const SHORT_NAMES: &[(&str, &str)] =
    &[("NARU_DATA_DIR", "log.dirs"), ("NARU_LISTEN", "listeners"), ("NARU_ADVERTISE", "advertised.listeners")];

/// The settings among environment variables: `NARU_DATA_DIR`, `NARU_LISTEN`, `NARU_ADVERTISE`, and for every broker
/// setting its name in upper case with `_` for `.`, after `NARU_`. A variable that is none of these is an error, so
/// that a typing error does not go unnoticed; the variables that Kubernetes makes for a service called `naru` are
/// passed over.
pub fn environment(variables: impl IntoIterator<Item = (String, String)>) -> Result<Vec<Setting>, ConfigError> {
    let mut settings = Vec::new();
    for (variable, value) in variables {
        let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
        if NOT_SETTINGS.contains(&variable.as_str()) || is_service_link(&variable, &value) {
            continue;
        }
        let short = SHORT_NAMES.iter().find(|(name, _)| *name == variable);
        let name = short.map_or_else(|| rest.to_ascii_lowercase().replace('_', "."), |(_, name)| (*name).to_owned());
        if broker_setting(&name).is_none() {
            return Err(ConfigError { name: variable, ..ConfigError::unknown(&name) });
        }
        settings.push(Setting { name, value, source: SettingSource::Environment(variable) });
    }
    settings.sort_by(|a, b| a.source.cmp(&b.source));
    Ok(settings)
}

/// Kubernetes describes each service to each pod of its namespace in variables that start with the service's name.
fn is_service_link(variable: &str, value: &str) -> bool {
    variable.ends_with("_SERVICE_HOST")
        || variable.contains("_SERVICE_PORT")
        || (variable.ends_with("_PORT") && value.contains("://"))
        || variable.split_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Vec<Setting>, ConfigError> {
        environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_become_settings() {
        let settings = read(&[
            ("PATH", "/bin"),
            ("NARU_NUM_PARTITIONS", "4"),
            ("NARU_DATA_DIR", "/data"),
            ("NARU_DURABILITY", "os"),
            ("NARU_LOG", "debug"),
        ])
        .unwrap();
        let pairs: Vec<_> = settings.iter().map(|setting| (setting.name.as_str(), setting.value.as_str())).collect();
        assert_eq!(pairs, [("log.dirs", "/data"), ("durability", "os"), ("num.partitions", "4")]);
    }

    #[test]
    fn an_unknown_variable_is_named_with_the_nearest_setting() {
        let error = read(&[("NARU_NUM_PARTITION", "4")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "NARU_NUM_PARTITION: there is no broker setting of this name; did you mean num.partitions?"
        );
    }

    #[test]
    fn variables_of_a_kubernetes_service_are_passed_over() {
        let links = [
            ("NARU_PORT", "tcp://10.0.0.7:9092"),
            ("NARU_SERVICE_HOST", "10.0.0.7"),
            ("NARU_SERVICE_PORT", "9092"),
            ("NARU_SERVICE_PORT_KAFKA", "9092"),
            ("NARU_PORT_9092_TCP_ADDR", "10.0.0.7"),
            ("NARU_HEADLESS_SERVICE_HOST", "10.0.0.8"),
        ];
        assert_eq!(read(&links), Ok(vec![]));
    }
}
