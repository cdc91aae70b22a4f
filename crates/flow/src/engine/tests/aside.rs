//! What runs beside an action, seen from the leg: what is asked of it, and what is stopped.

use std::time::Instant;

use super::*;
use crate::engine::{Effect, Input, Machine, Start};
use crate::leg::{Leaving, LegCommand, LegEvent, Tag};

fn speech() -> Op {
    let text = SpeechItem { text: Template::literal("Please hold on."), ..SpeechItem::default() };
    Op::Play(Play {
        items: vec![Item::Speech(text)],
        repeat: Repeat::Times(1),
        barge: Barge::None,
        consume: false,
        answers: true,
    })
}

/// A room in which node 1 is done, and node 2 after it.
fn room(inside: Op) -> Program {
    let section = Section { entry: NodeId(1), nodes: 1..2 };
    let conference =
        Conference { room: Template::literal("r"), inside: Some(section), ..Conference::default() };
    graph(vec![
        (Op::Conference(Box::new(conference)), Edges::always(to(2))),
        (inside, Edges::always(Target::Return)),
        (Op::WaitForHangup, Edges::always(Target::Hangup)),
    ])
}

struct Call {
    machine: Machine,
    now: Instant,
}

impl Call {
    fn new(program: Program) -> Call {
        let start = Start::new(program.into(), Default::default(), Default::default());
        Call { machine: Machine::new(start), now: Instant::now() }
    }

    fn hear(&mut self, input: Input) -> Vec<(Tag, LegCommand)> {
        self.machine.handle(self.now, input);
        let effects = std::iter::from_fn(|| self.machine.poll_effect());
        let asked = effects.filter_map(|effect| match effect {
            Effect::Leg(tag, command) => Some((tag, command)),
            _ => None,
        });
        asked.collect()
    }

    fn leg(&mut self, tag: Tag, event: LegEvent) -> Vec<(Tag, LegCommand)> {
        self.hear(Input::Leg(tag, event))
    }

    /// Into the room; the room's tag, and what is asked for then.
    fn join(&mut self) -> (Tag, Vec<(Tag, LegCommand)>) {
        let answer = self.hear(Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true })[0].0;
        let asked = self.leg(answer, LegEvent::Answered);
        assert!(matches!(asked[..], [(_, LegCommand::Conference(_))]), "{asked:?}");
        (asked[0].0, self.leg(asked[0].0, LegEvent::Joined))
    }
}

#[test]
fn what_is_said_in_a_room_begins_when_the_leg_is_inside_and_is_stopped_when_it_leaves() {
    let mut call = Call::new(room(speech()));
    let (room, asked) = call.join();
    let [(play, LegCommand::Play { .. })] = asked[..] else { panic!("{asked:?}") };
    let asked = call.leg(room, LegEvent::Left { how: Leaving::Removed });
    assert!(matches!(asked[..], [(_, LegCommand::Stop(tag))] if tag == play), "{asked:?}");
}

#[test]
fn what_is_over_is_not_stopped() {
    let mut call = Call::new(room(speech()));
    let (room, asked) = call.join();
    assert_eq!(call.leg(asked[0].0, LegEvent::Played { stopped: false }), []);
    assert_eq!(call.leg(room, LegEvent::Left { how: Leaving::Closed }), []);
}

#[test]
fn the_room_is_left_where_the_list_leads_out_of_it() {
    let mut program = room(Op::Noop);
    program.nodes[1].edges = Edges::always(to(2));
    let mut call = Call::new(program);
    let (room, asked) = call.join();
    assert!(matches!(asked[..], [(_, LegCommand::Stop(tag))] if tag == room), "{asked:?}");
    assert_eq!(call.leg(room, LegEvent::Left { how: Leaving::Stopped }), []);
    assert!(!call.machine.is_over(), "it waits at node 2");
}

#[test]
fn a_hang_up_beside_the_room_ends_the_call() {
    let hangup = Hangup { status: 480, phrase: None, cause: "normal".into() };
    let mut call = Call::new(room(Op::Hangup(hangup)));
    let (_, asked) = call.join();
    assert!(matches!(asked[..], [(_, LegCommand::Hangup { .. })]), "{asked:?}");
    assert!(call.machine.is_over());
}

#[test]
fn a_circle_beside_the_room_comes_to_an_end() {
    let mut program = room(Op::Set(Vec::new()));
    program.nodes[1].edges = Edges::always(to(1));
    let mut call = Call::new(program);
    call.join();
    assert!(call.machine.is_over());
}

#[test]
fn who_waits_beside_the_room_is_woken_in_time() {
    let mut call = Call::new(room(Op::Sleep(Expr::Literal(json!(2000)))));
    let (room, _) = call.join();
    assert_eq!(call.machine.poll_timeout(), Some(call.now + ms(2000)));
    call.now += ms(2000);
    assert_eq!(call.hear(Input::Timeout), []);
    assert_eq!(call.machine.poll_timeout(), None);
    call.leg(room, LegEvent::Left { how: Leaving::Closed });
    assert!(!call.machine.is_over());
}

#[test]
fn a_change_from_outside_wakes_only_who_has_somebody_to_ask() {
    let change = || Input::Merge { variable: "sessionData".into(), value: json!({"a": 1}) };
    let mut waits = Call::new(line(vec![Op::WaitForChange, Op::WaitForHangup]));
    waits.hear(Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
    waits.hear(change());
    assert_eq!(waits.machine.at_node(), Some(NodeId(0)));
    let mut asks = line(vec![Op::WaitForChange, Op::WaitForHangup]);
    asks.on_end = Some(NodeId(1));
    let mut asks = Call::new(asks);
    asks.hear(Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
    assert_eq!(asks.machine.at_node(), Some(NodeId(0)));
    asks.hear(change());
    assert_eq!(asks.machine.at_node(), Some(NodeId(1)));
}
