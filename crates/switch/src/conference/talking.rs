//! Who talks in a room, and how loud each is and hears.
//!
//! The engine says when somebody begins and ceases to talk, pauses between words left out (half a second), and who
//! speaks most audibly: at most some four times a second of a member. What is kept here is what others may look at;
//! nobody is woken by it.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use media::LegId;

use super::Seat;
use super::room::Room;

/// How much louder or quieter than usual a member may be made, or its surroundings for it: in dB.
pub const LOUDNESS_DB: RangeInclusive<f32> = -40.0..=18.0;

/// A key makes so much of a difference, and so much in all: in dB.
const STEP_DB: f32 = 3.0;
const MOST_DB: f32 = 12.0;

/// Whether a member talks, and for how long it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Talk {
    since: Option<Instant>,
    before: Duration,
}

impl Talk {
    fn turn(&mut self, now: Instant, on: bool) {
        match (self.since, on) {
            (None, true) => self.since = Some(now),
            (Some(since), false) => {
                self.before += now.saturating_duration_since(since);
                self.since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// For how long in all, until now.
    pub(super) fn whole(&self, now: Instant) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

/// How much louder than usual a member is heard, and hears the others: in dB, within [`LOUDNESS_DB`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Loudness {
    pub(crate) gain_db: f32,
    pub(crate) volume_db: f32,
}

/// What a key does to loudness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Down,
    /// As it was at first.
    Usual,
    Up,
}

impl Turn {
    /// What comes of so many dB. Who is further away already than keys go stays there, or comes nearer.
    pub(super) fn of(self, db: f32) -> f32 {
        match self {
            Turn::Down => (db - STEP_DB).max(-MOST_DB).min(db),
            Turn::Usual => 0.0,
            Turn::Up => (db + STEP_DB).min(MOST_DB).max(db),
        }
    }
}

/// A factor for so many dB.
pub(super) fn factor(db: f32) -> f32 {
    10f32.powf(db.clamp(*LOUDNESS_DB.start(), *LOUDNESS_DB.end()) / 20.0)
}

impl Room {
    /// A member begins or ceases to talk. Who only listens to one is nobody's business.
    pub(super) fn speaking(&mut self, now: Instant, leg: LegId, on: bool) {
        if let Some(seat) = self.seats_mut().find(|seat| seat.leg == leg) {
            seat.talk.turn(now, on);
        }
    }

    /// A member speaks most audibly.
    pub(super) fn leads_talk(&mut self, leg: LegId) {
        let key = self.seats().find(|seat| seat.leg == leg).map(|seat| seat.key);
        self.speaker = key.or(self.speaker);
    }

    /// How many talk.
    pub(super) fn talkers(&self) -> usize {
        self.seats().filter(|seat| seat.talk.is_on()).count()
    }
}

impl Seat {
    /// What its call's timeline says of it when it goes.
    pub(super) fn note_talk(&self, now: Instant) {
        let seconds = self.talk.whole(now).as_secs_f64();
        let note = format!("talked for {seconds:.1} s in the conference {}", self.joining.room);
        self.record.timeline.note(now, note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talking_is_counted_until_it_ceases_and_once() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut talk = Talk::default();
        talk.turn(at(0), false);
        assert!(!talk.is_on() && talk.whole(at(500)).is_zero());
        talk.turn(at(1_000), true);
        talk.turn(at(1_500), true);
        assert!(talk.is_on());
        assert_eq!(talk.whole(at(2_000)), Duration::from_secs(1));
        talk.turn(at(3_000), false);
        talk.turn(at(4_000), false);
        talk.turn(at(5_000), true);
        assert_eq!(talk.whole(at(6_000)), Duration::from_secs(3));
    }

    #[test]
    fn keys_go_by_steps_as_far_as_keys_go_and_never_the_wrong_way() {
        let up = |db| Turn::Up.of(db);
        assert_eq!([up(0.0), up(9.0), up(11.0), up(12.0), up(18.0)], [3.0, 12.0, 12.0, 12.0, 18.0]);
        let down = |db| Turn::Down.of(db);
        assert_eq!([down(0.0), down(-12.0), down(-30.0), down(18.0)], [-3.0, -12.0, -30.0, 15.0]);
        assert_eq!([Turn::Usual.of(18.0), Turn::Usual.of(-40.0)], [0.0, 0.0]);
        assert!((factor(0.0) - 1.0).abs() < 1e-6 && (factor(6.0) - 1.995).abs() < 0.001);
        assert!(factor(99.0) < 8.0 && factor(-99.0) > 0.009);
    }
}
