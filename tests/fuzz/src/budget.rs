//! How long a target runs, and how a case that failed is run again alone.

use std::time::{Duration, Instant};

use fastrand::Rng;

/// Inputs of a target where the environment says nothing: a few seconds without optimisation.
const USUAL: u64 = 30_000;

/// When a target has had enough.
enum Budget {
    Inputs(u64),
    Until(Duration),
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Says how to run a case again when it panics.
struct Reproduce<'a> {
    target: &'a str,
    case: u64,
}

impl Drop for Reproduce<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again: FUZZ_CASE={:#x} cargo test -p fuzz {}", self.case, self.target);
        }
    }
}

/// Runs a target's cases until the budget is spent. A case draws from its own generator only, and says how many inputs
/// it was.
pub fn run(target: &str, case: impl FnMut(&mut Rng) -> u64) {
    few(target, USUAL, case);
}

/// As [`run`], for inputs that cost more: `usual` of them where the environment says nothing.
pub fn few(target: &str, usual: u64, mut case: impl FnMut(&mut Rng) -> u64) {
    if let Some(only) = variable("FUZZ_CASE") {
        case(&mut Rng::with_seed(only));
        return;
    }
    let budget = match (variable("FUZZ_INPUTS"), variable("FUZZ_SECONDS")) {
        (Some(inputs), _) => Budget::Inputs(inputs),
        (None, Some(seconds)) => Budget::Until(Duration::from_secs(seconds)),
        (None, None) => Budget::Inputs(usual),
    };
    let mut seeds = Rng::with_seed(variable("FUZZ_SEED").unwrap_or(1));
    let (started, mut inputs) = (Instant::now(), 0);
    while match budget {
        Budget::Inputs(most) => inputs < most,
        Budget::Until(limit) => started.elapsed() < limit,
    } {
        let reproduce = Reproduce { target, case: seeds.u64(..) };
        inputs += case(&mut Rng::with_seed(reproduce.case));
    }
    println!("{target}: {inputs} inputs in {:.1} s", started.elapsed().as_secs_f64());
}
