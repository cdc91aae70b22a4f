//! One time for a stream of several codecs: that of the clock that was agreed on first.
//!
//! Each codec's timestamps count by a clock of its own, and what they do where one codec follows another is nobody's to
//! know: some senders go on from the last number, others from what the other clock would show by now (RFC 7160 tells of
//! both).
//! So where the clock changes the numbers of the packets say what follows what, and within a stretch of one clock the
//! timestamps do.

use rtp::{RtpTime, Seq};

/// So many packets may be missing where the clock changes.
const MISSING: i16 = 50;

/// A packet that comes so much later than it should after the one before, in milliseconds, ends a pause.
const PAUSE_MS: u32 = 200;

/// A packet so many numbers after another, or more, did not overtake it: its sender counts anew, or has come around.
const OVERTAKEN: i16 = 500;

/// The time of one incoming stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    /// Ticks a second of what comes out.
    clock: u32,
    now: Piece,
    /// What came before the clock last changed, for packets that were overtaken.
    before: Option<Piece>,
    newest: Option<Newest>,
}

/// A stretch by one clock.
#[derive(Clone, Copy, Debug)]
struct Piece {
    clock: u32,
    /// The first packet.
    from: Seq,
    /// One moment, by its own timestamps and by ours.
    theirs: RtpTime,
    ours: RtpTime,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    seq: Seq,
    arrival: u32,
    end: RtpTime,
    length: u32,
}

impl Piece {
    fn at(&self, timestamp: RtpTime, clock: u32) -> (RtpTime, bool) {
        let ticks = i64::from(timestamp.since(self.theirs)) * i64::from(clock);
        let own = i64::from(self.clock.max(1));
        (self.ours.plus((ticks.div_euclid(own)) as u32), ticks % own == 0)
    }
}

impl Timeline {
    pub(crate) fn new(clock: u32) -> Timeline {
        let now = Piece { clock, from: Seq(0), theirs: RtpTime(0), ours: RtpTime(0) };
        Timeline { clock, now, before: None, newest: None }
    }

    pub(crate) fn is_of(&self, clock: u32) -> bool {
        self.clock == clock
    }

    /// When a packet of sound is due whose timestamp counts by `clock`; it came at `arrival` and lasts `length`, both by
    /// our clock.
    pub(crate) fn place(
        &mut self,
        (seq, timestamp): (Seq, RtpTime),
        clock: u32,
        length: u32,
        arrival: u32,
    ) -> RtpTime {
        let behind = |other: Seq| (1..OVERTAKEN).contains(&other.since(seq));
        let overtaken = self.before.filter(|before| before.clock == clock && behind(self.now.from));
        let (at, exact) = match overtaken {
            _ if self.now.clock == clock => self.now.at(timestamp, self.clock),
            Some(before) => return before.at(timestamp, self.clock).0,
            None => (self.begin((seq, timestamp), clock, arrival), true),
        };
        if self.newest.is_none_or(|newest| seq.since(newest.seq) > 0) {
            self.newest = Some(Newest { seq, arrival, end: at.plus(length), length });
            if seq.since(self.now.from) >= OVERTAKEN {
                // The numbers come around; what was before them then is not what was before them now.
                self.before = None;
            }
            if exact {
                (self.now.theirs, self.now.ours) = (timestamp, at);
            }
        }
        at
    }

    /// When something is due that has the clock of the sound around it, as comfort noise has.
    pub(crate) fn about(&self, timestamp: RtpTime) -> RtpTime {
        self.now.at(timestamp, self.clock).0
    }

    /// The clock changes with this packet.
    fn begin(&mut self, (seq, timestamp): (Seq, RtpTime), clock: u32, arrival: u32) -> RtpTime {
        let ours = match self.newest {
            None => timestamp,
            Some(newest) => {
                let step = seq.since(newest.seq);
                let missing = if (1..=MISSING).contains(&step) { step as u32 - 1 } else { 0 };
                let follows = newest.end.plus(missing.wrapping_mul(newest.length));
                let passed = arrival.wrapping_sub(newest.arrival);
                let pause = passed.saturating_sub((missing + 1).saturating_mul(newest.length));
                let paused = passed as i32 > 0 && pause > PAUSE_MS * (self.clock / 1_000);
                if paused { follows.plus(pause) } else { follows }
            }
        };
        self.before = Some(self.now);
        self.now = Piece { clock, from: seq, theirs: timestamp, ours };
        ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms of Opus by a clock of 48 kHz, and of G.711.
    const OPUS: u32 = 960;
    const LAW: u32 = 160;

    #[test]
    fn one_clock_stays_as_it_is_through_wraps_and_jumps() {
        let mut line = Timeline::new(8_000);
        for (n, timestamp) in [u32::MAX - 100, 60, 220, 9_000_000, 9_000_160, 3].into_iter().enumerate() {
            let at = line.place((Seq(65_534u16.wrapping_add(n as u16)), RtpTime(timestamp)), 8_000, LAW, 0);
            assert_eq!(at, RtpTime(timestamp));
        }
    }

    #[test]
    fn packets_follow_each_other_whatever_a_sender_does_where_its_clock_changes() {
        for jump in [0u32, 77, 4_000_000_000] {
            let mut line = Timeline::new(48_000);
            let (mut timestamp, mut arrival) = (u32::MAX - 2_000, 5u32);
            let mut due = RtpTime(timestamp);
            for n in 0..200u16 {
                let law = n / 10 % 2 == 1;
                let (clock, ticks) = if law { (8_000, LAW) } else { (48_000, OPUS) };
                if n % 10 == 0 && n > 0 {
                    timestamp = timestamp.wrapping_add(jump);
                }
                let at =
                    line.place((Seq(65_500u16.wrapping_add(n)), RtpTime(timestamp)), clock, OPUS, arrival);
                assert_eq!(at, due, "{n} after {jump}");
                timestamp = timestamp.wrapping_add(ticks);
                arrival += OPUS;
                due = due.plus(OPUS);
            }
        }
    }

    #[test]
    fn a_clock_that_comes_back_after_any_number_of_packets_goes_on_from_there() {
        for between in [400u32, 600, 32_700, 40_000, 65_500, 100_000] {
            let mut line = Timeline::new(48_000);
            let (mut timestamp, mut due) = (7u32, RtpTime(7));
            for n in 0..between + 40 {
                let law = (20..between + 20).contains(&n);
                let (clock, ticks) = if law { (8_000, LAW) } else { (48_000, OPUS) };
                let at = line.place((Seq(n as u16), RtpTime(timestamp)), clock, OPUS, n.wrapping_mul(OPUS));
                assert_eq!(at, due, "packet {n}, {between} of the other clock");
                timestamp = timestamp.wrapping_add(ticks);
                due = due.plus(OPUS);
            }
        }
    }

    #[test]
    fn a_sender_that_counts_anew_where_it_changes_its_clock_has_overtaken_nothing() {
        let mut line = Timeline::new(48_000);
        assert_eq!(line.place((Seq(60_000), RtpTime(1_000)), 48_000, OPUS, 0).0, 1_000);
        assert_eq!(line.place((Seq(60_001), RtpTime(500)), 8_000, OPUS, OPUS).0, 1_000 + OPUS);
        for n in 0..3 {
            let at =
                line.place((Seq(40_000 + n as u16), RtpTime(9_000 + n * OPUS)), 48_000, OPUS, (n + 2) * OPUS);
            assert_eq!(at.0, 1_000 + (n + 2) * OPUS);
        }
    }

    #[test]
    fn what_is_lost_overtaken_or_paused_at_the_change_keeps_its_place() {
        let law = |line: &mut Timeline, seq: u16, timestamp: u32, arrival: u32| {
            line.place((Seq(seq), RtpTime(timestamp)), 8_000, OPUS, arrival).0
        };
        let opus = |line: &mut Timeline, seq: u16, timestamp: u32, arrival: u32| {
            line.place((Seq(seq), RtpTime(timestamp)), 48_000, OPUS, arrival).0
        };
        let mut line = Timeline::new(48_000);
        assert_eq!(opus(&mut line, 1, 1_000, 0), 1_000);
        // Two are missing between them.
        assert_eq!(law(&mut line, 4, 500, 3 * OPUS), 1_000 + 3 * OPUS);
        assert_eq!(opus(&mut line, 3, 1_000 + 2 * OPUS, 3 * OPUS), 1_000 + 2 * OPUS, "it was overtaken");
        assert_eq!(law(&mut line, 6, 500 + 2 * LAW, 5 * OPUS), 1_000 + 5 * OPUS);
        assert_eq!(law(&mut line, 5, 500 + LAW, 5 * OPUS), 1_000 + 4 * OPUS);
        // Noise is described by the clock of what came last.
        assert_eq!(line.about(RtpTime(500 + 3 * LAW)).0, 1_000 + 6 * OPUS);
        // A second later.
        assert_eq!(opus(&mut line, 7, 77_000, 6 * OPUS + 48_000), 1_000 + 6 * OPUS + 48_000);
        assert_eq!(opus(&mut line, 8, 77_000 + OPUS, 0), 1_000 + 7 * OPUS + 48_000);
    }
}
