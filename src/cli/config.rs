//! `naru config`: every setting, its value, and who set it. Also where the flags become a configuration.

use std::fmt::Write as _;
use std::io::Write as _;

use serde::Serialize;

use crate::config::{BrokerConfig, Effect, ListedSetting, SettingSource, broker_settings, environment, nearest_name};

use super::Failure;
use super::args::{ConfigArgs, StartArgs};
use super::output::{self, Row};

/// Variables that are flags of the command line, not settings.
const FLAGS: &[&str] = &["NARU_BROKERS", "NARU_WORKERS"];

/// The configuration that flags and environment make.
pub(super) fn load(start: &StartArgs) -> Result<BrokerConfig, Failure> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !FLAGS.contains(&name.as_str()));
    let advice = "`naru config` lists every setting";
    let mut settings = environment(variables).map_err(|error| Failure::Usage(format!("{error}\n{advice}")))?;
    settings.extend(start.settings().map_err(Failure::Usage)?);
    BrokerConfig::from_sources(settings).map_err(|error| Failure::Usage(format!("{error}\n{advice}")))
}

#[derive(Serialize)]
struct Shown<'a> {
    name: &'static str,
    value: Option<&'a str>,
    source: String,
    default: Option<&'static str>,
    description: &'static str,
    /// Why the setting is kept and shown, and changes nothing.
    without_effect: Option<&'static str>,
}

impl Row for Shown<'_> {
    const COLUMNS: &'static [&'static str] = &["SETTING", "VALUE", "FROM"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.to_owned(), self.value.unwrap_or_default().to_owned(), self.source.clone()]
    }
}

impl<'a> Shown<'a> {
    fn of(setting: &'a ListedSetting) -> Self {
        Self {
            name: setting.def.name,
            value: setting.value.as_deref(),
            source: setting.source.to_string(),
            default: setting.def.default,
            description: setting.def.doc,
            without_effect: match setting.def.effect {
                Effect::Accepted(reason) | Effect::Unavailable(reason) => Some(reason),
                Effect::Obeyed => None,
            },
        }
    }
}

/// Shows the settings whose name has what was asked for in it; as lines that explain themselves, unless a form was chosen.
pub(super) fn run(args: ConfigArgs, start: StartArgs) -> Result<(), Failure> {
    let ConfigArgs { name: part, start: own, output } = args;
    let config = load(&start.and(own))?;
    let found: Vec<ListedSetting> =
        config.list().into_iter().filter(|setting| setting.def.name.contains(&part.to_ascii_lowercase())).collect();
    if found.is_empty() {
        let nearest = nearest_name(&part, broker_settings().iter().map(|def| def.name));
        let hint = nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"));
        return Err(Failure::NotFound(format!("no setting has {part:?} in its name{hint}"))
            .hint("`naru config` alone lists every setting."));
    }
    if let Some(format) = output.chosen() {
        let shown: Vec<Shown> = found.iter().map(Shown::of).collect();
        return output::list(format, &shown);
    }
    // Fewer than a screen of settings are worth explaining.
    let explain = found.len() <= EXPLAINED;
    let mut out = output::stdout();
    for setting in &found {
        let text = if explain { explanation(setting) } else { line(setting) };
        out.write_all(text.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// At most this many settings are shown with what they mean.
const EXPLAINED: usize = 12;

fn line(setting: &ListedSetting) -> String {
    let value = setting.value.as_deref().unwrap_or("(not set)");
    let from = match &setting.source {
        SettingSource::Default => String::new(),
        source => format!("    # {source}"),
    };
    format!("{} = {value}{from}\n", setting.def.name)
}

fn explanation(setting: &ListedSetting) -> String {
    let mut text = line(setting);
    let _ = writeln!(text, "    {}", setting.def.doc);
    match setting.def.effect {
        Effect::Obeyed => {}
        Effect::Accepted(reason) => {
            let _ = writeln!(text, "    Kept and shown, but without effect: {reason}");
        }
        Effect::Unavailable(reason) => {
            let _ = writeln!(text, "    Only the default is taken: {reason}");
        }
    }
    if setting.source != SettingSource::Default {
        let _ = writeln!(text, "    Default: {}", setting.def.default.unwrap_or("(not set)"));
    }
    text
}
