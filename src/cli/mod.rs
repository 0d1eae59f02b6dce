//! What the user types.
//!
//! One file a verb; `args.rs` is the whole command line. What a command was asked for goes to standard output, in one of the
//! forms of `output.rs`; everything else (errors, progress, questions, logs) goes to standard error. The exit code says what
//! kind of failure there was: `failure.rs`.
#![allow(clippy::doc_markdown, reason = "the documentation of flags and commands is the help, printed as it stands")]

mod args;
mod bench;
mod bounds;
mod cluster;
mod completions;
mod config;
mod confirm;
mod connect;
mod consume;
mod dump;
mod failure;
mod group;
mod health;
mod log;
mod offset;
mod output;
mod produce;
mod progress;
mod record;
mod serve;
mod template;
mod topic;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;

use args::{Cli, Command, StartArgs};
use failure::Failure;

/// Reads a text as everything that a flag may be written in: offsets, ranges, formats, delimiters. For the fuzzer.
#[doc(hidden)]
pub fn read_expressions(text: &str) {
    let _ = offset::parse(text);
    let _ = offset::parse_range(text);
    let _ = template::Template::parse(text);
    let _ = template::parse_delimiter(text);
}

/// Runs the program with the process's arguments and environment.
pub fn run() -> ExitCode {
    let begun = Instant::now();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" with code 0; a broken pipe while printing is nobody's concern.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match log::init(&cli.log).and_then(|()| command(cli, begun)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::ReaderGone) {
                eprintln!("naru: {failure}");
            }
            failure.code()
        }
    }
}

fn command(cli: Cli, begun: Instant) -> Result<(), Failure> {
    let Cli { start, command, .. } = cli;
    let command = command.unwrap_or_else(|| Command::Serve(StartArgs::default()));
    if !command.takes_broker_settings()
        && let Some(flag) = start.first_given()
    {
        return Err(Failure::Usage(format!("{flag} is for the broker and means nothing to this command"))
            .hint("Flags of a command come behind its name, -h shows them; -b HOST:PORT says where a broker is."));
    }
    match command {
        Command::Serve(own) => serve::run(&start.and(own), begun),
        Command::Health(args) => health::run(&args, &start),
        Command::Config(args) => config::run(args, start),
        Command::Produce(args) => produce::run(&args),
        Command::Consume(args) => consume::run(&args),
        Command::Topic(verb) => verb.run(),
        Command::Group(verb) => verb.run(),
        Command::Cluster(verb) => verb.run(),
        Command::Log(verb) => verb.run(),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}
