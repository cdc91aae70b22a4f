//! A call that we begin, until its flow has a leg: it rings at the phones of the one who is called, and perhaps it is
//! listened to who answered.
//!
//! ```text
//!   Ringing ─ an answer ─→ Listening (if asked for) ─→ Begun
//!      └── nobody is left: refused, time, a hang-up ─→ Vain
//! ```
//!
//! The flow begins at the answer, or when it rings first if that is wished for. What such a flow asks of the leg that it
//! does not have yet waits for the answer; the rest is done at once.

use std::time::{Duration, Instant};

use flow::engine::{Input, Machine, Start};
use flow::ir::Cause;
use flow::leg::{Detection, DialOutcome, Leaving, Leg, LegCommand, LegEvent, Need, Tag};
use serde_json::Value;
use sip::Reason;

use super::LegKey;
use super::caller::Caller;
use super::leg::{LISTENING, OWN};
use super::run::Call;
use crate::book::CallState;
use crate::events::{Happening, wall_clock};

/// Nobody hears how it rings.
const NOBODY: LegKey = LegKey::NOBODY;

/// What is done when a machine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machines {
    /// It is hung up on.
    HangUp,
    /// The flow begins, and its variable `detection` says `machine`.
    GoOn,
    /// The flow begins when the machine's greeting is over.
    Wait,
}

/// What a call waits for before its flow has a leg.
pub(super) enum Outset {
    /// Nothing: the flow runs, or ran.
    Begun,
    /// The callee.
    Before(Box<Before>),
    /// Nobody answered, and the flow never began.
    Vain,
}

/// A call that has no leg for its flow.
pub(super) struct Before {
    /// Whom it calls; taken when it begins to ring.
    pub(super) order: Option<flow::ir::Dial<String>>,
    /// The longest call, from the answer on.
    pub(super) longest: Option<Duration>,
    /// It is listened to who answered, and this is done with machines.
    pub(super) machines: Option<Machines>,
    pub(super) early: Early,
    pub(super) start: Start,
}

/// When the flow begins.
pub(super) enum Early {
    /// At the answer.
    No,
    /// When it rings.
    Wanted,
    /// It runs; this it wants of its leg when it has one.
    Runs(Vec<(Tag, LegCommand)>),
}

impl Call {
    /// The call begins: its flow, or, where we call, the ringing.
    pub(super) fn set_out(&mut self, now: Instant) {
        let order = match &mut self.outset {
            Outset::Begun => return self.begin(now),
            Outset::Before(before) => before.order.take(),
            Outset::Vain => None,
        };
        if let Some(order) = order {
            self.dial(now, OWN, NOBODY, order);
        }
    }

    fn begin(&mut self, now: Instant) {
        self.tell(now, Input::Start { at: wall_clock(), media: true });
    }

    /// Somebody outside merges a value into a variable; a flow that has not begun has it from the start.
    pub(super) fn merge(&mut self, now: Instant, variable: String, value: Value) {
        match &mut self.outset {
            Outset::Before(before) if !matches!(before.early, Early::Runs(_)) => {
                match (before.start.variables.get_mut(&variable), value) {
                    (Some(Value::Object(known)), Value::Object(new)) => known.extend(new),
                    (_, value) => drop(before.start.variables.insert(variable, value)),
                }
            }
            _ => self.tell(now, Input::Merge { variable, value }),
        }
    }

    /// Whether the flow is told what happens.
    pub(super) fn flow_runs(&self) -> bool {
        match &self.outset {
            Outset::Begun => true,
            Outset::Before(before) => matches!(before.early, Early::Runs(_)),
            Outset::Vain => false,
        }
    }

    /// Whether no more comes from the flow.
    pub(super) fn flow_is_over(&self) -> bool {
        match &self.outset {
            Outset::Begun => self.machine.is_over(),
            Outset::Before(_) => false,
            Outset::Vain => true,
        }
    }

    /// A phone rings: a flow that begins early begins.
    pub(super) fn outset_rings(&mut self, now: Instant, key: LegKey) {
        if !self.dial.as_ref().is_some_and(|dial| dial.rings(key)) {
            return;
        }
        let Outset::Before(before) = &mut self.outset else { return };
        if matches!(before.early, Early::Wanted) {
            before.early = Early::Runs(Vec::new());
            let mut start = before.start.clone();
            if let Some(leg) = self.leg(key) {
                start.facts.sip_call_id = leg.call_id().to_owned();
            }
            self.record.timeline.note(now, "the flow begins while it rings");
            self.prepare(start);
            self.begin(now);
        }
    }

    /// The flow will begin so.
    fn prepare(&mut self, start: Start) {
        self.journal = self.shared.journals.begin(self.record.id, &start, &self.shared.flows.load());
        self.machine = Machine::new(start);
        self.codes = None;
    }

    /// A phone was answered; whether it is the one that the flow waits for.
    pub(super) fn outset_answered(&mut self, now: Instant, key: LegKey) -> bool {
        let Outset::Before(before) = &mut self.outset else { return false };
        let (longest, machines) = (before.longest, before.machines);
        self.dial = None;
        self.subject = Some(key);
        if let Some(last) = longest.and_then(|longest| now.checked_add(longest)) {
            self.last = self.last.min(last);
        }
        self.caller = self.answering_party(key);
        self.write_answer(key);
        let Some(machines) = machines else {
            self.outset_over(now, None);
            return true;
        };
        let follows = machines == Machines::Wait;
        if let Some(leg) = self.leg_mut(key) {
            leg.perform(now, LISTENING, LegCommand::Detect { follows, timings: Box::default() });
        }
        true
    }

    fn write_answer(&mut self, key: LegKey) {
        let party = self.leg(key).map(|leg| leg.party()).unwrap_or_default();
        let user = self.shared.users.load().owner(&party).map(|user| user.name.clone());
        let call_id = self.leg(key).map(|leg| leg.call_id().to_owned()).unwrap_or_default();
        if let Some(leg) = self.leg(key) {
            leg.record_call_id(&call_id, true);
        }
        if let Outset::Before(before) = &mut self.outset {
            before.start.facts.sip_call_id = call_id;
            before.start.facts.user = user.clone().or(before.start.facts.user.take());
        }
        self.record.write(|about| {
            about.state = CallState::Answered;
            about.answered = Some(wall_clock());
            about.user = user.or(about.user.take());
        });
        self.shared.cdr.alive(&self.record);
        metrics::counter!("offhook_calls_answered_total").increment(1);
        tracing::info!("answered");
        self.shared.bus.publish(self.record.id, Happening::Answered);
    }

    /// Who answered, as those see him whom the flow connects with him.
    pub(super) fn answering_party(&self, key: LegKey) -> Caller {
        let party = self.leg(key).map(|leg| leg.party()).unwrap_or_default();
        let users = self.shared.users.load();
        let user = users.owner(&party);
        let number = match user {
            Some(user) => user.number.clone().unwrap_or_else(|| user.name.clone()),
            None => plain(&party).to_owned(),
        };
        let name = user.and_then(|user| user.display_name.clone());
        let account = user.is_some().then(|| party.clone());
        Caller {
            account,
            number,
            name,
            withheld: false,
            referred_by: None,
            diversions: Vec::new(),
            history: Vec::new(),
            ..self.caller.clone()
        }
    }

    /// Nothing is waited for any more.
    fn outset_over(&mut self, now: Instant, found: Option<Detection>) {
        let Outset::Before(before) = std::mem::replace(&mut self.outset, Outset::Begun) else { return };
        let Before { early, mut start, .. } = *before;
        match early {
            Early::Runs(waiting) => {
                for (tag, command) in waiting {
                    self.command(now, tag, command);
                }
            }
            Early::No | Early::Wanted => {
                if let Some(found) = found {
                    start.variables.insert("detection".to_owned(), found.word().into());
                }
                self.prepare(start);
                self.begin(now);
            }
        }
    }

    /// The leg says something before the flow has it; whether the flow is not to hear it.
    pub(super) fn outset_heard(&mut self, now: Instant, tag: Tag, event: &LegEvent) -> bool {
        let Outset::Before(before) = &self.outset else { return false };
        let machines = before.machines.unwrap_or(Machines::GoOn);
        match event {
            LegEvent::Detected(found) if tag == LISTENING => {
                self.record.timeline.note(now, format!("answered by: {}", found.word()));
                match machines {
                    Machines::HangUp if found.kind() == Detection::Machine => self.cut(now, "amd"),
                    // Its greeting is followed.
                    Machines::Wait if *found == Detection::Machine => {}
                    _ => self.outset_over(now, Some(found.kind())),
                }
            }
            LegEvent::Failed { why, .. } if tag == LISTENING => {
                self.record.timeline.note(now, format!("nobody can tell who answered: {why}"));
                self.outset_over(now, None);
            }
            _ => return !self.flow_runs(),
        }
        true
    }

    /// The ringing came to nothing; whether that was what the flow waited for.
    pub(super) fn outset_dialled(&mut self, now: Instant, outcome: DialOutcome, status: u16) -> bool {
        if !matches!(self.outset, Outset::Before(_)) {
            return false;
        }
        let by = match outcome {
            DialOutcome::Busy | DialOutcome::Rejected => "callee",
            _ => "server",
        };
        self.record.timeline.note(now, format!("nobody answered: {} ({status})", outcome.word()));
        self.ending(outcome.word(), by);
        self.subject_gone(now, outcome.word(), &Reason::normal());
        true
    }

    /// The call ends; it is waited for nothing any more.
    pub(super) fn outset_gone(&mut self) {
        if let Outset::Before(_) = &self.outset {
            self.dial = None;
            self.outset = if self.flow_runs() { Outset::Begun } else { Outset::Vain };
        }
    }

    /// What a flow that began early asks of the leg that it does not have yet waits; everything else is handed back.
    pub(super) fn postponed(&mut self, now: Instant, tag: Tag, command: LegCommand) -> Option<LegCommand> {
        let Outset::Before(before) = &mut self.outset else { return Some(command) };
        let Early::Runs(waiting) = &mut before.early else { return Some(command) };
        match command {
            LegCommand::Hangup { .. } => Some(command),
            LegCommand::Feature(feature) if needs(feature.name()).is_none() => {
                Some(LegCommand::Feature(feature))
            }
            LegCommand::Stop(started) => match waiting.iter().position(|(tag, _)| *tag == started) {
                Some(at) => {
                    let (_, stopped) = waiting.remove(at);
                    if let Some(event) = unheard(&stopped) {
                        self.tell(now, Input::Leg(started, event));
                    }
                    None
                }
                None => Some(command),
            },
            LegCommand::Mask(..) => None,
            command => {
                waiting.push((tag, command));
                None
            }
        }
    }
}

/// What a feature needs of the call's leg.
fn needs(feature: &str) -> Option<Need> {
    flow::action::table().find(|row| row.name == feature).and_then(|row| row.needs)
}

/// What a flow hears of a command that it stops before it was obeyed.
fn unheard(command: &LegCommand) -> Option<LegEvent> {
    Some(match command {
        LegCommand::Play { .. } => LegEvent::Played { stopped: true },
        LegCommand::Dial(_) => LegEvent::Dialled { outcome: DialOutcome::Cancelled, status: 487 },
        LegCommand::Conference(_) => LegEvent::Left { how: Leaving::Stopped },
        LegCommand::Record { .. } => {
            let why = "nobody has answered yet".to_owned();
            LegEvent::Failed { cause: Cause::Recording, why }
        }
        _ => return None,
    })
}

/// The number in what a leg is called by: `+4722` of `acme +4722`, `bob` of `sip:bob@192.0.2.7`.
fn plain(party: &str) -> &str {
    let last = party.rsplit(' ').next().unwrap_or(party);
    let user = last.split_once(':').map_or(last, |(_, rest)| rest);
    user.split('@').next().unwrap_or(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_known_by_its_number() {
        assert_eq!(plain("acme +4722"), "+4722");
        assert_eq!(plain("sip:bob@192.0.2.7:5060"), "bob");
        assert_eq!(plain("bob"), "bob");
    }

    #[test]
    fn what_needs_no_leg_is_done_while_it_rings() {
        assert_eq!(needs("Originate"), None);
        assert_eq!(needs("Block"), None);
        assert_eq!(needs("Park"), Some(Need::Call));
        assert_eq!(needs("Directory"), Some(Need::Media));
    }
}
