//! Runs a program against a call leg: [`Machine`].
//!
//! Between nodes the position is data (program, node, return stack); inside a node it is a coroutine, the node's
//! action, polled by hand whenever an input came.
//! The engine performs nothing: it emits [`Effect`]s, and a driver obeys them.
//! It knows no dialect; what distinguishes them is in the program.

mod address;
mod admit;
mod aside;
mod cx;
mod facts;
mod frame;
mod lanes;
mod message;
mod port;
mod request;
mod run;
mod scope;
mod snapshot;
mod store;
mod talk;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

pub use facts::Facts;
pub use message::{Effect, End, HttpFailure, HttpReply, HttpRequest, Input, Settings, Start};

pub(crate) use self::{
    aside::{Aside, Beside, Waited},
    cx::{Cx, Event, Halt, Sent},
    frame::{Each, Installation},
    port::{LegState, OpenRecording, Pressed, Reply},
    request::build as build_request,
    store::{ALL as LARGEST_MEMORY, Code, Of},
};
use self::{
    frame::Frame,
    port::Port,
    run::{At, Home},
};

/// A running flow.
///
/// Hand it inputs with [`handle`](Machine::handle); after each, drain [`poll_effect`](Machine::poll_effect) and arm a
/// timer for [`poll_timeout`](Machine::poll_timeout).
pub struct Machine {
    port: Arc<Mutex<Port>>,
    at: At,
    /// Where the run goes when the stack is empty, and after the call.
    home: Home,
    /// The first input's time, from which all others are counted.
    origin: Option<Instant>,
    /// What had passed by then; nothing but for a run that begins again.
    passed: Duration,
    /// Boxed, since it is gone when the call has begun.
    start: Option<Box<Start>>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Machine {
    /// A machine that waits for [`Input::Start`].
    pub fn new(start: Start) -> Machine {
        let port = Port::new(start.facts.clone(), start.settings.clone());
        Machine {
            port: Arc::new(Mutex::new(port)),
            at: At::Waiting,
            home: Home::default(),
            origin: None,
            passed: Duration::ZERO,
            start: Some(Box::new(start)),
        }
    }

    /// Takes one input and runs as far as it leads.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let since = now.saturating_duration_since(*self.origin.get_or_insert(now));
        self.take(since + self.passed, input);
    }

    /// As [`Machine::handle`], with the time since the first input; the simulator has no [`Instant`] to begin with.
    pub(crate) fn take(&mut self, now: Duration, input: Input) {
        if self.is_over() {
            return;
        }
        // Time never goes back, whatever a driver says.
        let before = self.port().now;
        self.port().now = now.max(before);
        match input {
            Input::Start { at, media } => self.begin(at, media),
            Input::Leg(tag, event) => self.port().deliver(tag, Reply::Leg(event)),
            Input::Http(tag, outcome) => self.port().deliver(tag, Reply::Http(outcome)),
            Input::Document(tag, program) => self.port().deliver(tag, Reply::Document(program)),
            Input::Codes(side, codes) => self.port().learn_codes(side, codes),
            Input::Merge { variable, value } => self.port().merge(&variable, value),
            Input::Timeout => {}
        }
        self.overlong();
        self.run();
    }

    /// The next thing to do, if any.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let mut port = self.port();
        let effect = port.effects.pop_front();
        if effect.is_none() {
            // Ten thousand calls that wait need no room for what they will do.
            port.effects = VecDeque::new();
            port.lanes.rest();
        }
        effect
    }

    /// When to call [`Machine::handle`] with [`Input::Timeout`], at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadline = self.deadline()?.saturating_sub(self.passed);
        self.origin?.checked_add(deadline)
    }

    /// As [`Machine::poll_timeout`], since the first input.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let port = self.port();
        let longest = self.longest().filter(|_| port.leg_is_up() && !matches!(self.at, At::Over));
        [port.lanes.deadline(), longest.map(|longest| port.began + longest)].into_iter().flatten().min()
    }

    /// Nodes entered so far; it changes when a [`snapshot`](Machine::snapshot) has another position.
    pub fn admitted(&self) -> u32 {
        self.port().admitted
    }

    /// The variables as they are now.
    pub fn variables(&self) -> serde_json::Map<String, serde_json::Value> {
        self.port().store.variables.clone()
    }

    /// Whether the run is over; effects may still be there to be taken.
    pub fn is_over(&self) -> bool {
        matches!(self.at, At::Over)
    }

    /// The node whose action runs.
    #[cfg(test)]
    fn at_node(&self) -> Option<crate::ir::NodeId> {
        match &self.at {
            At::Action(node, _) => *node,
            At::Waiting | At::Over => None,
        }
    }

    fn port(&self) -> MutexGuard<'_, Port> {
        self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&mut self, at: jiff::Timestamp, media: bool) {
        let Some(start) = self.start.take() else { return };
        let document = start.facts.flow_id.clone();
        {
            let mut port = self.port();
            port.begin(at, media);
            port.store.variables = start.variables;
        }
        self.enter_first(start.program, document);
    }
}
