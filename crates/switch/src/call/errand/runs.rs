//! The runs of flows without a call, as others see them: those that live, and the last thousand that do not.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use flow::trace::Entry;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::call::{CallId, Timeline};
use crate::events::wall_clock;

/// Runs at a time.
const MOST: usize = 1_000;
/// Finished ones that can still be looked up.
const FINISHED: usize = 1_000;

/// Names a run as long as it can be looked up: `run-1f3a9c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(u32);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run-{:06x}", self.0)
    }
}

/// What is no name of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run is named like run-1f3a9c")]
pub struct NotARunId;

impl FromStr for RunId {
    type Err = NotARunId;

    fn from_str(text: &str) -> Result<RunId, NotARunId> {
        let digits = text.strip_prefix("run-").filter(|digits| digits.len() == 6).ok_or(NotARunId)?;
        u32::from_str_radix(digits, 16).map(RunId).map_err(|_| NotARunId)
    }
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It runs.
    Running,
    /// It waits until somebody lets it go on (VoIPBIN's `block`).
    Blocked,
    /// It is over.
    Ended {
        /// `end` where its last node led nowhere; another word where it ended in another way.
        cause: String,
    },
}

/// A run as others see it.
#[derive(Clone, Debug)]
pub struct RunView {
    /// Its name.
    pub id: RunId,
    /// The flow.
    pub flow: String,
    /// What set it off: `api`, `recording`.
    pub reference: String,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The calls that it began.
    pub calls: Vec<CallId>,
    /// Its variables at its end: what it found out.
    pub variables: Map<String, Value>,
    /// Its timeline.
    pub trace: Vec<Entry>,
}

/// What is ordered of a run from outside.
#[derive(Debug)]
pub(super) enum Wanted {
    Stop,
    GoOn,
    Merge { variable: String, value: Value },
}

/// One run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) timeline: Timeline,
    about: Mutex<RunView>,
    orders: mpsc::UnboundedSender<Wanted>,
}

impl Run {
    pub(super) fn write(&self, change: impl FnOnce(&mut RunView)) {
        change(&mut crate::lock(&self.about));
    }

    fn view(&self, with_trace: bool) -> RunView {
        let mut view = crate::lock(&self.about).clone();
        if with_trace {
            view.trace = self.timeline.entries();
        }
        view
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    living: Vec<Arc<Run>>,
    finished: VecDeque<Arc<Run>>,
}

impl Known {
    fn all(&self) -> impl Iterator<Item = &Arc<Run>> {
        self.living.iter().rev().chain(&self.finished)
    }
}

impl Runs {
    /// A run begins, and where what is ordered of it comes out; `None` if there are too many.
    pub(super) fn begin(
        &self,
        flow: &str,
        reference: &str,
        now: std::time::Instant,
    ) -> Option<(Arc<Run>, mpsc::UnboundedReceiver<Wanted>)> {
        let mut known = crate::lock(&self.0);
        if known.living.len() >= MOST {
            return None;
        }
        let fresh = || RunId(fastrand::u32(..) & 0x00ff_ffff);
        let id = std::iter::repeat_with(fresh).find(|id| known.all().all(|run| run.id != *id))?;
        let about = RunView {
            id,
            flow: flow.to_owned(),
            reference: reference.to_owned(),
            state: RunState::Running,
            began: wall_clock(),
            ended: None,
            calls: Vec::new(),
            variables: Map::new(),
            trace: Vec::new(),
        };
        let (orders, wanted) = mpsc::unbounded_channel();
        let timeline = Timeline::new(now, tracing::info_span!(parent: None, "run", run = %id));
        let run = Arc::new(Run { id, timeline, about: Mutex::new(about), orders });
        known.living.push(run.clone());
        Some((run, wanted))
    }

    /// It is over, with these variables.
    pub(super) fn end(&self, run: &Arc<Run>, cause: &str, variables: Map<String, Value>) {
        run.write(|about| {
            about.state = RunState::Ended { cause: cause.to_owned() };
            about.ended = Some(wall_clock());
            about.variables = variables;
        });
        run.timeline.finish();
        let mut known = crate::lock(&self.0);
        known.living.retain(|other| !Arc::ptr_eq(other, run));
        known.finished.push_front(run.clone());
        known.finished.truncate(FINISHED);
    }

    /// Orders something of a living run; whether it lives.
    pub(super) fn order(&self, id: RunId, wanted: Wanted) -> bool {
        let known = crate::lock(&self.0);
        let run = known.living.iter().find(|run| run.id == id);
        run.is_some_and(|run| run.orders.send(wanted).is_ok())
    }

    /// All that are known, the latest first, without timelines.
    pub(super) fn views(&self) -> Vec<RunView> {
        crate::lock(&self.0).all().map(|run| run.view(false)).collect()
    }

    /// One with its timeline.
    pub(super) fn view(&self, id: RunId) -> Option<RunView> {
        crate::lock(&self.0).all().find(|run| run.id == id).map(|run| run.view(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_runs_than_a_thousand_live_and_as_many_are_remembered() {
        let runs = Runs::default();
        let begin = || runs.begin("a.json", "api", crate::events::monotonic());
        let living: Vec<_> = std::iter::repeat_with(begin).map_while(|run| run).collect();
        assert_eq!(living.len(), MOST);
        let (first, _) = &living[0];
        assert!(runs.order(first.id, Wanted::GoOn));
        runs.end(first, "end", Map::from_iter([("a".to_owned(), 1.into())]));
        assert!(!runs.order(first.id, Wanted::Stop), "it is over");
        let view = runs.view(first.id).expect("remembered");
        assert_eq!((view.state, view.variables.len()), (RunState::Ended { cause: "end".into() }, 1));
        let (one, _orders) = begin().expect("there is room for one");
        for (run, _) in living.iter().skip(1) {
            runs.end(run, "end", Map::new());
        }
        runs.end(&one, "end", Map::new());
        assert_eq!(runs.views().len(), FINISHED);
        assert!(runs.view(first.id).is_none(), "the oldest is forgotten");
        assert_eq!(format!("{}", one.id).parse(), Ok(one.id));
        assert!("call-1f3a9c".parse::<RunId>().is_err() && "run-1".parse::<RunId>().is_err());
    }
}
