//! What DNS says in a storm: the peer's address, other names, loops of names, nothing, or that it does not know.

use std::time::Duration;

use fastrand::Rng;
use sip::locate::{Answer, Data, Kind, Query, Record};

const HOSTS: [&str; 6] = ["a.example", "b.example", "_sip._udp.a.example", "nowhere.invalid", ".", "é"];

/// An answer to a question, now and then one to another question.
pub(super) fn answer(rng: &mut Rng, query: &Query) -> Answer {
    let ttl = Duration::from_secs(rng.u64(..600));
    match rng.u8(..6) {
        0 => Answer::Nothing { ttl },
        1 => Answer::Failure,
        _ => Answer::Records(
            (0..rng.usize(..5)).map(|_| Record { ttl, data: data(rng, query.kind) }).collect(),
        ),
    }
}

fn data(rng: &mut Rng, kind: Kind) -> Data {
    let host = HOSTS[rng.usize(..HOSTS.len())].to_owned();
    let kind = match rng.u8(..8) {
        0 => return Data::Alias(host),
        1 => [Kind::Naptr, Kind::Srv, Kind::A, Kind::Aaaa][rng.usize(..4)],
        _ => kind,
    };
    match kind {
        Kind::A => Data::Address(["192.0.2.1", "192.0.2.2"][rng.usize(..2)].parse().expect("an address")),
        Kind::Aaaa => Data::Address("2001:db8::1".parse().expect("an address")),
        Kind::Srv => Data::Srv { priority: rng.u16(..3), weight: rng.u16(..3), port: 5060, target: host },
        Kind::Naptr => Data::Naptr {
            order: rng.u16(..3),
            preference: rng.u16(..3),
            flags: ["s", "S", "a", "u", ""][rng.usize(..5)].to_owned(),
            service: ["SIP+D2U", "SIP+D2T", "SIPS+D2T", "E2U+sip"][rng.usize(..4)].to_owned(),
            replacement: host,
        },
    }
}
