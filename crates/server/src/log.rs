//! What the operator reads on standard error: one line an event, for people or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Starts logging; `RUST_LOG` goes before the configured level.
pub(crate) fn start(log: &Log) {
    let directives = std::env::var("RUST_LOG").unwrap_or_else(|_| log.directives.clone());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives))
        .with_writer(std::io::stderr)
        .with_target(false);
    if log.json {
        lines.json().flatten_event(true).init();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
