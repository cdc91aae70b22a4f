//! What an action may ask for.
//!
//! An action is a coroutine that its machine polls by hand whenever an input came; every `await` in it ends in
//! [`Cx::wait`], which is where a call that is gone comes to light.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use serde_json::Value;

use super::{
    Effect, HttpRequest,
    frame::Installation,
    port::{KEYS, LegState, Port, Pressed, Reply},
};
use crate::{
    eval,
    ir::{Cause, Edges, Expr, Node, NodeId, Op, Program, Template},
    leg::{LegCommand, LegEvent, Tag},
    trace::What,
};

/// A round to a server counts as so many nodes of the budget, so that a server that keeps a call in a circle without
/// ever letting it hear anything is asked fifty times and not a thousand.
const ROUND: u32 = 20;

/// Why an action ends before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The leg is gone; nothing may be asked of it any more.
    Gone,
    /// It cannot do its work.
    Failed(Cause),
}

/// What ended a wait.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A key that the wait asked for; it stays among the typed-ahead keys until it is taken.
    Key(Pressed),
    /// Something came for a tag of this action.
    Reply(Tag, Reply),
    /// The time is up.
    Timer,
}

/// An action's view of its call.
pub(crate) struct Cx {
    port: Arc<Mutex<Port>>,
    program: Arc<Program>,
    id: NodeId,
}

impl Cx {
    pub(crate) fn new(port: Arc<Mutex<Port>>, program: Arc<Program>, id: NodeId) -> Cx {
        Cx { port, program, id }
    }

    /// The same call's view of another node, which runs beside this one.
    pub(crate) fn beside(&self, program: Arc<Program>, id: NodeId) -> Cx {
        Cx { port: self.port.clone(), program, id }
    }

    /// The same call at another node of the same program.
    pub(super) fn at(&self, id: NodeId) -> Cx {
        Cx { port: self.port.clone(), program: self.program.clone(), id }
    }

    /// The call's state, to be kept.
    pub(super) fn shared(&self) -> Arc<Mutex<Port>> {
        self.port.clone()
    }

    /// The program that runs.
    pub(super) fn program(&self) -> Arc<Program> {
        self.program.clone()
    }

    /// The node that runs.
    pub(crate) fn node(&self) -> Option<&Node> {
        self.program.node(self.id)
    }

    /// Its place in its program.
    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    /// Where its outcomes lead.
    pub(crate) fn edges(&self) -> Option<&Edges> {
        self.node().map(|node| &node.edges)
    }

    /// Its operation.
    pub(crate) fn op(&self) -> &Op {
        self.node().map_or(&Op::Noop, |node| &node.op)
    }

    /// The call's state, for as long as the guard lives; never across an `await`.
    pub(crate) fn port(&self) -> MutexGuard<'_, Port> {
        self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, since the machine's first input.
    pub(crate) fn now(&self) -> Duration {
        self.port().now
    }

    /// Asks the leg for something; what comes of it is an [`Event::Reply`] with the tag.
    pub(crate) fn command(&self, command: LegCommand) -> Tag {
        self.port().command(command)
    }

    /// Adds a remark to the timeline.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.port().note(text);
    }

    /// Adds a line to the timeline.
    pub(crate) fn trace(&self, what: What) {
        self.port().trace(what);
    }

    /// The value of an expression; `None` for undefined.
    pub(crate) fn eval(&self, expr: &Expr) -> Option<Value> {
        eval::eval(&*self.port(), expr)
    }

    /// A template's text.
    pub(crate) fn text(&self, template: &Template) -> String {
        eval::template(&*self.port(), template)
    }

    /// A template's text as an address.
    pub(crate) fn address(&self, template: &Template) -> String {
        eval::escaped(&*self.port(), template, eval::Place::Address)
    }

    /// Lets the engine enter another program when this action is over.
    pub(crate) fn install(&self, installation: Installation) {
        self.port().install = Some(Box::new(installation));
    }

    /// Waits for a key pressed after `keys` (the serial number of the last one that is of no interest; `None` for no
    /// keys at all), for what comes for this action's tags, or until a time.
    pub(crate) async fn wait(&self, keys: Option<u64>, until: Option<Duration>) -> Result<Event, Halt> {
        let entered = self.now();
        std::future::poll_fn(|_| self.poll_wait(entered, keys, until)).await
    }

    /// Whether there is what a wait that began at `entered` waits for.
    pub(super) fn poll_wait(
        &self,
        entered: Duration,
        keys: Option<u64>,
        until: Option<Duration>,
    ) -> Poll<Result<Event, Halt>> {
        let mut port = self.port();
        port.lanes.own().deadline = None;
        if port.leg == LegState::Gone && !port.after {
            return Poll::Ready(Err(Halt::Gone));
        }
        let until = match port.after_call_limit() {
            Some(limit) => Some(until.map_or(limit, |until| until.min(limit))),
            None => until,
        };
        let key = keys.and_then(|after| port.keys.iter().find(|key| key.serial > after).copied());
        let event = if let Some((tag, reply)) = port.lanes.own().inbox.pop_front() {
            Event::Reply(tag, reply)
        } else if let Some(key) = key {
            Event::Key(key)
        } else if until.is_some_and(|until| until <= port.now) {
            if port.after_call_limit().is_some_and(|limit| limit <= port.now) {
                port.note("what the flow does after the call takes too long");
                return Poll::Ready(Err(Halt::Gone));
            }
            Event::Timer
        } else {
            port.lanes.own().deadline = until;
            return Poll::Pending;
        };
        if !port.after && is_progress(&event) {
            // A thousand nodes a second at most, however short the pauses are that a flow makes between them.
            let passed = port.now.saturating_sub(entered).as_millis();
            port.nodes = port.nodes.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
        }
        Poll::Ready(Ok(event))
    }

    /// Waits for what comes for `tag`; `None` if nothing came in time. Other tags' replies are dropped.
    pub(crate) async fn reply(&self, tag: Tag, until: Option<Duration>) -> Result<Option<Reply>, Halt> {
        loop {
            match self.wait(None, until).await? {
                Event::Reply(of, reply) if of == tag => return Ok(Some(reply)),
                Event::Timer => return Ok(None),
                Event::Reply(..) | Event::Key(_) => {}
            }
        }
    }

    /// Answers the call if it is not answered yet.
    pub(crate) async fn answer(&self) -> Result<(), Halt> {
        if self.port().leg == LegState::Answered {
            return Ok(());
        }
        let tag = self.command(LegCommand::Answer);
        match self.reply(tag, None).await? {
            Some(Reply::Leg(LegEvent::Failed { cause, .. })) => Err(Halt::Failed(cause)),
            _ => {
                let mut port = self.port();
                // The call may have ended in the same moment; the next wait tells.
                if port.leg == LegState::Ringing {
                    port.leg = LegState::Answered;
                }
                Ok(())
            }
        }
    }

    /// Takes a key off the typed-ahead keys.
    pub(crate) fn take(&self, key: Pressed) {
        let mut port = self.port();
        port.keys.retain(|kept| kept.serial != key.serial);
        if port.taken.len() < KEYS {
            port.taken.push(key);
        }
    }

    /// The serial number of the last key that was pressed.
    pub(crate) fn last_key(&self) -> u64 {
        self.port().key_serial
    }

    /// Sends a request; [`reply_of`](Self::reply_of) waits for its reply. Apart, so that nobody who waits keeps it.
    pub(crate) fn send(&self, request: HttpRequest) -> Sent {
        let wait = request.wait;
        // The driver keeps the limit; a second more, so that the flow goes on even if the driver does not.
        let limit =
            request.timeout.saturating_mul(request.retries.saturating_add(1)) + Duration::from_secs(1);
        let mut port = self.port();
        let tag = port.request(request);
        port.nodes += ROUND;
        drop(port);
        Sent { tag, until: wait.then(|| self.now() + limit) }
    }

    /// The reply of a request that waits for one. No reply, in whatever way, is `None`.
    pub(crate) async fn reply_of(&self, Sent { tag, until }: Sent) -> Result<Option<super::HttpReply>, Halt> {
        let Some(until) = until else { return Ok(None) };
        match self.reply(tag, Some(until)).await? {
            Some(Reply::Http(Ok(reply))) => Ok(Some(reply)),
            Some(_) => Ok(None),
            None => {
                let failure = super::HttpFailure { why: "no reply in time".into(), timeout: true };
                self.port().deliver(tag, Reply::Http(Err(failure)));
                Ok(None)
            }
        }
    }

    /// Looks up a document of the store.
    pub(crate) async fn document(&self, id: &str) -> Result<Option<Arc<Program>>, Halt> {
        let tag = {
            let mut port = self.port();
            let tag = port.tag();
            port.effects.push_back(Effect::Document(tag, id.to_owned()));
            tag
        };
        // The store is memory or a local database: five seconds without an answer is none.
        let until = self.now() + Duration::from_secs(5);
        Ok(match self.reply(tag, Some(until)).await? {
            Some(Reply::Document(program)) => program,
            _ => None,
        })
    }
}

/// A request on its way, and until when its reply is waited for; `None` if it is not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    tag: Tag,
    until: Option<Duration>,
}

/// Whether an event shows that the call goes on, so that the nodes before it need not count against the budget.
/// Replies of servers and failures do not: a loop that only makes them must come to its end.
fn is_progress(event: &Event) -> bool {
    !matches!(
        event,
        Event::Reply(_, Reply::Http(_) | Reply::Document(_) | Reply::Leg(LegEvent::Failed { .. }))
    )
}
