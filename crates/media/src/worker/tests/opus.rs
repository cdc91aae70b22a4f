//! What the far end says of Opus (RFC 7587 §6.1) is how it is spoken to, in virtual time.

use audio::codec::{Decoder, Encoder, MAX_PAYLOAD, OpusSettings};
use rtp::rtcp;

use super::relaying::{away, bridged, packet, to_bob};
use super::*;

const FREE: OpusSettings = OpusSettings {
    bitrate: None,
    cbr: false,
    fec: false,
    dtx: false,
    max_playback_rate: Rate::FULL,
    complexity: 0,
};

fn speaking(remote: SocketAddr, opus: OpusSettings) -> LegSetup {
    LegSetup { opus, ..LegSetup::new(Codec::Opus, 107, remote) }
}

/// What Bob gets when Alice says these frames of PCMU, and how Alice's are counted.
fn heard_by_bob(rig: &mut Rig, alice: &mut Phone, frames: &[Vec<u8>]) -> Vec<Sent> {
    rig.heard();
    for frame in frames {
        alice.say(rig, frame);
    }
    to_bob(rig)
}

#[test]
fn a_constant_rate_is_one_length_of_all_packets() {
    for (cbr, same) in [(true, true), (false, false)] {
        let opus = OpusSettings { cbr, bitrate: Some(16_000), ..FREE };
        let (mut rig, mut alice, _) = bridged(setup(), speaking(away(), opus));
        let mut said = frames(1);
        said.extend(vec![vec![0xff; 160]; 50]);
        let sent = heard_by_bob(&mut rig, &mut alice, &said);
        // Before Alice is heard, silence is not encoded.
        let lengths: Vec<usize> = views(&sent)[10..].iter().map(|view| view.payload.len()).collect();
        assert_eq!(lengths.iter().all(|len| *len == 40), same, "{lengths:?}");
    }
}

#[test]
fn who_asks_for_it_is_not_sent_the_silence_of_others() {
    for (dtx, most) in [(true, 20), (false, 100)] {
        let (mut rig, mut alice, _) = bridged(setup(), speaking(away(), OpusSettings { dtx, ..FREE }));
        heard_by_bob(&mut rig, &mut alice, &frames(1));
        heard_by_bob(&mut rig, &mut alice, &vec![vec![0xff; 160]; 50]);
        let sent = heard_by_bob(&mut rig, &mut alice, &vec![vec![0xff; 160]; 100]).len();
        assert!(sent <= most && (dtx || sent > 95), "{sent}");
        let talks = heard_by_bob(&mut rig, &mut alice, &frames(1));
        assert!(
            talks.len() > 45
                && views(&talks).iter().filter(|view| view.marker).count() <= 1 + usize::from(dtx)
        );
    }
}

#[test]
fn packets_carry_the_one_before_when_the_peer_misses_some() {
    for (fec, carried) in [(true, true), (false, false)] {
        let opus = OpusSettings { fec, bitrate: Some(24_000), ..FREE };
        let (mut rig, mut alice, mut bob) = bridged(setup(), speaking(away(), opus));
        let before = heard_by_bob(&mut rig, &mut alice, &frames(1));
        let ssrc = views(&before)[0].ssrc;
        // One in four was lost.
        let block = ReportBlock { ssrc, fraction_lost: 64, lost: 12, ..ReportBlock::default() };
        let mut buffer = [0; 200];
        let mut writer = rtcp::Writer::new(&mut buffer);
        writer.receiver_report(10, &[block]);
        writer.description(10, "bob");
        let len = writer.finish().unwrap();
        let from = SocketAddr::new(bob.from.ip(), bob.from.port() + 1);
        packet(&mut bob, 107, 0);
        rig.io.arrive(1, Channel::Rtcp, from, &buffer[..len]);
        heard_by_bob(&mut rig, &mut alice, &frames(2));
        let after = heard_by_bob(&mut rig, &mut alice, &frames(1));
        let copies = |sent: &[Sent]| {
            let mut decoder = Decoder::new(Codec::Opus, Rate::WIDE).unwrap();
            views(sent).iter().filter(|view| decoder.recover(view.payload, &mut [0; 320]) > 0).count()
        };
        assert_eq!(copies(&before), 0);
        assert_eq!(copies(&after) > 10, carried, "{}", copies(&after));
    }
}

/// Opus as it leaves a phone.
fn opus_frames() -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(Codec::Opus, Rate::WIDE, &FREE).unwrap();
    let sound = tone::render(&[440], MS(1_000), MS(0), MS(1_000), Rate::WIDE);
    let mut payload = [0; MAX_PAYLOAD];
    let encode = |samples: &[i16]| {
        let len = encoder.encode(samples, &mut payload);
        payload[..len].to_vec()
    };
    sound.samples.chunks(320).map(encode).collect()
}

#[test]
fn opus_is_passed_on_to_who_asks_for_no_less_than_its_sender() {
    let constant = OpusSettings { cbr: true, bitrate: Some(20_000), ..FREE };
    for (of_alice, of_bob, passed) in
        [(FREE, FREE, [true, true]), (constant, constant, [true, true]), (FREE, constant, [false, true])]
    {
        let (mut rig, mut alice, mut bob) = bridged(speaking(home(), of_alice), speaking(away(), of_bob));
        let frames = opus_frames();
        for frame in &frames {
            for (place, phone) in [(0, &mut alice), (1, &mut bob)] {
                let bytes = phone.packet(107, phone.timestamp, frame);
                phone.timestamp = phone.timestamp.plus(960);
                rig.io.arrive(place, Channel::Rtp, phone.from, &bytes);
            }
            rig.slots(4);
        }
        let sent = rig.heard();
        let [to_bob, to_alice] = [away(), home()].map(|to| {
            let sent: Vec<Sent> = sent.iter().filter(|sent| sent.to == to).cloned().collect();
            views(&sent)[10..].iter().map(|view| view.payload.to_vec()).collect::<Vec<_>>()
        });
        let are_theirs = |heard: &[Vec<u8>]| heard.iter().all(|heard| frames.contains(heard));
        assert_eq!([&to_bob, &to_alice].map(|heard| are_theirs(heard)), passed);
        if !passed[0] {
            assert!(to_bob.iter().all(|payload| payload.len() == 50), "20 kbit/s, evenly");
        }
        assert!(to_bob.len() > 30 && to_alice.len() > 30);
    }
}
