//! `offhook simulate`: a call that nobody makes, told as a story.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use flow::lower::Dialect;
use flow::sim::{self, Script};

use super::{Unreadable, document, print};

/// What may be typed after `offhook simulate`.
#[derive(Args, Debug)]
pub(crate) struct Simulate {
    /// The flow's file
    flow: PathBuf,
    /// What the caller and others do, a step a line; without it the caller listens, and hangs up when nothing more happens
    #[arg(long, value_name = "FILE", conflicts_with = "steps")]
    script: Option<PathBuf>,
    /// The steps themselves: -e 'wait 2s 1 wait gone'
    #[arg(short = 'e', value_name = "STEPS")]
    steps: Option<String>,
    /// The flow's dialect; without it, what its shape tells
    #[arg(long, value_parser = dialect)]
    dialect: Option<Dialect>,
    /// Flows that this one may call; without it, those in its own directory
    #[arg(long, value_name = "DIR")]
    flows: Option<PathBuf>,
    /// How the call is told
    #[arg(long, value_enum, default_value = "story")]
    format: Format,
    /// Short for --format plain
    #[arg(long, conflicts_with = "format")]
    plain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sentences with their times
    Story,
    /// A line a thing that happens, in short, as `offhook test` keeps it
    Plain,
    /// The timeline as the API has it
    Json,
}

/// A dialect's name.
pub(super) fn dialect(name: &str) -> Result<Dialect, String> {
    let all = [Dialect::Kazoo, Dialect::Callroute, Dialect::Voipbin, Dialect::Voxology];
    let found = all.into_iter().find(|dialect| format!("{dialect:?}").eq_ignore_ascii_case(name));
    found.ok_or_else(|| "expected kazoo, callroute, voipbin or voxology".to_owned())
}

impl Simulate {
    pub(crate) fn run(&self) -> Result<ExitCode, Unreadable> {
        let lowered = document::lowered(&self.flow, self.dialect)?;
        let (name, text) = match (&self.script, &self.steps) {
            (Some(file), _) => (file.display().to_string(), document::text(file)?),
            (None, Some(steps)) => ("-e".to_owned(), steps.clone()),
            (None, None) => (String::new(), String::new()),
        };
        let script = Script::parse(&text).map_err(|mistake| Unreadable(format!("{name}:{mistake}")))?;
        let others = document::Others::new(self.flows.as_deref(), &self.flow)?;
        let call = sim::simulate(lowered.program, &lowered.diagnostics, &script, &|id| others.program(id));
        match if self.plain { Format::Plain } else { self.format } {
            Format::Story => print(&call.story),
            Format::Plain => print(&call.transcript),
            Format::Json => {
                let lines = call.trace.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
                let lines = lines.map_err(|error| Unreadable(format!("the timeline is no JSON: {error}")))?;
                print(&format!("[\n{}\n]\n", lines.join(",\n")));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
