//! Random programs under random inputs: no panic, and always an end.

use std::{sync::Arc, time::Instant};

use super::*;
use crate::{
    engine::{Effect, Facts, HttpFailure, HttpReply, Input, Machine, Settings, Start},
    leg::{DialOutcome, LegCommand, LegEvent, Tag},
};

/// A small generator (xorshift64*), so that a seed names a case for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    fn target(&mut self, nodes: u64) -> Target {
        match self.roll(8) {
            0 => Target::Return,
            1 => Target::Hangup,
            _ => Target::Node(NodeId(self.roll(nodes) as u32)),
        }
    }

    fn op(&mut self) -> Op {
        let install = if self.roll(2) == 0 { Install::Push } else { Install::Replace };
        match self.roll(23) {
            0 => Op::Noop,
            21 => Op::Dial(Box::new(Dial {
                relay: self.roll(2) == 0,
                ..Dial::new(vec![Callee::User(Template::literal("bob")).into()], ms(60_000))
            })),
            1 => Op::Answer,
            2 => hangup(),
            3 => play("Hello", Barge::Any),
            4 => Op::Collect(Collect {
                max: Some(self.roll(3) as u32),
                by_value: self.roll(2) == 0,
                ..collect()
            }),
            5 => {
                let gather = Collect { by_value: true, ..collect() };
                Op::Menu(Menu {
                    gather,
                    retries: self.roll(3) as u32,
                    hunt: None,
                    record: None,
                    transfer: vec![],
                    invalid: vec![],
                    exit: vec![speech("Bye")],
                })
            }
            6 => Op::SendDigits(SendDigits {
                digits: Template::literal("12"),
                duration: ms(100),
                gap: ms(100),
            }),
            7 => Op::Sleep(literal(json!(self.roll(3) * 500))),
            8 => Op::Echo(Some(ms(self.roll(2) * 1000))),
            9 => Op::RecordStart(record()),
            10 => [Op::RecordStop, Op::RecordMask(true), Op::RecordToggle(record())][self.roll(3) as usize]
                .clone(),
            11 => Op::Record(record()),
            12 => assign("a", Expr::Array(vec![variable("a"), variable("b")])),
            13 => Op::If(Condition::Expr(Expr::Fact(Fact::LastDigits))),
            14 => {
                Op::Branch(Branch { on: Expr::Fact(Fact::AheadKey), reset: None, flush: self.roll(2) == 0 })
            }
            15 => Op::Jump(Some(self.roll(5) as u32)),
            16 => Op::EachStart { slot: self.roll(2) as u32, over: variable("a") },
            17 => Op::EachNext { slot: self.roll(2) as u32, value: "b".into(), key: String::new() },
            18 => fetch(install),
            19 => Op::Subflow(Subflow { id: Template::literal("x"), install }),
            20 => Op::Webhook(Webhook {
                request: request("http://flows.example/hook"),
                wait: self.roll(2) == 0,
            }),
            _ => Op::Unavailable { feature: "dial".into() },
        }
    }

    fn program(&mut self) -> Program {
        let count = 1 + self.roll(8);
        let nodes = (0..count).map(|_| {
            let edges = Edges::always(self.target(count))
                .case(Outcome::Yes, self.target(count))
                .case(Outcome::Key("1".into()), self.target(count))
                .case(Outcome::Failed(Cause::Http), self.target(count));
            (self.op(), edges)
        });
        let mut program = graph(nodes.collect());
        program.on_end = (self.roll(3) == 0).then(|| NodeId(self.roll(count) as u32));
        program.on_gone = (self.roll(3) == 0).then(|| NodeId(self.roll(count) as u32));
        program
    }

    /// What may come of an effect, or nothing for now.
    fn outcome(&mut self, effect: &Effect, program: &Arc<Program>) -> Option<Input> {
        let failed = || LegEvent::Failed { cause: Cause::Prompt, why: "no".into() };
        Some(match effect {
            Effect::Leg(tag, command) => Input::Leg(
                *tag,
                match command {
                    _ if self.roll(5) == 0 => failed(),
                    LegCommand::Answer => LegEvent::Answered,
                    LegCommand::Play { .. } => LegEvent::Played { stopped: false },
                    LegCommand::SendDigits { .. } => LegEvent::DigitsSent,
                    LegCommand::Record { .. } => LegEvent::Recorded { id: "r".into(), duration: ms(1) },
                    LegCommand::Feature(_) => LegEvent::Finished { word: "done".into() },
                    LegCommand::Dial(_) => {
                        let outcome = [DialOutcome::Answered, DialOutcome::Busy][self.roll(2) as usize];
                        LegEvent::Dialled { outcome, status: 486 }
                    }
                    LegCommand::Stop(tag) if self.roll(2) == 0 => {
                        return Some(Input::Leg(
                            *tag,
                            LegEvent::Recorded { id: "r".into(), duration: ms(1) },
                        ));
                    }
                    LegCommand::Conference(_) => LegEvent::Left { how: crate::leg::Leaving::Removed },
                    LegCommand::Stop(_)
                    | LegCommand::Echo
                    | LegCommand::Mask(..)
                    | LegCommand::Detect { .. }
                    | LegCommand::Hangup { .. } => return None,
                },
            ),
            Effect::Http(tag, _) => Input::Http(
                *tag,
                match self.roll(3) {
                    0 => Err(HttpFailure { why: "no".into(), timeout: false }),
                    1 => Ok(HttpReply {
                        status: 500,
                        content_type: String::new(),
                        body: Vec::new(),
                        note: String::new(),
                    }),
                    _ => {
                        let body = br#"{"module":"answer","data":{}}"#.to_vec();
                        Ok(HttpReply {
                            status: 200,
                            content_type: "application/json".into(),
                            body,
                            note: String::new(),
                        })
                    }
                },
            ),
            Effect::Document(tag, _) => Input::Document(*tag, (self.roll(3) > 0).then(|| program.clone())),
            Effect::Trace(_) | Effect::Ended(_) => return None,
        })
    }
}

fn record() -> Record {
    Record {
        name: None,
        limit: None,
        silence: None,
        stop_keys: "#".into(),
        beep: false,
        format: FileFormat::Wav,
        sides: Sides::Caller,
        upload: None,
        answers: true,
        keeping: Keeping::default(),
    }
}

#[test]
fn random_programs_come_to_an_end_and_say_so_once() {
    for seed in 1..=600_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let program = Arc::new(dice.program());
        let mut machine = Machine::new(Start::new(program.clone(), Facts::default(), Settings::default()));
        let mut now = Instant::now();
        let mut inputs = vec![Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: dice.roll(6) > 0 }];
        let (mut ends, mut hung_up, mut nodes) = (0, false, 0);
        for step in 0.. {
            // The caller has enough in the end, and says so until it is heard.
            let enough = step > 300 && step % 10 == 0;
            let input = match inputs.pop() {
                _ if enough => Input::Leg(Tag::default(), LegEvent::Gone { cause: "hangup".into() }),
                Some(input) => input,
                None => match dice.roll(3) {
                    0 => Input::Leg(Tag::default(), LegEvent::Digit(['1', '2', '#'][dice.roll(3) as usize])),
                    _ => {
                        now = machine.poll_timeout().unwrap_or(now).max(now);
                        Input::Timeout
                    }
                },
            };
            now += ms(dice.roll(3));
            machine.handle(now, input);
            while let Some(effect) = machine.poll_effect() {
                assert_eq!(ends, 0, "seed {seed}: {effect:?} after the end");
                assert!(
                    !(hung_up && matches!(effect, Effect::Leg(..))),
                    "seed {seed}: {effect:?} after hanging up"
                );
                hung_up |= matches!(effect, Effect::Leg(_, LegCommand::Hangup { .. }));
                ends += u32::from(matches!(effect, Effect::Ended(_)));
                nodes += u32::from(matches!(effect, Effect::Trace(crate::trace::What::Node { .. })));
                inputs.extend(dice.outcome(&effect, &program));
            }
            assert!(nodes < 400_000, "seed {seed} runs away");
            if machine.is_over() {
                break;
            }
            // After the call only time and replies are left, and both come.
            assert!(step < 3_000, "seed {seed} does not end: {machine:?}");
        }
        assert_eq!(ends, 1, "seed {seed}");
    }
}
