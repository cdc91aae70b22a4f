//! Flows without a call, as somebody outside begins, sees and ends them.

use flow::Facts;
use serde_json::{Map, Value};

use super::runs::{RunId, RunView, Wanted};
use super::{Errand, begin};
use crate::Switch;
use crate::error::Refusal;
use crate::origination::NotBegun;
use crate::route::Program;

/// A flow to be run without a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowWish {
    /// The flow, by its id or one of its numbers.
    pub flow: String,
    /// Session data that it has from the start; an object.
    pub session: Option<Value>,
    /// Variables that it has from the start.
    pub variables: Map<String, Value>,
}

impl Switch {
    /// Runs a flow without a call; the name of the run. Needs a tokio context.
    pub fn run_flow(&self, wish: FlowWish) -> Result<RunId, NotBegun> {
        let shared = &self.shared;
        if self.is_draining() {
            return Err(NotBegun::Refused(Refusal::Draining));
        }
        let flows = shared.flows.load();
        let program = Program::document(&flows, &wish.flow).or_else(|refusal| match refusal {
            Refusal::UnknownNumber => Program::numbered(&flows, &wish.flow),
            refusal => Err(refusal),
        });
        let program = program.map_err(|refusal| match refusal {
            Refusal::UnknownNumber => NotBegun::NoFlow(wish.flow.clone()),
            refusal => NotBegun::Refused(refusal),
        })?;
        let facts = Facts { direction: "outbound".to_owned(), ..Facts::default() };
        let mut variables = wish.variables;
        variables.extend(wish.session.map(|data| ("sessionData".to_owned(), data)));
        let errand = Errand { program, facts, variables, reference: "api" };
        begin(shared, errand).ok_or(NotBegun::Refused(Refusal::Full))
    }

    /// The runs of flows without a call: those that live and the last thousand that ended, the latest first, without
    /// timelines.
    pub fn runs(&self) -> Vec<RunView> {
        self.shared.runs.views()
    }

    /// One with its timeline.
    pub fn run(&self, id: RunId) -> Option<RunView> {
        self.shared.runs.view(id)
    }

    /// Ends a run; whether it lived.
    pub fn stop_run(&self, id: RunId) -> bool {
        self.shared.runs.order(id, Wanted::Stop)
    }

    /// Lets a run go on that waits for it; whether it lives.
    pub fn let_run_go_on(&self, id: RunId) -> bool {
        self.shared.runs.order(id, Wanted::GoOn)
    }

    /// Merges a value into a variable of a living run, an object member by member; whether it lives.
    pub fn merge_into_run(&self, id: RunId, variable: &str, value: Value) -> bool {
        self.shared.runs.order(id, Wanted::Merge { variable: variable.to_owned(), value })
    }
}
