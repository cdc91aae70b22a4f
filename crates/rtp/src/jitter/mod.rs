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

pub use packets::{Delay, Kind, Next, Packets};

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
