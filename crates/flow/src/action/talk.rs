//! A conversation, and the star codes that its parties press meanwhile (Kazoo's metaflows).
//!
//! The flow has some, and each party's phone may have its own; a code that several have is the flow's, else that of the
//! phone it was pressed on, else the other phone's, whichever has the shorter time: one that is typed waits while what has
//! been pressed may still become one that goes before it.
//! The nodes of a code run beside the conversation ([`Aside`]), and a conversation that ends takes them with it.
//! One code is at work at a time; only those that break off what is heard, or end a hold, are obeyed meanwhile, and end it.

use std::{sync::Arc, time::Duration};

use crate::{
    engine::{Aside, Beside, Code, Cx, Event, Halt, Of, Reply, Waited},
    ir::{Feature, Holding, NodeId, Op, Program, Side},
    leg::{LegEvent, Tag},
    pattern,
    trace::What,
};

/// Most digits of one code.
const MOST: usize = 100;

/// A code that a party is typing, as one of those hears it who have codes.
struct Typed {
    of: Of,
    by: Side,
    /// Without the key that began it.
    digits: String,
    /// Until when the next one may come; later ones are none of this code's.
    until: Duration,
    /// It was begun while another code was at work.
    meanwhile: bool,
}

/// A conversation with what goes on beside it.
struct Conversation<'a> {
    cx: &'a Cx,
    tag: Tag,
    /// The program with the flow's star codes.
    program: Option<Arc<Program>>,
    typed: Vec<Typed>,
    beside: Option<Aside>,
}

/// Waits until the conversation is over that was begun with `tag`, and does what star codes ask for. What ended it.
pub(super) async fn run(cx: &Cx, tag: Tag) -> Result<LegEvent, Halt> {
    let program = cx.port().codes();
    cx.port().talk = Some(Default::default());
    let result = Conversation { cx, tag, program, typed: Vec::new(), beside: None }.last().await;
    let mut port = cx.port();
    port.talk = None;
    port.store.code = None;
    result
}

impl Conversation<'_> {
    async fn last(&mut self) -> Result<LegEvent, Halt> {
        loop {
            let until = self.typed.iter().map(|typed| self.due(typed)).min();
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
                Waited::Pressed(by, key) => {
                    self.late();
                    self.key(by, key);
                }
                Waited::Aside(Beside::UsedUp) => self.beside_over(),
                Waited::Aside(Beside::Leads) => {
                    self.beside_over();
                    self.cx.port().stop(self.tag);
                }
            }
        }
    }

    /// The program with these star codes for a code that `by` pressed.
    fn codes(&self, of: Of, by: Side) -> Option<Arc<Program>> {
        match of {
            Of::Flow => self.program.clone(),
            Of::Phone => self.cx.port().phone_codes(by),
            Of::OtherPhone => self.cx.port().phone_codes(other(by)),
        }
    }

    fn key(&mut self, by: Side, key: char) {
        let (now, meanwhile) = (self.cx.now(), self.beside.is_some());
        for of in [Of::Flow, Of::Phone, Of::OtherPhone] {
            let Some(program) = self.codes(of, by) else { continue };
            let Some(codes) = &program.metaflows else { continue };
            // Of a phone's codes `self` is the one who has the phone.
            let listens = match of {
                Of::Flow => codes.listen_on == by,
                Of::Phone => codes.listen_on == Side::Own,
                Of::OtherPhone => codes.listen_on == Side::Peer,
            };
            if !listens && codes.listen_on != Side::Both {
                continue;
            }
            let until = now + codes.timeout;
            match self.typed.iter_mut().find(|typed| (typed.of, typed.by) == (of, by)) {
                Some(typed) if typed.until > now => {
                    if typed.digits.len() < MOST {
                        typed.digits.push(key);
                    }
                    typed.until = until;
                }
                Some(_) => {}
                None if key == codes.binding => {
                    self.typed.push(Typed { of, by, digits: String::new(), until, meanwhile });
                }
                None => {}
            }
        }
    }

    /// When a code is to be looked up: after its own time, and after that of those which go before it if what was pressed
    /// may be one of theirs.
    fn due(&self, typed: &Typed) -> Duration {
        let before = self.typed.iter().filter(|other| other.by == typed.by && other.of < typed.of);
        let before = before.filter(|other| !typed.digits.is_empty() && self.may_be(other));
        before.map(|other| other.until).fold(typed.until, Duration::max)
    }

    /// Whether there is a code that begins with what was typed; any may be found by a pattern.
    fn may_be(&self, typed: &Typed) -> bool {
        let program = self.codes(typed.of, typed.by);
        program.as_ref().and_then(|program| program.metaflows.as_ref()).is_some_and(|codes| {
            let mut numbers = codes.numbers.iter();
            !codes.patterns.is_empty() || numbers.any(|(number, _)| number.starts_with(&typed.digits))
        })
    }

    /// No further digit came in time, of one party or of both.
    fn late(&mut self) {
        let now = self.cx.now();
        while let Some(at) = {
            let due = self.typed.iter().enumerate().filter(|(_, typed)| self.due(typed) <= now);
            due.min_by_key(|(_, typed)| typed.of).map(|(at, _)| at)
        } {
            let typed = self.typed.swap_remove(at);
            self.typed(typed);
        }
    }

    /// A code is complete: the number that it is, else the first pattern that is found in it.
    fn typed(&mut self, typed: Typed) {
        let Typed { of, by, digits, .. } = typed;
        let Some(program) = self.codes(of, by) else { return };
        let Some(codes) = &program.metaflows else { return };
        // The key that begins a code, alone, is a key for the other party.
        if digits.is_empty() {
            return;
        }
        let number = codes.numbers.iter().find(|(number, _)| *number == digits);
        let found = number.map(|(_, node)| (*node, Vec::new())).or_else(|| {
            codes.patterns.iter().find_map(|(pattern, node)| Some((*node, captures(pattern, &digits)?)))
        });
        if found.is_none() && self.typed.iter().any(|typed| typed.by == by) {
            return;
        }
        self.typed.retain(|typed| typed.by != by);
        self.cx.trace(What::Collected { digits: digits.clone() });
        let Some((node, captures)) = found else {
            return self.cx.note(format!("there is no star code {digits}"));
        };
        if self.beside.is_some() {
            if !ends(&program, node) {
                return self.cx.note("another star code is still at work");
            }
            self.beside_over();
        }
        self.cx.port().store.code = Some(Code { digits, captures, by, of });
        self.enter(program, node);
    }

    fn enter(&mut self, program: Arc<Program>, id: NodeId) {
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
        self.typed.retain(|typed| !typed.meanwhile);
        let mut port = self.cx.port();
        port.store.code = None;
        if let Some(talk) = &mut port.talk {
            talk.busy = false;
        }
    }
}

/// The other party.
fn other(side: Side) -> Side {
    if side == Side::Peer { Side::Own } else { Side::Peer }
}

/// Whether a code that begins at this node ends the one that is at work: to break off, or to hold no more.
fn ends(program: &Program, node: NodeId) -> bool {
    program.node(node).is_some_and(|node| match &node.op {
        Op::Feature(feature) => match &**feature {
            Feature::Break(_) => true,
            Feature::Hold(hold) => hold.how != Holding::Hold,
            _ => false,
        },
        _ => false,
    })
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
