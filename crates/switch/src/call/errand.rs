//! A flow that runs without a call: when a recording is over.
//!
//! It asks web servers and computes; what needs a leg fails on its error edge. It belongs to no call any more, and ends by
//! itself or after an hour.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::engine::{Effect, Input, Machine};
use flow::ir::{Cause, Side};
use flow::leg::{LegCommand, LegEvent, Tag};
use flow::trace::What;
use flow::{Facts, HttpFailure, HttpReply, Start};
use serde_json::json;
use tokio::task::JoinSet;

use super::run::{self, Call};
use super::setting::forced;
use crate::book::Record;
use crate::events::wall_clock;
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
    let flows = shared.flows.load();
    let Some(document) = flows.document(flow).filter(|document| document.broken.is_none()) else {
        tracing::warn!(flow, recording, "there is no such flow to be run after the recording");
        return record.timeline.note(run::now(), format!("after the recording: there is no flow {flow}"));
    };
    record.timeline.note(run::now(), format!("after the recording the flow {flow} runs, without a call"));
    let about = record.summary();
    let facts = Facts {
        call_id: record.id.to_string(),
        sip_call_id: about.sip_call_id,
        direction: "inbound".to_owned(),
        caller_number: about.caller,
        called_number: about.called,
        user: about.user,
        account_id: shared.account.clone(),
        flow_id: flow.to_owned(),
        reference_type: "recording".to_owned(),
        reference_id: recording.to_owned(),
        ..Facts::default()
    };
    let code = forced(document.program.clone(), &shared.settings.load());
    let mut start = Start::new(code, facts, shared.flow_settings());
    let told = json!({ "id": recording, "seconds": length.as_secs_f64() });
    start.variables.insert("recording".to_owned(), told);
    let owner = shared.clone();
    shared.tasks.spawn(run(owner, Machine::new(start)));
}

async fn run(shared: Arc<Shared>, mut machine: Machine) {
    let end = run::now() + LONGEST;
    let mut requests: JoinSet<(Tag, Result<HttpReply, HttpFailure>)> = JoinSet::new();
    machine.handle(run::now(), Input::Start { at: wall_clock(), media: false });
    loop {
        while let Some(effect) = machine.poll_effect() {
            obey(&shared, &mut machine, &mut requests, effect);
        }
        let now = run::now();
        if machine.is_over() && requests.is_empty() || now >= end {
            return;
        }
        let due = machine.poll_timeout().unwrap_or(end).min(end);
        tokio::select! {
            Some(done) = requests.join_next(), if !requests.is_empty() => {
                if let Ok((tag, result)) = done {
                    machine.handle(run::now(), Input::Http(tag, result));
                }
            }
            () = run::pause(due.saturating_duration_since(now)) => machine.handle(run::now(), Input::Timeout),
        }
    }
}

fn obey(
    shared: &Arc<Shared>,
    machine: &mut Machine,
    requests: &mut JoinSet<(Tag, Result<HttpReply, HttpFailure>)>,
    effect: Effect,
) {
    let now = run::now();
    match effect {
        Effect::Http(tag, _) if requests.len() >= REQUESTS => {
            let why = format!("{REQUESTS} requests are on their way already");
            machine.handle(now, Input::Http(tag, Err(HttpFailure { why, timeout: false })));
        }
        Effect::Http(tag, request) => {
            let http = shared.http.clone();
            requests.spawn(async move { (tag, http.exchange(&request).await) });
        }
        Effect::Document(tag, id) => {
            let document = shared.flows.load().document(&id).filter(|document| document.broken.is_none());
            machine.handle(now, Input::Document(tag, document.map(|document| document.program.clone())));
        }
        // No event follows these.
        Effect::Leg(_, LegCommand::Hangup { .. } | LegCommand::Stop(_) | LegCommand::Mask(..)) => {}
        Effect::Leg(tag, _) => {
            let why = "there is no call".to_owned();
            machine.handle(now, Input::Leg(tag, LegEvent::Failed { cause: Cause::Unsupported, why }));
        }
        Effect::Trace(What::Note { text }) => tracing::info!(text, "a flow without a call"),
        Effect::Trace(what) => tracing::debug!(?what, "a flow without a call"),
        Effect::Ended(end) => tracing::debug!(cause = end.cause, "a flow without a call is over"),
    }
}
