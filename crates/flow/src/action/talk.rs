//! A conversation, and the star codes that its parties press meanwhile (Kazoo's metaflows).
//!
//! The nodes of a code run beside the conversation ([`Aside`]), and a conversation that ends takes them with it.
//! One code is at work at a time; only those that break off what is heard, or end a hold, are obeyed meanwhile, and end it.

use std::{sync::Arc, time::Duration};

use crate::{
    engine::{Aside, Beside, Code, Cx, Event, Halt, Reply, Waited},
    ir::{Feature, Holding, Metaflows, NodeId, Op, Program, Side},
    leg::{LegEvent, Tag},
    pattern,
    trace::What,
};

/// Most digits of one code.
const MOST: usize = 100;

/// The code that a party is typing; `None` before the key that begins one.
#[derive(Default)]
struct Collector {
    typed: Option<Typed>,
}

/// The digits of a code so far.
struct Typed {
    digits: String,
    /// Until when the next one may come.
    until: Duration,
    /// It was begun while another code was at work.
    meanwhile: bool,
}

/// A conversation with what goes on beside it.
struct Conversation<'a> {
    cx: &'a Cx,
    tag: Tag,
    /// The program with the star codes.
    program: Option<Arc<Program>>,
    own: Collector,
    peer: Collector,
    beside: Option<Aside>,
}

/// Waits until the conversation is over that was begun with `tag`, and does what star codes ask for. What ended it.
pub(super) async fn run(cx: &Cx, tag: Tag) -> Result<LegEvent, Halt> {
    let program = cx.port().codes();
    cx.port().talk = Some(Default::default());
    let (own, peer) = Default::default();
    let result = Conversation { cx, tag, program, own, peer, beside: None }.last().await;
    let mut port = cx.port();
    port.talk = None;
    port.store.code = None;
    result
}

impl Conversation<'_> {
    async fn last(&mut self) -> Result<LegEvent, Halt> {
        loop {
            let until =
                [&self.own, &self.peer].into_iter().filter_map(|one| Some(one.typed.as_ref()?.until)).min();
            match self.cx.wait_with(None, until, &mut self.beside).await? {
                Waited::Own(Event::Reply(
                    of,
                    Reply::Leg(
                        last @ (LegEvent::Dialled { .. }
                        | LegEvent::Finished { .. }
                        | LegEvent::Failed { .. }),
                    ),
                )) if of == self.tag => {
                    return Ok(last);
                }
                Waited::Own(Event::Timer) => self.late(),
                Waited::Own(Event::Reply(..) | Event::Key(_)) => {}
                Waited::Pressed(by, key) => self.key(by, key),
                Waited::Aside(Beside::UsedUp) => self.beside_over(),
                Waited::Aside(Beside::Leads) => {
                    self.beside_over();
                    self.cx.port().stop(self.tag);
                }
            }
        }
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
        let meanwhile = self.beside.is_some();
        let collector = self.collector(by);
        match &mut collector.typed {
            Some(typed) => {
                if typed.digits.len() < MOST {
                    typed.digits.push(key);
                }
                typed.until = until;
            }
            None if key == binding => {
                collector.typed = Some(Typed { digits: String::new(), until, meanwhile });
            }
            None => {}
        }
    }

    fn collector(&mut self, by: Side) -> &mut Collector {
        if by == Side::Peer { &mut self.peer } else { &mut self.own }
    }

    /// No further digit came in time, of one party or of both.
    fn late(&mut self) {
        let now = self.cx.now();
        for by in [Side::Own, Side::Peer] {
            if self.collector(by).typed.as_ref().is_some_and(|typed| typed.until <= now) {
                self.typed(by);
            }
        }
    }

    /// A code is complete: the number that it is, else the first pattern that is found in it.
    fn typed(&mut self, by: Side) {
        let Some(Typed { digits, .. }) = self.collector(by).typed.take() else { return };
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
            if !self.ends(node) {
                return self.cx.note("another star code is still at work");
            }
            self.beside_over();
        }
        self.cx.port().store.code = Some(Code { digits, captures, by });
        self.enter(node);
    }

    /// Whether a code that begins at this node ends the one that is at work: to break off, or to hold no more.
    fn ends(&self, node: NodeId) -> bool {
        let node = self.program.as_ref().and_then(|program| program.node(node));
        node.is_some_and(|node| match &node.op {
            Op::Feature(feature) => match &**feature {
                Feature::Break(_) => true,
                Feature::Hold(hold) => hold.how != Holding::Hold,
                _ => false,
            },
            _ => false,
        })
    }

    fn enter(&mut self, id: NodeId) {
        let Some(program) = self.program.clone() else { return };
        let nodes = u32::try_from(program.nodes.len()).unwrap_or(u32::MAX);
        if let Some(talk) = &mut self.cx.port().talk {
            talk.busy = true;
        }
        self.beside = Some(Aside::begin(&self.cx.beside(program, id), id, 0..nodes));
    }

    /// The code has done its work.
    fn beside_over(&mut self) {
        self.beside = None;
        // Keys of the code itself, such as those that take a transfer back, begin no other.
        for collector in [&mut self.own, &mut self.peer] {
            collector.typed.take_if(|typed| typed.meanwhile);
        }
        let mut port = self.cx.port();
        port.store.code = None;
        if let Some(talk) = &mut port.talk {
            talk.busy = false;
        }
    }
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
