//! What a recording is asked to be, and how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The form of a recording's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Linear samples of 16 bits, at the leg's rate.
    Wav,
    /// MP3, at the leg's rate; needs libmp3lame.
    Mp3 {
        /// Kilobits a second; the nearest that there is at the rate.
        kbps: u16,
    },
    /// Ogg Opus (RFC 7845).
    Opus {
        /// Bits a second.
        bitrate: u32,
    },
}

impl Format {
    /// What its files' names end in.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Wav => "wav",
            Format::Mp3 { .. } => "mp3",
            Format::Opus { .. } => "opus",
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
    fn a_verdict_is_read_as_it_was_written() {
        let verdict = Verdict::default();
        for ended in [Ended::Stopped, Ended::Limit, Ended::Silence, Ended::Key('#'), Ended::Key('D')] {
            verdict.clone().set(ended);
            assert_eq!(verdict.get(), ended);
        }
    }
}
