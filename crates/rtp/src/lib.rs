//! RTP and RTCP as values: what arrives is read in place, what leaves is written into the caller's buffer.
//!
//! Sans-IO: bytes and times come in as arguments and answers go out as return values.
//! There is no socket, thread or clock here, and nothing is allocated after construction,
//! so that all of it can run on a media thread.
//! Anything a peer sends is a valid input: parsing answers `None`, it never panics.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod burst;
pub mod dtmf;
pub mod jitter;
pub mod packet;
pub mod quality;
pub mod receiver;
pub mod rtcp;
mod seq;
pub mod srtp;
pub mod time;

pub use packet::{View, Writer};
pub use seq::Seq;
pub use time::RtpTime;
