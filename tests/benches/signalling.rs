//! What signalling costs: complete calls a second at the release binary on one core.
//!
//! `cargo bench -p tests --bench signalling [-- SECONDS RATE...]`
//!
//! Each call is INVITE, 100, 200, ACK, the server's BYE and our 200, with a flow that answers and hangs up, and with a
//! pair of RTP ports. The server runs on core 0 alone, the callers (`tests/load`) on core 1.
//! CPU is what the kernel charged to the server process; the floor is an echo of as many datagrams on the same core.

use std::time::Duration;

use tests::load::calls::Callers;
use tests::load::{cost, floor};
use tests::server::{Server, Setup};
use tests::wait;

/// A call that is answered later than this is late.
const LATE_MS: f64 = 20.0;

fn main() {
    floor::be_echo();
    // `cargo bench` passes `--bench`, which is not for us.
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let seconds = numbers.first().copied().unwrap_or(5);
    let given = numbers.get(1..).unwrap_or_default();
    let rates = if given.is_empty() { &[500, 1_000, 2_000, 3_000, 4_000] } else { given };

    cost::pin(std::process::id(), "1");
    let bare = floor::measure("0", 2_000, Duration::from_secs(2));
    println!("an echo of a call's datagrams: {bare:.1} µs of CPU a call");

    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"1000\" = \"brief.json\"\n".to_owned()),
            ("brief.json", BRIEF.to_owned()),
        ],
        core: Some("0"),
        ..Setup::default()
    });
    let pid = server.process.id();
    let mut callers = Callers::new(server.sip, "1000");
    // The first calls grow what is kept between calls.
    callers.round(500, 500);

    println!("{seconds} s each: answered and hung up by the flow, one core");
    println!(
        "  calls/s     calls  failed  again  dropped   p50 ms   p99 ms   max ms   CPU %  µs/call  × echo   RSS MB"
    );
    let mut round = |rate: u32| {
        let (rss, cpu, dropped) = (cost::resident_kb(pid), cost::cpu(pid), cost::dropped(server.sip.port()));
        let round = callers.round(rate, (rate * seconds) as usize);
        let used = cost::cpu(pid) - cpu;
        let each = used * 1e6 / round.begun as f64;
        println!(
            "  {:>7.0}  {:>8}  {:>6}  {:>5}  {:>7}  {:>7.2}  {:>7.2}  {:>7.2}  {:>6.1}  {:>7.1}  {:>6.1}  {:>3} → {}",
            round.begun as f64 / round.time.as_secs_f64(),
            round.begun,
            round.failed(),
            round.repeated,
            cost::dropped(server.sip.port()) - dropped,
            round.answer_ms(0.5),
            round.answer_ms(0.99),
            round.answer_ms(1.0),
            used * 100.0 / round.time.as_secs_f64(),
            each,
            each / bare,
            rss / 1024,
            cost::resident_kb(pid) / 1024,
        );
        for (fault, times) in &round.faults {
            println!("           {times} × {fault}");
        }
        round.failed() == 0 && round.answer_ms(0.99) < LATE_MS
    };
    let mut good = 0;
    for rate in rates {
        if round(*rate) {
            good = good.max(*rate);
        }
    }
    if given.is_empty() && good == 4_000 {
        let mut rate = good + 500;
        while rate <= 10_000 && round(rate) {
            good = rate;
            rate += 500;
        }
    }
    println!("highest rate with no failure and p99 under {LATE_MS} ms: {good} calls/s");
    if given.is_empty() {
        endure(&server, &mut callers);
    }
}

/// Many calls after those: what is left of them when the last transaction is forgotten.
fn endure(server: &Server, callers: &mut Callers) {
    let pid = server.process.id();
    let left = |what: &str| server.metric(&format!("offhook_{what}")) as usize;
    let rest = || {
        wait::until("transactions to be forgotten", Duration::from_secs(60), || {
            (left("sip_transactions") == 0 && left("tasks") == 0).then_some(())
        });
        (cost::resident_kb(pid) / 1024, cost::open_files(pid))
    };
    let before = rest();
    let round = callers.round(2_000, 100_000);
    let peak = cost::resident_kb(pid) / 1024;
    let after = rest();
    println!(
        "{} calls more, {} failed: memory {} → {peak} → {} MB, open files {} → {}; calls, sessions, legs, tasks, \
         transactions left: {}, {}, {}, {}, {}",
        round.begun,
        round.failed(),
        before.0,
        after.0,
        before.1,
        after.1,
        left("calls"),
        left("sip_sessions"),
        left("media_legs"),
        left("tasks"),
        left("sip_transactions"),
    );
}

/// Answers and hangs up.
const BRIEF: &str = r#"{"actions": [{"type": "answer"}, {"type": "hangup"}]}"#;
