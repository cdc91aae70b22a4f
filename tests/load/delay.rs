//! How long sound takes from one end to the other: each end says a tone now and then, and hears the beginning of that of
//! the other one, to the sample.
//!
//! An edge lies anywhere in its packet; the time of a sample is that of its packet and its place in it, at both ends. So
//! two ends that are connected by nothing but a network have a delay of nothing, whatever their packets are.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use audio::Rate;
use audio::codec::{Codec, Encoder, OpusSettings};

use super::streams::Kind;
use crate::wait::readable;

/// Samples of a packet of 20 ms.
const PACKET: usize = 160;
/// Packets from one edge to the next, the one with the edge, and how many have the tone.
const PERIOD: usize = 25;
const EDGE: usize = 10;
const TONE: usize = 4;
/// A sample of the tone, and what cannot be one.
const LOUD: i16 = 4_000;
/// So many samples without the tone come before an edge.
const QUIET: usize = 1_600;
/// Ends send in so many groups, one a millisecond.
const GROUPS: usize = 20;
/// Edges before this time are not counted: buffers find their size first.
const WARM: Duration = Duration::from_secs(2);
/// What is heard later than this belongs to no edge.
const MOST: Duration = Duration::from_millis(300);

/// One end.
struct End {
    socket: UdpSocket,
    remote: SocketAddr,
    kind: Kind,
    encoder: Encoder,
    count: usize,
    /// When edges left it.
    said: Vec<Instant>,
    /// When edges came to it.
    heard: Vec<Instant>,
    quiet: usize,
}

/// Pairs of ends that talk with each other.
#[derive(Default)]
pub struct Pairs {
    ends: Vec<End>,
}

/// Delays of edges, sorted.
#[derive(Clone, Debug, Default)]
pub struct Delays(pub Vec<Duration>);

impl Delays {
    /// The delay in ms that this share of all did not exceed.
    pub fn ms(&self, share: f64) -> f64 {
        let at = (self.0.len() as f64 * share) as usize;
        self.0.get(at).or(self.0.last()).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1e3)
    }
}

impl Pairs {
    /// One pair more: for each end its socket, where its audio goes, and what it speaks, which is G.711.
    pub fn add(&mut self, pair: [(UdpSocket, SocketAddr, Kind); 2]) {
        for (socket, remote, kind) in pair {
            socket.set_nonblocking(true).expect("a socket");
            let codec = codec(kind);
            let encoder = Encoder::new(codec, Rate::NARROW, &OpusSettings::default()).expect("an encoder");
            let (said, heard) = (Vec::new(), Vec::new());
            self.ends.push(End { socket, remote, kind, encoder, count: 0, said, heard, quiet: 0 });
        }
    }

    /// Lets all talk for `time`; the delays of all edges.
    pub fn run(&mut self, time: Duration) -> Delays {
        let (begun, mut buffer) = (Instant::now(), [0; 2_048]);
        for tick in 0..time.as_millis() as usize {
            let due = begun + Duration::from_millis(tick as u64);
            loop {
                for end in &mut self.ends {
                    end.hear(&mut buffer);
                }
                let early = due.saturating_duration_since(Instant::now());
                if early.is_zero() {
                    break;
                }
                readable(self.ends.iter().map(|end| &end.socket), early);
            }
            // Both ends of a pair at different times.
            for (at, end) in self.ends.iter_mut().enumerate() {
                if (at * 7) % GROUPS == tick % GROUPS {
                    end.say(at);
                }
            }
        }
        thread::sleep(Duration::from_millis(100));
        self.ends.iter_mut().for_each(|end| end.hear(&mut buffer));
        let mut delays = Vec::new();
        for pair in self.ends.chunks_exact(2) {
            for (from, to) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
                delays.extend(between(begun + WARM, &from.said, &to.heard));
            }
        }
        delays.sort_unstable();
        Delays(delays)
    }
}

/// The delays of edges that were said after `from`.
fn between(from: Instant, said: &[Instant], heard: &[Instant]) -> Vec<Duration> {
    let of = |at: &Instant| {
        let next = heard.iter().find(|heard| **heard + Duration::from_millis(5) >= *at)?;
        let delay = next.saturating_duration_since(*at);
        (delay < MOST).then_some(delay)
    };
    said.iter().filter(|at| **at >= from).filter_map(of).collect()
}

fn codec(kind: Kind) -> Codec {
    if kind == Kind::Pcma { Codec::Pcma } else { Codec::Pcmu }
}

/// The time of so many samples.
fn samples(count: usize) -> Duration {
    Duration::from_micros(count as u64 * 125)
}

impl End {
    fn say(&mut self, who: usize) {
        let (place, period) = (self.count % PERIOD, self.count / PERIOD);
        let offset = (period * 37 + who * 61) % PACKET;
        let mut sound = [0_i16; PACKET];
        if (EDGE..EDGE + TONE).contains(&place) {
            let first = if place == EDGE { offset } else { 0 };
            for (at, sample) in sound.iter_mut().enumerate().skip(first) {
                // A square wave of 1 kHz begins as loud as it stays.
                *sample = if (at + PACKET - offset) % 8 < 4 { 12_000 } else { -12_000 };
            }
        }
        let mut packet = vec![0x80, self.kind.payload_type()];
        packet.extend((self.count as u16).to_be_bytes());
        packet.extend(((self.count * PACKET) as u32).to_be_bytes());
        packet.extend((0x0de1_0000 + who as u32).to_be_bytes());
        packet.resize(12 + PACKET, 0);
        self.encoder.encode(&sound, &mut packet[12..]);
        if place == EDGE {
            self.said.push(Instant::now() + samples(offset));
        }
        let _ = self.socket.send_to(&packet, self.remote);
        self.count += 1;
    }

    fn hear(&mut self, buffer: &mut [u8]) {
        while let Ok((length, _)) = self.socket.recv_from(buffer) {
            let now = Instant::now();
            if length <= 12 || buffer[1] & 0x7f != self.kind.payload_type() {
                continue;
            }
            let mut sound = vec![0_i16; length - 12];
            codec(self.kind).decode(&buffer[12..length], &mut sound);
            for (at, sample) in sound.iter().enumerate() {
                if sample.unsigned_abs() < LOUD as u16 {
                    self.quiet += 1;
                    continue;
                }
                if self.quiet >= QUIET {
                    self.heard.push(now + samples(at));
                }
                self.quiet = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::streams::socket;
    use super::*;

    #[test]
    fn ends_without_anything_between_them_have_no_delay() {
        let (one, two) = (socket(), socket());
        let (to_two, to_one) = (two.local_addr().expect("bound"), one.local_addr().expect("bound"));
        let mut pairs = Pairs::default();
        pairs.add([(one, to_two, Kind::Pcmu), (two, to_one, Kind::Pcmu)]);
        let delays = pairs.run(Duration::from_secs(4));
        assert!(delays.0.len() >= 6, "{delays:?}");
        assert!(delays.ms(0.5) < 2.0, "{delays:?}");
    }

    #[test]
    fn an_edge_that_was_heard_later_took_so_long() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let delays = between(at(50), &[at(10), at(100), at(600), at(1_100)], &[at(30), at(120), at(607)]);
        assert_eq!(delays, [Duration::from_millis(20), Duration::from_millis(7)]);
    }
}
