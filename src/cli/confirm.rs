//! Asking before something is lost.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;

use super::Failure;

/// The flags of verbs that destroy something.
#[derive(Debug, Args)]
pub(super) struct ConfirmArgs {
    /// Do not ask; needed where there is no terminal to ask on
    #[arg(short, long)]
    yes: bool,
    /// Check and show what would happen, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl ConfirmArgs {
    /// Whether [`ConfirmArgs::confirm`] will ask somebody.
    pub(super) fn asks(&self) -> bool {
        !self.yes && !self.dry_run && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks `question` unless the answer is known. An error when the answer is no, or nobody can be asked.
    pub(super) fn confirm(&self, question: &str) -> Result<(), Failure> {
        if self.yes || self.dry_run {
            return Ok(());
        }
        if !self.asks() {
            return Err(Failure::Usage(format!("this needs a yes, and there is no terminal to ask on: {question}"))
                .hint("Add --yes to do it, or --dry-run to see what would happen."));
        }
        eprint!("{question} [y/N] ");
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            Ok(())
        } else {
            Err(Failure::Failed("nothing was changed".into()))
        }
    }
}
