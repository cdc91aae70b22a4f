//! Why a text was not spoken.

use std::time::Duration;

/// Why a text was not spoken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpeechError {
    /// The speaker took too long.
    #[error("not spoken within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The text is longer than any prompt.
    #[error("the text has {length} characters, and {limit} are the limit")]
    TextTooLong {
        /// Characters in the text.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    /// espeak-ng could not be run.
    #[error("espeak-ng cannot be run: {0}")]
    NoEspeak(#[source] std::io::Error),
    /// espeak-ng ran and failed.
    #[error("espeak-ng failed: {0}")]
    Espeak(String),
    /// The speech server could not be reached, or broke off.
    #[error("no answer from the speech server: {0}")]
    Unreachable(#[source] reqwest::Error),
    /// The speech server answered with something else than success.
    #[error("the speech server answered {status}: {why}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        why: String,
    },
    /// More sound than any text makes.
    #[error("more sound than {0} bytes")]
    TooLarge(usize),
    /// What came is no sound.
    #[error("what was spoken cannot be read: {0}")]
    NotSound(#[source] audio::ReadError),
    /// The runtime went down in the middle, or the work panicked.
    #[error("speaking was aborted")]
    Aborted,
}
