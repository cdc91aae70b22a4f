//! Keys as telephone-events: RFC 4733.
//!
//! ```text
//!  0                   1                   2                   3
//! |     event     |E|R| volume    |          duration             |
//! ```
//!
//! All packets of one event carry the timestamp of its beginning; that, and not the marker, tells events apart.

use std::time::Duration;

use crate::RtpTime;

/// Bytes of a telephone-event payload.
pub const PAYLOAD: usize = 4;

/// Event codes 0 to 15, in order: RFC 4733 §3.2.
const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// −10 dBm0: usual for keys.
const VOLUME: u8 = 10;

/// How often the last packet is sent: RFC 4733 §2.5.1.4.
const ENDS: u8 = 3;

/// The key of an event code; `None` for events that are no keys (flash, tones).
pub fn key(event: u8) -> Option<char> {
    KEYS.get(usize::from(event)).copied()
}

/// The event code of a key; lower-case letters are taken too.
pub fn event(key: char) -> Option<u8> {
    let key = key.to_ascii_uppercase();
    KEYS.iter().position(|other| *other == key).map(|at| at as u8)
}

/// A key that was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub key: char,
    /// How long it was pressed, as far as the packets tell.
    pub duration: Duration,
}

/// What a packet told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A key was pressed.
    Started {
        /// Which.
        key: char,
        /// The key before it, whose end was never seen.
        before: Option<Ended>,
        /// This very packet says that it is over already: all before it were lost.
        ended: Option<Ended>,
    },
    /// The key was let go.
    Ended(Ended),
}

/// Makes keys of telephone-event packets.
#[derive(Clone, Debug)]
pub struct Receiver {
    clock: u32,
    current: Option<Current>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    timestamp: RtpTime,
    event: u8,
    /// Of this segment, in clock units, and of the segments before it.
    duration: u16,
    before: u32,
    over: bool,
}

impl Receiver {
    /// `clock` is the telephone-event's in hertz.
    pub fn new(clock: u32) -> Receiver {
        Receiver { clock, current: None }
    }

    /// Whether a key is being pressed.
    pub fn is_pressed(&self) -> bool {
        self.current.is_some_and(|current| !current.over)
    }

    /// A packet of the telephone-event's payload type. Each key gives one `Started`, at the first packet of it
    /// that arrives, whichever that is, and at most one `Ended`.
    pub fn feed(&mut self, timestamp: RtpTime, payload: &[u8]) -> Option<Report> {
        let [event, flags, d0, d1, ..] = *payload else { return None };
        let name = key(event)?;
        let end = flags & 0x80 != 0;
        let duration = u16::from_be_bytes([d0, d1]);
        let mut unfinished = None;
        if let Some(current) = self.current.as_mut() {
            let step = timestamp.since(current.timestamp);
            let same = step == 0 && current.event == event;
            // RFC 4733 §2.5.1.3: a long event goes on as a new segment where the last one stopped.
            let goes_on =
                !current.over && current.event == event && step == i32::from(current.duration) && step > 0;
            if goes_on {
                current.before = current.before.saturating_add(u32::from(current.duration));
                current.timestamp = timestamp;
                current.duration = 0;
            }
            if same || goes_on {
                current.duration = current.duration.max(duration);
                if !end || current.over {
                    return None;
                }
                current.over = true;
                return self.ended().map(Report::Ended);
            }
            // A packet of an earlier event that was overtaken; [`Receiver::rest`] is for a clock that starts anew.
            let recent = i32::try_from(self.clock).unwrap_or(i32::MAX);
            if step < 0 && step > -recent {
                return None;
            }
            if !current.over {
                unfinished = self.ended();
            }
        }
        self.current = Some(Current { timestamp, event, duration, before: 0, over: end });
        let ended = if end { self.ended() } else { None };
        Some(Report::Started { key: name, before: unfinished, ended })
    }

    /// No packet came for so long that what comes next is no straggler, whatever its timestamp: some peers (SIPp) begin
    /// each row of keys at the same one.
    pub fn rest(&mut self) {
        self.current = self.current.filter(|current| !current.over);
    }

    /// No packet came for long: the end was lost.
    pub fn give_up(&mut self) -> Option<Ended> {
        let current = self.current.as_mut().filter(|current| !current.over)?;
        current.over = true;
        self.ended()
    }

    fn ended(&self) -> Option<Ended> {
        let current = self.current?;
        let units = u64::from(current.before) + u64::from(current.duration);
        let duration = Duration::from_millis(units * 1_000 / u64::from(self.clock.max(1)));
        Some(Ended { key: key(current.event)?, duration })
    }
}

/// A packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// The payload.
    pub payload: [u8; PAYLOAD],
    /// Set on the first packet of a key.
    pub marker: bool,
    /// The same in all packets of a key.
    pub timestamp: RtpTime,
}

/// Sends one key: an update each packet time, and the end three times.
#[derive(Clone, Debug)]
pub struct Sender {
    event: u8,
    timestamp: RtpTime,
    /// In clock units: to be reached, and told so far.
    length: u16,
    told: u16,
    ends: u8,
}

impl Sender {
    /// Press `key` at `timestamp` for `length` clock units, at most 65,535 (8 s at 8 kHz). `None` if it is no key.
    pub fn new(key: char, timestamp: RtpTime, length: u32) -> Option<Sender> {
        let length = length.clamp(1, 0xffff) as u16;
        Some(Sender { event: event(key)?, timestamp, length, told: 0, ends: 0 })
    }

    /// The next packet, `step` clock units after the last; `None` when the third end was sent.
    pub fn next(&mut self, step: u32) -> Option<Update> {
        if self.ends >= ENDS {
            return None;
        }
        let marker = self.told == 0;
        let step = step.min(0xffff) as u16;
        self.told = self.told.saturating_add(step).min(self.length);
        let over = self.told >= self.length || step == 0;
        self.ends += u8::from(over);
        let [d0, d1] = self.told.to_be_bytes();
        let flags = if over { 0x80 | VOLUME } else { VOLUME };
        Some(Update { payload: [self.event, flags, d0, d1], marker, timestamp: self.timestamp })
    }

    /// Let the key go now: what is left to send are its ends.
    pub fn cut(&mut self) {
        self.length = self.length.min(self.told.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::Random;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn started(key: char) -> Option<Report> {
        Some(Report::Started { key, before: None, ended: None })
    }

    fn ended(key: char, ms: u64) -> Option<Report> {
        Some(Report::Ended(Ended { key, duration: MS(ms) }))
    }

    #[test]
    fn a_key_is_told_at_its_first_packet_and_its_three_ends_once() {
        let mut receiver = Receiver::new(8_000);
        let t = RtpTime(1_000);
        assert_eq!(receiver.feed(t, &[5, 10, 0, 160]), started('5'));
        assert!(receiver.is_pressed());
        assert_eq!(receiver.feed(t, &[5, 10, 1, 64]), None);
        assert_eq!(receiver.feed(t, &[5, 0x8a, 3, 32]), ended('5', 100));
        assert_eq!(receiver.feed(t, &[5, 0x8a, 3, 32]), None);
        assert_eq!(receiver.feed(t, &[5, 0x8a, 3, 32]), None);
        assert!(!receiver.is_pressed());
    }

    #[test]
    fn the_same_key_twice_is_two_keys() {
        let mut receiver = Receiver::new(8_000);
        assert_eq!(receiver.feed(RtpTime(0), &[1, 0, 0, 160]), started('1'));
        assert_eq!(receiver.feed(RtpTime(0), &[1, 0x80, 1, 64]), ended('1', 40));
        assert_eq!(receiver.feed(RtpTime(1_600), &[1, 0, 0, 160]), started('1'));
    }

    #[test]
    fn a_key_of_which_only_an_end_arrives_is_told() {
        let mut receiver = Receiver::new(8_000);
        let over = Ended { key: '#', duration: MS(100) };
        let report = receiver.feed(RtpTime(0), &[11, 0x80, 3, 32]);
        assert_eq!(report, Some(Report::Started { key: '#', before: None, ended: Some(over) }));
        assert_eq!(receiver.feed(RtpTime(0), &[11, 0x80, 3, 32]), None);
    }

    #[test]
    fn a_lost_end_is_made_up_for_by_the_next_key_or_by_giving_up() {
        let mut receiver = Receiver::new(8_000);
        receiver.feed(RtpTime(0), &[1, 0, 1, 64]);
        let before = Some(Ended { key: '1', duration: MS(40) });
        let report = receiver.feed(RtpTime(3_200), &[2, 0, 0, 160]);
        assert_eq!(report, Some(Report::Started { key: '2', before, ended: None }));
        assert_eq!(receiver.give_up(), Some(Ended { key: '2', duration: MS(20) }));
        assert_eq!(receiver.give_up(), None);
        assert_eq!(receiver.feed(RtpTime(3_200), &[2, 0x80, 3, 32]), None, "its end comes late: nothing new");
    }

    #[test]
    fn an_overtaken_packet_of_the_last_key_is_no_key() {
        let mut receiver = Receiver::new(8_000);
        receiver.feed(RtpTime(0), &[1, 0x80, 3, 32]);
        receiver.feed(RtpTime(1_600), &[2, 0, 0, 160]);
        assert_eq!(receiver.feed(RtpTime(0), &[1, 0x80, 3, 32]), None);
    }

    #[test]
    fn a_clock_that_starts_anew_does_not_swallow_keys() {
        let mut receiver = Receiver::new(8_000);
        receiver.feed(RtpTime(4_000_000), &[1, 0x80, 3, 32]);
        assert_eq!(receiver.feed(RtpTime(160), &[2, 0, 0, 160]), started('2'));
    }

    #[test]
    fn a_long_press_in_segments_is_one_key() {
        let mut receiver = Receiver::new(8_000);
        assert_eq!(receiver.feed(RtpTime(0), &[1, 0, 0xff, 0xff]), started('1'));
        assert_eq!(receiver.feed(RtpTime(0xffff), &[1, 0, 0, 160]), None);
        assert_eq!(receiver.feed(RtpTime(0xffff), &[1, 0x80, 0, 161]), ended('1', (65_535 + 161) / 8));
    }

    #[test]
    fn durations_are_in_the_events_own_clock() {
        let mut receiver = Receiver::new(48_000);
        receiver.feed(RtpTime(0), &[1, 0, 3, 192]);
        assert_eq!(receiver.feed(RtpTime(0), &[1, 0x80, 0x12, 0xc0]), ended('1', 100));
    }

    #[test]
    fn flash_and_short_payloads_are_passed_over() {
        let mut receiver = Receiver::new(8_000);
        assert_eq!(receiver.feed(RtpTime(0), &[16, 0, 0, 160]), None);
        assert_eq!(receiver.feed(RtpTime(0), &[1, 0, 0]), None);
        assert_eq!(receiver.feed(RtpTime(0), &[]), None);
    }

    #[test]
    fn a_key_is_sent_with_one_marker_growing_durations_and_three_ends() {
        let mut sender = Sender::new('9', RtpTime(800), 480).unwrap();
        let sent: Vec<Update> = std::iter::from_fn(|| sender.next(160)).collect();
        let durations: Vec<u16> =
            sent.iter().map(|u| u16::from_be_bytes([u.payload[2], u.payload[3]])).collect();
        assert_eq!(durations, [160, 320, 480, 480, 480]);
        assert_eq!(sent.iter().map(|u| u.marker).collect::<Vec<_>>(), [true, false, false, false, false]);
        let ends: Vec<bool> = sent.iter().map(|u| u.payload[1] & 0x80 != 0).collect();
        assert_eq!(ends, [false, false, true, true, true]);
        assert!(sent.iter().all(|u| u.timestamp == RtpTime(800) && u.payload[0] == 9));
    }

    #[test]
    fn a_key_shorter_than_a_packet_and_one_too_long_are_sent() {
        let mut sender = Sender::new('*', RtpTime(0), 0).unwrap();
        let sent: Vec<Update> = std::iter::from_fn(|| sender.next(160)).collect();
        assert_eq!(sent.len(), 3);
        assert!(sent[0].marker && sent.iter().all(|u| u.payload[1] & 0x80 != 0));
        let mut sender = Sender::new('*', RtpTime(0), 1_000_000).unwrap();
        let last = std::iter::from_fn(|| sender.next(160)).last().unwrap();
        assert_eq!(&last.payload[2..], &[0xff, 0xff]);
        assert!(Sender::new('x', RtpTime(0), 160).is_none());
    }

    #[test]
    fn a_key_cut_short_ends_with_what_was_told() {
        let mut sender = Sender::new('1', RtpTime(0), 8_000).unwrap();
        sender.next(160);
        sender.cut();
        let rest: Vec<Update> = std::iter::from_fn(|| sender.next(160)).collect();
        assert_eq!(rest.len(), 3);
        assert!(rest.iter().all(|u| u.payload == [1, 0x80 | VOLUME, 0, 160]));
    }

    /// Whatever is lost, doubled or swapped with its neighbour: each key of which anything arrives is told once.
    #[test]
    fn every_key_that_left_a_trace_is_told_once_over_a_bad_network() {
        for seed in 0..300 {
            let mut random = Random(seed);
            let (mut wire, mut keys) = (Vec::new(), Vec::new());
            for n in 0..20u32 {
                let key = KEYS[random.below(16)];
                let mut sender = Sender::new(key, RtpTime(n * 1_600), 800).unwrap();
                let mut any = false;
                while let Some(update) = sender.next(160) {
                    if random.below(3) > 0 {
                        any = true;
                        for _ in 0..1 + random.below(2) {
                            wire.push(update);
                        }
                    }
                }
                if any {
                    keys.push(key);
                }
            }
            let mut receiver = Receiver::new(8_000);
            let mut told = Vec::new();
            for update in wire {
                if let Some(Report::Started { key, .. }) = receiver.feed(update.timestamp, &update.payload) {
                    told.push(key);
                }
            }
            assert_eq!(told, keys, "SEED={seed:#x}");
        }
    }

    #[test]
    fn any_payload_is_survived() {
        let mut random = Random(1);
        let mut receiver = Receiver::new(8_000);
        for _ in 0..200_000 {
            let bytes = random.next().to_be_bytes();
            receiver.feed(RtpTime(random.next() as u32 & 0xfff), &bytes[..random.below(9)]);
        }
    }
}
