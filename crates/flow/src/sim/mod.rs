//! The call simulator: a flow, a scripted caller and a virtual clock make a transcript.
//!
//! It is the golden tests' harness, and shows an author what a caller will live through.
//! Nothing is spoken or sent: speech takes 60 ms a character, a sound two seconds, a server 50 ms.
//!
//! A script has its steps one a line or with spaces between them:
//!
//! | step | what happens |
//! |---|---|
//! | `wait` | time passes until the next thing happens: a prompt ends, a time limit is over, a reply comes |
//! | `wait 2s`, `wait 500ms` | that much time passes |
//! | `1`, `42#` | the caller presses these keys, all at once |
//! | `answer` | time passes until the flow has answered |
//! | `gone` | the caller hangs up |
//! | `http 200 {"actions":[]}` | the next request gets this reply; the rest of the line is the body |
//! | `http timeout`, `http refused` | the next request gets none |
//! | `dial 3s answered 20s`, `dial 2s 486` | the next dialling is answered after 3 s for 20 s, or refused after 2 s |
//! | `dial silent` | the next dialling rings until its time is over |
//! | `room 20s removed`, `room 0s full`, `room 9s closed` | the next room is left after so long, for this reason |
//! | `flow ID {…}` | a document of the store, for flows that call others |
//! | `caller`, `called`, `name`, `user`, `language`, `captured` and a value | facts of the call |
//! | `at 2026-03-04T10:00:00Z` | when the call begins |
//! | `// …` | nothing |
//!
//! After the last step time goes on until the flow is over; if it waits for the caller alone, the caller hangs up.

mod leg;
mod script;
mod transcript;

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use self::{
    leg::World,
    script::{Script, Step},
    transcript::Transcript,
};
use crate::{
    engine::{Effect, Input, Machine, Settings, Start},
    ir::{Program, verify},
    leg::{LegEvent, Tag},
    lower::{self, Dialect},
};

/// Things that may happen in one simulation, so that an endless flow comes to an end.
const EVENTS: usize = 5_000;

/// Lines of one transcript.
const LINES: usize = 5_000;

/// Lowers `document` and runs it against `script`; the transcript says what happened, also if it cannot be run.
pub fn run(document: &Value, dialect: Option<Dialect>, script: &str) -> String {
    let mut transcript = Transcript::default();
    let lowered = match lower::lower(dialect, document) {
        Ok(lowered) => lowered,
        Err(error) => return format!("! {error}\n"),
    };
    for diagnostic in &lowered.diagnostics {
        transcript.remark(&format!("{}: {}", diagnostic.pointer, diagnostic.message));
    }
    run_program(lowered.program, script, transcript)
}

/// Runs the program of a number that is a user's.
pub fn run_user(name: &str, script: &str) -> String {
    run_program(crate::own::user(name), script, Transcript::default())
}

/// Runs a program that is lowered already.
fn run_program(program: Program, script: &str, mut transcript: Transcript) -> String {
    let script = match Script::parse(script) {
        Ok(script) => script,
        Err(problem) => return format!("! script: {problem}\n"),
    };
    if let Err(error) = verify(&program) {
        transcript.remark(&error.to_string());
        return transcript.finish();
    }
    let world = World::new(&script, program.dialect);
    let start = Start::new(Arc::new(program), script.facts.clone(), Settings::default());
    let machine = Machine::new(start);
    Sim { machine, world, transcript, now: Duration::ZERO, events: 0 }.play(&script)
}

/// For the engine's tests: runs a program without a document.
#[cfg(test)]
pub(crate) fn run_bare(program: Program, script: &str) -> String {
    run_program(program, script, Transcript::default())
}

struct Sim {
    machine: Machine,
    world: World,
    transcript: Transcript,
    now: Duration,
    events: usize,
}

impl Sim {
    fn play(mut self, script: &Script) -> String {
        self.input(Input::Start { at: script.at, media: true });
        for step in &script.steps {
            if self.machine.is_over() {
                self.transcript.remark(&format!("the call is over before \"{step}\""));
                break;
            }
            self.step(step);
        }
        while !self.machine.is_over() && self.events < EVENTS {
            if !self.next_event() {
                self.gone();
            }
        }
        if !self.machine.is_over() {
            self.transcript.remark("the simulation was given up");
        }
        self.transcript.finish()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Wait => {
                if !self.next_event() {
                    self.transcript.remark("there is nothing to wait for");
                }
            }
            Step::WaitFor(length) => {
                let until = self.now + *length;
                while self.due().is_some_and(|due| due <= until) && self.next_event() {}
                self.now = until;
            }
            Step::Answer => while !self.world.answered && !self.machine.is_over() && self.next_event() {},
            Step::Keys(keys) => {
                for key in keys.chars() {
                    self.input(Input::Leg(Tag::default(), LegEvent::Digit(key)));
                }
            }
            Step::Gone => self.gone(),
        }
    }

    fn gone(&mut self) {
        for (tag, event) in self.world.close(self.now) {
            self.input(Input::Leg(tag, event));
        }
        self.input(Input::Leg(Tag::default(), LegEvent::Gone { cause: "hangup".to_owned() }));
    }

    /// When the next thing happens by itself.
    fn due(&self) -> Option<Duration> {
        let timer = self.machine.deadline();
        [timer, self.world.due()].into_iter().flatten().min()
    }

    /// Lets time pass until the next thing happens; `false` if nothing will.
    fn next_event(&mut self) -> bool {
        let Some(due) = self.due() else { return false };
        if self.events >= EVENTS {
            return false;
        }
        self.now = self.now.max(due);
        let input = self.world.happen(self.now).unwrap_or(Input::Timeout);
        self.input(input);
        true
    }

    /// Hands the machine an input, does what it wants, and hands it what comes of that at once.
    fn input(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next {
            self.machine.take(self.now, input);
            while let Some(effect) = self.machine.poll_effect() {
                if self.transcript.lines() < LINES {
                    self.transcript.effect(self.now, &effect, self.world.answered);
                }
                match effect {
                    Effect::Leg(tag, command) => self.world.perform(self.now, tag, command),
                    Effect::Http(tag, request) => self.world.request(self.now, tag, &request),
                    Effect::Document(tag, id) => self.world.look_up(self.now, tag, &id),
                    Effect::Trace(_) | Effect::Ended(_) => {}
                }
            }
            self.events += 1;
            next = if self.events < EVENTS { self.world.happen(self.now) } else { None };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_that_is_no_flow_is_named_as_such() {
        assert!(run(&json!("x"), None, "").starts_with("! not a flow"));
        assert!(run(&json!({}), Some(Dialect::Kazoo), "dance").contains("dance"));
    }
}
