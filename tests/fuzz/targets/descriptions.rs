//! Damaged session descriptions, read and negotiated: alone, and one after the other as a call has them.

use fastrand::Rng;
use fuzz::{budget, corpus, memory, mutate};
use sdp::negotiate::security::{Digest, Encryption, Fingerprint, Keying, Policy};
use sdp::negotiate::{self, Capabilities, Codec, Ours};
use sdp::{Direction, Session};

fn ours(rng: &mut Rng) -> Capabilities {
    let all = [
        Codec::new("PCMU", 0, 8_000),
        Codec::new("PCMA", 8, 8_000),
        Codec::new("opus", 96, 48_000).with("useinbandfec=1"),
        Codec::new("L16", 101, 16_000),
        Codec::new("G722", 9, 8_000),
    ];
    let from = rng.usize(..all.len());
    let mut codecs = all[from..].to_vec();
    rng.shuffle(&mut codecs);
    Capabilities {
        codecs,
        telephone_event: rng.u8(..4) != 0,
        comfort_noise: rng.u8(..4) != 0,
        encryption: encryption(rng),
        address: if rng.u8(..4) == 0 { "2001:db8::1" } else { "198.51.100.1" }.parse().expect("an address"),
        rtp_port: 20_000,
        ptime: 20,
        session_id: 7,
        version: 1,
    }
}

fn encryption(rng: &mut Rng) -> Encryption {
    let policies = [Policy::Off, Policy::Offered, Policy::Preferred, Policy::Required];
    Encryption {
        policy: policies[rng.usize(..policies.len())],
        keying: if rng.bool() { Keying::Sdes } else { Keying::Dtls },
        fingerprint: rng.bool().then(|| Fingerprint { digest: Digest::Sha256, bytes: vec![7; 32] }),
        roomy: rng.bool(),
        ..Encryption::default()
    }
}

fn description(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    match rng.u8(..4) {
        0 => corpus[rng.usize(..corpus.len())].clone(),
        _ => mutate::mutated(rng, corpus),
    }
}

const WISHES: [Direction; 4] =
    [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];

/// A few descriptions of one call, in any order.
fn call(rng: &mut Rng, corpus: &[Vec<u8>]) -> u64 {
    let mut ours = Ours::new(ours(rng));
    let mut version = ours.capabilities().version;
    let turns = rng.u64(1..6);
    for _ in 0..turns {
        let bytes = description(rng, corpus);
        let Ok(mut theirs) = Session::parse(&bytes) else { continue };
        for name in theirs.names() {
            if rng.bool() {
                theirs.resolve(&name, "192.0.2.77".parse().expect("an address"));
            }
        }
        let before = ours.agreed().cloned();
        match rng.u8(..5) {
            0 => {
                let wish = WISHES[rng.usize(..4)];
                let media = |said: &str| said.lines().filter(|line| line.starts_with("m=")).count();
                let lines = ours.said().map(media);
                let offer = ours.offer(wish);
                assert!(
                    lines.is_none_or(|lines| offer.media_count() >= lines.max(1)),
                    "a line is lost: {offer}"
                );
                version = stepped(version, &offer);
            }
            1 => {
                let accepted = ours.accept(&theirs);
                assert!(
                    accepted.is_ok() || ours.agreed() == before.as_ref(),
                    "a refused answer changed something"
                );
            }
            _ => match ours.answer(&theirs) {
                Ok((answer, terms)) => {
                    version = stepped(version, &answer);
                    assert_eq!(answer.media_count(), theirs.media_count());
                    assert_eq!(terms.audio.as_ref(), ours.agreed());
                    let (again, same) = ours.answer(&theirs).expect("what was taken is taken again");
                    assert!(again == answer && !same.changed, "the same offer, another answer: {again}");
                    if let Some(audio) = terms.audio {
                        assert!(!audio.direction.sends() || !audio.remote.ip().is_unspecified());
                        assert!((10..=60).contains(&audio.ptime_ms) && audio.ptime_ms % 10 == 0);
                    }
                }
                Err(_) => assert_eq!(ours.agreed(), before.as_ref(), "a refused offer changed something"),
            },
        }
    }
    let _ = negotiate::accept(ours.capabilities(), &negotiate::offer(ours.capabilities()));
    turns
}

/// Ours can be read, and its version is the last one or the next.
#[track_caller]
fn stepped(version: u64, said: &Session) -> u64 {
    let text = said.to_string();
    assert_eq!(Session::parse(text.as_bytes()).as_ref(), Ok(said), "{text}");
    assert!(said.version() == version || said.version() == version + 1, "{version} then {}", said.version());
    said.version()
}

#[test]
fn descriptions() {
    let corpus = corpus::descriptions();
    budget::run("descriptions", |rng| {
        let (turns, left, peak) = memory::of(|| call(rng, &corpus));
        assert_eq!(left, 0, "something stays behind");
        assert!(peak < 2_000_000, "{peak} bytes");
        turns
    });
}
