//! What the buffer of packets makes of streams: even, disordered, torn, paused, jumping, and of any kind at all.

use std::time::Duration;

use super::{Delay, Inserted, Kind, Next, Packets};
use crate::packet::tests::Random;
use crate::{RtpTime, Seq};

const MS: fn(u64) -> Duration = Duration::from_millis;
const SOUND: Kind = Kind::Sound { units: 160, format: 0 };

/// A buffer, a clock and a reader of 20 ms at 8 kHz.
struct Line {
    packets: Packets,
    now: u32,
    ahead: u32,
    /// Added to the numbers and timestamps of packets.
    seq: u16,
    timestamp: u32,
}

/// What the reader got: a packet's number, or what else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Got {
    Packet(u16),
    Noise,
    Lost(bool),
    Pause,
    Wait,
}
use Got::{Lost, Noise, Packet, Pause, Wait};

impl Line {
    fn new() -> Line {
        let packets = Packets::new(8_000, 80, 480, Delay::PATIENT);
        Line { packets, now: 77, ahead: 0, seq: 65_530, timestamp: u32::MAX - 500 }
    }

    /// Packet `n` comes now.
    fn come(&mut self, n: u16) -> Inserted {
        self.put_at(self.now, n)
    }

    /// Packet `n` comes at its own time, whether that is over or yet to be.
    fn put(&mut self, n: u16) -> Inserted {
        self.put_at(77 + u32::from(n) * 160, n)
    }

    fn put_at(&mut self, arrival: u32, n: u16) -> Inserted {
        let timestamp = RtpTime(self.timestamp.wrapping_add(u32::from(n) * 160));
        let payload = n.to_be_bytes().repeat(80);
        self.packets.insert(arrival, Seq(n.wrapping_add(self.seq)), timestamp, SOUND, &payload)
    }

    /// Read 20 ms, of which there may be something from before; the last thing that was new. Time goes on.
    fn read(&mut self) -> Got {
        let mut got = Wait;
        while self.ahead < 160 {
            let (what, units) = match self.packets.next(self.now, 160 - self.ahead) {
                Next::Packet { payload, .. } => (Packet(u16::from_be_bytes([payload[0], payload[1]])), 160),
                Next::Noise(_) => return Noise,
                Next::Lost { units, next } => (Lost(next.is_some()), units),
                Next::Pause(units) => (Pause, units),
                Next::Wait(units) => (Wait, units),
            };
            got = what;
            self.ahead += units;
        }
        self.ahead -= 160;
        self.now = self.now.wrapping_add(160);
        got
    }

    fn reads(&mut self, n: usize) -> Vec<Got> {
        (0..n).map(|_| self.read()).collect()
    }

    /// Packet `n` comes, and 20 ms are read.
    fn step(&mut self, n: u16) -> Got {
        assert_eq!(self.come(n), Inserted::Kept, "{n}");
        self.read()
    }
}

#[test]
fn an_even_stream_comes_out_after_the_starting_delay_and_touches_the_memory_of_three_packets() {
    let mut line = Line::new();
    let got: Vec<Got> = (0..2_000).map(|n| line.step(n)).collect();
    assert_eq!(got[..4], [Pause, Pause, Packet(0), Packet(1)]);
    assert_eq!(got[1_999], Packet(1_997));
    assert_eq!((line.packets.touched(), line.packets.reserved()), (3 * 160, 64 * 80));
    assert_eq!(line.packets.excess(line.now), 0);
    assert_eq!(line.packets.delay(line.now, 0), MS(40));
}

#[test]
fn disorder_is_put_right_and_duplicates_are_dropped() {
    let mut line = Line::new();
    line.put(0);
    line.put(2);
    line.put(1);
    assert_eq!(line.put(2), Inserted::Duplicate);
    assert_eq!(line.reads(5), [Pause, Pause, Packet(0), Packet(1), Packet(2)]);
    assert_eq!(line.put(1), Inserted::Late);
}

#[test]
fn the_first_two_may_change_places() {
    let mut line = Line::new();
    line.put(1);
    line.put(0);
    assert_eq!(line.reads(4), [Pause, Packet(0), Packet(1), Wait]);
}

#[test]
fn a_lost_packet_is_told_with_the_next_one_at_hand() {
    let mut line = Line::new();
    for n in [0, 1, 4, 5] {
        line.put(n);
    }
    let got = line.reads(8);
    assert_eq!(got[2..], [Packet(0), Packet(1), Lost(false), Lost(true), Packet(4), Packet(5)]);
    assert_eq!(line.packets.lost(), 2);
}

#[test]
fn a_gap_of_timestamps_alone_is_a_pause() {
    let mut line = Line::new();
    line.step(0);
    line.step(1);
    // Four packets' time without a packet.
    line.seq = line.seq.wrapping_sub(4);
    for n in [6, 7] {
        line.put(n);
    }
    let got = line.reads(8);
    assert_eq!(got, [Packet(0), Packet(1), Pause, Pause, Pause, Pause, Packet(6), Packet(7)]);
    assert_eq!(line.packets.lost(), 0);
}

#[test]
fn after_a_long_pause_sound_begins_with_the_wanted_delay() {
    let mut line = Line::new();
    for n in 0..10 {
        line.step(n);
    }
    // Five seconds of nothing (DTX), and the first packet comes 30 ms late.
    let got = line.reads(250);
    assert!(got[2..].iter().all(|got| *got == Wait), "{got:?}");
    line.seq = line.seq.wrapping_sub(250);
    assert_eq!(line.read(), Wait);
    assert_eq!(line.put_at(line.now - 40, 260), Inserted::Kept);
    assert_eq!(line.read(), Pause);
    assert_eq!(line.packets.delay(line.now, line.ahead), MS(40), "and the delay is counted from the fastest");
}

#[test]
fn keys_are_neither_lost_nor_waited_for() {
    let mut line = Line::new();
    for n in 0..10 {
        line.step(n);
    }
    for n in 10..20 {
        line.packets.mute(Seq(line.seq.wrapping_add(n)));
    }
    let got = line.reads(10);
    assert_eq!(got[..2], [Packet(8), Packet(9)]);
    assert!(got[2..].iter().all(|got| *got == Pause), "{got:?}");
    line.put(20);
    line.put(21);
    assert_eq!(line.reads(4), [Pause, Pause, Packet(20), Packet(21)]);
    assert_eq!(line.packets.lost(), 0);
}

#[test]
fn comfort_noise_begins_in_its_time() {
    let mut line = Line::new();
    for n in 0..3 {
        line.step(n);
    }
    let timestamp = RtpTime(line.timestamp.wrapping_add(480));
    line.packets.insert(line.now, Seq(line.seq.wrapping_add(3)), timestamp, Kind::Noise, &[60]);
    assert_eq!(line.reads(5), [Packet(1), Packet(2), Noise, Wait, Wait]);
}

#[test]
fn a_packet_that_was_only_late_takes_the_reader_back() {
    let mut line = Line::new();
    for n in 0..10 {
        line.step(n);
    }
    assert_eq!(line.reads(4), [Packet(8), Packet(9), Wait, Wait]);
    // Everything is 60 ms later from now on: all of it is heard.
    for n in 10..20 {
        assert_eq!(line.step(n), Packet(n));
    }
    assert_eq!(line.packets.late(), 0);
    assert!(line.packets.delay(line.now, 0) >= MS(60));
}

#[test]
fn no_packet_is_waited_for_longer_than_the_greatest_delay() {
    let mut line = Line::new();
    for n in 0..10 {
        line.step(n);
    }
    line.reads(50);
    // A second's packets come at once: those of the last 200 ms are heard.
    let kept = (10..60).filter(|n| line.come(*n) == Inserted::Kept).count();
    assert!((8..=12).contains(&kept), "{kept}");
    assert!(line.packets.delay(line.now, 0) <= MS(220), "{:?}", line.packets.delay(line.now, 0));
}

#[test]
fn timestamps_that_jump_leave_no_seam_where_the_numbers_go_on() {
    for jump in [1_000_000u32, 0u32.wrapping_sub(40_000), 0x8000_0000, 20_000] {
        let mut line = Line::new();
        for n in 0..10 {
            line.step(n);
        }
        line.timestamp = line.timestamp.wrapping_add(jump);
        for n in 10..40 {
            assert_eq!(line.step(n), Packet(n - 2), "{jump:#x}");
        }
        assert_eq!(line.packets.delay(line.now, 0), MS(40));
    }
}

#[test]
fn a_clock_that_stood_still_in_a_pause_costs_few_packets() {
    let mut line = Line::new();
    for n in 0..10 {
        line.step(n);
    }
    line.reads(30);
    let got: Vec<Got> = (10..60).map(|n| (line.come(n), line.read()).1).collect();
    assert_eq!(got[6], Packet(14), "{got:?}");
    assert!(got[6..].iter().all(|got| matches!(got, Packet(_))), "{got:?}");
}

#[test]
fn numbers_and_timestamps_that_both_jump_are_another_beginning() {
    let mut line = Line::new();
    for n in 0..10 {
        line.step(n);
    }
    line.timestamp = line.timestamp.wrapping_add(10_000_000);
    line.seq = line.seq.wrapping_sub(20_000);
    line.put(10);
    line.put(11);
    assert_eq!(line.reads(5), [Pause, Pause, Packet(10), Packet(11), Wait]);
}

#[test]
fn delay_follows_the_networks_jitter() {
    let mut random = Random(5);
    let mut line = Line::new();
    let mut flying: Vec<(u32, u16)> = Vec::new();
    for n in 0..3_000u16 {
        let late = if n < 1_500 { random.below(81) as u32 * 8 } else { 0 };
        flying.push((u32::from(n) * 160 + late, n));
        let turn = u32::from(n) * 160;
        while let Some(at) = flying.iter().position(|(due, _)| *due <= turn) {
            let (_, n) = flying.swap_remove(at);
            line.come(n);
        }
        line.read();
        if n == 1_499 {
            assert!((MS(75)..=MS(105)).contains(&line.packets.target()), "{:?}", line.packets.target());
        }
    }
    assert_eq!(line.packets.target(), MS(40));
}

#[test]
fn a_delay_beyond_all_bounds_is_cut() {
    let mut line = Line::new();
    for n in 0..10 {
        line.step(n);
    }
    for n in 10..30 {
        line.put(n);
    }
    line.now += 160 * 20;
    assert!(line.packets.trim(line.now));
    assert!(line.packets.delay(line.now, 0) <= MS(200));
    assert!(!line.packets.trim(line.now));
}

#[test]
fn unfit_packets_are_refused() {
    let mut line = Line::new();
    let mut insert = |kind, payload: &[u8]| line.packets.insert(0, Seq(0), RtpTime(0), kind, payload);
    assert_eq!(insert(SOUND, &[]), Inserted::Unfit);
    assert_eq!(insert(SOUND, &[0; 481]), Inserted::Unfit);
    assert_eq!(insert(Kind::Sound { units: 0, format: 0 }, &[0; 160]), Inserted::Unfit);
}

/// Over bad networks: what is heard is in order, each packet once, with bounded delay and bounded loss.
#[test]
fn any_network_is_survived_in_order_and_within_bounds() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut line = Line::new();
        line.seq = random.next() as u16;
        line.timestamp = random.next() as u32;
        let (loss, jitter) = (random.below(20), 1 + random.below(8));
        let mut flying: Vec<(u64, u16)> = Vec::new();
        let mut last = None;
        let (mut heard, mut sent) = (0u32, 0u32);
        for tick in 0..500u64 {
            if random.below(100) >= loss {
                sent += 1;
                for _ in 0..1 + usize::from(random.below(10) == 0) {
                    flying.push((tick + random.below(jitter) as u64, tick as u16));
                }
            }
            let mut n = 0;
            while n < flying.len() {
                if flying[n].0 <= tick {
                    line.come(flying.swap_remove(n).1);
                } else {
                    n += 1;
                }
            }
            // This reader lengthens by 5 ms at a time.
            if line.packets.excess(line.now) <= -40 {
                line.ahead += 40;
            }
            if let Packet(n) = line.read() {
                assert!(last.is_none_or(|last| n > last), "SEED={seed:#x} {n} after {last:?}");
                last = Some(n);
                heard += 1;
            }
            let delay = line.packets.delay(line.now, 0);
            assert!(delay <= MS(260), "SEED={seed:#x} {delay:?} at {tick}");
        }
        assert!(heard * 100 >= sent * 90, "SEED={seed:#x} jitter {jitter}: {heard} of {sent}");
    }
}

#[test]
fn any_packets_are_survived() {
    for seed in 0..100 {
        let mut random = Random(seed);
        let mut line = Line::new();
        for _ in 0..2_000 {
            let near = random.below(3) > 0;
            let seq = if near { line.seq.wrapping_add(random.below(9) as u16) } else { random.next() as u16 };
            let timestamp = match random.below(4) {
                0 => random.next() as u32,
                1 => random.next() as u32 % 4_000,
                _ => line.now.wrapping_add(random.below(2_000) as u32),
            };
            let kind = match random.below(8) {
                0 => Kind::Noise,
                1 => Kind::Sound { units: random.next() as u32, format: random.next() as u8 },
                _ => Kind::Sound { units: random.below(1_000) as u32, format: 0 },
            };
            let payload = [1; 500];
            let payload = &payload[..random.below(500)];
            line.packets.insert(line.now, Seq(seq), RtpTime(timestamp), kind, payload);
            line.seq = line.seq.wrapping_add(random.below(3) as u16);
            match random.below(40) {
                0 => line.packets.mute(Seq(seq)),
                1 => drop(line.packets.trim(line.now)),
                2 => line.now = random.next() as u32,
                _ => {}
            }
            for _ in 0..random.below(3) {
                let _ = line.packets.next(line.now, random.below(500) as u32);
                line.now = line.now.wrapping_add(160);
            }
            line.packets.depth();
            line.packets.excess(line.now);
        }
    }
}
