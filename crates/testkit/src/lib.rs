//! What tests of several crates share: ears for sound, a voice, a scripted phone, a web server that says what it is told
//! to, and a disk that is full.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod disk;
pub mod ear;
pub mod receiver;
pub mod speech;
pub mod ua;
