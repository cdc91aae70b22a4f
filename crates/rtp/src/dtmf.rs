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

/// The most clock units that a duration can tell; longer events are sent in segments: RFC 4733 §2.5.1.3.
const SEGMENT: u32 = 0xffff;

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
    phase: Phase,
}

/// How far a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Pressed,
    /// No packet came for a while, and its end was told; it may go on nevertheless.
    GivenUp,
    /// The same, so long ago that only a longer duration tells it from another key at the same timestamp.
    Rested,
    /// Its end came.
    Over,
}

impl Receiver {
    /// `clock` is the telephone-event's in hertz.
    pub fn new(clock: u32) -> Receiver {
        Receiver { clock, current: None }
    }

    /// Another clock was agreed on, as when another codec was. What is being pressed was let go.
    pub fn change_clock(&mut self, clock: u32) -> Option<Ended> {
        if clock == self.clock {
            return None;
        }
        let unfinished = self.give_up();
        *self = Receiver::new(clock);
        unfinished
    }

    /// Whether a key is being pressed.
    pub fn is_pressed(&self) -> bool {
        self.current.is_some_and(|current| current.phase == Phase::Pressed)
    }

    /// A packet of the telephone-event's payload type. Each key gives one `Started`, at the first packet of it
    /// that arrives, whichever that is, and at most one `Ended`.
    pub fn feed(&mut self, timestamp: RtpTime, payload: &[u8]) -> Option<Report> {
        let [event, flags, d0, d1, ..] = *payload else { return None };
        let name = key(event)?;
        let end = flags & 0x80 != 0;
        let duration = u16::from_be_bytes([d0, d1]);
        let mut unfinished = None;
        if let Some(rested) = self.current.filter(|current| current.phase == Phase::Rested) {
            let same = rested.timestamp == timestamp && rested.event == event;
            let goes_on = same && duration > rested.duration;
            self.current = goes_on.then_some(Current { duration, phase: Phase::GivenUp, ..rested });
            if goes_on {
                return None;
            }
        }
        if let Some(current) = self.current.as_mut() {
            let pressed = current.phase == Phase::Pressed;
            let step = timestamp.since(current.timestamp);
            let same = step == 0 && current.event == event;
            // RFC 4733 §2.5.1.3: a long event goes on as a new segment where the last one stopped, which is at the
            // greatest duration whether that packet arrived or not.
            let stopped = [i32::from(current.duration), SEGMENT as i32].contains(&step);
            let goes_on = pressed && current.event == event && stopped && step > 0;
            if goes_on {
                current.before = current.before.saturating_add(step.unsigned_abs());
                current.timestamp = timestamp;
                current.duration = 0;
            }
            if same || goes_on {
                current.duration = current.duration.max(duration);
                if !end || !pressed {
                    return None;
                }
                current.phase = Phase::Over;
                return self.ended().map(Report::Ended);
            }
            // A packet of an earlier event that was overtaken; [`Receiver::rest`] is for a clock that starts anew.
            let recent = i32::try_from(self.clock).unwrap_or(i32::MAX);
            if step < 0 && step > -recent {
                return None;
            }
            if pressed {
                unfinished = self.ended();
            }
        }
        let phase = if end { Phase::Over } else { Phase::Pressed };
        self.current = Some(Current { timestamp, event, duration, before: 0, phase });
        let ended = if end { self.ended() } else { None };
        Some(Report::Started { key: name, before: unfinished, ended })
    }

    /// No packet came for so long that what comes next is no straggler, whatever its timestamp: some peers (SIPp) begin
    /// each row of keys at the same one. Only a key whose end never came may still go on: some gateways say nothing while
    /// it is pressed.
    pub fn rest(&mut self) {
        let Some(current) = &mut self.current else { return };
        match current.phase {
            Phase::Over => self.current = None,
            Phase::GivenUp => current.phase = Phase::Rested,
            Phase::Pressed | Phase::Rested => {}
        }
    }

    /// No packet came for long: the end was lost.
    pub fn give_up(&mut self) -> Option<Ended> {
        let current = self.current.as_mut().filter(|current| current.phase == Phase::Pressed)?;
        current.phase = Phase::GivenUp;
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
    /// Of the segment being sent.
    timestamp: RtpTime,
    /// In clock units: to be reached, told so far, and of that in segments before this one.
    length: u32,
    told: u32,
    before: u32,
    /// The segment is full; the next packet begins another.
    full: bool,
    ends: u8,
}

impl Sender {
    /// Press `key` at `timestamp` for `length` clock units. `None` if it is no key.
    pub fn new(key: char, timestamp: RtpTime, length: u32) -> Option<Sender> {
        let event = event(key)?;
        Some(Sender { event, timestamp, length: length.max(1), told: 0, before: 0, full: false, ends: 0 })
    }

    /// The next packet, `step` clock units after the last; `None` when the third end was sent.
    pub fn next(&mut self, step: u32) -> Option<Update> {
        if self.ends >= ENDS {
            return None;
        }
        if self.full {
            self.full = false;
            self.before = self.before.saturating_add(SEGMENT);
            self.timestamp = self.timestamp.plus(SEGMENT);
        }
        let marker = self.told == 0;
        self.told = self.told.saturating_add(step.min(SEGMENT)).min(self.length);
        let duration = self.told.saturating_sub(self.before);
        // A full segment has no end of its own: the key goes on in the next.
        self.full = duration > SEGMENT;
        let over = !self.full && (self.told >= self.length || step == 0);
        self.ends += u8::from(over);
        let [d0, d1] = (duration.min(SEGMENT) as u16).to_be_bytes();
        let flags = if over { 0x80 | VOLUME } else { VOLUME };
        Some(Update { payload: [self.event, flags, d0, d1], marker, timestamp: self.timestamp })
    }

    /// Let the key go now: what is left to send are its ends.
    pub fn cut(&mut self) {
        self.length = self.length.min(self.told.max(1));
    }
}

#[cfg(test)]
mod tests;
