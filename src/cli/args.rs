//! Commands, flags and the help that explains them.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::config::{Setting, SettingSource};

use super::bench::BenchArgs;
use super::cluster::ClusterCommand;
use super::completions::CompletionsArgs;
use super::consume::{self, ConsumeArgs};
use super::dump::LogCommand;
use super::failure::EXIT_CODES;
use super::group::GroupCommand;
use super::health::HealthArgs;
use super::output::OutputArgs;
use super::produce::{self, ProduceArgs};
use super::topic::TopicCommand;

const EXAMPLES: &str = "\
Examples:
  naru                                             broker on port 9092, everything in ./naru-data
  naru --listen 127.0.0.1:9092                     for this machine only
  naru --advertise broker.example:9092             clients elsewhere are told this address
  naru --listen IN=:9092 --advertise IN=naru:9092 \\
       --listen OUT=:9094 --advertise OUT=kafka.example:9094
  naru -X num.partitions=6 -X log.retention.ms=3600000
  naru config retention                            settings with this word, their values and where they come from

Every setting of the broker is also a variable: NARU_NUM_PARTITIONS=6 is -X num.partitions=6. NARU_LISTEN,
NARU_ADVERTISE, NARU_ADMIN_LISTEN, NARU_DATA_DIR, NARU_DURABILITY, NARU_WORKERS and NARU_LOG are the flags. A flag beats -X, -X beats a variable.";

const OTHER_COMMANDS: &str = "\
Commands that talk to a broker find it by -b HOST:PORT, else by NARU_BROKERS, else at localhost:9092:
  naru topic create orders -p 3
  echo 'a boat' | naru produce orders
  naru consume orders";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "naru",
    version,
    about = "A message broker that speaks Apache Kafka's protocol: one small binary, durable by default.\n\n\
             Without a command it serves, like `naru serve`.",
    after_help = format!("{EXAMPLES}\n\n{OTHER_COMMANDS}\n\n{EXIT_CODES}"),
    disable_help_subcommand = true,
    disable_help_flag = true
)]
pub(super) struct Cli {
    /// What to log: error, warn, info, debug, trace, or a list like warn,naru_broker::server=debug
    #[arg(
        long,
        global = true,
        env = "NARU_LOG",
        hide_env = true,
        default_value = "warn",
        value_name = "FILTER",
        display_order = 1000
    )]
    pub(super) log: String,
    /// Print help
    #[arg(short, long, global = true, action = ArgAction::HelpShort, display_order = 1001)]
    help: Option<bool>,
    #[command(flatten)]
    pub(super) start: StartArgs,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the broker
    #[command(after_help = EXAMPLES)]
    Serve(StartArgs),
    /// Send records: lines of standard input or of files
    #[command(after_help = produce::help())]
    Produce(ProduceArgs),
    /// Receive records and write them out
    #[command(after_help = consume::help())]
    Consume(ConsumeArgs),
    /// Make, show, change and delete topics
    #[command(subcommand)]
    Topic(TopicCommand),
    /// Show, reset and delete consumer groups
    #[command(subcommand)]
    Group(GroupCommand),
    /// Show the cluster
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Measure a broker
    Bench(BenchArgs),
    /// Look into a data directory
    #[command(subcommand)]
    Log(LogCommand),
    /// Show the broker's settings, their values and where each value comes from
    Config(ConfigArgs),
    /// Ask a broker whether it is ready: exit code 0 ready, 1 not ready, 5 unreachable, 6 timed out
    Health(HealthArgs),
    /// Write the completions of a shell
    Completions(CompletionsArgs),
}

impl Command {
    /// Whether the flags of the broker that stand before the command are meant for it.
    pub(super) fn takes_broker_settings(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Config(_) | Self::Health(_))
    }
}

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// Only settings whose name has this in it
    #[arg(default_value = "", hide_default_value = true)]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) start: StartArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// How to start the broker.
#[derive(Debug, Default, Args)]
pub(super) struct StartArgs {
    /// Directory of topics, offsets and everything else that lasts; made if missing [default: ./naru-data]
    #[arg(short, long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address to listen on; again for more listeners, each with its own NAME [default: 0.0.0.0:9092]
    #[arg(short, long, value_name = "[NAME=]HOST:PORT")]
    listen: Vec<String>,
    /// Address that clients are told to connect to [default: localhost, or the host of --listen]
    #[arg(short, long, value_name = "[NAME=]HOST:PORT")]
    advertise: Vec<String>,
    /// Address of the HTTP listener for health and metrics; none is opened without it
    #[arg(long, value_name = "HOST:PORT")]
    admin_listen: Option<String>,
    /// When a record counts as stored: after a flush to the disk, or once the operating system has it [default: fsync]
    #[arg(long, value_name = "fsync|os")]
    durability: Option<String>,
    /// Threads that serve clients [default: one for each core, at most 8]
    #[arg(long, env = "NARU_WORKERS", hide_env_values = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// Any other setting, by Kafka's name
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    overrides: Vec<String>,
}

impl StartArgs {
    /// These flags and, stronger, those of the subcommand.
    pub(super) fn and(mut self, own: Self) -> Self {
        self.data_dir = own.data_dir.or(self.data_dir);
        self.listen.extend(own.listen);
        self.advertise.extend(own.advertise);
        self.admin_listen = own.admin_listen.or(self.admin_listen);
        self.durability = own.durability.or(self.durability);
        self.workers = own.workers.or(self.workers);
        self.overrides.extend(own.overrides);
        self
    }

    /// The first of these flags that was given on the command line; variables do not count.
    pub(super) fn first_given(&self) -> Option<&'static str> {
        let given = [
            (self.data_dir.is_some(), "--data-dir"),
            (!self.listen.is_empty(), "--listen"),
            (!self.advertise.is_empty(), "--advertise"),
            (self.admin_listen.is_some(), "--admin-listen"),
            (self.durability.is_some(), "--durability"),
            (!self.overrides.is_empty(), "-X"),
        ];
        given.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }

    /// Threads asked for, if any.
    pub(super) fn workers(&self) -> Option<u16> {
        self.workers
    }

    /// The flags as settings. An `-X` without `=` is the error.
    pub(super) fn settings(&self) -> Result<Vec<Setting>, String> {
        let mut settings = Vec::new();
        for pair in &self.overrides {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("-X {pair}: write -X NAME=VALUE"))?;
            settings.push(setting(name.trim(), value.trim(), SettingSource::Override));
        }
        if let Some(dir) = &self.data_dir {
            settings.push(setting("log.dirs", &dir.to_string_lossy(), SettingSource::Flag("--data-dir")));
        }
        if let Some(durability) = &self.durability {
            settings.push(setting("durability", durability, SettingSource::Flag("--durability")));
        }
        if let Some(address) = &self.admin_listen {
            settings.push(setting("admin.listen", address, SettingSource::Flag("--admin-listen")));
        }
        if !self.listen.is_empty() {
            settings.push(setting("listeners", &self.listen.join(","), SettingSource::Flag("--listen")));
        }
        if !self.advertise.is_empty() {
            let value = self.advertise.join(",");
            settings.push(setting("advertised.listeners", &value, SettingSource::Flag("--advertise")));
        }
        Ok(settings)
    }
}

fn setting(name: &str, value: &str, source: SettingSource) -> Setting {
    Setting { name: name.to_owned(), value: value.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn settings(line: &[&str]) -> Vec<(String, String, SettingSource)> {
        let cli = Cli::try_parse_from(line).unwrap();
        let start = match cli.command {
            Some(Command::Serve(own)) => cli.start.and(own),
            _ => cli.start,
        };
        start.settings().unwrap().into_iter().map(|s| (s.name, s.value, s.source)).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_before_and_behind_the_command_are_the_same() {
        let expected = [("listeners".to_owned(), "A=:1,B=:2".to_owned(), SettingSource::Flag("--listen"))];
        for line in [
            &["naru", "--listen", "A=:1", "--listen", "B=:2"][..],
            &["naru", "serve", "--listen", "A=:1", "--listen", "B=:2"],
            &["naru", "--listen", "A=:1", "serve", "--listen", "B=:2"],
        ] {
            assert_eq!(settings(line), expected);
        }
    }

    #[test]
    fn an_override_without_a_value_is_refused() {
        let cli = Cli::try_parse_from(["naru", "-X", "num.partitions"]).unwrap();
        assert!(cli.start.settings().unwrap_err().contains("NAME=VALUE"));
    }
}
