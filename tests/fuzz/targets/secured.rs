//! Mangled SRTP and SRTCP into a session: nothing but what the peer wrote is taken, once; nothing is allocated.

use fastrand::Rng;
use fuzz::{budget, memory};
use rtp::srtp::{Keys, OVERHEAD, Profile, Protector, Unprotector};
use rtp::{RtpTime, Seq, Writer};

/// Packets of a session.
const PACKETS: u64 = 20;

fn ends(rng: &mut Rng) -> Option<(Protector, Unprotector)> {
    let profile = Profile::ALL[rng.usize(..Profile::ALL.len())];
    let bytes: Vec<u8> = (0..profile.keys_len()).map(|_| rng.u8(..)).collect();
    let keys = Keys::new(profile, &bytes)?;
    Some((Protector::new(&keys)?, Unprotector::new(&keys)?))
}

/// Another packet, and whether it is still as it was written.
fn mangled(rng: &mut Rng, packet: &[u8]) -> (Vec<u8>, bool) {
    let mut bytes = packet.to_vec();
    match rng.u8(..6) {
        0 => {}
        1 => bytes.truncate(rng.usize(..=bytes.len())),
        2 => bytes.extend((0..rng.usize(1..40)).map(|_| rng.u8(..))),
        3 => bytes = (0..rng.usize(..200)).map(|_| rng.u8(..)).collect(),
        _ => {
            for _ in 0..rng.usize(1..5) {
                let reach = if rng.bool() { 16 } else { usize::MAX };
                let at = rng.usize(..bytes.len().min(reach));
                bytes[at] = rng.u8(..);
            }
        }
    }
    let same = bytes == packet;
    (bytes, same)
}

#[test]
fn secured() {
    budget::run("secured", |rng| {
        let (mut tx, mut rx) = ends(rng).expect("keys");
        let mut writer = Writer::new(rng.u32(..), Seq(rng.u16(..)));
        let mut taken = 0;
        for _ in 0..PACKETS {
            let rtcp = rng.u8(..4) == 0;
            let len = rng.usize(if rtcp { 8..60 } else { 12..200 });
            let mut packet: Vec<u8> = (0..len + OVERHEAD).map(|_| rng.u8(..)).collect();
            if rtcp {
                packet[0] = 0x80 | packet[0] & 0x1f;
            } else {
                writer.write(&mut packet, 0, false, RtpTime(0));
            }
            let sealed = if rtcp { tx.rtcp(&mut packet, len) } else { tx.rtp(&mut packet, len) };
            packet.truncate(sealed.expect("room"));
            let (mut bytes, same) = mangled(rng, &packet);
            let before = bytes.clone();
            let (opened, _, peak) =
                memory::of(|| if rtcp { rx.rtcp(&mut bytes) } else { rx.rtp(&mut bytes) });
            assert_eq!(peak, 0, "a packet allocates");
            match opened {
                Ok(length) => {
                    assert!(same && length == len, "{length} of {len} bytes are taken");
                    taken += 1;
                }
                Err(_) => assert_eq!(bytes, before, "what is refused is left as it came"),
            }
            let mut again = packet.clone();
            if same {
                let opened = if rtcp { rx.rtcp(&mut again) } else { rx.rtp(&mut again) };
                assert!(opened.is_err(), "a replay is taken");
            }
        }
        assert!(taken <= PACKETS);
        PACKETS
    });
}
