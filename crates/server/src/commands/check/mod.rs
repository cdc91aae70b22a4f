//! `offhook check`: what is wrong with flows, for their authors and for build servers.
//!
//! Reads files and directories, and tries URLs if it is asked to; what is wrong is found by `flow::check`.

mod files;
mod human;
mod machine;
mod sarif;
mod urls;

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use flow::check::Report;
use flow::lower::{Code, Dialect, Severity};

use super::simulate::dialect;
use super::{Unreadable, print};

const CODES: &str = "\
Every finding has a code, which --deny and --allow take; --format sarif lists them all, and docs/checking.md says what
they mean.

Exit status: 0 if there are no errors (nor denied warnings), 1 if there are, 2 if something could not be read.";

/// What may be typed after `offhook check`.
#[derive(Args, Debug)]
#[command(after_help = CODES)]
pub(crate) struct Check {
    /// Files of flows, directories with such files (*.json, at any depth), or - for standard input
    #[arg(required = true, value_name = "FLOW")]
    flows: Vec<PathBuf>,
    /// The flows' dialect; without it, what their shape tells
    #[arg(long, value_parser = dialect)]
    dialect: Option<Dialect>,
    /// How the findings are told
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Try each URL that has no variables in it, and tell which do not answer
    #[arg(long)]
    urls: bool,
    /// `warnings`, or the code of one warning, that counts as an error
    #[arg(long, value_name = "CODE", value_parser = denied)]
    deny: Vec<String>,
    /// The code of a finding that is not to be told
    #[arg(long, value_name = "CODE", value_parser = code)]
    allow: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the line in question and what to do
    Human,
    /// An object with a list of files
    Json,
    /// SARIF 2.1.0, as code hosts and editors read it
    Sarif,
}

/// A code's name.
fn code(name: &str) -> Result<String, String> {
    match Code::ALL.iter().any(|code| code.id() == name) {
        true => Ok(name.to_owned()),
        false => {
            let meant = flow::lower::nearest(name, Code::ALL.iter().map(|code| code.id()));
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            Err(format!("there is no such code{meant}"))
        }
    }
}

fn denied(name: &str) -> Result<String, String> {
    if name == "warnings" { Ok(name.to_owned()) } else { code(name) }
}

/// A document and what was found in it.
struct Checked {
    /// Its path as it was typed or found.
    name: String,
    /// Its text.
    text: String,
    report: Report,
}

impl Check {
    pub(crate) fn run(&self) -> Result<ExitCode, Unreadable> {
        let read = files::read(&self.flows);
        let mut checked: Vec<Checked> = read
            .texts
            .into_iter()
            .map(|(name, text)| Checked { report: flow::check::text(self.dialect, &text), name, text })
            .collect();
        if read.directory {
            files::subflows(&mut checked, self.dialect);
        }
        if self.urls {
            urls::check(&mut checked)?;
        }
        for file in &mut checked {
            let allowed = |id: &str| self.allow.iter().any(|allowed| allowed == id);
            file.report.findings.retain(|found| !allowed(found.diagnostic.code.id()));
        }
        let failed = checked.iter().flat_map(|file| &file.report.findings).any(|found| {
            let denied = |name: &String| name == "warnings" || name == found.diagnostic.code.id();
            found.diagnostic.severity == Severity::Error || self.deny.iter().any(denied)
        });
        let told = match self.format {
            Format::Human => human::told(&checked, colours()),
            Format::Json => machine::told(&checked),
            Format::Sarif => sarif::told(&checked),
        };
        print(&told);
        for problem in &read.unreadable {
            eprintln!("offhook: {problem}");
        }
        Ok(match (read.unreadable.is_empty(), failed) {
            (false, _) => ExitCode::from(2),
            (true, true) => ExitCode::FAILURE,
            (true, false) => ExitCode::SUCCESS,
        })
    }
}

/// Colours are for people (<https://no-color.org>).
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

/// How many findings of each severity there are: errors, warnings.
fn counts(checked: &[Checked]) -> (usize, usize) {
    let count = |severity| checked.iter().map(|file| file.report.count(severity)).sum();
    (count(Severity::Error), count(Severity::Warning))
}

/// The codes that were found, in their own order.
fn codes(checked: &[Checked]) -> BTreeSet<Code> {
    checked.iter().flat_map(|file| &file.report.findings).map(|found| found.diagnostic.code).collect()
}

#[cfg(test)]
mod tests;
