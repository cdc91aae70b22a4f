//! Regular expressions that documents bring along, compiled with limits.
//!
//! The engine behind them takes linear time to search, but a short pattern can be large once it is compiled.

use regex::{Regex, RegexBuilder};

/// Memory of a compiled pattern, in bytes; enough for any number plan.
const SIZE: usize = 512 << 10;

/// The pattern, compiled; `Err` is what is wrong with it, in a few words.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(SIZE).build().map_err(|error| {
        let error = error.to_string();
        error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}
