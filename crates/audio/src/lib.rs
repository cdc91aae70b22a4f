//! Sound as plain data: samples, codecs, files, tones, levels and detectors.
//!
//! Everything here works on slices and readers handed in, and knows neither threads nor sockets nor clocks nor the file system.
//! Durations are counted in samples.
//! The parts a media worker calls for every frame ([`codec`], [`conceal`], [`stretch`], [`noise`], [`resample`], [`level`], [`mix`], [`detect`]) allocate nothing.
//! Reading files ([`read`]) and resampling whole sounds ([`Pcm::resampled`]) allocate freely and belong on a thread that may block.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod codec;
pub mod conceal;
pub mod detect;
mod error;
mod frame;
pub mod level;
pub mod mix;
pub mod noise;
mod pitch;
pub mod read;
pub mod resample;
pub mod stretch;
pub mod tone;
pub mod write;

pub use error::{ReadError, WriteError};
pub use frame::{Pcm, Rate};
