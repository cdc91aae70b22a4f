//! What tests of several crates share: ears for sound, a voice, and a scripted phone.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod ear;
pub mod speech;
pub mod ua;
