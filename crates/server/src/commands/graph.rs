//! `offhook graph`: a flow as a picture.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use flow::lower::Dialect;

use super::{Unreadable, document, print, svg};

/// What may be typed after `offhook graph`.
#[derive(Args, Debug)]
pub(crate) struct Graph {
    /// The flow's file
    flow: PathBuf,
    /// The flow's dialect; without it, what its shape tells
    #[arg(long, value_parser = super::simulate::dialect)]
    dialect: Option<Dialect>,
    /// What is written; without it what the name after -o tells, else svg
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where to; without it, standard output
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A picture for browsers and README files
    Svg,
    /// Text that wikis and README files draw
    Mermaid,
    /// Text that Graphviz draws
    Dot,
}

impl Graph {
    pub(crate) fn run(&self) -> Result<ExitCode, Unreadable> {
        let lowered = document::lowered(&self.flow, self.dialect)?;
        let picture = flow::graph::picture(&lowered.program);
        let text = match self.format() {
            Format::Svg => svg::svg(&picture),
            Format::Mermaid => flow::graph::mermaid(&picture),
            Format::Dot => flow::graph::dot(&picture),
        };
        match &self.output {
            None => print(&text),
            Some(file) => fs::write(file, text)
                .map_err(|error| Unreadable(format!("{}: cannot be written: {error}", file.display())))?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn format(&self) -> Format {
        let extension = self.output.as_ref().and_then(|file| file.extension()?.to_str());
        self.format.unwrap_or(match extension {
            Some("mmd" | "mermaid" | "md") => Format::Mermaid,
            Some("dot" | "gv") => Format::Dot,
            _ => Format::Svg,
        })
    }
}
