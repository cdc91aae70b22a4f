//! Golden flows that are interrupted wherever they wait: written down, read again in a new machine, and gone on with.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Account, Script, Sim, World};
use crate::{
    engine::{Effect, Input, Machine, Settings, Start},
    ir::Program,
    journal::{RestoreError, Snapshot, Used},
    leg::{LegEvent, Tag},
    lower,
    trace::What,
};

/// What a machine was told, what it did, and how it could go on from there.
#[derive(Debug)]
pub(super) struct Moment {
    at: Duration,
    input: Input,
    pub(super) effects: Vec<Effect>,
    snapshot: Option<Snapshot>,
    known: Vec<(Arc<Program>, Used)>,
}

impl Moment {
    pub(super) fn new(at: Duration, input: &Input) -> Moment {
        Moment { at, input: input.clone(), effects: Vec::new(), snapshot: None, known: Vec::new() }
    }

    pub(super) fn after(mut self, machine: &Machine) -> Moment {
        self.snapshot = machine.snapshot();
        self.known = machine.known();
        self
    }
}

/// A golden flow and what happened in it.
struct Run {
    name: String,
    log: Vec<Moment>,
}

fn golden() -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for dialect in ["kazoo", "callroute", "voipbin", "voxology"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(dialect);
        for file in fs::read_dir(folder).unwrap() {
            let script = file.unwrap().path();
            if script.extension().is_some_and(|extension| extension == "script") {
                let whole = script.with_extension("json");
                let document =
                    if whole.exists() { whole } else { script.with_extension("").with_extension("json") };
                found.push((document, script));
            }
        }
    }
    found.sort();
    found
}

fn run(document: &Path, script: &Path) -> Option<Run> {
    let json = serde_json::from_str(&fs::read_to_string(document).unwrap()).unwrap();
    let program = Arc::new(lower::lower(None, &json).ok()?.program);
    let script_text = fs::read_to_string(script).unwrap();
    let script_steps = Script::parse(&script_text).ok()?;
    let world = World::new(&script_steps, program.dialect);
    let start = Start::new(program, script_steps.facts.clone(), Settings::default());
    let mut sim = Sim::new(Machine::new(start), world, Account::default(), &|_| None);
    sim.play(&script_steps);
    Some(Run { name: script.display().to_string(), log: sim.log })
}

impl Run {
    /// The programs of the run, as a driver would find them again.
    fn program(&self, used: &Used) -> Option<Arc<Program>> {
        let mut known = self.log.iter().flat_map(|moment| &moment.known);
        known.find(|(_, of)| of == used).map(|(program, _)| program.clone())
    }

    /// A new machine that begins again after the moment at `at`, by way of JSON.
    fn restored(&self, at: usize) -> Result<Machine, RestoreError> {
        let snapshot = self.log[at].snapshot.as_ref().unwrap();
        let json = serde_json::to_string(snapshot).unwrap();
        let snapshot: Snapshot = serde_json::from_str(&json).unwrap();
        let wall = snapshot.wall.parse().unwrap();
        Machine::restore(snapshot, wall, &|used| self.program(used))
    }
}

/// Moments to interrupt at: all of a short run, some of a long one.
fn some(log: &[Moment]) -> impl Iterator<Item = usize> {
    (0..log.len()).step_by(1 + log.len() / 6)
}

fn effects(machine: &mut Machine) -> Vec<Effect> {
    std::iter::from_fn(|| machine.poll_effect()).collect()
}

/// The tags of the interrupted run, and those of the one that went on.
#[derive(Default)]
struct Tags(HashMap<u64, u64>);

impl Tags {
    fn input(&self, input: &Input) -> Input {
        let new = |tag: &Tag| Tag(self.0.get(&tag.0).copied().unwrap_or(tag.0));
        match input {
            Input::Leg(tag, event) => Input::Leg(new(tag), event.clone()),
            Input::Http(tag, outcome) => Input::Http(new(tag), outcome.clone()),
            Input::Document(tag, program) => Input::Document(new(tag), program.clone()),
            other => other.clone(),
        }
    }

    /// Effects as text, with tags as in the new run where `old`.
    fn text(&self, effects: &[Effect], old: bool) -> Vec<String> {
        let number = regex::Regex::new(r"Tag\((\d+)\)").unwrap();
        let text = |effect: &Effect| {
            let text = format!("{effect:?}");
            let new = |found: &regex::Captures<'_>| {
                let tag: u64 = found[1].parse().unwrap();
                format!("Tag({})", if old { self.0.get(&tag).copied().unwrap_or(tag) } else { tag })
            };
            number.replace_all(&text, new).into_owned()
        };
        // A request that nobody waited for is not told of any more when its reply comes.
        effects
            .iter()
            .filter(|effect| !matches!(effect, Effect::Trace(What::Http { .. })))
            .map(text)
            .collect()
    }

    fn pair(&mut self, old: &[Effect], new: &[Effect]) {
        let tags = |effects: &[Effect]| {
            let tag = |effect: &Effect| match effect {
                Effect::Leg(tag, _) | Effect::Http(tag, _) | Effect::Document(tag, _) => Some(tag.0),
                _ => None,
            };
            effects.iter().filter_map(tag).collect::<Vec<_>>()
        };
        self.0.extend(tags(old).into_iter().zip(tags(new)));
    }
}

#[test]
fn a_run_that_is_interrupted_where_a_node_begins_goes_on_as_if_it_had_not_been() {
    let mut interrupted = 0;
    for (document, script) in golden() {
        let Some(run) = run(&document, &script) else { continue };
        for at in some(&run.log) {
            let moment = &run.log[at];
            let Some(snapshot) = &moment.snapshot else { continue };
            let waits = crate::ir::Pointer(snapshot.node.pointer.clone()).to_string();
            // Not those that run beside the one that waits.
            let begins = |effect: &Effect| matches!(effect, Effect::Trace(What::Node { pointer, .. }) if *pointer == waits);
            let Some(entered) = moment.effects.iter().rposition(begins) else { continue };
            let mut machine =
                run.restored(at).unwrap_or_else(|error| panic!("{} at {at}: {error}", run.name));
            let mut tags = Tags::default();
            let began = effects(&mut machine);
            tags.pair(&moment.effects[entered..], &began);
            assert_eq!(
                tags.text(&began, false),
                tags.text(&moment.effects[entered..], true),
                "{} begins again at {:?}",
                run.name,
                moment.at
            );
            for next in &run.log[at + 1..] {
                machine.take(next.at, tags.input(&next.input));
                let does = effects(&mut machine);
                tags.pair(&next.effects, &does);
                assert_eq!(
                    tags.text(&does, false),
                    tags.text(&next.effects, true),
                    "{} went on from {:?} to {:?}",
                    run.name,
                    moment.at,
                    next.at
                );
            }
            interrupted += 1;
        }
    }
    assert!(interrupted > 150, "{interrupted}");
}

#[test]
fn a_run_that_is_interrupted_inside_a_node_enters_it_anew_and_comes_to_its_end() {
    let mut interrupted = 0;
    for (document, script) in golden() {
        let Some(run) = run(&document, &script) else { continue };
        for at in some(&run.log).filter(|at| run.log[*at].snapshot.is_some()) {
            let mut machine =
                run.restored(at).unwrap_or_else(|error| panic!("{} at {at}: {error}", run.name));
            let began = effects(&mut machine);
            assert!(
                matches!(began.first(), Some(Effect::Trace(What::Node { .. }))),
                "{}: {began:?}",
                run.name
            );
            let (now, mut rounds) = (run.log[at].at, 0);
            machine.take(now, Input::Leg(Tag(0), LegEvent::Gone { cause: "hangup".into() }));
            while let Some(due) = machine.deadline().filter(|_| !machine.is_over()) {
                machine.take(due.max(now), Input::Timeout);
                rounds += 1;
                assert!(rounds < 1_000, "{} does not end", run.name);
            }
            assert!(effects(&mut machine).iter().any(|e| matches!(e, Effect::Ended(_))), "{}", run.name);
            interrupted += 1;
        }
    }
    assert!(interrupted > 200, "{interrupted}");
}

#[test]
fn keys_that_a_node_took_are_pressed_again() {
    let text =
        r##"{"module": "collect_dtmf", "data": {"max_digits": 4, "terminators": ["#"]}, "children": {}}"##;
    let program = Arc::new(lower::lower(None, &serde_json::from_str(text).unwrap()).unwrap().program);
    let start = Start::new(program.clone(), Default::default(), Settings::default());
    let mut machine = Machine::new(start);
    machine.take(Duration::ZERO, Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
    let answer = effects(&mut machine).into_iter().find_map(|effect| match effect {
        Effect::Leg(tag, _) => Some(tag),
        _ => None,
    });
    machine.take(Duration::ZERO, Input::Leg(answer.unwrap_or_default(), LegEvent::Answered));
    for key in "12".chars() {
        machine.take(Duration::from_secs(1), Input::Leg(Tag(0), LegEvent::Digit(key)));
    }
    let snapshot = machine.snapshot().unwrap();
    let later = snapshot.wall.parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_secs(60);
    let mut machine = Machine::restore(snapshot, later, &|_| Some(program.clone())).unwrap();
    let clock = machine.snapshot().map(|snapshot| snapshot.wall);
    assert_eq!(clock, Some(later.to_string()), "the time between counts");
    machine.take(Duration::from_secs(61), Input::Leg(Tag(0), LegEvent::Digit('#')));
    let got = What::Collected { digits: "12".into() };
    assert!(effects(&mut machine).contains(&Effect::Trace(got)));
}

#[test]
fn what_cannot_be_restored_says_why() {
    let (document, script) = golden().remove(0);
    let run = run(&document, &script).unwrap();
    let snapshot = run.log.iter().find_map(|moment| moment.snapshot.clone()).unwrap();
    let restore = |change: &dyn Fn(&mut Snapshot), programs: &dyn Fn(&Used) -> Option<Arc<Program>>| {
        let mut changed = snapshot.clone();
        change(&mut changed);
        let wall = snapshot.wall.parse().unwrap();
        Machine::restore(changed, wall, programs).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let there = |used: &Used| run.program(used);
    assert_eq!(restore(&|_| {}, &there), "");
    assert!(restore(&|_| {}, &|_| None).contains("is not there"));
    assert!(restore(&|s| s.version = 9, &there).contains("version 9"));
    assert!(restore(&|s| s.leg = "x".into(), &there).contains("makes no sense"));
    assert!(restore(&|s| s.frames.clear(), &there).contains("makes no sense"));
    let elsewhere =
        restore(&|s| s.node = crate::journal::snapshot::Spot { id: 0, pointer: "/no/such".into() }, &there);
    assert!(elsewhere.contains("has no node at /no/such"), "{elsewhere}");
}
