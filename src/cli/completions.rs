//! `naru completions`: what a shell needs to complete commands and flags.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::{Shell as Generator, generate};

use super::args::Cli;
use super::{Failure, output};

const EXAMPLES: &str = "\
Examples:
  naru completions bash > ~/.local/share/bash-completion/completions/naru
  naru completions zsh > ~/.zfunc/_naru             with fpath+=~/.zfunc before compinit in ~/.zshrc
  naru completions fish > ~/.config/fish/completions/naru.fish";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// Whose completions
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let generator = match args.shell {
        Shell::Bash => Generator::Bash,
        Shell::Zsh => Generator::Zsh,
        Shell::Fish => Generator::Fish,
    };
    // Made in memory first: the generator panics when its output ends early.
    let mut script = Vec::new();
    generate(generator, &mut Cli::command(), "naru", &mut script);
    Ok(std::io::Write::write_all(&mut output::stdout(), &script)?)
}
