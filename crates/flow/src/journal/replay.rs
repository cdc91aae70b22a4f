//! Runs a journal again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Begun, Line, Snapshot, VERSION};
use crate::engine::{Effect, End, Input, Machine, Start};
use crate::ir::Program;
use crate::leg::{LegEvent, Tag};
use crate::trace::{Entry, What};

/// What a replay came to.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// The trace's lines, as the call had them.
    pub entries: Vec<Entry>,
    /// How the run ended; `None` if it has not.
    pub end: Option<End>,
    /// The last snapshot in it.
    pub snapshot: Option<Box<Snapshot>>,
    /// What there is to say of the journal: that it is cut off, that its release was another one.
    pub notes: Vec<String>,
}

impl Replay {
    /// Where a recorded timeline tells otherwise, in words; `None` if it tells the same of all that the flow determines:
    /// documents, nodes, prompts, keys, requests and recordings with their times, and how it ended.
    pub fn differs(&self, recorded: &[Entry]) -> Option<String> {
        let is: Vec<&Entry> = self.entries.iter().filter(|entry| is_flows(&entry.what)).collect();
        let was: Vec<&Entry> = recorded.iter().filter(|entry| is_flows(&entry.what)).collect();
        let lines =
            |entry: Option<&&Entry>| entry.map_or("nothing more".to_owned(), |entry| entry.to_string());
        let most = is.len().max(was.len());
        if let Some(at) = (0..most).find(|at| is.get(*at) != was.get(*at)) {
            return Some(format!("recorded: {}\nreplayed: {}", lines(was.get(at)), lines(is.get(at))));
        }
        let ended = recorded.iter().rev().find_map(|entry| match &entry.what {
            What::Ended { cause, by } => Some(End { cause: cause.clone(), by: by.clone() }),
            _ => None,
        });
        match (&self.end, ended) {
            // That the other party of a conversation left, or the switch, its flow does not know.
            (Some(is), Some(was)) if *is != was && matches!(was.by.as_str(), "caller" | "flow") => {
                let end = |end: &End| format!("{}, by {}", end.cause, end.by);
                Some(format!("recorded: ended by {}\nreplayed: ended by {}", end(&was), end(is)))
            }
            _ => None,
        }
    }
}

/// Whether a line comes from the flow alone. Notes and lines about media come from others, too.
fn is_flows(what: &What) -> bool {
    match what {
        What::Flow { .. } | What::Node { .. } | What::Prompt { .. } | What::Digit { .. } => true,
        What::Collected { .. } | What::Recorded { .. } => true,
        // Uploads go on without the flow.
        What::Http { note, .. } => !note.starts_with("upload of a recording"),
        _ => false,
    }
}

/// Why a journal cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ReplayError {
    /// From 1.
    pub line: usize,
    /// In words.
    pub why: String,
}

/// Replays the lines of a journal. A last line that is not whole (the switch was killed) is left out and noted.
pub fn replay<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Replay, ReplayError> {
    let mut runner = Runner::default();
    let mut lines = lines.into_iter().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
    while let Some((at, text)) = lines.next() {
        let failed = |why: String| ReplayError { line: at + 1, why };
        let line = match serde_json::from_str::<Line>(text) {
            Ok(line) => line,
            Err(error) if error.is_eof() && lines.peek().is_none() && runner.begun => {
                runner.replay.notes.push("the last line is not whole".to_owned());
                break;
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        runner.take(line).map_err(failed)?;
    }
    if !runner.begun {
        return Err(ReplayError { line: 1, why: "there is no journal in it".to_owned() });
    }
    if runner.replay.end.is_none() {
        runner.replay.notes.push("the journal ends before its call".to_owned());
    }
    Ok(runner.replay)
}

#[derive(Default)]
struct Runner {
    begun: bool,
    documents: HashMap<u32, Arc<Program>>,
    machine: Option<Machine>,
    /// The time of the first input since the call's beginning.
    first: Option<Duration>,
    /// Requests on their way, for those whose reply comes after the run.
    requests: HashMap<Tag, (String, String, Duration)>,
    replay: Replay,
}

impl Runner {
    fn take(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Journal { version: VERSION, release } => {
                self.begun = true;
                let ours = env!("CARGO_PKG_VERSION");
                if release != ours {
                    self.replay.notes.push(format!("written by offhook {release}, replayed by {ours}"));
                }
            }
            Line::Journal { version, .. } => {
                return Err(format!("a journal of version {version}; this release reads version {VERSION}"));
            }
            _ if !self.begun => return Err("a journal begins with its version".to_owned()),
            Line::Document { number, name, origin } => {
                let program = origin.program().map_err(|why| format!("document {name}: {why}"))?;
                self.documents.insert(number, Arc::new(program));
            }
            Line::Start(begun) => {
                let Begun { document, facts, variables, settings } = *begun;
                let program = self.documents.get(&document).cloned();
                let program = program.ok_or_else(|| format!("there is no document {document}"))?;
                self.machine = Some(Machine::new(Start { program, facts, variables, settings }));
            }
            Line::Input { at_ns, input } => {
                let input = input.input(|number| self.documents.get(&number).cloned())?;
                self.input(Duration::from_nanos(at_ns), input)?;
            }
            Line::Snapshot(snapshot) => self.replay.snapshot = Some(snapshot),
            Line::Full => {
                self.replay.notes.push("the journal was full; what came after is not in it".to_owned())
            }
        }
        Ok(())
    }

    fn input(&mut self, at: Duration, input: Input) -> Result<(), String> {
        let Some(machine) = &mut self.machine else { return Err("an input before the start".to_owned()) };
        let first = *self.first.get_or_insert(at);
        if machine.is_over() {
            // The call goes on for a moment after its flow, and its driver writes down what still comes.
            if let Some(what) = late(input, at, &mut self.requests) {
                self.replay.entries.push(Entry::new(at, what));
            }
            return Ok(());
        }
        if let Input::Http(tag, _) = &input {
            self.requests.remove(tag);
        }
        machine.take(at.saturating_sub(first), input);
        while let Some(effect) = machine.poll_effect() {
            match effect {
                Effect::Trace(what) => self.replay.entries.push(Entry::new(at, what)),
                Effect::Http(tag, request) => {
                    self.requests.insert(tag, (request.method, request.url, at));
                }
                Effect::Ended(end) => self.replay.end = Some(end),
                Effect::Leg(..) | Effect::Document(..) => {}
            }
        }
        Ok(())
    }
}

/// What the switch writes down of an input that came when the flow was over.
fn late(input: Input, at: Duration, requests: &mut HashMap<Tag, (String, String, Duration)>) -> Option<What> {
    match input {
        Input::Http(tag, outcome) => {
            let (method, url, began) = requests.remove(&tag)?;
            let (status, note) = match outcome {
                Ok(reply) => (reply.status, reply.note),
                Err(failure) => (0, failure.why),
            };
            let latency_ms = at.saturating_sub(began).as_millis() as u64;
            Some(What::Http { method, url, status, latency_ms, note })
        }
        Input::Leg(_, LegEvent::Recorded { id, duration }) => {
            Some(What::Recorded { id, duration_ms: duration.as_millis() as u64 })
        }
        _ => None,
    }
}
