//! What a recording is asked to be, and how it ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use audio::Rate;

/// What to record, of one leg, and until when.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The file; relative to the recordings' directory.
    pub path: PathBuf,
    /// Its form.
    pub format: Format,
    /// Whose voice.
    pub sides: Sides,
    /// Longest.
    pub limit: Option<Duration>,
    /// Ends after so much silence of the far end; of the leg itself, if only that is recorded.
    pub silence: Option<Duration>,
    /// Ends when the far end presses one of these.
    pub keys: Keys,
    /// Samples a second of the file; `None` for the leg's own.
    pub rate: Option<Rate>,
}

impl Recording {
    /// Of what is heard, as WAV, without an end of its own.
    pub fn new(path: impl Into<PathBuf>) -> Recording {
        Recording {
            path: path.into(),
            format: Format::Wav,
            sides: Sides::Heard,
            limit: None,
            silence: None,
            keys: Keys::default(),
            rate: None,
        }
    }
}

/// Whose voice is recorded, as the leg knows them: what it hears of the far end, and what it says to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// What is heard.
    Heard,
    /// What is said: prompts, another leg, a room.
    Said,
    /// Both in one channel.
    Mixed,
    /// What is heard on the left, what is said on the right.
    Stereo,
}

/// What a pause leaves in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nothing: what comes after it follows what was before.
    Cut,
    /// Silence of its length.
    Silence,
}

/// A set of telephone keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys(u16);

impl Keys {
    /// Of these: `0-9`, `*`, `#`, `A-D`; what is none of them is left out.
    pub fn of(keys: &str) -> Keys {
        Keys(keys.chars().filter_map(Keys::bit).fold(0, |all, bit| all | bit))
    }

    /// Whether it is one of them.
    pub fn contains(self, key: char) -> bool {
        Keys::bit(key).is_some_and(|bit| self.0 & bit != 0)
    }

    fn bit(key: char) -> Option<u16> {
        let at = "0123456789*#ABCD".find(key.to_ascii_uppercase())?;
        Some(1 << at)
    }
}

/// The form of a recording's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Linear samples of 16 bits, at the leg's rate.
    Wav,
    /// MP3, at the leg's rate; needs libmp3lame.
    Mp3 {
        /// Kilobits a second, the nearest that there is at the rate; `None` is what speech takes.
        kbps: Option<u16>,
    },
    /// Ogg Opus (RFC 7845).
    Opus {
        /// Bits a second; `None` is what speech takes at the rate.
        bitrate: Option<u32>,
    },
}

impl Format {
    /// What its files' names end in.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Wav => "wav",
            Format::Mp3 { .. } => "mp3",
            Format::Opus { .. } => "ogg",
        }
    }
}

/// How a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was stopped, or its leg went.
    Stopped,
    /// The limit.
    Limit,
    /// So much silence as was asked for.
    Silence,
    /// A key that was to end it.
    Key(char),
}

/// Where the worker writes how a recording ended before it lets go of it, for the disk thread to read after that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict(Arc<AtomicU8>);

impl Verdict {
    pub(crate) fn set(&self, ended: Ended) {
        let byte = match ended {
            Ended::Stopped => 0,
            Ended::Limit => 1,
            Ended::Silence => 2,
            Ended::Key(key) => u8::try_from(key).unwrap_or_default(),
        };
        self.0.store(byte, Ordering::Release);
    }

    pub(crate) fn get(&self) -> Ended {
        match self.0.load(Ordering::Acquire) {
            0 => Ended::Stopped,
            1 => Ended::Limit,
            2 => Ended::Silence,
            key => Ended::Key(char::from(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_set() {
        let keys = Keys::of("#1d");
        assert!(['#', '1', 'D', 'd'].iter().all(|key| keys.contains(*key)));
        assert!(['0', '*', 'A', 'x', '\u{e9}'].iter().all(|key| !keys.contains(*key)));
        assert!(!Keys::of("xy").contains('0'));
    }

    #[test]
    fn a_verdict_is_read_as_it_was_written() {
        let verdict = Verdict::default();
        for ended in [Ended::Stopped, Ended::Limit, Ended::Silence, Ended::Key('#'), Ended::Key('D')] {
            verdict.clone().set(ended);
            assert_eq!(verdict.get(), ended);
        }
    }
}
