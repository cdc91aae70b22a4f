//! Packets of audio, keys and reports, right and damaged, into all that reads them and into the jitter buffer:
//! nothing panics, nothing is allocated, and what the buffer gives is in order.

use std::time::Duration;

use fastrand::Rng;
use fuzz::{budget, memory, mutate};
use rtp::jitter::{Delay, Kind, Next, Packets};
use rtp::receiver::Receiver;
use rtp::rtcp::{Block, Compound, NtpTime, Packet, ReportBlock, SenderInfo, UNKNOWN, VoiceMetrics};
use rtp::{RtpTime, Seq, View, Writer, dtmf, packet, rtcp};

/// Packets of one stream.
const PACKETS: u64 = 200;

fn audio(payload_type: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; packet::HEADER];
    Writer::new(0x1234_5678, Seq(65_500)).write(&mut bytes, payload_type, true, RtpTime(u32::MAX - 400));
    bytes.extend_from_slice(payload);
    bytes
}

/// One of each: plain, with sources, an extension and padding, a key, comfort noise, and a compound of all reports.
fn corpus() -> Vec<Vec<u8>> {
    let mut furnished = audio(8, &[]);
    furnished[0] |= 0x30 | 2;
    furnished.extend([1, 2, 3, 4, 5, 6, 7, 8, 0xbe, 0xde, 0, 2, 0x10, 7, 0x21, 1, 2, 0, 0, 0]);
    furnished.extend([0xd5; 160]);
    furnished.extend([0, 0, 0, 4]);
    let voice = VoiceMetrics {
        ssrc: 0x1234_5678,
        loss_rate: 3,
        discard_rate: 1,
        burst_density: 100,
        gap_density: 2,
        burst_ms: 60,
        gap_ms: 4_000,
        round_trip_ms: 80,
        end_system_ms: 60,
        r_factor: 85,
        mos_listening: 41,
        mos_conversation: UNKNOWN,
        buffer_ms: 40,
        buffer_high_ms: 60,
        buffer_most_ms: 200,
    };
    let mut report = vec![0; 512];
    let mut writer = rtcp::Writer::new(&mut report);
    let blocks = [ReportBlock { ssrc: 0x1234_5678, lost: -2, ..ReportBlock::default() }; 2];
    writer.sender_report(1, &SenderInfo::default(), &blocks);
    writer.description(1, "offhook@example.com");
    let delay = Block::Delay { ssrc: 1, last: 2, delay: 3 };
    writer.extended_report(1, &[Block::ReceiverTime(NtpTime(5)), Block::Voice(voice), delay]);
    writer.bye(1);
    let n = writer.finish().expect("it fits");
    report.truncate(n);
    vec![
        audio(0, &[0xff; 160]),
        furnished,
        audio(101, &[5, 10, 3, 0x20]),
        audio(101, &[5, 0x8a, 3, 0xc0]),
        audio(13, &[60, 100, 130]),
        report,
    ]
}

fn report(bytes: &[u8]) {
    for packet in Compound::parse(bytes).into_iter().flatten() {
        match packet {
            Packet::SenderReport(sr) => assert!(sr.blocks().count() <= 31),
            Packet::ReceiverReport(rr) => assert!(rr.blocks().count() <= 31),
            Packet::Description(body) => drop(rtcp::cname(body, 1)),
            Packet::Bye(bye) => assert!(bye.sources().count() <= 31),
            Packet::ExtendedReport(xr) => assert!(xr.blocks().count() <= bytes.len() / 4),
            Packet::Other(_) => {}
        }
    }
}

/// What a leg has of its stream.
struct Ear {
    packets: Packets,
    keys: dtmf::Receiver,
    stream: Receiver,
    now: u32,
}

impl Ear {
    fn hear(&mut self, rng: &mut Rng, bytes: &[u8]) {
        let Some(view) = View::parse(bytes) else { return };
        assert!(view.payload.len() <= bytes.len() - packet::HEADER);
        // Half of them go on where the stream is, so that the buffer is more than an endless beginning.
        let (seq, timestamp) = match rng.bool() {
            true => {
                let near = rng.u16(..12);
                let seq = ((self.now / 160) as u16).wrapping_add(near);
                (Seq(seq), RtpTime(self.now.wrapping_add(u32::from(near) * 160)))
            }
            false => (view.seq, view.timestamp),
        };
        self.stream.receive(seq, timestamp, self.now, rng.bool());
        let kind = match view.payload_type {
            13 => Kind::Noise,
            101 => {
                self.keys.feed(timestamp, view.payload);
                return self.packets.mute(seq);
            }
            _ => Kind::Sound { units: view.payload.len() as u32, format: view.payload_type },
        };
        self.packets.insert(self.now, seq, timestamp, kind, view.payload);
    }

    fn read(&mut self, rng: &mut Rng) {
        let want = [80, 160, 480][rng.usize(..3)];
        let mut got = 0;
        for _ in 0..200 {
            if got >= want {
                break;
            }
            got += match self.packets.next(self.now, want - got) {
                Next::Packet { payload, .. } => payload.len() as u32,
                Next::Noise(_) => 0,
                Next::Lost { units, .. } | Next::Pause(units) | Next::Wait(units) => units,
            };
        }
        assert!(got >= want, "the reader is kept waiting: {got} of {want}");
        self.now = self.now.wrapping_add(want);
        assert!(self.packets.delay(self.now, 0) <= Duration::from_secs(40_000));
        let clusters = self.stream.bursts().clusters();
        assert!(clusters.burst.is_finite() && clusters.gap.is_finite() && clusters.ratio >= 1.0);
        if rng.u8(..30) == 0 {
            self.packets.trim(self.now);
            self.stream.report(1, 2);
        }
    }
}

#[test]
fn rtp() {
    let corpus = corpus();
    budget::run("rtp", |rng| {
        let delay = Delay {
            start: Duration::from_millis(rng.u64(..100)),
            least: Duration::from_millis(rng.u64(..100)),
            most: Duration::from_millis(rng.u64(..600)),
        };
        let mut ear = Ear {
            packets: Packets::new(8_000, rng.usize(..600), 480, delay),
            keys: dtmf::Receiver::new(8_000),
            stream: Receiver::new(0x1234_5678, Seq(65_500), 8_000),
            now: rng.u32(..),
        };
        for _ in 0..PACKETS {
            let bytes = match rng.u8(..4) {
                0 => corpus[rng.usize(..corpus.len())].clone(),
                _ => mutate::mutated(rng, &corpus),
            };
            let ((), left, peak) = memory::of(|| {
                if packet::is_rtcp(&bytes) {
                    report(&bytes);
                } else {
                    ear.hear(rng, &bytes);
                }
                if rng.u8(..3) > 0 {
                    ear.read(rng);
                }
            });
            assert_eq!((left, peak), (0, 0), "something is allocated");
        }
        PACKETS
    });
}
