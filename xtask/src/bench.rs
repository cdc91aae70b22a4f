//! `cargo xtask bench`: the benchmarks, in the profile of the release binary.

use crate::{cargo, packages};

/// What is measured: signalling, a worker's slot, and audio of every kind by the release binary.
const BENCHES: &[&str] = &["sip", "slot", "media"];

/// Runs the benchmarks; `rest` goes to `cargo bench`.
pub(crate) fn bench(rest: &[&str]) -> Result<(), String> {
    packages::for_testing()?;
    cargo::build()?;
    let mut bench = cargo::cargo();
    bench.args(["bench", "--workspace"]);
    for name in BENCHES {
        bench.args(["--bench", name]);
    }
    cargo::must(bench.args(rest))
}
