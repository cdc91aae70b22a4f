//! Reads a simulation's script.

use std::{collections::VecDeque, fmt, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::expect::Expectation;
use crate::engine::{Facts, HttpFailure, HttpReply};
use crate::leg::{Detection, Leaving};

/// What the caller does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Wait,
    WaitFor(Duration),
    Answer,
    Keys(String),
    /// The other party's keys.
    Peer(String),
    Gone,
    /// Somebody outside changes the call's session data.
    Session(Value),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Wait => f.write_str("wait"),
            Step::WaitFor(length) => write!(f, "wait {}", crate::ir::print::time(*length)),
            Step::Answer => f.write_str("answer"),
            Step::Keys(keys) => f.write_str(keys),
            Step::Peer(keys) => write!(f, "peer {keys}"),
            Step::Gone => f.write_str("gone"),
            Step::Session(data) => write!(f, "session {data}"),
        }
    }
}

/// Where a script makes no sense, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {problem}")]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
    /// What was expected, and what stands there.
    pub problem: String,
}

/// A mistake within a line; without a place it is in what follows the first word.
#[derive(Debug)]
struct Slip {
    at: Option<usize>,
    problem: String,
}

impl From<String> for Slip {
    fn from(problem: String) -> Slip {
        Slip { at: None, problem }
    }
}

impl From<&str> for Slip {
    fn from(problem: &str) -> Slip {
        Slip::from(problem.to_owned())
    }
}

/// A script, read.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) facts: Facts,
    pub(super) at: Timestamp,
    /// The session data that the call begins with.
    pub(super) session: Option<Value>,
    pub(super) steps: Vec<Step>,
    pub(super) replies: VecDeque<Result<HttpReply, HttpFailure>>,
    pub(super) documents: Vec<(String, Value)>,
    /// Variables that are there from the start.
    pub(super) variables: serde_json::Map<String, Value>,
    pub(super) callees: VecDeque<Callee>,
    /// Features by name (lower case), their word, and after how long they come to it.
    pub(super) features: Vec<(String, String, Option<Duration>)>,
    /// How long the caller stays in each room, and why it ends.
    pub(super) rooms: VecDeque<(Duration, Leaving)>,
    /// When it is made out who answered, and who.
    pub(super) answers: VecDeque<(Duration, Detection)>,
    pub(super) expectations: Vec<Expectation>,
}

/// What somebody who is dialled does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callee {
    /// Answers after so long, and hangs up after so long again.
    Answers(Duration, Duration),
    /// Refuses after so long.
    Refuses(Duration, u16),
    /// Lets it ring.
    Silent,
}

impl Script {
    /// Reads a script; `Err` is the first place that makes no sense.
    pub fn parse(text: &str) -> Result<Script, Mistake> {
        let facts = Facts {
            call_id: "call-1".into(),
            sip_call_id: "sim-1@192.0.2.1".into(),
            direction: "inbound".into(),
            caller_number: "+15550100".into(),
            called_number: "1000".into(),
            caller_domain: "example.com".into(),
            called_domain: "example.com".into(),
            caller_address: "192.0.2.1".into(),
            account_id: "account-1".into(),
            flow_id: "flow".into(),
            ..Facts::default()
        };
        // 2026-03-04T10:00:00Z
        let at = Timestamp::from_second(1_772_618_400).unwrap_or_default();
        let mut script = Script {
            facts,
            at,
            session: None,
            steps: Vec::new(),
            replies: VecDeque::new(),
            documents: Vec::new(),
            variables: Default::default(),
            callees: VecDeque::new(),
            features: Vec::new(),
            rooms: VecDeque::new(),
            answers: VecDeque::new(),
            expectations: Vec::new(),
        };
        for (number, whole) in (1..).zip(text.lines()) {
            let line = whole.trim();
            script.line(number, line).map_err(|slip| {
                let at = slip.at.unwrap_or_else(|| offset(line, split(line).1));
                Mistake { line: number, column: offset(whole, line) + at + 1, problem: slip.problem }
            })?;
        }
        Ok(script)
    }

    /// What the script expects of the call, in order.
    pub fn expectations(&self) -> &[Expectation] {
        &self.expectations
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), Slip> {
        if line.starts_with("//") {
            return Ok(());
        }
        let (first, rest) = split(line);
        match first {
            "http" => self.replies.push_back(reply(rest)?),
            "dial" => {
                let callee =
                    callee(rest).ok_or("expected `3s answered 20s`, `2s 486`, `2s busy` or `silent`")?;
                self.callees.push_back(callee);
            }
            "feature" => {
                let feature = feature(rest)
                    .ok_or("expected a feature and its word, `park too_high` or `queue timeout 30s`")?;
                self.features.push(feature);
            }
            "room" => {
                let stay = stay(rest).ok_or("expected `20s removed`, `20s closed` or `0s full`")?;
                self.rooms.push_back(stay);
            }
            "detect" => {
                let answer = answered_by(rest).ok_or("expected `2s person`, `3s machine` or `8s beep`")?;
                self.answers.push_back(answer);
            }
            "variable" => {
                let (name, value) = split(rest);
                if name.is_empty() {
                    return Err("expected a name and a value, `variable voipbin.message.text call me`".into());
                }
                self.variables.insert(name.to_owned(), value.into());
            }
            "trigger" if rest.is_empty() => {
                return Err("expected what sets the flow off, `trigger message`".into());
            }
            "trigger" => {
                // There is no call, and nothing is known of one.
                self.facts = Facts {
                    call_id: std::mem::take(&mut self.facts.call_id),
                    account_id: std::mem::take(&mut self.facts.account_id),
                    flow_id: std::mem::take(&mut self.facts.flow_id),
                    reference_type: rest.to_owned(),
                    ..Facts::default()
                };
            }
            "flow" => {
                let (id, document) = split(rest);
                let document = json(line, document, "a flow document in JSON")?;
                self.documents.push((id.to_owned(), document));
            }
            "session" => {
                let data = json(line, rest, "session data in JSON")?;
                match self.steps.is_empty() {
                    true => self.session = Some(data),
                    false => self.steps.push(Step::Session(data)),
                }
            }
            "expect" => self.expectations.push(Expectation::parse(number, rest)?),
            _ => return self.words(line),
        }
        Ok(())
    }

    fn words(&mut self, line: &str) -> Result<(), Slip> {
        let mut words = line.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let slip = |problem: String| Slip { at: Some(offset(line, word)), problem };
            let mut value = || {
                let value = words.next().map(str::to_owned);
                value.ok_or_else(|| {
                    slip(format!("expected a value after `{word}`, found the end of the line"))
                })
            };
            match word {
                "caller" => self.facts.caller_number = value()?,
                "called" => self.facts.called_number = value()?,
                "name" => self.facts.caller_name = value()?,
                "user" => self.facts.user = Some(value()?),
                "language" => self.facts.language = value()?,
                "preflow" => self.facts.preflow = Some(value()?),
                "captured" => self.facts.capture_group = Some(value()?),
                "anonymous" => self.facts.caller_number.clear(),
                "at" => {
                    let time = value()?;
                    self.at = time.parse().map_err(|_| {
                        slip(format!("expected a time such as `at 2026-03-04T10:00:00Z`, found `{time}`"))
                    })?;
                }
                "peer" => self.steps.push(Step::Peer(value()?)),
                "gone" => self.steps.push(Step::Gone),
                "answer" => self.steps.push(Step::Answer),
                "wait" => match words.peek().copied().and_then(length) {
                    Some(length) => {
                        words.next();
                        self.steps.push(Step::WaitFor(length));
                    }
                    None => self.steps.push(Step::Wait),
                },
                keys if keys.chars().all(|key| key.is_ascii_digit() || "*#ABCD".contains(key)) => {
                    self.steps.push(Step::Keys(keys.to_owned()));
                }
                other => {
                    let expected =
                        "expected a step (`wait`, `wait 2s`, keys such as `12#`, `answer`, `gone`)";
                    let more = "a reply (`http 200 …`), `dial`, `feature`, `room`, `detect`, `flow`, `expect` or a fact";
                    return Err(slip(format!("{expected}, {more}, found `{other}`")));
                }
            }
        }
        Ok(())
    }
}

/// The JSON at the end of a line.
fn json(line: &str, text: &str, expected: &str) -> Result<Value, Slip> {
    serde_json::from_str(text).map_err(|error| Slip {
        at: Some(offset(line, text) + error.column().saturating_sub(1)),
        problem: format!(
            "expected {expected}: {}",
            error.to_string().split(" at line ").next().unwrap_or_default()
        ),
    })
}

/// Where `part`, a slice of `whole`, begins in it, in bytes; its end if it is no slice of it.
fn offset(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize)
        .checked_sub(whole.as_ptr() as usize)
        .filter(|at| *at <= whole.len())
        .unwrap_or(whole.len())
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).map_or((text, ""), |(first, rest)| (first, rest.trim()))
}

/// `3s answered 20s`, `2s 486`, `silent`.
fn callee(text: &str) -> Option<Callee> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["silent"] => Some(Callee::Silent),
        [after, "answered", talk] => Some(Callee::Answers(length(after)?, length(talk)?)),
        [after, status] => {
            Some(Callee::Refuses(length(after)?, status.parse().ok().or_else(|| named(status))?))
        }
        _ => None,
    }
}

/// The status by which somebody is busy, rejects, is not there.
fn named(word: &str) -> Option<u16> {
    let named = [("busy", 486), ("rejected", 603), ("unavailable", 480), ("failed", 500), ("cancelled", 487)];
    named.into_iter().find(|(name, _)| *name == word).map(|(_, status)| status)
}

/// `park too_high`, `queue timeout 30s`.
fn feature(text: &str) -> Option<(String, String, Option<Duration>)> {
    let mut words = text.split_whitespace();
    let (name, word) = (words.next()?, words.next()?);
    let after = match words.next() {
        Some(after) => Some(length(after)?),
        None => None,
    };
    words.next().is_none().then(|| (name.to_ascii_lowercase(), word.to_owned(), after))
}

/// `20s removed`, `20s closed`, `0s full`, `0s locked`, `20s left`.
fn stay(text: &str) -> Option<(Duration, Leaving)> {
    let (after, how) = split(text);
    let all = [Leaving::Removed, Leaving::Closed, Leaving::Full, Leaving::Locked, Leaving::Left];
    Some((length(after)?, all.into_iter().find(|leaving| leaving.word() == how)?))
}

/// `2s person`, `3s machine`, `8s beep`.
fn answered_by(text: &str) -> Option<(Duration, Detection)> {
    let (after, who) = split(text);
    let who = match who {
        "person" => Detection::Person,
        "machine" => Detection::Machine,
        "beep" => Detection::Beep,
        "unknown" => Detection::Unknown,
        _ => return None,
    };
    Some((length(after)?, who))
}

/// `2s`, `2.5s`, `500ms`.
fn length(word: &str) -> Option<Duration> {
    let (number, unit) = match word.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (word.strip_suffix('s')?, 1.0),
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

/// `200 {"a":1}`, `500`, `timeout`, `refused`.
fn reply(text: &str) -> Result<Result<HttpReply, HttpFailure>, String> {
    let (status, body) = split(text);
    Ok(match status {
        "timeout" => Err(HttpFailure { why: "no reply in time".into(), timeout: true }),
        "refused" => Err(HttpFailure { why: "connection refused".into(), timeout: false }),
        _ => Ok(HttpReply {
            status: status
                .parse()
                .map_err(|_| format!("expected an HTTP status, `timeout` or `refused`, found `{status}`"))?,
            content_type: if body.starts_with(['{', '[']) {
                "application/json".into()
            } else {
                "text/plain".into()
            },
            body: body.as_bytes().to_vec(),
            note: String::new(),
        }),
    })
}
