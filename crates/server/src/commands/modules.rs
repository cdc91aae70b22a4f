//! `offhook modules`: the reference of modules, of the tables that the interpreter itself reads.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use flow::lower::Dialect;
use flow::manual::{self, Selection};

use super::simulate::dialect;
use super::{Unreadable, print};

/// What may be typed after `offhook modules`.
#[derive(Args, Debug)]
pub(crate) struct Modules {
    /// A module, or an operation that modules become; without it, all
    name: Option<String>,
    /// The modules of one dialect
    #[arg(long, value_parser = dialect)]
    dialect: Option<Dialect>,
    /// The form of the output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// As docs/modules.md
    Markdown,
    /// The tables themselves
    Json,
}

impl Modules {
    pub(crate) fn run(&self) -> Result<ExitCode, Unreadable> {
        let selection = match Selection::of(self.dialect, self.name.as_deref()) {
            Ok(selection) => selection,
            Err(meant) => {
                let name = self.name.as_deref().unwrap_or_default();
                let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                return Err(Unreadable(format!("there is no module {name}{meant}")));
            }
        };
        match self.format {
            Format::Text => print(&manual::plain(&selection)),
            Format::Markdown => print(&manual::markdown(&selection)),
            Format::Json => print(&format!("{:#}\n", manual::json(&selection))),
        }
        Ok(ExitCode::SUCCESS)
    }
}
