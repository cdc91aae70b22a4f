//! Calls that end in the middle, and flows without a call.

use std::{sync::Arc, time::Instant};

use super::*;
use crate::{
    engine::{Effect, End, Facts, Input, Machine, Settings, Start},
    leg::{LegCommand, LegEvent, Tag},
    trace::What,
};

fn machine(program: Program) -> Machine {
    Machine::new(Start::new(Arc::new(program), Facts::default(), Settings::default()))
}

fn effects(machine: &mut Machine) -> Vec<Effect> {
    std::iter::from_fn(|| machine.poll_effect()).collect()
}

fn start(media: bool) -> Input {
    Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media }
}

fn gone(cause: &str) -> Input {
    Input::Leg(Tag::default(), LegEvent::Gone { cause: cause.into() })
}

fn ended(cause: &str, by: &str) -> Effect {
    Effect::Ended(End { cause: cause.into(), by: by.into() })
}

#[test]
fn whatever_a_flow_waits_for_it_ends_when_the_caller_is_gone() {
    let waits = vec![
        say("Hello there"),
        Op::Collect(collect()),
        Op::Echo(None),
        Op::WaitForHangup,
        Op::Sleep(literal(json!(1e12))),
        fetch(Install::Replace),
        Op::Answer,
    ];
    for op in waits {
        let (mut machine, now) = (machine(line(vec![op.clone(), say("Never")])), Instant::now());
        machine.handle(now, start(true));
        effects(&mut machine);
        machine.handle(now, gone("hangup"));
        let effects = effects(&mut machine);
        let end = Effect::Trace(What::Ended { cause: "hangup".into(), by: "caller".into() });
        assert_eq!(effects, [end, ended("hangup", "caller")], "{op:?}");
        assert!(machine.is_over());
        assert_eq!(machine.poll_timeout(), None);
    }
}

#[test]
fn a_call_that_is_lost_was_ended_by_the_server() {
    let (mut machine, now) = (machine(line(vec![Op::WaitForHangup])), Instant::now());
    machine.handle(now, start(true));
    machine.handle(now, gone("media timeout"));
    assert_eq!(effects(&mut machine).last(), Some(&ended("media timeout", "server")));
}

#[test]
fn a_call_that_is_cancelled_before_its_start_ends_at_once() {
    let (mut machine, now) = (machine(line(vec![Op::Answer])), Instant::now());
    machine.handle(now, gone("cancelled"));
    assert_eq!(effects(&mut machine).last(), Some(&ended("cancelled", "caller")));
    machine.handle(now, start(true));
    assert_eq!(effects(&mut machine), []);
}

#[test]
fn what_comes_late_is_dropped() {
    let ops = vec![play("Hello there", Barge::Any), say("Second"), say("Third")];
    let (mut machine, now) = (machine(line(ops)), Instant::now());
    machine.handle(now, start(true));
    let tag = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::Leg(tag, LegCommand::Play { .. }) => Some(tag),
            _ => None,
        })
    };
    let first = tag(effects(&mut machine)).unwrap();
    machine.handle(now, Input::Leg(Tag::default(), LegEvent::Digit('1')));
    let second = tag(effects(&mut machine)).unwrap();
    assert_ne!(first, second);
    machine.handle(now, Input::Leg(first, LegEvent::Played { stopped: true }));
    assert_eq!(tag(effects(&mut machine)), None, "the late end of the first prompt must not end the second");
    machine.handle(now, Input::Leg(second, LegEvent::Played { stopped: false }));
    assert!(tag(effects(&mut machine)).is_some());
}

#[test]
fn a_prompt_that_fails_takes_its_edge_with_a_note() {
    let edges = Edges::always(Target::Hangup).case(Outcome::Failed(Cause::Prompt), to(1));
    let nodes = vec![(say("Hello"), edges), (Op::Echo(None), Edges::always(Target::Return))];
    let (mut machine, now) = (machine(graph(nodes)), Instant::now());
    machine.handle(now, start(true));
    effects(&mut machine);
    let failed = LegEvent::Failed { cause: Cause::Prompt, why: "no voice".into() };
    machine.handle(now, Input::Leg(Tag(1), failed));
    let effects = effects(&mut machine);
    assert_eq!(effects.first(), Some(&Effect::Trace(What::Note { text: "no voice".into() })));
    assert!(effects.contains(&Effect::Trace(What::Node { pointer: "/1".into(), op: "Echo".into() })));
}

#[test]
fn a_collect_goes_on_without_its_prompt_unless_there_is_an_edge_for_that() {
    let failed = || Input::Leg(Tag(1), LegEvent::Failed { cause: Cause::Prompt, why: "no voice".into() });
    let with_edge = Edges::always(Target::Hangup).case(Outcome::Failed(Cause::Prompt), to(0));
    for (edges, over) in [(Edges::always(Target::Hangup), false), (with_edge, true)] {
        let nodes = vec![(Op::Collect(collect()), edges)];
        let (mut machine, now) = (machine(graph(nodes)), Instant::now());
        machine.handle(now, start(true));
        effects(&mut machine);
        machine.handle(now, failed());
        let again = effects(&mut machine)
            .iter()
            .any(|effect| matches!(effect, Effect::Leg(_, LegCommand::Play { .. })));
        assert_eq!(again, over);
        assert_eq!(machine.poll_timeout(), if over { None } else { Some(now + ms(5000)) });
    }
}

#[test]
fn after_the_call_its_end_is_told_and_nothing_is_played() {
    let ignored =
        Fetch { request: request("http://flows.example/end"), reply: Reply::Ignored, install: Install::Push };
    let mut program = graph(vec![
        (say("Hello there"), Edges::always(Target::Return)),
        (say("Nobody hears this"), Edges::always(to(2))),
        (Op::Fetch(ignored), Edges::always(to(3))),
        (tell(Expr::Fact(Fact::HangupBy)), Edges::always(Target::Return)),
    ]);
    program.on_gone = Some(NodeId(1));
    check_program(
        program.clone(),
        "wait 100ms gone \n http timeout",
        r#"
        @/0
        0 Say("Hello there")
        100 end: hangup, by the caller
        @/1
        100 note: the call is over
        @/2  Fetch(post http://flows.example/end)
        100 POST http://flows.example/end
        | Content-Type: application/json
        | {"digits":"","keys":[]}
        5100 no reply after 5000 ms: no reply in time
        @/3
        5100 note: the call is over
    "#,
    );
    let transcript = sim::run_bare(program, "http 200");
    assert!(
        transcript.contains("end: normal, by the flow\n@/1"),
        "also when the flow hangs up: {transcript}"
    );
}

#[test]
fn the_end_comes_even_if_nobody_answers_the_last_request() {
    let ignored =
        Fetch { request: request("http://flows.example/end"), reply: Reply::Ignored, install: Install::Push };
    let mut program = line(vec![Op::Fetch(ignored)]);
    program.on_gone = Some(NodeId(0));
    program.entry = None;
    let (mut machine, now) = (machine(program), Instant::now());
    machine.handle(now, start(true));
    let timeout = machine.poll_timeout().unwrap();
    assert_eq!(timeout, now + ms(6000), "the limit of the request and a second");
    machine.handle(timeout, Input::Timeout);
    assert!(machine.is_over());
}

#[test]
fn without_a_call_media_is_skipped_or_fails_as_the_dialect_wants() {
    for (lacking, next) in [(Lacking::Skip, "/1"), (Lacking::Fail, "/2")] {
        let edges = Edges::always(to(1)).case(Outcome::Failed(Cause::Unsupported), to(2));
        let wait = || (Op::Sleep(literal(json!(1000))), Edges::always(Target::Return));
        let mut program = graph(vec![(say("Hello"), edges), wait(), wait()]);
        program.lacking = lacking;
        let (mut machine, now) = (machine(program), Instant::now());
        machine.handle(now, start(false));
        let entered = effects(&mut machine).into_iter().rev().find_map(|effect| match effect {
            Effect::Trace(What::Node { pointer, .. }) => Some(pointer),
            _ => None,
        });
        assert_eq!(entered.as_deref(), Some(next));
        machine.handle(now + ms(1000), Input::Timeout);
        let effects = effects(&mut machine);
        assert_eq!(effects.last(), Some(&ended("normal", "flow")));
        assert!(
            !effects.iter().any(|effect| matches!(effect, Effect::Leg(..))),
            "there is no leg to hang up"
        );
    }
}

#[test]
fn the_facts_of_a_call_are_told_by_its_own_clock() {
    let facts = [Fact::StartIso, Fact::NowIso, Fact::Elapsed, Fact::Status].map(Expr::Fact);
    let parts: Vec<Part> =
        facts.into_iter().flat_map(|fact| [Part::Value(fact), Part::Literal(" ".into())]).collect();
    let item = Item::Speech(SpeechItem { text: Template(parts), ..SpeechItem::default() });
    let play = Play {
        items: vec![item],
        repeat: Repeat::Times(1),
        barge: Barge::None,
        consume: true,
        answers: true,
    };
    check(
        vec![Op::Sleep(literal(json!(61_500))), Op::Play(play)],
        "at 2026-03-04T09:59:00Z wait gone",
        r#"
        @/0  Sleep(61500 ms)
        @/1
        61500 answer
        61500 Say("2026-03-04T09:59:00.000Z 2026-03-04T10:00:01.500Z 61500 progressing ")
        61500 end: hangup, by the caller
    "#,
    );
}

#[test]
fn keys_that_are_pressed_while_a_fax_is_listened_for_are_for_what_asks_next() {
    let listen = Op::Feature(Box::new(Feature::FaxDetect(ms(4_000))));
    let mut machine = machine(line(vec![listen, Op::Collect(collect())]));
    let mut take = |input| {
        machine.take(Duration::ZERO, input);
        effects(&mut machine)
    };
    let begun = take(start(true));
    let asked = begun.iter().find_map(|effect| match effect {
        Effect::Leg(tag, LegCommand::Feature(_)) => Some(*tag),
        _ => None,
    });
    let tag = asked.expect("it listens");
    take(Input::Leg(tag, LegEvent::Answered));
    for key in ['5', '#'] {
        take(Input::Leg(Tag::default(), LegEvent::Digit(key)));
    }
    let effects = take(Input::Leg(tag, LegEvent::Finished { word: "voice".to_owned() }));
    let got = |effect: &Effect| matches!(effect, Effect::Trace(What::Collected { digits }) if digits == "5");
    assert!(effects.iter().any(got), "{effects:?}");
}
