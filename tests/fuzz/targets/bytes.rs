//! Any bytes into a whole endpoint, from several peers: what it answers is bounded, and what it keeps goes away.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use fuzz::{budget, corpus, memory, mutate};
use sip::{Config, Endpoint, Event, Flow, Input, Message, Output, Reason, Transport, User};

/// Messages of one storm.
const MESSAGES: u64 = 1_000;

fn flows() -> Vec<Flow> {
    let flow = |transport, local: &str, remote: &str| Flow {
        transport,
        local: local.parse().expect("an address"),
        remote: remote.parse().expect("an address"),
    };
    vec![
        flow(Transport::Udp, "192.0.2.1:5060", "198.51.100.7:5070"),
        flow(Transport::Udp, "[2001:db8::1]:5060", "[2001:db8::7]:5060"),
        flow(Transport::Tcp, "192.0.2.1:5060", "198.51.100.8:40000"),
        flow(Transport::Tls, "192.0.2.1:5061", "198.51.100.9:40001"),
        flow(Transport::Wss, "192.0.2.1:443", "198.51.100.9:40002"),
    ]
}

struct Storm {
    endpoint: Endpoint,
    now: Instant,
}

impl Storm {
    /// Takes what came of `length` bytes. Calls are refused at once or a little later.
    fn drain(&mut self, rng: &mut Rng, length: usize, waiting: &mut Vec<sip::SessionId>) {
        let (mut outputs, mut sent) = (0, 0);
        while let Some(output) = self.endpoint.poll_output() {
            outputs += 1;
            match output {
                Output::Transmit { bytes, .. } => {
                    sent += bytes.len();
                    let message = Message::parse(bytes.clone()).expect("what we send can be read");
                    assert_eq!(message.problem(), None, "{:?}", bytes);
                }
                Output::Event(Event::Invited { session, .. }) => {
                    if rng.bool() {
                        let _ = self.endpoint.reject(self.now, session, 486, None, Vec::new());
                    } else {
                        waiting.push(session);
                    }
                }
                _ => {}
            }
        }
        assert!(outputs <= 24, "{outputs} outputs for one message");
        // An answer repeats Via, From, To, Call-ID, CSeq and Record-Route, twice for an INVITE refused at once, and a
        // challenge has a few headers of its own.
        assert!(sent <= 4_096 + 4 * length, "{sent} bytes for {length}");
    }

    fn storm(rng: &mut Rng, corpus: &[Vec<u8>], flows: &[Flow]) {
        let mut endpoint = Endpoint::new(Config { seed: rng.u64(..), ..Config::default() });
        endpoint.set_users(vec![User { name: "alice".into(), password: "secret".into() }]);
        let mut storm = Storm { endpoint, now: Instant::now() };
        let mut waiting = Vec::new();
        for _ in 0..MESSAGES {
            let bytes = mutate::mutated(rng, corpus);
            let flow = flows[rng.usize(..flows.len())];
            let length = bytes.len();
            storm.endpoint.handle(storm.now, Input::Message { flow, bytes: Bytes::from(bytes) });
            storm.drain(rng, length, &mut waiting);
            if rng.u8(..16) == 0 {
                storm.now += Duration::from_millis(rng.u64(..500));
            }
        }
        for session in waiting {
            storm.endpoint.hang_up(storm.now, session, Reason::normal());
        }
        // All that retransmits and lingers has gone after a few minutes.
        let end = storm.now + Duration::from_secs(400);
        while let Some(at) = storm.endpoint.poll_timeout().filter(|at| *at <= end) {
            storm.now = storm.now.max(at);
            storm.endpoint.handle(storm.now, Input::Timeout);
            while storm.endpoint.poll_output().is_some() {}
        }
        let counts = storm.endpoint.counts();
        assert_eq!(
            (counts.transactions, counts.sessions, counts.requests, counts.ways),
            (0, 0, 0, 0),
            "{counts:?}"
        );
        let counters = storm.endpoint.counters();
        assert!(counters.requests > MESSAGES / 50, "the storm is weak: {counters:?}");
    }
}

#[test]
fn bytes() {
    let (corpus, flows) = (corpus::messages(), flows());
    budget::run("bytes", |rng| {
        let ((), left, peak) = memory::of(|| Storm::storm(rng, &corpus, &flows));
        assert_eq!(left, 0, "something stays behind");
        assert!(peak < 64 << 20, "{peak} bytes");
        MESSAGES
    });
}
