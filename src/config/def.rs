//! What a setting is: its type, its default, which values it takes, and whether it does anything here.

use std::fmt;

use super::validator::Validator;

/// One setting of a topic or of the broker, as `DescribeConfigs` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigDef {
    /// Kafka's name of the setting.
    pub name: &'static str,
    /// Type of its value.
    pub kind: ConfigType,
    /// Value when nothing is set, as text. `None` means "not set", which some settings give a meaning of its own.
    pub default: Option<&'static str>,
    /// Which values of that type are accepted.
    pub validator: Validator,
    /// One sentence for people.
    pub doc: &'static str,
    /// How likely it is that somebody has to think about it.
    pub importance: Importance,
    /// Broker settings that stand in when this one is not set, the strongest first.
    pub synonyms: &'static [&'static str],
    /// The value is never shown.
    pub sensitive: bool,
    /// Not meant for users: accepted, and not listed until it is set.
    pub internal: bool,
    /// Who can change it while the broker runs.
    pub update_mode: UpdateMode,
    /// Whether Naru obeys it.
    pub effect: Effect,
}

/// Type of a setting's value; the numbers are those of `DescribeConfigs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean = 1,
    /// Text.
    String = 2,
    /// 32-bit integer.
    Int = 3,
    /// 16-bit integer.
    Short = 4,
    /// 64-bit integer.
    Long = 5,
    /// Floating point.
    Double = 6,
    /// Values separated by commas.
    List = 7,
    /// Name of a Java class.
    Class = 8,
    /// Text that is never shown.
    Password = 9,
}

/// Who can change a broker setting while the broker runs; in Kafka's words its dynamic update mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateMode {
    /// Nobody: it is fixed when the broker starts.
    ReadOnly,
    /// One broker can have a value of its own.
    PerBroker,
    /// One broker or all of them.
    ClusterWide,
}

/// How likely it is that somebody has to think about a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Importance {
    High,
    Medium,
    Low,
}

/// Whether a setting changes what the broker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The broker does what it says.
    Obeyed,
    /// The value is checked, kept and reported, and changes nothing, for this reason.
    Accepted(&'static str),
    /// No value but the default is taken, for this reason: whoever sets it counts on something that is not there.
    Unavailable(&'static str),
}

/// A value after parsing.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A boolean.
    Boolean(bool),
    /// A 16, 32 or 64-bit integer.
    Integer(i64),
    /// A floating point number.
    Double(f64),
    /// Text.
    Text(String),
    /// A list without empty elements and duplicates.
    List(Vec<String>),
}

/// A value that a setting does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} cannot be {value:?}: {reason}")]
pub struct InvalidValue {
    /// The setting.
    pub name: &'static str,
    /// What was given.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ConfigDef {
    const fn new(name: &'static str, kind: ConfigType, default: Option<&'static str>) -> Self {
        Self {
            name,
            kind,
            default,
            validator: Validator::Any,
            doc: "",
            importance: Importance::Medium,
            synonyms: &[],
            sensitive: false,
            internal: false,
            update_mode: UpdateMode::ClusterWide,
            effect: Effect::Obeyed,
        }
    }

    pub(super) const fn boolean(name: &'static str, default: Option<&'static str>) -> Self {
        Self::new(name, ConfigType::Boolean, default)
    }

    pub(super) const fn text(name: &'static str, default: Option<&'static str>) -> Self {
        Self::new(name, ConfigType::String, default)
    }

    pub(super) const fn short(name: &'static str, default: Option<&'static str>) -> Self {
        Self::new(name, ConfigType::Short, default)
    }

    pub(super) const fn int(name: &'static str, default: Option<&'static str>) -> Self {
        Self::new(name, ConfigType::Int, default)
    }

    pub(super) const fn long(name: &'static str, default: Option<&'static str>) -> Self {
        Self::new(name, ConfigType::Long, default)
    }

    pub(super) const fn double(name: &'static str, default: Option<&'static str>) -> Self {
        Self::new(name, ConfigType::Double, default)
    }

    pub(super) const fn list(name: &'static str, default: Option<&'static str>) -> Self {
        Self::new(name, ConfigType::List, default)
    }

    pub(super) const fn class(name: &'static str, default: Option<&'static str>) -> Self {
        Self::new(name, ConfigType::Class, default)
    }

    pub(super) const fn password(name: &'static str, default: Option<&'static str>) -> Self {
        Self { sensitive: true, ..Self::new(name, ConfigType::Password, default) }
    }

    pub(super) const fn at_least(mut self, least: i64) -> Self {
        self.validator = Validator::AtLeast(least);
        self
    }

    pub(super) const fn between(mut self, least: i64, most: i64) -> Self {
        self.validator = Validator::Between(least, most);
        self
    }

    pub(super) const fn between_or(mut self, least: i64, most: i64, or: i64) -> Self {
        self.validator = Validator::BetweenOr(least, most, or);
        self
    }

    pub(super) const fn one_of(mut self, words: &'static [&'static str]) -> Self {
        self.validator = Validator::OneOf(words);
        self
    }

    pub(super) const fn one_of_any_case(mut self, words: &'static [&'static str]) -> Self {
        self.validator = Validator::OneOfAnyCase(words);
        self
    }

    pub(super) const fn throttled_replicas(mut self) -> Self {
        self.validator = Validator::ThrottledReplicas;
        self
    }

    pub(super) const fn synonyms(mut self, names: &'static [&'static str]) -> Self {
        self.synonyms = names;
        self
    }

    pub(super) const fn importance(mut self, importance: Importance) -> Self {
        self.importance = importance;
        self
    }

    pub(super) const fn check(mut self, validator: Validator) -> Self {
        self.validator = validator;
        self
    }

    pub(super) const fn internal(mut self) -> Self {
        self.internal = true;
        self
    }

    pub(super) const fn read_only(mut self) -> Self {
        self.update_mode = UpdateMode::ReadOnly;
        self
    }

    pub(super) const fn per_broker(mut self) -> Self {
        self.update_mode = UpdateMode::PerBroker;
        self
    }

    pub(super) const fn unavailable(mut self, reason: &'static str) -> Self {
        self.effect = Effect::Unavailable(reason);
        self
    }

    pub(super) const fn accepted(mut self, reason: &'static str) -> Self {
        self.effect = Effect::Accepted(reason);
        self
    }

    pub(super) const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Whether the value is fixed when the broker starts.
    pub fn is_read_only(&self) -> bool {
        self.update_mode == UpdateMode::ReadOnly
    }

    /// Parses and checks a value. White space around it, and around the elements of a list, does not count.
    pub fn parse(&self, raw: &str) -> Result<Value, InvalidValue> {
        self.parse_kind(raw.trim())
            .and_then(|value| self.validator.check(self.name, &value).map(|()| value))
            .map_err(|reason| InvalidValue { name: self.name, value: raw.to_owned(), reason })
    }

    fn parse_kind(&self, text: &str) -> Result<Value, String> {
        match self.kind {
            ConfigType::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
            ConfigType::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
            ConfigType::Boolean => Err("it must be true or false".to_owned()),
            ConfigType::String | ConfigType::Class | ConfigType::Password => Ok(Value::Text(text.to_owned())),
            ConfigType::Short => integer::<i16>(text, 16),
            ConfigType::Int => integer::<i32>(text, 32),
            ConfigType::Long => integer::<i64>(text, 64),
            ConfigType::Double => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Double(number)),
                _ => Err("a number is needed".to_owned()),
            },
            ConfigType::List => list(text, self.validator != Validator::ThrottledReplicas).map(Value::List),
        }
    }
}

fn integer<T: std::str::FromStr + Into<i64>>(text: &str, bits: u32) -> Result<Value, String> {
    text.parse::<T>()
        .map(|number| Value::Integer(number.into()))
        .map_err(|_| format!("a whole number of {bits} bits is needed"))
}

fn list(text: &str, unique: bool) -> Result<Vec<String>, String> {
    let mut elements: Vec<String> = Vec::new();
    if text.is_empty() {
        return Ok(elements);
    }
    for element in text.split(',').map(str::trim) {
        if element.is_empty() {
            return Err("A list has no empty elements".to_owned());
        }
        if !unique || !elements.iter().any(|seen| seen == element) {
            elements.push(element.to_owned());
        }
    }
    Ok(elements)
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Double(value) => fmt_double(*value, f),
            Self::Text(value) => value.fmt(f),
            Self::List(value) => value.join(",").fmt(f),
        }
    }
}

/// As Java does: with a decimal point, and from ten millions up and below a thousandth with an exponent.
fn fmt_double(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return write!(f, "{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => write!(f, "{mantissa}.0E{exponent}"),
        _ => f.write_str(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(def: ConfigDef, raw: &str) -> String {
        def.parse(raw).unwrap_err().to_string()
    }

    #[test]
    fn numbers_are_bounded_by_their_type_and_range() {
        let retention = ConfigDef::long("retention.ms", None).at_least(-1);
        assert_eq!(retention.parse(" 42 "), Ok(Value::Integer(42)));
        assert_eq!(reason(retention, "abc"), "retention.ms cannot be \"abc\": a whole number of 64 bits is needed");
        assert_eq!(reason(retention, "-2"), "retention.ms cannot be \"-2\": it must be at least -1");
        let segment = ConfigDef::int("segment.bytes", None).at_least(1_048_576);
        assert!(reason(segment, "99999999999").ends_with("a whole number of 32 bits is needed"));
        let ratio = ConfigDef::double("min.cleanable.dirty.ratio", None).between(0, 1);
        assert!(reason(ratio, "1.5").ends_with("it must be at most 1"));
        assert!(reason(ratio, "NaN").ends_with("a number is needed"));
        let level = ConfigDef::int("compression.gzip.level", None).between_or(1, 9, -1);
        assert_eq!(level.parse("-1"), Ok(Value::Integer(-1)));
        assert!(reason(level, "0").ends_with("it must be between 1 and 9, or -1"));
    }

    #[test]
    fn lists_lose_white_space_and_duplicates_and_keep_their_order() {
        let policy = ConfigDef::list("cleanup.policy", None).one_of(&["compact", "delete"]);
        let parsed = policy.parse(" delete , compact,delete ").unwrap();
        assert_eq!(parsed.to_string(), "delete,compact");
        assert_eq!(policy.parse("").unwrap(), Value::List(vec![]));
        assert!(policy.parse("delete,,compact").is_err());
        assert!(reason(policy, "shred").ends_with("it must be one of compact, delete"));
    }

    #[test]
    fn booleans_are_read_in_any_case() {
        let preallocate = ConfigDef::boolean("preallocate", None);
        assert_eq!(preallocate.parse(" TRUE "), Ok(Value::Boolean(true)));
        assert!(reason(preallocate, "yes").ends_with("it must be true or false"));
    }
}
