//! Turning sound into files.
//!
//! Works on any writer; opening, naming and syncing files is the caller's.
//! Each format has a writer, whose file can be played at every moment, and a repair for what a crash left of it.

pub mod mp3;
pub mod opus;
pub mod wav;

use std::time::Duration;

use crate::Rate;

/// How samples lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Samples a second in each channel.
    pub rate: Rate,
    /// Two channels, whose samples take turns.
    pub stereo: bool,
}

impl Layout {
    /// One channel.
    pub const fn mono(rate: Rate) -> Layout {
        Layout { rate, stereo: false }
    }

    /// How many there are.
    pub const fn channels(self) -> u16 {
        if self.stereo { 2 } else { 1 }
    }

    /// How long so many samples of all channels last.
    pub fn duration(self, samples: usize) -> Duration {
        self.rate.duration(samples / usize::from(self.channels()))
    }
}

/// What a repair found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Nothing to do.
    Whole,
    /// What stands in the file's middle was put right; what lies behind `length` is to be cut off.
    Mended {
        /// Bytes that are good.
        length: u64,
        /// How much sound they hold.
        duration: Duration,
    },
}
