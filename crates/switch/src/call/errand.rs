//! A flow that runs without a call: when a recording is over, and when somebody outside wishes it.
//!
//! It asks web servers, computes and begins calls, and may wait to be let go on; what needs a leg fails on its error edge, or
//! is left out where its dialect has it so. It belongs to no call, and ends by itself, by order, or after an hour.
//! [`runs`] knows all of them, [`outside`] lets others begin, see and end them.

mod outside;
mod runs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::engine::{Effect, Input, Machine};
use flow::ir::{Cause, Feature, Identity, Originate, Shown, Side, Withheld};
use flow::leg::{LegCommand, LegEvent, Tag};
use flow::trace::What;
use flow::{Facts, HttpFailure, HttpReply, Start};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use self::outside::FlowWish;
pub(crate) use self::runs::Runs;
pub use self::runs::{NotARunId, RunId, RunState, RunView};
use self::runs::{Run, Wanted};
use super::caller::Caller;
use super::originate::{self, Begins};
use super::run::{self, Call};
use super::setting::forced;
use crate::book::Record;
use crate::events::wall_clock;
use crate::route::Program;
use crate::shared::Shared;

/// Longer than any flow without a call has work.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Requests of one at a time.
const REQUESTS: usize = 32;

impl Call {
    /// Says which flow runs without a call when a recording of this leg is over; none if it is empty.
    pub(super) fn after_recording(&mut self, now: Instant, tag: Tag, by: Side, flow: String) {
        let flow = Some(flow).filter(|flow| !flow.is_empty());
        if let Some(leg) = self.sides(by).0.and_then(|key| self.leg_mut(key)) {
            leg.run_after_recordings(flow);
        }
        self.finish(now, tag, "done");
    }
}

/// Runs the flow of this id because a recording of the call is over.
pub(super) fn after_recording(
    shared: &Arc<Shared>,
    record: &Record,
    flow: &str,
    recording: &str,
    length: Duration,
) {
    let Ok(program) = Program::document(&shared.flows.load(), flow) else {
        tracing::warn!(flow, recording, "there is no such flow to be run after the recording");
        return record.timeline.note(run::now(), format!("after the recording: there is no flow {flow}"));
    };
    let about = record.summary();
    let facts = Facts {
        call_id: record.id.to_string(),
        sip_call_id: about.sip_call_id,
        direction: "inbound".to_owned(),
        caller_number: about.caller,
        called_number: about.called,
        user: about.user,
        reference_id: recording.to_owned(),
        ..Facts::default()
    };
    let told = json!({ "id": recording, "seconds": length.as_secs_f64() });
    let variables = Map::from_iter([("recording".to_owned(), told)]);
    let note = match begin(shared, Errand { program, facts, variables, reference: "recording" }) {
        Some(id) => format!("after the recording the flow {flow} runs, without a call, as {id}"),
        None => format!("after the recording the flow {flow} does not run: too many do"),
    };
    record.timeline.note(run::now(), note);
}

/// A flow to be run.
struct Errand {
    program: Program,
    facts: Facts,
    variables: Map<String, Value>,
    /// What set it off, in VoIPBIN's words.
    reference: &'static str,
}

/// Begins it; `None` if too many run.
fn begin(shared: &Arc<Shared>, errand: Errand) -> Option<RunId> {
    let Errand { program, facts, variables, reference } = errand;
    let now = run::now();
    let (run, wanted) = shared.runs.begin(&program.id, reference, now)?;
    let id = run.id;
    let reference_id = if facts.reference_id.is_empty() { id.to_string() } else { facts.reference_id };
    let facts = Facts {
        account_id: shared.account.clone(),
        flow_id: program.id.clone(),
        reference_type: reference.to_owned(),
        reference_id,
        ..facts
    };
    let code = forced(program.code.clone(), &shared.settings.load());
    let start = Start { variables, ..Start::new(code, facts, shared.flow_settings()) };
    let (requests, blocked, cause) = (JoinSet::new(), None, None);
    let machine = Machine::new(start);
    let task = Task { shared: shared.clone(), run, machine, requests, blocked, cause };
    metrics::counter!("offhook_flows_without_call_total").increment(1);
    shared.tasks.spawn(task.run(wanted));
    Some(id)
}

/// A flow that runs.
struct Task {
    shared: Arc<Shared>,
    run: Arc<Run>,
    machine: Machine,
    requests: JoinSet<(Tag, Result<HttpReply, HttpFailure>)>,
    /// It waits to be let go on.
    blocked: Option<Tag>,
    /// Why it ended.
    cause: Option<String>,
}

impl Task {
    async fn run(mut self, mut wanted: mpsc::UnboundedReceiver<Wanted>) {
        let end = run::now() + LONGEST;
        self.run.timeline.note(run::now(), format!("the flow {} runs without a call", self.machine_flow()));
        self.machine.handle(run::now(), Input::Start { at: wall_clock(), media: false });
        let cause = loop {
            while let Some(effect) = self.machine.poll_effect() {
                self.obey(effect);
            }
            let now = run::now();
            if self.machine.is_over() && self.requests.is_empty() {
                break self.cause.clone().unwrap_or_else(|| "end".to_owned());
            }
            if now >= end {
                break "timeout".to_owned();
            }
            let due = self.machine.poll_timeout().unwrap_or(end).min(end);
            tokio::select! {
                Some(done) = self.requests.join_next(), if !self.requests.is_empty() => {
                    if let Ok((tag, result)) = done {
                        self.machine.handle(run::now(), Input::Http(tag, result));
                    }
                }
                Some(wanted) = wanted.recv() => match wanted {
                    Wanted::Stop => break "stopped".to_owned(),
                    Wanted::GoOn => self.go_on(),
                    Wanted::Merge { variable, value } => {
                        self.machine.handle(run::now(), Input::Merge { variable, value });
                    }
                },
                () = run::pause(due.saturating_duration_since(now)) => {
                    self.machine.handle(run::now(), Input::Timeout);
                }
            }
        };
        self.run.timeline.add(run::now(), What::Ended { cause: cause.clone(), by: "flow".to_owned() });
        self.shared.runs.end(&self.run, &cause, self.machine.variables());
    }

    fn machine_flow(&self) -> String {
        let mut flow = String::new();
        self.run.write(|about| flow.clone_from(&about.flow));
        flow
    }

    fn go_on(&mut self) {
        if let Some(tag) = self.blocked.take() {
            self.run.write(|about| about.state = RunState::Running);
            self.run.timeline.note(run::now(), "was let go on");
            self.tell(tag, LegEvent::Finished { word: "done".to_owned() });
        }
    }

    fn tell(&mut self, tag: Tag, event: LegEvent) {
        self.machine.handle(run::now(), Input::Leg(tag, event));
    }

    fn obey(&mut self, effect: Effect) {
        let now = run::now();
        match effect {
            Effect::Http(tag, _) if self.requests.len() >= REQUESTS => {
                let why = format!("{REQUESTS} requests are on their way already");
                self.machine.handle(now, Input::Http(tag, Err(HttpFailure { why, timeout: false })));
            }
            Effect::Http(tag, request) => {
                let http = self.shared.http.clone();
                self.requests.spawn(async move { (tag, http.exchange(&request).await) });
            }
            Effect::Document(tag, id) => {
                let document = self.shared.flows.load().document(&id);
                let document = document.filter(|document| document.broken.is_none());
                let settings = self.shared.settings.load();
                let program = document.map(|document| forced(document.program.clone(), &settings));
                self.machine.handle(now, Input::Document(tag, program));
            }
            Effect::Leg(tag, LegCommand::Feature(feature)) => self.feature(tag, *feature),
            // No event follows these.
            Effect::Leg(_, LegCommand::Hangup { .. } | LegCommand::Stop(_) | LegCommand::Mask(..)) => {}
            Effect::Leg(tag, _) => {
                let why = "there is no call".to_owned();
                self.tell(tag, LegEvent::Failed { cause: Cause::Unsupported, why });
            }
            Effect::Trace(what) => self.run.timeline.add(now, what),
            Effect::Ended(end) => self.cause = Some(end.cause),
        }
    }

    /// What needs no call of its own.
    fn feature(&mut self, tag: Tag, feature: Feature<String>) {
        let came = match feature {
            Feature::Block => {
                self.run.write(|about| about.state = RunState::Blocked);
                self.run.timeline.note(run::now(), "waits to be let go on");
                self.blocked = Some(tag);
                return;
            }
            Feature::CauseOf(call) => Ok(originate::cause_of(&self.shared, run::now(), &call)),
            Feature::Originate(order) => self.originate(order),
            _ => Err((Cause::Unsupported, "there is no call".to_owned())),
        };
        match came {
            Ok(word) => self.tell(tag, LegEvent::Finished { word: word.to_owned() }),
            Err((cause, why)) => self.tell(tag, LegEvent::Failed { cause, why }),
        }
    }

    /// Begins calls; none is chained to this run, which may be over before they are answered.
    fn originate(&mut self, order: Originate<String>) -> super::feature::Came {
        let caller = shown(&order.identity);
        let begins = Begins { flow: self.machine_flow(), hops: caller.hops, master: None };
        let run = &self.run;
        let note = |text: String| run.timeline.note(run::now(), text);
        let (came, calls) = originate::begin_all(&self.shared, &begins, order, |_| caller.clone(), note);
        self.run.write(|about| about.calls.extend(calls));
        came
    }
}

/// Who those see whom a flow without a call calls.
fn shown(identity: &Identity<String>) -> Caller {
    let given = |shown: &Shown<String>| match shown {
        Shown::Given(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        _ => None,
    };
    let number = given(&identity.number).unwrap_or_else(|| "offhook".to_owned());
    let name = given(&identity.name).filter(|_| identity.withheld != Withheld::Name);
    let withheld = matches!(identity.withheld, Withheld::Number | Withheld::Both);
    Caller { name, withheld, ..Caller::ours(&number) }
}
