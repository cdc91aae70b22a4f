//! `cargo xtask test`: every check there is, in one build profile, with one summary.
//!
//! A step that fails does not keep the others from running, except that nothing is tested that does not build.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::summary::{Counts, Step, Summary};
use crate::{cargo, packages};

/// The steps in their order.
pub(crate) const STEPS: &[&str] =
    &["format", "lint", "build", "unit", "golden", "doc", "tidy", "docker", "fuzz", "e2e"];

/// Runs `only` these steps, or all.
pub(crate) fn test(only: &[&str]) -> Result<(), String> {
    packages::for_testing()?;
    let mut summary = Summary::default();
    for name in STEPS.iter().filter(|name| only.is_empty() || only.contains(name)) {
        let started = Instant::now();
        println!("\n== {name}");
        let mut counts = Counts::default();
        let mut ok = true;
        for mut command in commands(name) {
            ok &= watched(&mut command, &mut counts);
        }
        if REAL_TIME.contains(name) && !ok {
            ok = alone(name, &mut counts);
        }
        summary.0.push(Step { name, ok, counts, took: started.elapsed() });
        if *name == "build" && !ok {
            println!("\nIt does not build; the tests are not run.");
            break;
        }
    }
    println!("{summary}");
    match summary.total() {
        (_, 0) => Ok(()),
        (_, failed) => Err(format!("{failed} failed; the steps above say where")),
    }
}

/// The steps whose tests listen to sound, and wait for real time to pass rather than for the processor.
const REAL_TIME: &[&str] = &["golden", "e2e"];

/// Most failures that may be the machine's rather than the switch's.
const EXCUSABLE: usize = 6;

/// Runs the few tests of a step that failed beside others once more, one at a time: sound and timing suffer on a machine
/// that is busy with five other tests, or whose host is. Whether all passed then. Who died is not excused.
fn alone(step: &str, counts: &mut Counts) -> bool {
    if counts.failures.is_empty() || counts.failures.len() > EXCUSABLE || counts.begun != counts.ended {
        return false;
    }
    println!("\nFailed beside others, so once more alone: {}", counts.failures.join(", "));
    let mut line = lines(step).remove(0);
    line.truncate(line.iter().position(|word| *word == "--").unwrap_or(line.len()));
    let mut command = cargo::cargo();
    command.args(line).args(["--", "--test-threads", "1", "--exact"]).args(&counts.failures);
    let mut second = Counts::default();
    let ok = watched(&mut command, &mut second);
    counts.passed += second.passed;
    counts.failed = second.failed;
    ok
}

/// What a step runs.
///
/// All in the release profile and all of the whole workspace, so that the demo, the tests and the benchmarks share one
/// build: naming one package would select other features of what it depends on, and build that again.
fn commands(step: &str) -> Vec<Command> {
    let command = |line: Vec<&str>| {
        let mut command = cargo::cargo();
        command.args(line);
        if step == "fuzz" {
            // Half a minute for each target; by hand they may have longer.
            let seconds = std::env::var_os("FUZZ_SECONDS").unwrap_or_else(|| "30".into());
            command.env("FUZZ_SECONDS", seconds);
        }
        command
    };
    lines(step).into_iter().map(command).collect()
}

/// The words of a step's commands.
fn lines(step: &str) -> Vec<Vec<&str>> {
    let crates: &[&str] =
        &["test", "--release", "--workspace", "--exclude", "tests", "--exclude", "fuzz", "--no-fail-fast"];
    let of_tests = |name| vec!["test", "--release", "--workspace", "--test", name];
    match step {
        "format" => vec![vec!["fmt", "--all", "--check"]],
        "lint" => vec![vec!["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"]],
        "build" => vec![
            vec!["build", "--release", "--workspace", "--bins", "--examples"],
            vec!["test", "--release", "--workspace", "--no-run"],
        ],
        "unit" => vec![[crates, &["--lib", "--bins"]].concat()],
        "golden" => vec![[crates, &["--test", "*", "--", "--test-threads", "4"]].concat()],
        "doc" => vec![[crates, &["--doc"]].concat()],
        "e2e" => vec![[of_tests("e2e"), vec!["--", "--test-threads", "6"]].concat()],
        name => vec![of_tests(name)],
    }
}

/// Runs a command, shows what it prints as it comes, and counts the tests in it.
fn watched(command: &mut Command, counts: &mut Counts) -> bool {
    println!("$ {}", cargo::shown(command));
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            println!("cannot run it: {error}");
            return false;
        }
    };
    if let Some(output) = child.stdout.take() {
        // Bytes, not text: what a failing test prints need not be UTF-8.
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            counts.read(&line);
            println!("{line}");
        }
    }
    child.wait().is_ok_and(|status| status.success())
}
