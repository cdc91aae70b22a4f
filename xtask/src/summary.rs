//! What the steps of a test run came to: one table, and a last line that a machine can read.

use std::fmt;
use std::time::Duration;

/// How many tests of a step did what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    /// The names of those that failed.
    pub(crate) failures: Vec<String>,
    /// Programs of tests that began, and that came to an end.
    pub(crate) begun: u64,
    pub(crate) ended: u64,
}

impl Counts {
    /// Adds what one line of libtest's output says: `test result: ok. 3 passed; 0 failed; 1 ignored; …`, or
    /// `test name ... FAILED`.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_owned());
        }
        self.begun += u64::from(
            line.starts_with("running ") && line.trim_end().trim_end_matches('s').ends_with(" test"),
        );
        let Some(rest) = line.trim().strip_prefix("test result: ") else { return };
        self.ended += 1;
        for part in rest.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(Ok(count)), Some(what)) = (words.next().map(str::parse::<u64>), words.next()) else {
                continue;
            };
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Whether its command succeeded.
    pub(crate) ok: bool,
    pub(crate) counts: Counts,
    pub(crate) took: Duration,
}

/// All steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary(pub(crate) Vec<Step>);

impl Summary {
    /// Passed and failed tests; a step that failed without a failing test (it did not compile, say) counts as one.
    pub(crate) fn total(&self) -> (u64, u64) {
        let failed = |step: &Step| step.counts.failed.max(u64::from(!step.ok));
        (self.0.iter().map(|step| step.counts.passed).sum(), self.0.iter().map(failed).sum())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<8} {:<7} {:>7} {:>7} {:>8} {:>8}",
            "step", "result", "passed", "failed", "ignored", "seconds"
        )?;
        for Step { name, ok, counts, took } in &self.0 {
            let result = if *ok { "ok" } else { "FAILED" };
            let Counts { passed, failed, ignored, .. } = counts;
            writeln!(
                f,
                "{name:<8} {result:<7} {passed:>7} {failed:>7} {ignored:>8} {:>8.1}",
                took.as_secs_f64()
            )?;
        }
        let (passed, failed) = self.total();
        write!(f, "\n{passed} passed, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_test_binaries_are_added_up() {
        let mut counts = Counts::default();
        let output = "running 2 tests\ntest a ... ok\ntest b::c ... FAILED\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            running 1 test\ntest result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.50s\n";
        output.lines().for_each(|line| counts.read(line));
        let all = Counts {
            passed: 5,
            failed: 2,
            ignored: 1,
            failures: vec!["b::c".to_owned()],
            begun: 2,
            ended: 2,
        };
        assert_eq!(counts, all);
        // One that dies says nothing more.
        counts.read("running 12 tests");
        assert_eq!((counts.begun, counts.ended), (3, 2));
    }

    #[test]
    fn a_step_that_fails_without_a_test_is_one_failure() {
        let step = |ok, passed, failed| Step {
            name: "x",
            ok,
            counts: Counts { passed, failed, ..Counts::default() },
            took: Duration::ZERO,
        };
        let summary = Summary(vec![step(true, 4, 0), step(false, 0, 0), step(false, 2, 3)]);
        assert_eq!(summary.total(), (6, 4));
        assert!(summary.to_string().ends_with("\n6 passed, 4 failed"));
    }
}
