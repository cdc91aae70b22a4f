//! Star codes of phones beside those of the flow.

use std::sync::Arc;

use super::*;
use crate::{
    engine::{Effect, Facts, Input, Machine, Settings, Start},
    leg::{DialOutcome, LegCommand, LegEvent, Tag},
    trace::What,
};

/// A conversation with codes of the flow and of the caller's phone, in virtual time.
struct Talk {
    machine: Machine,
    now: Duration,
    /// What was gathered and which nodes were entered, with the time since the beginning.
    told: Vec<String>,
}

impl Talk {
    /// Whoever is dialled answers at once.
    fn begin(flow: Program, phone: Program) -> Talk {
        let machine = Machine::new(Start::new(Arc::new(flow), Facts::default(), Settings::default()));
        let mut talk = Talk { machine, now: Duration::ZERO, told: Vec::new() };
        talk.take(Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
        talk.phone_has(Some(phone));
        talk.told.clear();
        talk
    }

    fn phone_has(&mut self, codes: Option<Program>) {
        self.take(Input::Codes(Side::Own, codes.map(Arc::new)));
    }

    fn take(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            self.machine.take(self.now, input);
            while let Some(effect) = self.machine.poll_effect() {
                match effect {
                    Effect::Leg(tag, LegCommand::Dial(_)) => {
                        inputs.push(Input::Leg(tag, LegEvent::Answered));
                    }
                    Effect::Leg(_, LegCommand::Stop(tag)) => {
                        let outcome = DialOutcome::Answered;
                        inputs.push(Input::Leg(tag, LegEvent::Dialled { outcome, status: 200 }));
                    }
                    Effect::Trace(What::Collected { digits }) => self.tell(&format!("got {digits}")),
                    Effect::Trace(What::Node { op, .. }) => self.tell(&op),
                    Effect::Trace(What::Note { text }) => self.tell(&text),
                    _ => {}
                }
            }
        }
    }

    fn tell(&mut self, what: &str) {
        self.told.push(format!("{} {what}", self.now.as_millis()));
    }

    /// Lets time pass, with all that it brings.
    fn pass(&mut self, millis: u64) {
        let until = self.now + ms(millis);
        while let Some(deadline) = self.machine.deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline;
            self.take(Input::Timeout);
        }
        self.now = until;
    }

    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.take(Input::Leg(Tag::default(), LegEvent::Digit(key)));
        }
    }
}

/// Codes with a node each; with patterns if they have other than digits.
fn codes(timeout: u64, listed: &[(&str, u32)]) -> Metaflows {
    let (numbers, patterns) = listed
        .iter()
        .map(|(code, node)| ((*code).to_owned(), NodeId(*node)))
        .partition(|(code, _)| code.bytes().all(|byte| byte.is_ascii_digit()));
    Metaflows {
        binding: '*',
        timeout: ms(timeout),
        listen_on: Side::Own,
        numbers,
        patterns,
        leaving: Vec::new(),
    }
}

fn stop(side: Side) -> (Op, Edges) {
    (Op::Feature(Box::new(Feature::Break(side))), Edges::always(Target::Return))
}

fn call(name: &str) -> (Op, Edges) {
    let dial = Dial::new(vec![Callee::User(Template::literal(name)).into()], ms(20_000));
    (Op::Dial(Box::new(dial)), Edges::always(Target::Return))
}

/// Dials bob; its codes break off what the caller hears.
fn flow(timeout: u64, listed: &[&str]) -> Program {
    let listed: Vec<_> = listed.iter().map(|code| (*code, 1)).collect();
    Program { metaflows: Some(codes(timeout, &listed)), ..graph(vec![call("bob"), stop(Side::Own)]) }
}

/// Its codes break off what the other party hears.
fn phone(timeout: u64, listed: &[&str]) -> Program {
    let listed: Vec<_> = listed.iter().map(|code| (*code, 0)).collect();
    Program { metaflows: Some(codes(timeout, &listed)), ..graph(vec![stop(Side::Peer)]) }
}

/// What these keys do, pressed with these pauses after them.
fn pressed(flow: Program, phone: Program, keys: &[(&str, u64)]) -> Vec<String> {
    let mut talk = Talk::begin(flow, phone);
    for (keys, pause) in keys {
        talk.press(keys);
        talk.pass(*pause);
    }
    talk.told
}

#[test]
fn the_flows_code_goes_before_the_phones_that_has_the_shorter_time() {
    let flows = ["800 got 1", "800 Break(own)"];
    let phones = |at: u32, code: &str| [format!("{at} got {code}"), format!("{at} Break(peer)")];
    assert_eq!(pressed(flow(800, &["1"]), phone(500, &["1"]), &[("*1", 2_000)]), flows);
    assert_eq!(pressed(flow(800, &["^1$"]), phone(500, &["1"]), &[("*1", 2_000)]), flows);
    // Nor is a longer one cut off that comes within the flow's time.
    let is = pressed(flow(3_000, &["15"]), phone(500, &["1"]), &[("*1", 1_000), ("5", 5_000)]);
    assert_eq!(is, ["4000 got 15", "4000 Break(own)"]);
    // What becomes none of the flow's is the phone's: in its own time if that was clear from the beginning, else as soon
    // as it is, and without the keys that came too late for it.
    assert_eq!(pressed(flow(3_000, &["15"]), phone(500, &["2"]), &[("*2", 2_000)]), phones(500, "2"));
    assert_eq!(pressed(flow(3_000, &["15"]), phone(500, &["1"]), &[("*1", 5_000)]), phones(3_000, "1"));
    let is = pressed(flow(3_000, &["15"]), phone(500, &["1"]), &[("*1", 1_000), ("6", 2_000)]);
    assert_eq!(is, phones(1_000, "1"));
    // A code that is begun after a key alone is heard by both.
    let is = pressed(flow(800, &["15"]), phone(500, &["1"]), &[("*", 600), ("*1", 2_000)]);
    assert_eq!(is, phones(1_100, "1"));
    // The phone's longer time does not hold up the flow's.
    let is = pressed(flow(500, &["1"]), phone(3_000, &["1", "15"]), &[("*1", 5_000)]);
    assert_eq!(is, ["500 got 1", "500 Break(own)"]);
}

#[test]
fn a_phones_codes_do_not_become_the_flows_if_they_change_while_one_is_at_work() {
    let all = vec![(Op::Sleep(literal(json!(1_000))), Edges::always(to(1))), call("carol")];
    let leaves = Metaflows { leaving: vec![NodeId(1)], ..codes(500, &[("1", 0)]) };
    let old = Program { metaflows: Some(leaves), ..graph(all) };
    let mut talk = Talk::begin(flow(800, &["2"]), old);
    talk.press("*1");
    talk.pass(1_000);
    // `users.toml` was read again.
    talk.phone_has(Some(phone(500, &["3"])));
    talk.pass(1_000);
    let carol = "1500 Dial(user carol; 20 s)";
    assert_eq!(talk.told, ["500 got 1", "500 Sleep(1000 ms)", carol]);
    talk.told.clear();
    for code in ["*1", "*2", "*3"] {
        talk.press(code);
        talk.pass(1_000);
    }
    // The flow's still are.
    let none = ["2800 got 1", "2800 there is no star code 1"];
    let flows = ["3800 got 2", "3800 Break(own)"];
    assert_eq!(talk.told, [none, flows, ["4500 got 3", "4500 Break(peer)"]].concat());
}
