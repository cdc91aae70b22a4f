//! Calls that somebody outside wishes for: whom to ring first, and what follows the answer.
//!
//! Whoever may ask for this may call everybody and everywhere; who that is, the HTTP server decides by where it listens.

use std::sync::Arc;
use std::time::Duration;

use flow::ir::Callee;
use serde_json::{Map, Value};
use store::{Flows, Users};

use crate::Switch;
use crate::call::Caller;
use crate::call::{CallId, Machines, Order, Originated, originate};
use crate::error::Refusal;
use crate::route::{Program, lead_out};
use crate::shared::Shared;
use crate::trunk::Board;

/// How long the phone of somebody rings who is called into a conference.
const INVITED: Duration = Duration::from_secs(45);

/// Who began a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came.
    Inbound,
    /// We began it: its first legs are placed.
    Outbound,
}

impl Direction {
    /// `inbound` or `outbound`.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

/// A call to be begun. See the fields; [`Origination::new`] has the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Origination {
    /// Who is rung first: a user, a group, a number outside, a SIP URI.
    pub from: String,
    /// The number that whoever answers is connected with, or, where there is a flow, the number that it sees calling.
    pub to: Option<String>,
    /// The flow that runs when it is answered, by its id or one of its numbers; `None` for what the number `to` means.
    pub flow: Option<String>,
    /// The number that is shown where it rings first; `None` for `to`.
    pub caller: Option<String>,
    /// The name beside it.
    pub caller_name: Option<String>,
    /// The flow begins when it rings. Default: false.
    pub early: bool,
    /// How long it rings. Default: 60 s.
    pub timeout: Duration,
    /// The longest call, from the answer on; `None` for the switch's own limit.
    pub longest: Option<Duration>,
    /// It is listened to who answered, before the flow goes on; `None` if not.
    pub machines: Option<Machines>,
    /// Session data that the flow has from the start; an object.
    pub session: Option<Value>,
    /// Variables that the flow has from the start.
    pub variables: Map<String, Value>,
}

impl Origination {
    /// A call to `from`.
    pub fn new(from: impl Into<String>) -> Origination {
        Origination {
            from: from.into(),
            to: None,
            flow: None,
            caller: None,
            caller_name: None,
            early: false,
            timeout: Duration::from_secs(60),
            longest: None,
            machines: None,
            session: None,
            variables: Map::new(),
        }
    }
}

/// Why no call was begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotBegun {
    /// There is nobody to ring.
    #[error("nobody can be rung at {0:?}: it is no user, no group, no SIP URI, and no trunk takes it")]
    Nobody(String),
    /// The number runs a flow, and rings nowhere.
    #[error("{0:?} runs a flow and rings nowhere; who is rung first is a person")]
    RunsFlow(String),
    /// The number of the other side leads nowhere.
    #[error("the number {0:?} leads nowhere")]
    NoNumber(String),
    /// There is no such flow.
    #[error("there is no flow {0:?}")]
    NoFlow(String),
    /// Neither a number nor a flow was named.
    #[error("it is not said what follows the answer: neither a number nor a flow")]
    Nothing,
    /// The switch takes no call now, or the flow is broken.
    #[error("{0}")]
    Refused(Refusal),
}

impl Switch {
    /// Begins a call that rings `from` first; its name. Needs a tokio context.
    pub fn originate(&self, wanted: Origination) -> Result<CallId, NotBegun> {
        let shared = &self.shared;
        let (flows, users) = (shared.flows.load(), shared.users.load());
        let callee = callee(&flows, &users, &shared.trunks, &wanted.from)?;
        let (program, dials) = match (&wanted.flow, &wanted.to) {
            (Some(flow), _) => (document(&flows, flow)?, None),
            (None, Some(to)) => (number(&flows, &users, &shared.trunks, to)?, Some(to.clone())),
            (None, None) => return Err(NotBegun::Nothing),
        };
        let shown = wanted.caller.or(wanted.to).filter(|number| !number.is_empty());
        let caller = Caller {
            withheld: false,
            name: wanted.caller_name,
            ..Caller::ours(shown.as_deref().map_or("offhook", plain))
        };
        let mut variables = wanted.variables;
        variables.extend(wanted.session.map(|data| ("sessionData".to_owned(), data)));
        let originated = Originated {
            to: callee,
            caller,
            program,
            variables,
            dials,
            early: wanted.early,
            timeout: wanted.timeout,
            longest: wanted.longest,
            machines: wanted.machines,
            confirm: None,
            master: None,
        };
        originate(shared, originated).map_err(NotBegun::Refused)
    }

    /// Calls somebody into a conference, who is asked to press 1; the name of the call. Needs a tokio context.
    pub fn invite(&self, room: &str, who: &str) -> Result<CallId, NotBegun> {
        let shared = &self.shared;
        let callee = callee(&shared.flows.load(), &shared.users.load(), &shared.trunks, who)?;
        invite(shared, room, callee).map_err(NotBegun::Refused)
    }

    /// Lets the flow of a call go on that waits for it; whether there is such a call. Needs a tokio context, as does
    /// [`Switch::merge`].
    pub fn go_on(&self, id: CallId) -> bool {
        self.shared.book.order(id, Order::GoOn)
    }

    /// Merges a value into a variable of a living call's flow, an object member by member; whether there is such a call.
    pub fn merge(&self, id: CallId, variable: &str, value: Value) -> bool {
        self.shared.book.order(id, Order::Merge { variable: variable.to_owned(), value })
    }
}

/// Calls somebody into a conference.
pub(crate) fn invite(shared: &Arc<Shared>, room: &str, to: Callee<String>) -> Result<CallId, Refusal> {
    let originated = Originated {
        to,
        caller: Caller { name: Some(room.to_owned()), ..Caller::ours("conference") },
        program: Program::own(flow::own::invited(room), &format!("conference/{room}")),
        variables: Map::new(),
        dials: None,
        early: false,
        timeout: INVITED,
        longest: None,
        machines: None,
        // An answering machine in the room would talk to all.
        confirm: Some('1'),
        master: None,
    };
    originate(shared, originated)
}

/// Whom to ring.
pub(crate) fn callee(
    flows: &Flows,
    users: &Users,
    trunks: &Board,
    from: &str,
) -> Result<Callee<String>, NotBegun> {
    if is_uri(from) {
        return Ok(Callee::Uri(from.to_owned()));
    }
    if let Some(user) = users.by_number(from).or_else(|| users.find(from)) {
        return Ok(Callee::User(user.name.clone()));
    }
    if users.device(from).is_some() {
        return Ok(Callee::Device(from.to_owned()));
    }
    if let Some(group) = users.group_by_number(from).or_else(|| users.group(from)) {
        return Ok(Callee::Group(group.name.clone()));
    }
    if flows.numbered(from).is_some() {
        return Err(NotBegun::RunsFlow(from.to_owned()));
    }
    if trunks.takes(from) {
        return Ok(Callee::Trunk { name: None, number: from.to_owned() });
    }
    Err(NotBegun::Nobody(from.to_owned()))
}

fn document(flows: &Flows, id: &str) -> Result<Program, NotBegun> {
    Program::document(flows, id).map_err(|refusal| match refusal {
        Refusal::UnknownNumber => NotBegun::NoFlow(id.to_owned()),
        refusal => NotBegun::Refused(refusal),
    })
}

fn number(flows: &Flows, users: &Users, trunks: &Board, to: &str) -> Result<Program, NotBegun> {
    if is_uri(to) {
        return Ok(Program::address(to));
    }
    lead_out(flows, users, trunks, to).map_err(|refusal| match refusal {
        Refusal::UnknownNumber => NotBegun::NoNumber(to.to_owned()),
        refusal => NotBegun::Refused(refusal),
    })
}

fn is_uri(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with("sip:") || text.starts_with("sips:")
}

/// What is shown of a URI: its user.
fn plain(text: &str) -> &str {
    match text.split_once(':') {
        Some((_, rest)) if is_uri(text) => rest.split('@').next().unwrap_or(rest),
        _ => text,
    }
}
