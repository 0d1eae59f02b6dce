//! What the user types.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 5 unreachable, 6 timed out. Logs and the lines printed at start go to standard error;
//! what a command was asked for goes to standard output.

mod args;
mod config;
mod health;
mod log;
mod serve;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;

use args::{Cli, Command};

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
    let Cli { log: filter, start, command } = cli;
    let outcome = log::init(&filter).and_then(|()| match command {
        None => serve::run(&start, begun),
        Some(Command::Serve(own)) => serve::run(&start.and(own), begun),
        Some(Command::Health(args)) => health::run(&args, &start),
        Some(Command::Config(args)) => config::run(&args.name, &start.and(args.start)),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("naru: {failure}");
            failure.code()
        }
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// What was typed, or a setting, makes no sense.
    #[error("{0}")]
    Usage(String),
    /// It was tried and did not work.
    #[error("{0}")]
    Failed(String),
    /// The broker cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// The broker took too long.
    #[error("{0}")]
    TimedOut(String),
}

impl Failure {
    fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
            Self::Unreachable(_) => ExitCode::from(5),
            Self::TimedOut(_) => ExitCode::from(6),
        }
    }
}
