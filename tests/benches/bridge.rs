//! What a bridge adds to the way of sound: edges of a tone from phone to phone through the release binary.
//!
//! `cargo bench -p tests --bench bridge [-- PAIRS SECONDS]`
//!
//! `none` is two sockets without a server; `relay` two phones of the same codec; `transcode` PCMU and PCMA, which are
//! mixed; `record` two of the same codec that are recorded, so that somebody listens.

use std::time::Duration;

use tests::load::cost;
use tests::load::delay::{Delays, Pairs};
use tests::load::party::{Callee, Caller};
use tests::load::streams::{Kind, socket};
use tests::server::{PASSWORD, Server, Setup};

/// What bridges may add, at the median. A mixed one waits for the jitter of its network besides, 20 ms at the least.
const RELAY_MS: f64 = 2.0;
const MIXED_MS: f64 = 25.0;

fn main() {
    // `cargo bench` passes `--bench`, which is not for us.
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let count = numbers.first().copied().unwrap_or(20);
    let time = Duration::from_secs(numbers.get(1).copied().unwrap_or(20) as u64);
    cost::pin(std::process::id(), "1");
    println!("{count} pairs, {} s each; delay of sound from end to end, ms", time.as_secs());
    println!("  way          edges   median      p99      max");
    let bare = show("none", direct(count, time));
    let relayed = show("relay", through(count, time, "bob", Kind::Pcmu));
    let mixed = ["bob", "1000"].map(|number| match number {
        "bob" => show("transcode", through(count, time, number, Kind::Pcma)),
        _ => show("record", through(count, time, number, Kind::Pcmu)),
    });
    assert!(relayed - bare < RELAY_MS, "a relayed pair adds {:.2} ms", relayed - bare);
    for median in mixed.into_iter().filter(|median| median - bare >= MIXED_MS) {
        println!("  a mixed pair adds {:.2} ms, which is not under {MIXED_MS}", median - bare);
    }
}

/// Prints a row; its median.
fn show(name: &str, delays: Delays) -> f64 {
    let [median, p99, most] = [0.5, 0.99, 1.0].map(|share| delays.ms(share));
    println!("  {name:<10} {:>7}  {median:>7.2}  {p99:>7.2}  {most:>7.2}", delays.0.len());
    assert!(!delays.0.is_empty(), "{name}: nothing was heard");
    median
}

fn direct(count: usize, time: Duration) -> Delays {
    let mut pairs = Pairs::default();
    for _ in 0..count {
        let (one, two) = (socket(), socket());
        let (to_two, to_one) = (two.local_addr().expect("bound"), one.local_addr().expect("bound"));
        pairs.add([(one, to_two, Kind::Pcmu), (two, to_one, Kind::Pcmu)]);
    }
    pairs.run(time)
}

fn through(count: usize, time: Duration, number: &str, called: Kind) -> Delays {
    let record = r#"{"module":"record_call","data":{"action":"start"},"children":{"_":{"module":"user","data":{"id":"bob"},"children":{}}}}"#;
    let server = Server::start(Setup {
        flows: vec![
            ("numbers.toml", "defaults.public = true\n\"1000\" = \"record.json\"\n".to_owned()),
            ("record.json", record.to_owned()),
        ],
        settings: vec![("rtp", "timeout_s = 0".to_owned())],
        core: Some("0"),
        ..Setup::default()
    });
    let callee = Callee::new(server.sip, "bob", PASSWORD, called);
    let mut caller = Caller::new(server.sip);
    let mut pairs = Pairs::default();
    for _ in 0..count {
        let (audio, remote) = caller.call("5", number, Kind::Pcmu);
        let (far, to_far) = callee.taken();
        pairs.add([(audio, remote, Kind::Pcmu), (far, to_far, called)]);
    }
    pairs.run(time)
}
