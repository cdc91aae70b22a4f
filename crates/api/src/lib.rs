//! The HTTP API: calls and their timelines, registered phones, trunks, recordings, metrics, health.
//!
//! [`router`] is all of it; the server decides where it listens.
//! It reads what the switch lets others look at and changes nothing.
//! There are no passwords here yet, so the server binds it to loopback unless it is told otherwise.
#![forbid(unsafe_code)]

mod calls;
mod conferences;
mod error;
mod health;
mod peers;
mod recordings;
mod router;

pub use router::{Api, router};
