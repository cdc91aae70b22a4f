//! A conversation, and the star codes that its parties press meanwhile (Kazoo's metaflows).
//!
//! The nodes of a code run beside the conversation, one after the other, as coroutines within this one.
//! A conversation that ends takes them with it.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    action,
    engine::{Code, Cx, Halt, Installation, LegState},
    ir::{Install, Metaflows, NodeId, Op, Outcome, Program, Side, Target, print},
    leg::{LegEvent, Tag},
    pattern,
    trace::What,
};

/// A node's action, half-way.
type Task = Pin<Box<dyn Future<Output = Result<Outcome, Halt>> + Send>>;

/// Most digits of one code.
const MOST: usize = 100;

/// What happens in a conversation.
enum Happening {
    /// Something came for the dialling.
    Event(LegEvent),
    /// Somebody pressed a key.
    Key(Side, char),
    /// No further digit of this party's code came in time.
    Typed(Side),
    /// The node that runs beside is over.
    Done(Result<Outcome, Halt>),
}

/// The digits of a code so far, and until when the next one may come; `None` before the key that begins one.
#[derive(Default)]
struct Collector {
    typed: Option<(String, Duration)>,
}

/// A conversation with what goes on beside it.
struct Conversation<'a> {
    cx: &'a Cx,
    tag: Tag,
    /// The program with the star codes.
    program: Option<Arc<Program>>,
    own: Collector,
    peer: Collector,
    beside: Option<(NodeId, Task)>,
}

/// Waits until the conversation of the dialling `tag` is over, and does what star codes ask for.
pub(super) async fn run(cx: &Cx, tag: Tag) -> Result<(), Halt> {
    let program = cx.port().codes();
    cx.port().talk(tag);
    let (own, peer) = Default::default();
    let result = Conversation { cx, tag, program, own, peer, beside: None }.last().await;
    let mut port = cx.port();
    port.forget_beside(tag, true);
    port.talk = None;
    port.store.code = None;
    result
}

impl Conversation<'_> {
    async fn last(&mut self) -> Result<(), Halt> {
        loop {
            match poll_fn(|context| self.poll(context)).await? {
                Happening::Event(LegEvent::Dialled { .. } | LegEvent::Failed { .. }) => return Ok(()),
                Happening::Event(_) => {}
                Happening::Key(by, key) => self.key(by, key),
                Happening::Typed(by) => self.typed(by),
                Happening::Done(result) => self.done(result)?,
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Happening, Halt>> {
        {
            let mut port = self.cx.port();
            port.lanes.own().deadline = None;
            if port.leg == LegState::Gone {
                return Poll::Ready(Err(Halt::Gone));
            }
            if let Some(event) = port.talk.as_mut().and_then(|talk| talk.events.pop_front()) {
                return Poll::Ready(Ok(Happening::Event(event)));
            }
        }
        if let Some((_, task)) = &mut self.beside
            && let Poll::Ready(result) = task.as_mut().poll(context)
        {
            return Poll::Ready(Ok(Happening::Done(result)));
        }
        let mut port = self.cx.port();
        if let Some((by, key)) = port.talk.as_mut().and_then(|talk| talk.keys.pop_front()) {
            return Poll::Ready(Ok(Happening::Key(by, key)));
        }
        for (side, collector) in [(Side::Own, &self.own), (Side::Peer, &self.peer)] {
            let Some((_, until)) = &collector.typed else { continue };
            if *until <= port.now {
                return Poll::Ready(Ok(Happening::Typed(side)));
            }
            let deadline = &mut port.lanes.own().deadline;
            *deadline = Some(deadline.map_or(*until, |deadline| deadline.min(*until)));
        }
        Poll::Pending
    }

    fn codes(&self) -> Option<&Metaflows> {
        self.program.as_ref()?.metaflows.as_ref()
    }

    fn key(&mut self, by: Side, key: char) {
        let Some(codes) = self.codes() else { return };
        if codes.listen_on != Side::Both && codes.listen_on != by {
            return;
        }
        let (binding, until) = (codes.binding, self.cx.now() + codes.timeout);
        let collector = self.collector(by);
        match &mut collector.typed {
            Some((digits, deadline)) => {
                if digits.len() < MOST {
                    digits.push(key);
                }
                *deadline = until;
            }
            None if key == binding => collector.typed = Some((String::new(), until)),
            None => {}
        }
    }

    fn collector(&mut self, by: Side) -> &mut Collector {
        if by == Side::Peer { &mut self.peer } else { &mut self.own }
    }

    /// A code is complete: the number that it is, else the first pattern that is found in it.
    fn typed(&mut self, by: Side) {
        let Some((digits, _)) = self.collector(by).typed.take() else { return };
        let Some(codes) = self.codes() else { return };
        // The key that begins a code, alone, is a key for the other party.
        if digits.is_empty() {
            return;
        }
        let number = codes.numbers.iter().find(|(number, _)| *number == digits);
        let found = number.map(|(_, node)| (*node, Vec::new())).or_else(|| {
            codes.patterns.iter().find_map(|(pattern, node)| Some((*node, captures(pattern, &digits)?)))
        });
        self.cx.trace(What::Collected { digits: digits.clone() });
        let Some((node, captures)) = found else {
            return self.cx.note(format!("there is no star code {digits}"));
        };
        if self.beside.is_some() {
            return self.cx.note("another star code is still at work");
        }
        self.cx.port().store.code = Some(Code { digits, captures, by });
        self.enter(node);
    }

    fn enter(&mut self, id: NodeId) {
        let Some(program) = self.program.clone() else { return self.beside_over() };
        if self.codes().is_some_and(|codes| codes.leaving.contains(&id)) {
            let name = self.cx.port().facts.flow_id.clone();
            let program = Arc::new(Program { entry: Some(id), ..Program::clone(&program) });
            let base = self.cx.port().base().to_owned();
            self.cx.install(Installation { program, name, base, install: Install::Replace });
            return self.leave();
        }
        let Some(node) = program.node(id) else { return self.beside_over() };
        let mut port = self.cx.port();
        port.nodes += 1;
        if port.nodes > port.settings.budget {
            port.note("the star code runs in a circle");
            drop(port);
            return self.beside_over();
        }
        port.trace(What::Node { pointer: node.source.to_string(), op: print::op(&node.op) });
        let by_peer = port.store.code.as_ref().is_some_and(|code| code.by == Side::Peer);
        drop(port);
        if matches!(node.op, Op::Hangup(_)) && by_peer {
            // The one who asked for it leaves, and the flow goes on as if it had hung up by itself.
            return self.leave();
        }
        if let Some(talk) = &mut self.cx.port().talk {
            talk.busy = true;
        }
        self.beside = Some((id, begin(self.cx.beside(program, id))));
    }

    fn done(&mut self, result: Result<Outcome, Halt>) -> Result<(), Halt> {
        let node = self.beside.take().map(|(node, _)| node);
        let outcome = match result {
            Err(Halt::Gone) => return Err(Halt::Gone),
            Err(Halt::Failed(cause)) => Outcome::Failed(cause),
            Ok(outcome) => outcome,
        };
        self.cx.port().forget_beside(self.tag, false);
        if self.cx.port().install.is_some() {
            self.leave();
            return Ok(());
        }
        let edges = node.and_then(|node| Some(&self.program.as_ref()?.node(node)?.edges));
        match edges.map(|edges| edges.target(&outcome)) {
            Some(Target::Node(next)) => self.enter(next),
            _ => self.beside_over(),
        }
        Ok(())
    }

    /// The code has done its work.
    fn beside_over(&mut self) {
        self.beside = None;
        let mut port = self.cx.port();
        port.store.code = None;
        if let Some(talk) = &mut port.talk {
            talk.busy = false;
        }
    }

    /// Ends the conversation; its last event follows.
    fn leave(&mut self) {
        self.beside_over();
        self.cx.port().stop(self.tag);
    }
}

/// A function of its own, so that the coroutine within the coroutine has a type that can be named.
fn begin(cx: Cx) -> Task {
    Box::pin(action::run(cx))
}

/// What the groups of `pattern` find in `digits`; the whole match for one without groups, `None` for no match.
fn captures(pattern: &str, digits: &str) -> Option<Vec<String>> {
    let found = pattern::compile(pattern).ok()?;
    let found = found.captures(digits)?;
    let groups = found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str()).to_owned());
    let groups: Vec<String> = groups.collect();
    match groups.is_empty() {
        true => Some(found.get(0).map(|whole| whole.as_str().to_owned()).into_iter().collect()),
        false => Some(groups),
    }
}
