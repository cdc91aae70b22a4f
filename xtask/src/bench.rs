//! `cargo xtask bench`: the benchmarks, in the profile of the release binary.

use crate::{cargo, packages};

/// What is measured: parts alone, then a media worker, then the release binary.
const BENCHES: &[&str] = &[
    "sip",
    "srtp",
    "codecs",
    "mix",
    "detectors",
    "flows",
    "slot",
    "signalling",
    "registrations",
    "bridge",
    "media",
];

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
