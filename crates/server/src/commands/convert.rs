//! `offhook convert`: a flow in the words of another dialect, and a list of what that does not carry.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flow::convert::{Conversion, convert};
use flow::lower::Dialect;

use super::{Unreadable, document, print};

/// What may be typed after `offhook convert`.
#[derive(Args, Debug)]
pub(crate) struct Convert {
    /// The flow's file
    flow: PathBuf,
    /// The dialect to write: kazoo, callroute, voipbin or voxology
    #[arg(long, value_name = "DIALECT", value_parser = super::simulate::dialect)]
    to: Dialect,
    /// The flow's dialect; without it, what its shape tells
    #[arg(long, value_name = "DIALECT", value_parser = super::simulate::dialect)]
    from: Option<Dialect>,
}

impl Convert {
    /// The document goes to standard output, what it does not carry to standard error.
    pub(crate) fn run(&self) -> Result<ExitCode, Unreadable> {
        let lowered = document::lowered(&self.flow, self.from)?;
        let text = |document: &serde_json::Value| {
            serde_json::to_string_pretty(document).map_err(|error| Unreadable(error.to_string()))
        };
        if lowered.program.dialect == self.to {
            print(&format!("{}\n", text(&document::json(&self.flow)?)?));
            return Ok(ExitCode::SUCCESS);
        }
        let converted = convert(&lowered.program, self.to);
        let Some(Conversion { document, losses }) = converted else {
            return Err(Unreadable("there are no documents of that dialect".to_owned()));
        };
        print(&format!("{}\n", text(&document)?));
        for loss in &losses {
            eprintln!("{loss}");
        }
        Ok(ExitCode::from(u8::from(!losses.is_empty())))
    }
}
