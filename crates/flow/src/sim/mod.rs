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
//! | `dial 2s busy` | by name: `busy`, `rejected`, `unavailable`, `failed` |
//! | `dial silent` | the next who is dialled rings until the time is over; of several, each has a line of its own |
//! | `feature park too_high 5s` | the next such feature comes to this word, after so long |
//! | `peer *1` | the other party of a conversation presses these keys |
//! | `room 20s removed`, `room 0s full`, `room 9s closed` | the next room is left after so long, for this reason |
//! | `flow ID {…}` | a document of the store, for flows that call others |
//! | `preflow ID` | this document runs first |
//! | `caller`, `called`, `name`, `user`, `language`, `captured` and a value | facts of the call |
//! | `session {"a":1}` | session data: that the call begins with, or, after a step, that somebody adds from outside |
//! | `trigger message`, `trigger api` | there is no call: a message or a request sets the flow off |
//! | `variable NAME VALUE` | a variable that is there from the start; the rest of the line is its value |
//! | `at 2026-03-04T10:00:00Z` | when the call begins |
//! | `expect TEXT` | a test: this must stand in a line of the story, after what was expected before |
//! | `expect not TEXT` | a test: this must not stand there before what is expected next |
//! | `expect end normal by flow` | a test: how the call must end, and who ends it |
//! | `// …` | nothing |
//!
//! After the last step time goes on until the flow is over; if it waits for the caller alone, the caller hangs up.

mod expect;
mod feature;
mod leg;
mod ring;
mod script;
mod story;
mod transcript;

use std::{sync::Arc, time::Duration};

use serde_json::Value;

pub use self::{
    expect::{Expectation, Unmet, unmet},
    script::{Mistake, Script},
};
use self::{leg::World, script::Step, story::Story, transcript::Transcript};
use crate::{
    engine::{Effect, End, Input, Machine, Settings, Start},
    ir::{Program, verify},
    leg::{LegEvent, Tag},
    lower::{self, Diagnostic, Dialect},
    trace::Entry,
};

/// Things that may happen in one simulation, so that an endless flow comes to an end.
const EVENTS: usize = 5_000;

/// Lines of one transcript.
const LINES: usize = 5_000;

/// Finds a document by its id, for flows that call others.
pub type Documents<'a> = &'a dyn Fn(&str) -> Option<Arc<Program>>;

/// A simulated call, in several forms.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// One line a thing that happens, in short; what the golden files hold.
    pub transcript: String,
    /// Sentences.
    pub story: String,
    /// The call's timeline, as the switch keeps it.
    pub trace: Vec<Entry>,
    /// How the call ended; `None` if the simulation was given up.
    pub end: Option<End>,
}

/// Lowers `document` and runs it against `script`; the transcript says what happened, also if it cannot be run.
pub fn run(document: &Value, dialect: Option<Dialect>, script: &str) -> String {
    match lower::lower(dialect, document) {
        Ok(lowered) => run_program(lowered.program, &lowered.diagnostics, script),
        Err(error) => format!("! {error}\n"),
    }
}

/// Runs the program of a number that is a user's.
pub fn run_user(name: &str, script: &str) -> String {
    run_program(crate::own::user(name), &[], script)
}

/// Runs a program that is lowered already.
fn run_program(program: Program, diagnostics: &[Diagnostic], script: &str) -> String {
    match Script::parse(script) {
        Ok(script) => simulate(program, diagnostics, &script, &|_| None).transcript,
        Err(mistake) => format!("! script: {mistake}\n"),
    }
}

/// Runs `program` against `script`. `diagnostics` are remarks at its beginning, `documents` what the flow may call
/// beside those of the script.
pub fn simulate(
    program: Program,
    diagnostics: &[Diagnostic],
    script: &Script,
    documents: Documents<'_>,
) -> Simulation {
    let mut account = Account::default();
    for diagnostic in diagnostics {
        account.remark(&format!("{}: {}", diagnostic.pointer, diagnostic.message));
    }
    if let Err(error) = verify(&program) {
        account.remark(&error.to_string());
        return account.finish();
    }
    let world = World::new(script, program.dialect);
    let mut start = Start::new(Arc::new(program), script.facts.clone(), Settings::default());
    start.variables.extend(script.variables.clone());
    start.variables.extend(script.session.clone().map(|data| ("sessionData".to_owned(), data)));
    let machine = Machine::new(start);
    let mut sim = Sim::new(machine, world, account, documents);
    sim.play(script);
    sim.account.finish()
}

/// For the engine's tests: runs a program without a document.
#[cfg(test)]
pub(crate) fn run_bare(program: Program, script: &str) -> String {
    run_program(program, &[], script)
}

/// What is written down of a call.
#[derive(Debug, Default)]
struct Account {
    transcript: Transcript,
    story: Story,
    trace: Vec<Entry>,
    end: Option<End>,
}

impl Account {
    fn remark(&mut self, text: &str) {
        self.transcript.remark(text);
        self.story.remark(text);
    }

    /// What other people do.
    fn told(&mut self, now: Duration, words: &str) {
        self.transcript.at(now, words);
        self.story.others(now, words);
    }

    fn effect(&mut self, now: Duration, effect: &Effect, answered: bool) {
        if let Effect::Ended(end) = effect {
            self.end = Some(end.clone());
        }
        if self.transcript.lines() >= LINES {
            return;
        }
        self.transcript.effect(now, effect, answered);
        self.story.effect(now, effect, answered);
        if let Effect::Trace(what) = effect {
            self.trace.push(Entry::new(now, what.clone()));
        }
    }

    fn finish(self) -> Simulation {
        let Account { transcript, story, trace, end } = self;
        Simulation { transcript: transcript.finish(), story: story.finish(), trace, end }
    }
}

struct Sim<'a> {
    machine: Machine,
    world: World,
    account: Account,
    documents: Documents<'a>,
    now: Duration,
    events: usize,
    /// What the machine was told and what it did.
    #[cfg(test)]
    log: Vec<resume::Moment>,
}

impl<'a> Sim<'a> {
    fn new(machine: Machine, world: World, account: Account, documents: Documents<'a>) -> Sim<'a> {
        Sim {
            machine,
            world,
            account,
            documents,
            now: Duration::ZERO,
            events: 0,
            #[cfg(test)]
            log: Vec::new(),
        }
    }

    fn play(&mut self, script: &Script) {
        self.account.story.begin(&script.facts, script.at);
        // What is set off by anything else has no call.
        let media = script.facts.reference_type.is_empty();
        self.input(Input::Start { at: script.at, media });
        for step in &script.steps {
            if self.machine.is_over() {
                self.account.remark(&format!("the call is over before \"{step}\""));
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
            self.account.remark("the simulation was given up");
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Wait => {
                if !self.next_event() {
                    self.account.remark("there is nothing to wait for");
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
            Step::Peer(keys) => {
                for key in keys.chars() {
                    self.account.told(self.now, &format!("the other party presses {key}"));
                    self.input(Input::Leg(Tag::default(), LegEvent::PeerDigit(key)));
                }
            }
            Step::Gone => self.gone(),
            Step::Session(data) => {
                self.input(Input::Merge { variable: "sessionData".to_owned(), value: data.clone() });
            }
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
        let input = self.happen().unwrap_or(Input::Timeout);
        self.input(input);
        true
    }

    /// The input that is due, if one is; what other people do before it is told.
    fn happen(&mut self) -> Option<Input> {
        let input = self.world.happen(self.now);
        for words in self.world.remarks.drain(..) {
            self.account.told(self.now, &words);
        }
        input
    }

    /// Hands the machine an input, does what it wants, and hands it what comes of that at once.
    fn input(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next {
            self.account.story.input(self.now, &input);
            #[cfg(test)]
            let mut moment = resume::Moment::new(self.now, &input);
            self.machine.take(self.now, input);
            while let Some(effect) = self.machine.poll_effect() {
                #[cfg(test)]
                moment.effects.push(effect.clone());
                self.account.effect(self.now, &effect, self.world.answered);
                match effect {
                    Effect::Leg(tag, command) => self.world.perform(self.now, tag, command),
                    Effect::Http(tag, request) => self.world.request(self.now, tag, &request),
                    Effect::Document(tag, id) => self.world.look_up(self.now, tag, &id, self.documents),
                    Effect::Trace(_) | Effect::Ended(_) => {}
                }
            }
            #[cfg(test)]
            self.log.push(moment.after(&self.machine));
            self.events += 1;
            next = if self.events < EVENTS { self.happen() } else { None };
        }
    }
}

#[cfg(test)]
mod resume;
#[cfg(test)]
mod tests;
