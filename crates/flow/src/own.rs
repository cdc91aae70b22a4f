//! Programs that no document says: what a number means by itself.

use std::time::Duration;

use crate::ir::{
    Barge, Callee, Conference, Dial, Edges, Feature, Hangup, Item, Lacking, Op, Outcome, Park, Parking, Play,
    Pointer, Program, Repeat, Slot, SpeechItem, Target, Template,
};
use crate::leg::DialOutcome;
use crate::lower::{Builder, Dialect};

/// How long a call to the outside world may take until it is answered: carriers themselves give up at about three minutes.
const OUTSIDE: Duration = Duration::from_secs(180);

/// How long a user's phones ring.
const RING: Duration = Duration::from_secs(60);

/// A number outside: a trunk carries the call. A caller who is not answered hears the carrier's refusal in SIP.
pub fn outside(number: &str) -> Program {
    connect(Callee::Trunk { name: None, number: Template::literal(number) }, OUTSIDE)
}

/// A SIP URI: whoever answers there is connected. Everything else as for a user.
pub fn address(uri: &str) -> Program {
    connect(Callee::Uri(Template::literal(uri)), RING)
}

/// The number of a user: all its phones ring, and whoever answers is connected. A caller who is not answered hears the
/// callee's refusal in SIP; one who is (after a transfer) is hung up on.
pub fn user(name: &str) -> Program {
    connect(Callee::User(Template::literal(name)), RING)
}

/// The number of a group: its members ring as the group has it. Everything else as for a user.
pub fn group(name: &str, ring: Duration) -> Program {
    connect(Callee::Group(Template::literal(name)), ring)
}

/// Parks the caller, and hangs up when that is over.
pub fn park() -> Program {
    let mut builder = Builder::new(Dialect::Own, Lacking::Fail);
    let park = Park { how: Parking::Park, slot: None, most: None, usual: Slot::default(), slots: Vec::new() };
    let op = Op::Feature(Box::new(Feature::Park(park)));
    let node = builder.add_with(op, Edges::always(Target::Hangup), &Pointer::default());
    builder.program().entry = Some(node);
    builder.finish().program
}

/// The number of a conference room: the caller is asked what the room asks for, and talks in it. One who is not let in is
/// told so.
pub fn conference(name: &str) -> Program {
    room(Conference { room: Template::literal(name), ..Conference::default() })
}

/// The same for one whom the room has called, and whom it asks for nothing.
pub fn invited(name: &str) -> Program {
    room(Conference { room: Template::literal(name), invited: true, ..Conference::default() })
}

fn room(room: Conference) -> Program {
    let mut builder = Builder::new(Dialect::Own, Lacking::Fail);
    let mut edges = Edges::always(Target::Hangup);
    let refusals =
        [("pin", "Goodbye."), ("full", "The conference is full."), ("locked", "The conference is locked.")];
    for (word, text) in refusals {
        let items = vec![Item::Speech(SpeechItem::english(text))];
        let play =
            Play { items, repeat: Repeat::Times(1), barge: Barge::None, consume: false, answers: true };
        let edge = Edges::always(Target::Hangup);
        let node = builder.add_with(Op::Play(play), edge, &Pointer::default());
        edges = edges.case(Outcome::Key(word.to_owned()), Target::Node(node));
    }
    let room = builder.add_with(Op::Conference(Box::new(room)), edges, &Pointer::default());
    builder.program().entry = Some(room);
    builder.finish().program
}

fn connect(callee: Callee, timeout: Duration) -> Program {
    let dial = Dial { relay: true, ..Dial::new(vec![callee.into()], timeout) };
    let mut builder = Builder::new(Dialect::Own, Lacking::Fail);
    let mut edges = Edges::always(Target::Hangup);
    let endings = [
        (DialOutcome::Busy, 486),
        (DialOutcome::Rejected, 603),
        (DialOutcome::NoAnswer, 480),
        (DialOutcome::Unavailable, 480),
        (DialOutcome::Failed, 480),
    ];
    for (outcome, status) in endings {
        let hangup = Hangup { status, phrase: None, cause: outcome.word().to_owned() };
        let node = builder.add(Op::Hangup(hangup), &Pointer::default());
        edges = edges.case(crate::ir::Outcome::Key(outcome.word().to_owned()), Target::Node(node));
    }
    let dial = builder.add_with(Op::Dial(Box::new(dial)), edges, &Pointer::default());
    builder.program().entry = Some(dial);
    builder.finish().program
}
