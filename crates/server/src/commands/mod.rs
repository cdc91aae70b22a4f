//! The commands for those who write flows, which need no running server, and `call`, which asks one.
//!
//! Their exit status is a result: 0 for good, 1 for what they found, 2 for what they could not read.

pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod convert;
mod document;
pub(crate) mod graph;
mod junit;
pub(crate) mod modules;
pub(crate) mod replay;
pub(crate) mod simulate;
mod svg;
pub(crate) mod test;

use std::process::ExitCode;

/// What could not be read; the exit status is 2.
#[derive(Debug)]
pub(crate) struct Unreadable(pub(crate) String);

/// A command's exit status; what it could not read is told on standard error.
pub(crate) fn status(result: Result<ExitCode, Unreadable>) -> ExitCode {
    result.unwrap_or_else(|Unreadable(problem)| {
        eprintln!("offhook: {problem}");
        ExitCode::from(2)
    })
}

/// Writes to standard output; a reader that went away (`| head`) is no error.
fn print(text: &str) {
    use std::io::Write;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
