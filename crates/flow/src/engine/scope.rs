//! What expressions see of a run: its variables and the facts of its call.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::port::{LegState, Port};
use crate::{country, eval::Scope, ir::Fact};

impl Port {
    /// The wall clock: the call's start and the time since.
    pub(crate) fn wall_clock(&self) -> Timestamp {
        self.later(self.now)
    }

    /// The id of a flow of the chain.
    fn run_id(&self, completed: u32) -> String {
        let call = &self.facts.call_id;
        if completed == 0 { call.clone() } else { format!("{call}.{completed}") }
    }

    fn later(&self, moment: Duration) -> Timestamp {
        let since =
            SignedDuration::try_from(moment.saturating_sub(self.began)).unwrap_or(SignedDuration::ZERO);
        self.at.checked_add(since).unwrap_or(self.at)
    }

    /// The prompts' language; empty for whatever the leg has.
    pub(crate) fn language(&self) -> &str {
        [&self.store.language, &self.facts.language, &self.settings.default_language]
            .into_iter()
            .find(|language| !language.is_empty())
            .map_or("", |language| language)
    }
}

impl Scope for Port {
    fn variable(&self, name: &str) -> Option<&Value> {
        self.store.variables.get(name)
    }

    fn now_millis(&self) -> i64 {
        self.wall_clock().as_millisecond()
    }

    fn fact(&self, fact: Fact) -> Option<Value> {
        let facts = &self.facts;
        let text = |text: &String| Some(Value::from(text.as_str()));
        match fact {
            Fact::CallId => text(&facts.call_id),
            Fact::SipCallId => text(&facts.sip_call_id),
            Fact::Direction => text(&facts.direction),
            Fact::CallerNumber => text(&facts.caller_number),
            Fact::CallerName => text(&facts.caller_name),
            Fact::CallerDomain => text(&facts.caller_domain),
            Fact::CalledNumber => text(&facts.called_number),
            Fact::CalledName => text(&facts.called_name),
            Fact::CalledDomain => text(&facts.called_domain),
            Fact::User => facts.user.as_ref().and_then(text),
            Fact::CallerCountry => country::of(&facts.caller_number).map(Value::from),
            Fact::CalledCountry => country::of(&facts.called_number).map(Value::from),
            Fact::CallerAddress => text(&facts.caller_address),
            Fact::AccountId => text(&facts.account_id),
            Fact::FlowId => text(&facts.flow_id),
            Fact::Status => Some(status(self.leg).into()),
            Fact::Answered => Some((self.answered || self.leg == LegState::Answered).into()),
            Fact::EndCause => self.end.as_ref().map(|end| end.cause.as_str().into()),
            Fact::Detection => self.store.detection.map(Into::into),
            Fact::StartMillis => Some(self.at.as_millisecond().into()),
            Fact::StartIso => Some(iso(self.at).into()),
            Fact::NowMillis => Some(self.now_millis().into()),
            Fact::NowIso => Some(iso(self.wall_clock()).into()),
            Fact::EndIso => self.over.map(|over| iso(self.later(over)).into()),
            Fact::Elapsed => Some((self.elapsed().as_millis() as u64).into()),
            Fact::LastDigits => text(&self.store.last_digits),
            Fact::AheadKey => self.keys.back().map(|pressed| pressed.key.to_string().into()),
            Fact::Collections => Some(Value::Object(self.store.collections.clone())),
            Fact::KeyPresses => Some(Value::Array(self.store.presses.clone())),
            Fact::Recordings => Some(Value::Array(self.store.recordings.clone())),
            Fact::RecordedFormat => self.store.recorded_format.map(Value::from),
            Fact::RecordedSeconds => self.store.recorded.map(|length| length.as_secs().into()),
            Fact::Variables => Some(Value::Object(self.store.variables.clone())),
            Fact::Language => Some(self.language().into()).filter(|language: &Value| language != ""),
            Fact::HangupBy => self.end.as_ref().map(|end| end.by.as_str().into()),
            Fact::CompleteCount => Some(self.completed.into()),
            Fact::RunId => Some(self.run_id(self.completed).into()),
            Fact::PriorRunId => {
                Some(self.completed.checked_sub(1).map_or(String::new(), |prior| self.run_id(prior)).into())
            }
            Fact::ReferenceType if facts.reference_type.is_empty() => Some("call".into()),
            Fact::ReferenceType => text(&facts.reference_type),
            Fact::ReferenceId if facts.reference_id.is_empty() => text(&facts.call_id),
            Fact::ReferenceId => text(&facts.reference_id),
            Fact::MasterCallId => text(&facts.master_call_id),
            Fact::CaptureGroup => facts.capture_group.as_ref().and_then(text),
            Fact::CaptureGroups => {
                let groups = facts.capture_groups.iter();
                let groups: Value =
                    groups.map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
                Some(groups).filter(|_| !facts.capture_groups.is_empty())
            }
            Fact::Captures => self.store.code.as_ref().map(|code| code.captures.clone().into()),
            Fact::Collected => self.store.code.as_ref().and_then(|code| text(&code.digits)),
        }
    }
}

fn status(leg: LegState) -> &'static str {
    match leg {
        LegState::Absent => "",
        LegState::Ringing => "ringing",
        LegState::Answered => "progressing",
        LegState::Gone => "hangup",
    }
}

/// ISO 8601 with milliseconds and `Z`.
fn iso(timestamp: Timestamp) -> String {
    format!("{timestamp:.3}")
}
