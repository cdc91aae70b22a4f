//! Bridged calls in which everything happens by chance, and what they leave behind: nothing.
//!
//! `SOAK_CALLS=1000 SOAK_SECONDS=180 cargo test --release -p tests --test e2e soak -- --nocapture` is the full one;
//! `SOAK_SEED` repeats the chance of another run.

use tests::load::soak::{Left, Plan, Soak, living, setup};
use tests::server::Server;

/// What memory may grow by from the first tenth of the time to the end: all pairs come to talk, and the book gets its last
/// thousand calls.
const GROWTH_KB: u64 = 131_072;
/// And from the middle to the end, when as many talk as before.
const STEADY_KB: u64 = 24_576;

#[test]
fn a_soak_of_bridged_calls_leaves_nothing_behind() {
    let plan = Plan::from_environment(100, 30);
    let server = Server::start(setup(&plan));
    let soak = Soak::new(&server, plan);
    let before = Left::of(&server);
    let report = soak.run();
    let (after, given_back) = Left::awaited(&server, &before);
    for (what, count) in &report.counts {
        println!("  {count:>7}  {what}");
    }
    println!("  before {before:?}\n  after  {after:?}");
    println!("  memory in KB after each tenth {:?}; at most {} lines", report.memory, report.most);

    let log = std::fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
    let wrong: Vec<&str> =
        log.lines().filter(|line| line.contains("ERROR") || line.contains("panicked")).take(20).collect();
    assert!(wrong.is_empty(), "SOAK_SEED={}: the server's log has\n{}", plan.seed, wrong.join("\n"));
    assert!(report.faults.is_empty(), "SOAK_SEED={}\n{}", plan.seed, report.faults.join("\n\n"));
    assert!(given_back, "SOAK_SEED={}: what is left\n{}", plan.seed, living(&server));
    assert_eq!(server.metric("offhook_calls_abandoned_total"), 0.0, "SOAK_SEED={}", plan.seed);
    let (first, middle) = (report.memory[0], report.memory[5]);
    assert!(
        after.memory <= first + GROWTH_KB,
        "{first} KB after the first tenth, {} KB in the end",
        after.memory
    );
    assert!(after.memory <= middle + STEADY_KB, "{middle} KB in the middle, {} KB in the end", after.memory);
    // A soak in which nothing happens shows nothing.
    for what in [
        "calls answered",
        "holds",
        "changes that cross",
        "transfers begun",
        "transfers that ended with 200",
        "attended transfers",
        "star codes",
        "vanishes",
        "cancels that cross the answer",
        "transfers to a conference",
        "sent out of a conference",
        "calls taken",
        "conversations heard",
    ] {
        assert!(report.count(what) > 0, "SOAK_SEED={}: no {what} in {:?}", plan.seed, report.counts);
    }
}
