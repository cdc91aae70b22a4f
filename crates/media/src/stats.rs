//! A worker's counters: plain integers, copied out once a second.

use std::time::Duration;

/// Upper edges of the lateness buckets, in microseconds.
const EDGES: [u64; 9] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000];

/// How late slots began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Slots by bucket; the last holds everything above the highest edge.
    pub counts: [u64; EDGES.len() + 1],
    /// The sum of all, in microseconds.
    pub sum_us: u64,
}

impl Histogram {
    /// The upper edges of the buckets but the last, in microseconds.
    pub const EDGES_US: [u64; EDGES.len()] = EDGES;

    pub(crate) fn count(&mut self, late: Duration) {
        let us = late.as_micros() as u64;
        let bucket = EDGES.iter().position(|edge| us <= *edge).unwrap_or(EDGES.len());
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum_us += us;
    }

    /// The upper edge, in microseconds, of the bucket that holds the `share` quantile (0.99); `None` if it is open.
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let all: u64 = self.counts.iter().sum();
        let wanted = (all as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (count, edge) in self.counts.iter().zip(EDGES) {
            seen += count;
            if seen >= wanted {
                return Some(edge);
            }
        }
        None
    }

    fn add(&mut self, other: &Histogram) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.sum_us += other.sum_us;
    }
}

/// Counters since the start; `legs` is a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Legs now.
    pub legs: u64,
    /// Legs that came from another worker, to be with the leg that they talk to.
    pub moved: u64,
    /// Rooms with somebody in them now; one of a room that is on several workers on each.
    pub rooms: u64,
    /// RTP packets accepted.
    pub packets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Of those, packets that were passed on as they came, from one leg to another or back.
    pub relayed: u64,
    /// How long packets that were passed on to another leg had been here.
    pub transit: Histogram,
    /// How often a long sound was silent, because reading it was behind.
    pub stalls: u64,
    /// RTP packets the system refused to send.
    pub send_failures: u64,
    /// RTP packets that were not sent because their number had been used under the same keys.
    pub unsealed: u64,
    /// How often a socket had to wait for a buffer to receive into (with io_uring); nothing is lost by it.
    pub starved: u64,
    /// Datagrams from strangers, dropped.
    pub strangers: u64,
    /// Datagrams on secured legs that did not come from who has the keys, or came before.
    pub forged: u64,
    /// Datagrams that were no RTP, or of a payload type nobody agreed on.
    pub unusable: u64,
    /// RTP packets that came too late to be played.
    pub late_packets: u64,
    /// Packets of the peers' that never came; of legs that are over.
    pub lost: u64,
    /// Interarrival jitter, a sample a leg and second.
    pub jitter: Histogram,
    /// Slots run.
    pub slots: u64,
    /// Slots run that began more than a millisecond late.
    pub late_slots: u64,
    /// Slots given up because they were more than two late.
    pub overruns: u64,
    /// How late slots began.
    pub lateness: Histogram,
    /// Legs that were let go because of a mistake of ours.
    pub panics: u64,
    /// Outgoing events that found no room; what they carried was freed on the worker.
    pub events_dropped: u64,
}

impl WorkerStats {
    pub(crate) fn add(&mut self, other: &WorkerStats) {
        self.legs += other.legs;
        self.moved += other.moved;
        self.rooms += other.rooms;
        self.packets_in += other.packets_in;
        self.packets_out += other.packets_out;
        self.relayed += other.relayed;
        self.transit.add(&other.transit);
        self.send_failures += other.send_failures;
        self.unsealed += other.unsealed;
        self.starved += other.starved;
        self.strangers += other.strangers;
        self.forged += other.forged;
        self.unusable += other.unusable;
        self.late_packets += other.late_packets;
        self.lost += other.lost;
        self.jitter.add(&other.jitter);
        self.slots += other.slots;
        self.late_slots += other.late_slots;
        self.overruns += other.overruns;
        self.lateness.add(&other.lateness);
        self.panics += other.panics;
        self.events_dropped += other.events_dropped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_falls_into_buckets() {
        let mut histogram = Histogram::default();
        for us in [10, 50, 51, 400, 30_000] {
            histogram.count(Duration::from_micros(us));
        }
        assert_eq!(histogram.counts, [2, 1, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(histogram.quantile_us(0.5), Some(100));
        assert_eq!(histogram.quantile_us(1.0), None);
    }
}
