//! What registered phones cost: many phones with digest at the release binary, on one core.
//!
//! `cargo bench -p tests --bench registrations [-- PHONES SECONDS]`
//!
//! All phones register, then all refresh within SECONDS: the shortest interval that is granted is a minute.
//! Memory is read when transactions are forgotten, and as what the second half of the phones adds to the first: what
//! reading the accounts left free is filled by then. The server runs on core 0, the phones on core 1.

use std::time::Duration;

use tests::load::cost;
use tests::load::registrations::{Phones, Round, user};
use tests::server::{PASSWORD, Server, Setup};
use tests::wait;

fn main() {
    // `cargo bench` passes `--bench`, which is not for us.
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let count = numbers.first().copied().unwrap_or(50_000);
    let seconds = numbers.get(1).copied().unwrap_or(60);

    cost::pin(std::process::id(), "1");
    let users: Vec<String> =
        (0..count).map(|phone| format!("{} = {{ password = \"{PASSWORD}\" }}", user(phone))).collect();
    let server = Server::start(Setup {
        settings: vec![("users", users.join("\n"))],
        core: Some("0"),
        ..Setup::default()
    });
    let pid = server.process.id();
    let half = count.div_ceil(2);
    let mut phones = [0..half, half..count].map(|range| Phones::new(server.sip, range, PASSWORD));
    let forgotten = || {
        wait::until("transactions to be forgotten", Duration::from_secs(60), || {
            (server.metric("offhook_sip_transactions") == 0.0).then_some(())
        });
    };
    let round = |name: &str, phones: &mut Phones, rate: usize| {
        let before = cost::cpu(pid);
        let round = phones.register(rate as u32);
        tell(name, phones.count(), &round, cost::cpu(pid) - before);
        assert_eq!(round.registered, phones.count(), "{:?}", round.faults);
    };

    println!("{count} phones, each of a user of its own, with digest; one core");
    let mut memory = vec![cost::resident_kb(pid)];
    for half in &mut phones {
        round("registered", half, 1_000);
        forgotten();
        memory.push(cost::resident_kb(pid));
    }
    assert_eq!(server.metric("offhook_registrations") as usize, count);
    let each = memory[2].saturating_sub(memory[1]) as f64 / (count - half) as f64;
    let mb: Vec<u64> = memory.iter().map(|kb| kb / 1024).collect();
    println!("  memory: {} → {} → {} MB, {each:.2} KB a phone", mb[0], mb[1], mb[2]);
    assert!(each < 4.0, "{each} KB a phone");
    for half in &mut phones {
        let rate = count.div_ceil(seconds);
        round("refreshed", half, rate);
    }
    forgotten();
    println!("  memory after the refreshes: {} MB", cost::resident_kb(pid) / 1024);
}

fn tell(name: &str, count: usize, round: &Round, used: f64) {
    let at = |share: f64| {
        let at = (round.times.len() as f64 * share) as usize;
        f64::from(round.times.get(at).or(round.times.last()).copied().unwrap_or_default()) / 1e3
    };
    println!(
        "  {name}: {} of {count} in {:.1} s, {} challenges; p50 {:.2}, p99 {:.2}, max {:.2} ms; \
         {:.0} % of a core, {:.1} µs each",
        round.registered,
        round.time.as_secs_f64(),
        round.challenged,
        at(0.5),
        at(0.99),
        at(1.0),
        used * 100.0 / round.time.as_secs_f64(),
        used * 1e6 / count as f64,
    );
}
