//! What the operator reads on standard error: one line an event, for people or as JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// What is ours, and so interests the operator at the level he asks for; of other crates only warnings do.
const OURS: [&str; 9] =
    ["offhook", "callback_server", "api", "switch", "store", "flow", "media", "audio", "sip"];

/// Starts logging; `RUST_LOG` goes before the configured level.
pub(crate) fn start(log: &Log) {
    let directives = std::env::var("RUST_LOG").unwrap_or_else(|_| directives(&log.directives));
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

/// A plain level is for our own crates; anything else stands as it is.
fn directives(given: &str) -> String {
    if given.contains(['=', ',']) {
        return given.to_owned();
    }
    let ours = OURS.map(|name| format!(",{name}={given}")).concat();
    format!("warn{ours}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_level_is_for_our_own_crates() {
        assert!(directives("debug").starts_with("warn,offhook=debug,"));
        assert_eq!(directives("info,switch=debug"), "info,switch=debug");
        for text in ["info", "off", "info,switch=debug"] {
            assert!(EnvFilter::try_new(directives(text)).is_ok(), "{text}");
        }
    }
}
