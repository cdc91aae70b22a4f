//! A machine that is told anything at any time: replies nobody asked for, to any tag, late and twice, keys, time that
//! leaps. Whatever happens, it ends once, does a bounded number of things at a time, and can be written down and begun
//! again where it waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use flow::ir::{Cause, Program};
use flow::journal::Snapshot;
use flow::leg::{Detection, DialOutcome, Leaving, LegEvent, Tag};
use flow::lower;
use flow::{Effect, Facts, HttpFailure, HttpReply, Input, Machine, Settings, Start};
use fuzz::{budget, json, memory};

/// Inputs where the environment says nothing.
const USUAL: u64 = 100_000;
/// Inputs of one run.
const STEPS: usize = 80;
/// Effects of one input: a thousand nodes may run, each with a few lines of the trace.
const EFFECTS: usize = 20_000;

struct Flow {
    program: Arc<Program>,
    text: String,
}

fn flows() -> Vec<Flow> {
    let mut flows = Vec::new();
    for dialect in ["kazoo", "callroute", "voipbin", "voxology"] {
        for text in json::corpus(dialect) {
            let document = serde_json::from_str(&text).expect("JSON");
            let Ok(lowered) = lower::lower(None, &document) else { continue };
            flows.push(Flow { program: Arc::new(lowered.program), text });
        }
    }
    flows
}

fn event(rng: &mut Rng) -> LegEvent {
    let key = char::from(b"0123456789*#ABCD"[rng.usize(..16)]);
    let causes =
        [Cause::Unavailable, Cause::Unsupported, Cause::Prompt, Cause::Recording, Cause::Status(486)];
    match rng.u8(..20) {
        0 => LegEvent::Answered,
        1..=3 => LegEvent::Played { stopped: rng.bool() },
        4 => LegEvent::DigitsSent,
        5 => LegEvent::Recorded { id: "r".into(), duration: Duration::from_millis(rng.u64(..100_000)) },
        6 => {
            let all =
                [DialOutcome::Answered, DialOutcome::Busy, DialOutcome::NoAnswer, DialOutcome::Cancelled];
            LegEvent::Dialled { outcome: all[rng.usize(..4)], status: rng.u16(..700) }
        }
        7 => {
            let all = [Detection::Person, Detection::Machine, Detection::Beep, Detection::Unknown];
            LegEvent::Detected(all[rng.usize(..4)])
        }
        8 => LegEvent::Finished { word: ["done", "found", "x"][rng.usize(..3)].into() },
        9 => LegEvent::Joined,
        10 => LegEvent::Left { how: if rng.bool() { Leaving::Stopped } else { Leaving::Full } },
        11 => LegEvent::Failed { cause: causes[rng.usize(..5)].clone(), why: "no".into() },
        12 => LegEvent::PeerDigit(key),
        13 if rng.u8(..4) == 0 => {
            LegEvent::Gone { cause: ["hangup", "media timeout"][rng.usize(..2)].into() }
        }
        _ => LegEvent::Digit(key),
    }
}

fn input(rng: &mut Rng, flows: &[Flow], last: u64) -> Input {
    let tag = Tag(match rng.u8(..4) {
        0 => rng.u64(..=last + 3),
        _ => last.saturating_sub(rng.u64(..3)),
    });
    let other = &flows[rng.usize(..flows.len())];
    match rng.u8(..12) {
        0 => {
            let body = if rng.bool() { other.text.clone().into_bytes() } else { b"{\"\xff".to_vec() };
            let status = [200, 204, 404, 500][rng.usize(..4)];
            Input::Http(tag, Ok(HttpReply { status, content_type: String::new(), body, note: String::new() }))
        }
        1 => Input::Http(tag, Err(HttpFailure { why: "no".into(), timeout: rng.bool() })),
        2 => Input::Document(tag, rng.bool().then(|| other.program.clone())),
        3 | 4 => Input::Timeout,
        5 => Input::Merge { variable: "sessionData".into(), value: serde_json::json!({"x": [last]}) },
        6 if rng.u8(..8) == 0 => Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true },
        _ => Input::Leg(tag, event(rng)),
    }
}

struct Run {
    machine: Machine,
    ended: u32,
    last: u64,
}

impl Run {
    fn tell(&mut self, now: Instant, input: Input) {
        self.machine.handle(now, input);
        self.drain();
    }

    fn drain(&mut self) {
        let mut count = 0;
        while let Some(effect) = self.machine.poll_effect() {
            assert_eq!(self.ended, 0, "after its end: {effect:?}");
            match effect {
                Effect::Leg(Tag(tag), _) | Effect::Http(Tag(tag), _) | Effect::Document(Tag(tag), _) => {
                    self.last = self.last.max(tag);
                }
                Effect::Ended(_) => self.ended += 1,
                Effect::Trace(_) => {}
            }
            count += 1;
            assert!(count < EFFECTS, "{count} effects of one input");
        }
        assert_eq!(self.ended == 1, self.machine.is_over());
    }

    /// Goes on in another machine, by way of JSON, if the documents are those that were there at the start.
    fn interrupt(&mut self, program: &Arc<Program>) {
        let Some(snapshot) = self.machine.snapshot() else { return };
        let json = serde_json::to_string(&snapshot).expect("JSON");
        let snapshot: Snapshot = serde_json::from_str(&json).expect("a snapshot");
        let restored = Machine::restore(snapshot, jiff::Timestamp::UNIX_EPOCH, &|_| Some(program.clone()));
        // Another document than the one that ran may lack the node.
        if let Ok(machine) = restored {
            self.machine = machine;
            self.drain();
        }
    }
}

fn storm(rng: &mut Rng, flows: &[Flow]) -> u64 {
    let flow = &flows[rng.usize(..flows.len())];
    let start = Start::new(flow.program.clone(), Facts::default(), Settings::default());
    let mut run = Run { machine: Machine::new(start), ended: 0, last: 0 };
    let mut now = Instant::now();
    if rng.u8(..16) != 0 {
        run.tell(now, Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: rng.u8(..8) != 0 });
    }
    let mut steps = 0;
    for _ in 0..STEPS {
        if run.machine.is_over() {
            break;
        }
        match run.machine.poll_timeout() {
            Some(due) if rng.u8(..3) == 0 => now = now.max(due),
            _ => now += Duration::from_millis(rng.u64(..300)),
        }
        if rng.u8(..16) == 0 {
            run.interrupt(&flow.program);
        }
        let told = input(rng, flows, run.last);
        run.tell(now, told);
        steps += 1;
    }
    run.tell(now, Input::Leg(Tag(0), LegEvent::Gone { cause: "hangup".into() }));
    for _ in 0..2_000 {
        let Some(due) = run.machine.poll_timeout().filter(|_| !run.machine.is_over()) else { break };
        now = now.max(due);
        run.tell(now, Input::Timeout);
        steps += 1;
    }
    assert!(run.machine.is_over(), "it does not end: {:?}", run.machine);
    steps
}

#[test]
fn machine() {
    let flows = flows();
    for seed in 0..20 {
        storm(&mut Rng::with_seed(seed), &flows);
    }
    let (mut rounds, mut kept) = (0, 0);
    budget::few("machine", USUAL, |rng| {
        let (steps, left, peak) = memory::of(|| storm(rng, &flows));
        rounds += 1;
        kept += left;
        assert!(peak < 50_000_000, "{peak} bytes");
        assert!(kept < 1_000_000 + 10 * rounds, "{kept} bytes stay behind after {rounds} runs");
        steps.max(1)
    });
}
