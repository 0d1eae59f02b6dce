//! `naru config`: every setting, its value, and who set it. Also where the flags become a configuration.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::config::{BrokerConfig, Effect, ListedSetting, SettingSource, broker_settings, environment, nearest_name};

use super::Failure;
use super::args::StartArgs;

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

/// Prints the settings whose name has `part` in it.
pub(super) fn run(part: &str, start: &StartArgs) -> Result<(), Failure> {
    let config = load(start)?;
    let found: Vec<ListedSetting> =
        config.list().into_iter().filter(|setting| setting.def.name.contains(&part.to_ascii_lowercase())).collect();
    if found.is_empty() {
        let nearest = nearest_name(part, broker_settings().iter().map(|def| def.name));
        let hint = nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"));
        return Err(Failure::Usage(format!("no setting has {part:?} in its name{hint}")));
    }
    let mut out = std::io::stdout().lock();
    // Fewer than a screen of settings are worth explaining.
    let explain = found.len() <= EXPLAINED;
    for setting in &found {
        let text = if explain { explanation(setting) } else { line(setting) };
        if out.write_all(text.as_bytes()).is_err() {
            // Whoever reads has seen enough.
            return Ok(());
        }
    }
    Ok(())
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
    if let Effect::Accepted(reason) = setting.def.effect {
        let _ = writeln!(text, "    Kept and shown, but without effect: {reason}");
    }
    if setting.source != SettingSource::Default {
        let _ = writeln!(text, "    Default: {}", setting.def.default.unwrap_or("(not set)"));
    }
    text
}
