//! Nodes that run beside an action: what is done while the caller is in a room, or talks to somebody.
//!
//! The action polls them where it waits, with [`Cx::wait_with`]; they have a lane of their own, and everything else in
//! common with it.

use std::{
    future::Future,
    ops::Range,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use super::{Cx, Event, Halt, Of, frame::Installation, port::Port};
use crate::{
    action,
    ir::{Hangup, Install, NodeId, Op, Outcome, Program, Side, Target},
};

/// How a run beside an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// It is used up; the action goes on.
    UsedUp,
    /// It leads on to where nothing is beside anything: the action is to end, and the engine knows where it goes on.
    Leads,
}

/// What a wait with something beside it came to.
#[derive(Debug)]
pub(crate) enum Waited {
    /// What the action itself waits for.
    Own(Event),
    /// The run beside it is over.
    Aside(Beside),
    /// A party of the conversation pressed a key.
    Pressed(Side, char),
}

/// A run beside an action; dropping it gives up what it is doing.
pub(crate) struct Aside {
    port: Arc<Mutex<Port>>,
    lane: usize,
    task: Pin<Box<dyn Future<Output = Result<Beside, Halt>> + Send>>,
}

impl Aside {
    /// Begins at `entry`, in the program of `cx`. The nodes outside of `within` are not run beside anything: whoever
    /// leads there ends the action.
    pub(crate) fn begin(cx: &Cx, entry: NodeId, within: Range<u32>) -> Aside {
        let lane = cx.port().lanes.open();
        let task = Box::pin(nodes(cx.at(entry), within));
        Aside { port: cx.shared(), lane, task }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Beside, Halt>> {
        let before = self.port.lock().unwrap_or_else(PoisonError::into_inner).lanes.switch(self.lane);
        let result = self.task.as_mut().poll(context);
        self.port.lock().unwrap_or_else(PoisonError::into_inner).lanes.switch(before);
        result
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let mut port = self.port.lock().unwrap_or_else(PoisonError::into_inner);
        for tag in port.lanes.close(self.lane) {
            // What records in the background goes on.
            if port.recordings.iter().all(|open| open.tag != tag) {
                port.stop(tag);
            }
        }
    }
}

impl Cx {
    /// As [`Cx::wait`], with `aside` having its turn whenever something came; it is taken out when it is over.
    pub(crate) async fn wait_with(
        &self,
        keys: Option<u64>,
        until: Option<std::time::Duration>,
        aside: &mut Option<Aside>,
    ) -> Result<Waited, Halt> {
        let entered = self.now();
        std::future::poll_fn(|context| {
            if let Some(Poll::Ready(result)) = aside.as_mut().map(|aside| aside.poll(context)) {
                *aside = None;
                return Poll::Ready(result.map(Waited::Aside));
            }
            let pressed = {
                let mut port = self.port();
                let first = port.lanes.is_first();
                port.talk.as_mut().filter(|_| first).and_then(|talk| talk.keys.pop_front())
            };
            match pressed {
                Some((by, key)) => Poll::Ready(Ok(Waited::Pressed(by, key))),
                None => self.poll_wait(entered, keys, until).map_ok(Waited::Own),
            }
        })
        .await
    }
}

/// Runs nodes until they lead nowhere or elsewhere.
async fn nodes(mut cx: Cx, within: Range<u32>) -> Result<Beside, Halt> {
    loop {
        if !within.contains(&cx.id().0) {
            cx.port().detour = Some(Target::Node(cx.id()));
            return Ok(Beside::Leads);
        }
        if left_for(&cx) {
            return Ok(Beside::Leads);
        }
        let Some(node) = cx.node().cloned() else { return Ok(Beside::UsedUp) };
        let admitted = {
            let program = cx.program();
            cx.port().admit(&program, &node)
        };
        let outcome = match admitted {
            Err(cause) => {
                let hangup = Hangup { status: 480, phrase: None, cause: cause.to_owned() };
                return action::hang_up(cx, hangup).await.map(|_| Beside::Leads);
            }
            Ok(Some(outcome)) => outcome,
            // Another party than the flow's own wants it: that one leaves, and the flow goes on as if it had hung up.
            Ok(None) if matches!(node.op, Op::Hangup(_)) && asked_by_peer(&cx) => return Ok(Beside::Leads),
            Ok(None) => match boxed(cx.at(cx.id())).await {
                Ok(outcome) => outcome,
                Err(Halt::Failed(cause)) => Outcome::Failed(cause),
                Err(Halt::Gone) => return Err(Halt::Gone),
            },
        };
        if cx.port().install.is_some() || cx.port().detour.is_some() {
            return Ok(Beside::Leads);
        }
        match node.edges.target(&outcome) {
            Target::Node(next) => cx = cx.at(next),
            Target::Return => return Ok(Beside::UsedUp),
            Target::Hangup => {
                cx.port().detour = Some(Target::Hangup);
                return Ok(Beside::Leads);
            }
        }
    }
}

/// Whether the other party of a conversation asked for what runs.
fn asked_by_peer(cx: &Cx) -> bool {
    cx.port().store.code.as_ref().is_some_and(|code| code.by == Side::Peer)
}

/// Whether the flow is to go on at this node, and nothing is beside anything any more.
fn left_for(cx: &Cx) -> bool {
    let program = cx.program();
    let leaves = program.metaflows.as_ref().is_some_and(|codes| codes.leaving.contains(&cx.id()));
    if leaves {
        let (name, base, is_phones) = {
            let port = cx.port();
            let is_phones = port.store.code.as_ref().is_some_and(|code| code.of != Of::Flow);
            (port.facts.flow_id.clone(), port.base().to_owned(), is_phones)
        };
        let mut left_for = Program { entry: Some(cx.id()), ..Program::clone(&program) };
        // A phone's codes are not the flow's.
        left_for.metaflows.take_if(|_| is_phones);
        let program = Arc::new(left_for);
        cx.install(Installation { program, name, base, install: Install::Replace });
    }
    leaves
}

/// An action inside of an action has to be of a known size.
fn boxed(cx: Cx) -> Pin<Box<dyn Future<Output = Result<Outcome, Halt>> + Send>> {
    Box::pin(action::run(cx))
}
