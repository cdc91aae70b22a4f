//! `cargo xtask bench`: the benchmarks, in the profile of the release binary.

use crate::{cargo, packages};

/// The crates that have benchmarks.
const CRATES: &[&str] = &["sip", "media"];

/// Runs the benchmarks; `rest` goes to `cargo bench`.
pub(crate) fn bench(rest: &[&str]) -> Result<(), String> {
    packages::for_running()?;
    let mut bench = cargo::cargo();
    bench.arg("bench");
    for name in CRATES {
        bench.args(["-p", name]);
    }
    cargo::must(bench.arg("--benches").args(rest))
}
