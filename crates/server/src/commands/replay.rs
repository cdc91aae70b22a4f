//! `offhook replay`: a call's journal, run again without a call.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flow::journal;
use flow::trace::Entry;
use serde_json::Value;

use super::{Unreadable, document, print};

/// What may be typed after `offhook replay`.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The journal, a file of the directory calls.journal
    journal: PathBuf,
    /// A timeline to compare with: the answer of GET /calls/{id}, or its trace alone. The exit status is 1 if it differs
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

impl Replay {
    pub(crate) fn run(&self) -> Result<ExitCode, Unreadable> {
        let text = document::text(&self.journal)?;
        let replay = journal::replay(text.lines())
            .map_err(|error| Unreadable(format!("{}: {error}", self.journal.display())))?;
        for note in &replay.notes {
            eprintln!("offhook: {}: {note}", self.journal.display());
        }
        let lines: Vec<String> = replay.entries.iter().map(|entry| format!("{entry}\n")).collect();
        print(&lines.concat());
        let Some(file) = &self.against else { return Ok(ExitCode::SUCCESS) };
        match replay.differs(
            &timeline(&document::text(file)?)
                .map_err(|why| Unreadable(format!("{}: {why}", file.display())))?,
        ) {
            None => Ok(ExitCode::SUCCESS),
            Some(difference) => {
                eprintln!("offhook: the timeline of {} differs\n{difference}", file.display());
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// The timeline in an answer of the API, or one that stands alone.
fn timeline(text: &str) -> Result<Vec<Entry>, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    if let Some(trace) = value.get_mut("trace") {
        value = trace.take();
    }
    serde_json::from_value(value).map_err(|error| format!("there is no timeline in it: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_is_read_alone_and_in_a_call() {
        let line = r#"{"at_ms": 5, "kind": "digit", "key": "1"}"#;
        assert_eq!(timeline(&format!("[{line}]")).map(|lines| lines.len()), Ok(1));
        let call = format!(r#"{{"id": "call-000001", "trace": [{line}, {line}]}}"#);
        assert_eq!(timeline(&call).map(|lines| lines.len()), Ok(2));
        assert!(timeline("{}").is_err() && timeline("x").is_err());
    }
}
