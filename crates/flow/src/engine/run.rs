//! The node loop: enter a node, run its action, follow the edge of its outcome.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{Cx, Effect, End, Frame, Halt, Installation, LegState, Machine};
use crate::{
    action,
    ir::{Hangup, Install, Lacking, NodeId, Outcome, Program, Target, print},
    lower::Dialect,
    trace::What,
};

/// A node's action, half-way.
type Task = Pin<Box<dyn Future<Output = Result<Outcome, Halt>> + Send>>;

/// Where a machine is.
pub(super) enum At {
    /// Before the call.
    Waiting,
    /// In the action of a node; `None` for one that stands in no document, the final hang-up.
    Action(Option<NodeId>, Task),
    /// At its end.
    Over,
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Waiting => f.write_str("Waiting"),
            At::Action(node, _) => write!(f, "Action({node:?})"),
            At::Over => f.write_str("Over"),
        }
    }
}

/// What a program leaves behind for when it is used up; a program that replaces it without having its own inherits it.
#[derive(Default)]
pub(super) struct Home {
    pub(super) on_end: Option<(Arc<Program>, NodeId)>,
    pub(super) on_gone: Option<(Arc<Program>, NodeId)>,
    pub(super) longest: Option<Duration>,
}

impl Home {
    fn learn(&mut self, program: &Arc<Program>) {
        if let Some(node) = program.on_end {
            self.on_end = Some((program.clone(), node));
        }
        if let Some(node) = program.on_gone {
            self.on_gone = Some((program.clone(), node));
        }
        self.longest = program.longest.or(self.longest);
    }
}

/// What to do next.
enum Step {
    Follow(Target),
    /// Enter this node, which is in the top frame.
    Enter(NodeId),
    /// Hang up for this reason.
    Hangup(&'static str),
    /// The leg is gone: what is left to do without it.
    AfterCall,
    Stay(At),
}

/// Flows that may follow each other, each when the one before is complete; VoIPBIN's own limit.
const CHAIN: u32 = 5;

impl Machine {
    /// The longest call that the first program, or one that took its place, allows.
    pub(super) fn longest(&self) -> Option<Duration> {
        self.home.longest
    }

    /// Ends a call that lasts too long.
    pub(super) fn overlong(&mut self) {
        let Some(longest) = self.longest() else { return };
        {
            let mut port = self.port();
            if !port.leg_is_up() || port.elapsed() < longest {
                return;
            }
            port.note(format!("a call may last {}", print::time(longest)));
            port.interrupt = Some(Hangup { status: 480, phrase: None, cause: "timeout".to_owned() });
        }
        // Said once: hanging up takes a moment while recordings are closed.
        self.home.longest = None;
    }

    /// Polls the running action, and those after it, until one waits.
    pub(super) fn run(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            self.interrupted();
            let gone = self.port().leg == LegState::Gone;
            let step = match &mut self.at {
                At::Over => return,
                // Cancelled before it began.
                At::Waiting if gone => Step::AfterCall,
                At::Waiting => return,
                At::Action(node, task) => match task.as_mut().poll(&mut context) {
                    Poll::Pending => return,
                    Poll::Ready(result) => {
                        let node = *node;
                        self.done(node, result)
                    }
                },
            };
            self.at = self.settle(step);
        }
    }

    /// Whatever runs gives way to the end of the call.
    fn interrupted(&mut self) {
        let mut port = self.port();
        let Some(hangup) = port.interrupt.take().filter(|_| port.leg_is_up()) else { return };
        let Some(program) = port.frames.last().map(|frame| frame.program.clone()) else { return };
        port.forget();
        drop(port);
        let cx = Cx::new(self.port.clone(), program, NodeId(u32::MAX));
        self.at = At::Action(None, Box::pin(action::hang_up(cx, hangup)));
    }

    /// The first program of the call.
    pub(super) fn enter_first(&mut self, program: Arc<Program>, name: String) {
        let step = self.install(
            Installation { program, name, base: String::new(), install: Install::Replace },
            Target::Hangup,
        );
        let preflow = self.port().facts.preflow.clone();
        let step = match (preflow, step) {
            (Some(id), Step::Enter(entry)) => {
                let program = self.port().frames.last().map(|frame| frame.program.clone());
                let cx = Cx::new(self.port.clone(), program.unwrap_or_else(|| Arc::new(nothing())), entry);
                Step::Stay(At::Action(Some(entry), Box::pin(action::before(cx, id))))
            }
            (_, step) => step,
        };
        self.at = self.settle(step);
    }

    /// Enters a node of a run that begins again.
    pub(super) fn enter_again(&mut self, node: NodeId) {
        self.at = self.settle(Step::Enter(node));
        self.run();
    }

    fn settle(&mut self, mut step: Step) -> At {
        loop {
            step = match step {
                Step::Stay(at) => return at,
                Step::Follow(target) => self.follow(target),
                Step::Enter(node) => self.enter(node),
                Step::Hangup(cause) => self.hang_up(cause),
                Step::AfterCall => self.after_call(),
            };
        }
    }

    /// An action is over.
    fn done(&mut self, node: Option<NodeId>, result: Result<Outcome, Halt>) -> Step {
        let mut port = self.port();
        port.forget();
        let (installation, detour) = (port.install.take(), port.detour.take());
        let gone = port.leg == LegState::Gone && !port.after;
        let edges = node.and_then(|id| port.frames.last()?.program.node(id)).map(|node| node.edges.clone());
        drop(port);
        let outcome = match result {
            Err(Halt::Gone) => return Step::AfterCall,
            _ if gone => return Step::AfterCall,
            Err(Halt::Failed(cause)) => Outcome::Failed(cause),
            Ok(outcome) => outcome,
        };
        let target = detour.or_else(|| edges.map(|edges| edges.target(&outcome))).unwrap_or(Target::Hangup);
        match installation {
            Some(installation) => self.install(*installation, target),
            None => Step::Follow(target),
        }
    }

    fn follow(&mut self, mut target: Target) -> Step {
        loop {
            match target {
                Target::Node(id) => return Step::Enter(id),
                Target::Hangup => return Step::Hangup("normal"),
                Target::Return => {
                    let mut port = self.port();
                    port.frames.pop();
                    match port.frames.last() {
                        Some(below) => target = below.resume,
                        None => {
                            drop(port);
                            return self.used_up();
                        }
                    }
                }
            }
        }
    }

    /// The return stack is empty.
    fn used_up(&mut self) -> Step {
        match &self.home.on_end {
            Some((program, node)) if self.port().leg_is_up() => {
                let (program, node) = (program.clone(), *node);
                self.port().frames = vec![Frame::new(program)];
                Step::Enter(node)
            }
            _ => Step::Hangup("normal"),
        }
    }

    fn install(&mut self, installation: Installation, resume: Target) -> Step {
        let Installation { program, name, base, install } = installation;
        if install == Install::Replace {
            self.home.learn(&program);
        }
        let asks = self.home.on_end.is_some();
        let mut port = self.port();
        if install == Install::Replace && program.metaflows.is_some() {
            port.star_codes.last = Some(program.clone());
        }
        port.asks = asks;
        port.learn(&program, &name, &base);
        port.trace(What::Flow { dialect: dialect_name(program.dialect).into(), document: name });
        match install {
            Install::Replace => port.frames.clear(),
            Install::Push => {
                let most = program.stack_limit.map_or(port.settings.frames, |limit| limit as usize);
                if port.frames.len() >= most {
                    let depth = port.frames.len();
                    port.note(format!("the flow calls itself {depth} times over"));
                    return Step::Hangup("frames");
                }
                if let Some(caller) = port.frames.last_mut() {
                    caller.resume = resume;
                }
            }
        }
        let Some(entry) = program.entry else {
            port.note("nothing to do in this document");
            return match install {
                Install::Replace => Step::Hangup("normal"),
                Install::Push => Step::Follow(resume),
            };
        };
        if port.frames.capacity() == 0 {
            port.frames.reserve_exact(1);
        }
        port.frames.push(Frame { base, ..Frame::new(program) });
        Step::Enter(entry)
    }

    fn enter(&mut self, id: NodeId) -> Step {
        let mut port = self.port();
        let Some(program) = port.frames.last().map(|frame| frame.program.clone()) else {
            return Step::Hangup("normal");
        };
        let Some(node) = program.node(id) else {
            port.note("an edge leads nowhere");
            return Step::Hangup("failed");
        };
        match port.admit(&program, node) {
            Err(cause) => return Step::Hangup(cause),
            Ok(Some(outcome)) => return Step::Follow(node.edges.target(&outcome)),
            Ok(None) => {}
        }
        drop(port);
        let cx = Cx::new(self.port.clone(), program.clone(), id);
        Step::Stay(At::Action(Some(id), Box::pin(action::run(cx))))
    }

    /// Ends the call from here; the action does what has to be done before the BYE.
    fn hang_up(&mut self, cause: &'static str) -> Step {
        let mut port = self.port();
        if port.leg_is_up() {
            let program =
                port.frames.last().map_or_else(|| Arc::new(nothing()), |frame| frame.program.clone());
            drop(port);
            let cx = Cx::new(self.port.clone(), program, NodeId(u32::MAX));
            // 480: the flow ended without having answered.
            let hangup = Hangup { status: 480, phrase: None, cause: cause.to_owned() };
            return Step::Stay(At::Action(None, Box::pin(action::hang_up(cx, hangup))));
        }
        if port.end.is_none() {
            port.close(End { cause: cause.to_owned(), by: "flow".to_owned() });
            drop(port);
            return Step::AfterCall;
        }
        if port.after {
            return Step::AfterCall;
        }
        drop(port);
        self.finish()
    }

    fn after_call(&mut self) -> Step {
        // Each time once: a flow that runs then may have one of its own.
        let on_gone = self.home.on_gone.take();
        let mut port = self.port();
        if port.after && (on_gone.is_none() || port.completed + 1 >= CHAIN) {
            if on_gone.is_some() {
                port.note(format!("{CHAIN} flows after each other, and no more are allowed"));
            }
            drop(port);
            return self.finish();
        }
        if port.end.is_none() {
            port.close(End { cause: "normal".to_owned(), by: "flow".to_owned() });
        }
        port.after = true;
        port.nodes = 0;
        match on_gone {
            Some((program, node)) => {
                port.completed += 1;
                port.frames = vec![Frame::new(program)];
                port.entered = 0;
                Step::Enter(node)
            }
            None => {
                drop(port);
                self.finish()
            }
        }
    }

    fn finish(&mut self) -> Step {
        let mut port = self.port();
        port.frames.clear();
        port.forget();
        let end = port.end.clone().unwrap_or_else(|| End { cause: "normal".into(), by: "flow".into() });
        port.effects.push_back(Effect::Ended(end));
        Step::Stay(At::Over)
    }
}

/// A program to hang up in when there is no other.
fn nothing() -> Program {
    Program {
        dialect: Dialect::Kazoo,
        nodes: Vec::new(),
        entry: None,
        on_end: None,
        on_gone: None,
        lacking: Lacking::Fail,
        names: Default::default(),
        node_limit: None,
        stack_limit: None,
        longest: None,
        metaflows: None,
    }
}

fn dialect_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Kazoo => "kazoo",
        Dialect::Callroute => "callroute",
        Dialect::Voipbin => "voipbin",
        Dialect::Voxology => "voxology",
        Dialect::Own => "offhook",
    }
}
