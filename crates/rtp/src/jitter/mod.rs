//! The jitter buffer: packets in as they come, out at an even pace.
//!
//! [`Packets`] holds the packets of any codec and says for each stretch of time what there is of it: a packet, a loss,
//! a pause, or nothing yet.
//! It measures the network in [`spread`] and says how much delay that asks for; changing the delay without a click
//! needs the sound, and is left to the reader.

mod packets;
pub mod spread;
mod store;
#[cfg(test)]
mod tests;

pub use packets::Packets;

use std::time::Duration;

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It will be played.
    Kept,
    /// It is here already.
    Duplicate,
    /// Its time is over.
    Late,
    /// Empty, or longer than the buffer takes.
    Unfit,
}

/// How much delay a buffer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// At the start, until so many packets have come that their jitter is known.
    pub start: Duration,
    /// At the least after that, however evenly they come.
    pub least: Duration,
    /// At the most; at most 500 ms.
    pub most: Duration,
}

impl Delay {
    /// For who only listens, as a recorder: two packets, for what is not heard now may be late.
    pub const PATIENT: Delay = Delay {
        start: Duration::from_millis(40),
        least: Duration::from_millis(40),
        most: Duration::from_millis(200),
    };

    /// For people who talk to each other: a packet to begin with, and no more than the network asks for once it is
    /// known.
    pub const CONVERSATION: Delay = Delay {
        start: Duration::from_millis(20),
        least: Duration::from_millis(5),
        most: Duration::from_millis(140),
    };
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sound.
    Sound {
        /// How long it lasts.
        units: u32,
        /// The reader's own number for what decodes it: a stream may be of several codecs by turns.
        format: u8,
    },
    /// Comfort noise (RFC 3389), which lasts until sound comes.
    Noise,
}

/// What there is of the next stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// The next packet of sound.
    Packet {
        /// What it carries.
        payload: &'a [u8],
        /// What decodes it.
        format: u8,
        /// Between it and the one before the sender said nothing: what was waited for was not lost.
        paused: bool,
    },
    /// Comfort noise from here on.
    Noise(&'a [u8]),
    /// A packet is lost that lasted `units`; `next` is the one after it, if it is here.
    Lost {
        /// How long.
        units: u32,
        /// For codecs that say of each packet again in the one after it; with what decodes that.
        next: Option<(u8, &'a [u8])>,
    },
    /// The sender said nothing for `units`: its timestamps went on and its numbers did not.
    Pause(u32),
    /// Nothing is here: a pause, a loss, or a packet that is late. `units` is what the last packets lasted.
    Wait(u32),
}
