//! Many calls, one after another: what they leave behind.

use std::time::Duration;

use tests::load::calls::Callers;
use tests::load::cost;
use tests::server::{Server, Setup};
use tests::wait;

/// Calls a second at most: with the 32 s that a transaction is remembered, the test takes a minute.
const RATE: u32 = 1_000;
/// Calls at once: their messages fit into the sockets' buffers, however busy the machine is.
const AT_ONCE: usize = 48;
/// Calls in each round: as many transactions are remembered in the one as in the other.
const ROUND: usize = 7_000;
/// What memory may grow by in each round after the first. What calls leave behind grows in all of them; pages that the
/// allocator holds come and go by more, and not in the same direction: over six rounds of 12,500 calls on a busy machine
/// it was +1.1, +1.7, -3.1, +6.2 and -2.4 MB.
const GROWTH_KB: i64 = 3_072;

#[test]
fn twenty_thousand_calls_leave_nothing_behind() {
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"1000\" = \"brief.json\"\n".into()),
            ("brief.json", r#"{"actions": [{"type": "answer"}, {"type": "hangup"}]}"#.into()),
        ],
        // Ports rest for a second or more: all of the usual ones would be taken, and other tests have servers too.
        settings: vec![("rtp", "ports = \"25000-28999\"".into())],
        quiet: true,
        ..Setup::default()
    });
    let pid = server.process.id();
    // The first question opens what HTTP keeps open.
    let living = ["calls", "media_legs", "tasks", "sip_sessions"].map(|name| format!("offhook_{name}"));
    assert!(living.iter().all(|name| server.metric(name) == 0.0));
    let files = cost::open_files(pid);

    let mut callers = Callers::new(server.sip, "1000").at_most(AT_ONCE);
    let mut round = || {
        let round = callers.round(RATE, ROUND);
        assert_eq!(round.failed(), 0, "{:?}", round.faults);
        wait::until("calls, legs, tasks and sessions to end", Duration::from_secs(15), || {
            living.iter().all(|name| server.metric(name) == 0.0).then_some(())
        });
        wait::until("transactions to be forgotten", Duration::from_secs(45), || {
            (server.metric("offhook_sip_transactions") == 0.0).then_some(())
        });
        wait::until("sockets to be closed", Duration::from_secs(15), || {
            (cost::open_files(pid) <= files).then_some(())
        });
        cost::resident_kb(pid) as i64
    };
    // What is kept of finished calls is full after the first thousand.
    let after = [round(), round(), round()];
    let grown = after.windows(2).map(|two| two[1] - two[0]).min();
    assert!(grown <= Some(GROWTH_KB), "KB after each round: {after:?}");
    assert_eq!(server.metric("offhook_calls_ended_total") as usize, after.len() * ROUND);
    assert_eq!(server.metric("offhook_calls_abandoned_total"), 0.0);
}
