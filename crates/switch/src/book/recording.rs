//! Recordings in the book: what a call's page says of each, from its beginning to where it is in the end.

use std::time::Duration;

use jiff::Timestamp;

use super::Record;
use crate::events::wall_clock;

/// A recording of a call, as others see it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordingView {
    /// Its name.
    pub id: String,
    /// Its file, in the recordings' directory.
    pub file: String,
    /// When it began.
    pub began: Timestamp,
    /// Its length in seconds, once it is over.
    pub seconds: Option<f64>,
    /// How it was paused.
    pub pauses: Pauses,
    /// What the flow's author noted of it.
    pub notes: Vec<(String, String)>,
    /// Where it stands.
    pub state: RecordingState,
}

/// The pauses of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pauses {
    /// How many there were.
    pub count: u32,
    /// How long those were that are over.
    pub total: Duration,
    /// What the one that goes on leaves in the file, and since when.
    pub now: Option<(media::Pause, Timestamp)>,
}

impl Pauses {
    /// It is paused in this way from here on, or goes on. Another way of the same pause does not make it another.
    pub(crate) fn change(&mut self, pause: Option<media::Pause>, at: Timestamp) {
        let since = self.now.map(|(_, since)| since);
        self.now = pause.map(|pause| (pause, since.unwrap_or(at)));
        match (since, pause) {
            (None, Some(_)) => self.count += 1,
            // A clock that is set back makes no negative length.
            (Some(since), None) => {
                self.total += Duration::try_from(at.duration_since(since)).unwrap_or_default()
            }
            _ => {}
        }
    }

    /// How long it was paused so far, in seconds to the millisecond.
    pub fn seconds(&self) -> f64 {
        self.until(wall_clock())
    }

    fn until(&self, at: Timestamp) -> f64 {
        let mut all = *self;
        all.change(None, at);
        crate::call::recording::seconds(all.total)
    }
}

/// Where a recording stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingState {
    /// It runs.
    Recording,
    /// It is here, and nowhere else to be.
    Saved {
        /// Its path.
        place: String,
    },
    /// It is to be sent.
    Waiting {
        /// To whom, without the address's query.
        to: String,
        /// Its path until then.
        here: String,
    },
    /// It is where it was to be sent.
    Sent {
        /// Where: an address without its query, or `s3://bucket/name`.
        place: String,
    },
    /// It could not be made, or not be sent.
    Failed {
        /// Why.
        why: String,
        /// The path of what there is of it.
        here: String,
    },
    /// It was shorter than its author wants, and is thrown away.
    Discarded {
        /// How short, and what the least was.
        why: String,
    },
}

impl RecordingState {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            RecordingState::Recording => "recording",
            RecordingState::Saved { .. } => "saved",
            RecordingState::Waiting { .. } => "waiting",
            RecordingState::Sent { .. } => "sent",
            RecordingState::Failed { .. } => "failed",
            RecordingState::Discarded { .. } => "discarded",
        }
    }

    /// Where it is, as far as it is anywhere.
    pub fn place(&self) -> Option<&str> {
        match self {
            RecordingState::Recording | RecordingState::Discarded { .. } => None,
            RecordingState::Saved { place } | RecordingState::Sent { place } => Some(place),
            RecordingState::Waiting { here, .. } | RecordingState::Failed { here, .. } => Some(here),
        }
    }

    /// Where it is to go.
    pub fn to(&self) -> Option<&str> {
        match self {
            RecordingState::Waiting { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Why it is not where it should be.
    pub fn why(&self) -> Option<&str> {
        match self {
            RecordingState::Failed { why, .. } | RecordingState::Discarded { why } => Some(why),
            _ => None,
        }
    }
}

impl Record {
    /// The number of the call's next recording, from 1.
    pub(crate) fn next_recording(&self) -> u32 {
        self.recordings.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1
    }

    /// A recording that began, or that came with a leg.
    pub(crate) fn add_recording(&self, view: RecordingView) {
        self.write(|about| {
            if about.recordings.iter().all(|known| known.id != view.id) {
                about.recordings.push(view);
            }
        });
    }

    /// A recording that is not wanted.
    pub(crate) fn drop_recording(&self, id: &str) {
        self.write(|about| about.recordings.retain(|view| view.id != id));
    }

    /// Changes what is written down about a recording.
    pub(crate) fn write_recording(&self, id: &str, change: impl FnOnce(&mut RecordingView)) {
        self.write(|about| {
            if let Some(view) = about.recordings.iter_mut().find(|view| view.id == id) {
                change(view);
            }
        });
    }

    /// What is written down about a recording.
    pub(crate) fn recording(&self, id: &str) -> Option<RecordingView> {
        crate::lock(&self.about).recordings.iter().find(|view| view.id == id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use media::Pause;

    use super::*;

    #[test]
    fn pauses_are_counted_and_their_lengths_added_up() {
        let at = |second: i64| Timestamp::from_second(1_000 + second).unwrap();
        let mut pauses = Pauses::default();
        for (pause, second) in [
            (None, 0),
            (Some(Pause::Silence), 1),
            (Some(Pause::Cut), 3),
            (None, 4),
            (None, 9),
            (Some(Pause::Cut), 10),
        ] {
            pauses.change(pause, at(second));
        }
        assert_eq!((pauses.count, pauses.total), (2, Duration::from_secs(3)));
        assert_eq!(pauses.now, Some((Pause::Cut, at(10))));
        assert_eq!((pauses.until(at(12)), pauses.until(at(5))), (5.0, 3.0));
    }
}
