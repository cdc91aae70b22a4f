//! The HTTP API: calls and their timelines, calls begun and ended, flows run without a call, registered phones, trunks, recordings, metrics, health.
//!
//! [`router`] is all of it; the server decides where it listens.
//! It reads what the switch lets others look at; what it changes goes through the switch's own methods.
//! Whoever reaches it can have calls placed everywhere.
//! There are no passwords here yet, so the server binds it to loopback unless it is told otherwise.
#![forbid(unsafe_code)]

mod calls;
mod conferences;
mod control;
mod error;
mod health;
mod leading;
mod origination;
mod peers;
mod recordings;
mod router;
mod runs;

pub use router::{Api, router};
