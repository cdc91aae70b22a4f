//! The callflow interpreter: four dialects, one representation, one engine.
//!
//! A document is lowered to an [`ir::Program`] by [`lower::lower`]; a [`Machine`] runs it against a call leg.
//! The machine does no I/O and reads no clock: a driver hands it [`Input`]s, obeys its [`Effect`]s and wakes it at
//! [`Machine::poll_timeout`].
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//!
//! use flow::{Effect, Facts, Input, Machine, Settings, Start, leg::LegCommand};
//!
//! let document = serde_json::json!({"module": "answer", "data": {}});
//! let lowered = flow::lower::lower(None, &document)?;
//! let start = Start::new(Arc::new(lowered.program), Facts::default(), Settings::default());
//! let (mut machine, now) = (Machine::new(start), Instant::now());
//! machine.handle(now, Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
//! let asked = std::iter::from_fn(|| machine.poll_effect()).find_map(|effect| match effect {
//!     Effect::Leg(tag, LegCommand::Answer) => Some(tag),
//!     _ => None,
//! });
//! # let _ = asked;
//! # Ok::<(), flow::lower::LowerError>(())
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod action;
pub mod check;
pub mod convert;
mod country;
pub mod engine;
pub mod eval;
pub mod graph;
pub mod ir;
pub mod journal;
pub mod leg;
pub mod lower;
pub mod manual;
pub mod own;
mod pattern;
mod rooms;
pub mod sim;
pub mod source;
pub mod tone;
pub mod trace;

pub use country::of as country_of;
pub use engine::{Effect, End, Facts, HttpFailure, HttpReply, HttpRequest, Input, Machine, Settings, Start};
pub use rooms::{Profile, Rooms};
