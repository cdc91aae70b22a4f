//! Runs a program: [`Machine`].

mod facts;
mod message;

use std::time::Instant;

pub use facts::Facts;
pub use message::{Effect, End, HttpFailure, HttpReply, HttpRequest, Input, Settings, Start};

/// A running flow.
pub struct Machine {
    start: Start,
}

impl Machine {
    /// A machine at the entry of its program.
    pub fn new(start: Start) -> Machine {
        Machine { start }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let _ = (now, input, &self.start);
    }

    /// The next thing to do, if any.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        None
    }

    /// When to call [`Machine::handle`] with [`Input::Timeout`], at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether the run is over.
    pub fn is_over(&self) -> bool {
        false
    }
}
