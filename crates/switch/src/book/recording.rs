//! Recordings in the book: what a call's page says of each, from its beginning to where it is in the end.

use jiff::Timestamp;

use super::Record;

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
    /// What the flow's author noted of it.
    pub notes: Vec<(String, String)>,
    /// Where it stands.
    pub state: RecordingState,
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
