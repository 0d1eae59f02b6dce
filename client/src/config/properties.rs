//! Kafka's property names and their values.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// Similar enough to be what was meant.
const SIMILAR: f64 = 0.8;

/// Properties by name, in the form of Kafka's files: `linger.ms` → `5`.
pub(crate) type Properties = BTreeMap<String, String>;

/// One property with its value, and the readers of values: each error names the property and says what fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

impl Setting<'_> {
    /// A number.
    pub(crate) fn number<T: FromStr>(self) -> Result<T, Error> {
        self.value.trim().parse().map_err(|_| self.invalid("a whole number in its range"))
    }

    /// Milliseconds.
    pub(crate) fn milliseconds(self) -> Result<Duration, Error> {
        let parsed = self.value.trim().parse().map(Duration::from_millis);
        parsed.map_err(|_| self.invalid("milliseconds, 0 or more"))
    }

    /// `true` or `false`.
    pub(crate) fn boolean(self) -> Result<bool, Error> {
        self.one_of(&[("true", true), ("false", false)])
    }

    /// One of the listed words, whatever its case.
    pub(crate) fn one_of<T: Copy>(self, words: &[(&str, T)]) -> Result<T, Error> {
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(self.value.trim()));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.invalid(&format!("one of {}", words.join(", ")))
        })
    }

    /// Entries between commas, without blanks and empty ones.
    pub(crate) fn list(self) -> Vec<String> {
        self.value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }

    /// The error about this value.
    pub(crate) fn invalid(self, expected: &str) -> Error {
        let Self { name, value } = self;
        Error::new(ErrorKind::Config, format!("{name}={value:?} makes no sense: it must be {expected}"))
    }
}

/// Refuses names that nothing knows, with the nearest one that exists.
pub(crate) fn check_names<'a>(given: impl IntoIterator<Item = &'a str>, known: &[&[&str]]) -> Result<(), Error> {
    for name in given {
        if known.iter().any(|names| names.contains(&name)) {
            continue;
        }
        let candidates = known.iter().flat_map(|names| names.iter());
        let nearest = candidates
            .map(|known| (strsim::jaro_winkler(known, name), known))
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .filter(|(similarity, _)| *similarity >= SIMILAR)
            .map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"));
        return Err(Error::new(ErrorKind::Config, format!("there is no property {name:?}{nearest}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_one() {
        let error = check_names(["acks", "linger.msec"], &[&["acks"], &["linger.ms"]]).unwrap_err();
        assert_eq!(error.to_string(), "there is no property \"linger.msec\"; did you mean linger.ms?");
        assert_eq!(check_names(["x"], &[&["acks"]]).unwrap_err().to_string(), "there is no property \"x\"");
    }

    #[test]
    fn a_wrong_value_says_what_fits() {
        let setting = Setting { name: "enable.auto.commit", value: "yes" };
        let error = setting.boolean().unwrap_err().to_string();
        assert_eq!(error, "enable.auto.commit=\"yes\" makes no sense: it must be one of true, false");
    }
}
