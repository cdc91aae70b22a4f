//! Calls that we begin: from the wish to a call's task that rings somebody.
//!
//! The same limits apply as to calls that come: how many there may be at a time, and that none begins when the switch is
//! going down. A trunk's own limits count when the call gets to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flow::ir::{Callee, Cause, Dial, Endpoint, Originate, Runs};
use flow::{Facts, Machine, Start};
use serde_json::{Map, Value};
use store::Users;
use tokio::sync::mpsc;
use tracing::Instrument;

use super::caller::Caller;
use super::feature::Came;
use super::outset::{Before, Early, Machines, Outset};
use super::run::Call;
use super::setting::forced;
use super::{CallId, MAILBOX, Order, Timeline, run};
use crate::book::{CallView, Record};
use crate::error::Refusal;
use crate::events::Happening;
use crate::origination::Direction;
use crate::route::Program;
use crate::shared::Shared;

/// Calls that one wish of a flow may begin.
const MOST: usize = 32;

/// A call to be begun.
pub(crate) struct Originated {
    pub(crate) to: Callee<String>,
    /// Who the callee sees.
    pub(crate) caller: Caller,
    /// What runs when it is answered.
    pub(crate) program: Program,
    /// Variables that it has from the start.
    pub(crate) variables: Map<String, Value>,
    /// The callee, once it has answered, is as one who has called this number.
    pub(crate) dials: Option<String>,
    /// The flow begins when it rings.
    pub(crate) early: bool,
    /// How long it rings.
    pub(crate) timeout: Duration,
    /// The longest call, from the answer on.
    pub(crate) longest: Option<Duration>,
    /// It is listened to who answered.
    pub(crate) machines: Option<Machines>,
    /// Who answers must press this key to take the call.
    pub(crate) confirm: Option<char>,
    /// The call whose flow begins it.
    pub(crate) master: Option<CallId>,
}

/// Begins a call; its name. Needs a tokio context.
pub(crate) fn originate(shared: &Arc<Shared>, originated: Originated) -> Result<CallId, Refusal> {
    if shared.draining.load(Ordering::Relaxed) {
        return Err(Refusal::Draining);
    }
    if shared.book.living() >= shared.max_calls {
        return Err(Refusal::Full);
    }
    let now = run::now();
    let Originated {
        to,
        caller,
        program,
        variables,
        dials,
        early,
        timeout,
        longest,
        machines,
        confirm,
        master,
    } = originated;
    let (mail, mailbox) = mpsc::channel(MAILBOX);
    let id = shared.book.fresh_id();
    let users = shared.users.load();
    // A number inside that was taken for one outside, as Voxology's numbers are.
    let to = match to {
        Callee::Trunk { name: None, number } if !shared.trunks.takes(&number) => {
            match users.by_number(&number) {
                Some(user) => Callee::User(user.name.clone()),
                None => Callee::Trunk { name: None, number },
            }
        }
        to => to,
    };
    let callee = number(&to, &users);
    let user = match &to {
        Callee::User(name) => users.find(name),
        Callee::Extension(number) => users.by_number(number),
        _ => None,
    };
    let user = user.map(|user| user.name.clone());
    let caller_number = if caller.withheld { String::new() } else { caller.number.clone() };
    let about = CallView {
        master,
        caller: caller_number.clone(),
        called: callee.clone(),
        flow: Some(program.id.clone()),
        ..CallView::begun(id, Direction::Outbound)
    };
    let ours = Facts {
        call_id: id.to_string(),
        account_id: shared.account.clone(),
        flow_id: program.id.clone(),
        user,
        capture_group: program.capture_group.clone(),
        capture_groups: program.capture_groups.clone(),
        preflow: program.preflow.clone(),
        master_call_id: master.map(|master| master.to_string()).unwrap_or_default(),
        ..Facts::default()
    };
    let facts = match dials {
        Some(number) => Facts {
            direction: "inbound".to_owned(),
            caller_number: callee.clone(),
            called_number: number,
            ..ours
        },
        None => Facts {
            direction: "outbound".to_owned(),
            caller_number,
            caller_name: caller.name.clone().unwrap_or_default(),
            called_number: callee.clone(),
            ..ours
        },
    };
    let span = tracing::info_span!(parent: None, "call", call = %id);
    let happening = Happening::Started { caller: about.caller.clone(), called: callee };
    let record = Arc::new(Record::new(about, Timeline::new(now, span.clone()), mail));
    shared.cdr.alive(&record);
    shared.book.open(record.clone());
    shared.bus.publish(id, happening);
    metrics::counter!("offhook_calls_total").increment(1);
    metrics::counter!("offhook_calls_originated_total").increment(1);
    record.timeline.note(now, format!("calls {to}"));
    if let Some(master) = master {
        record.timeline.note(now, format!("begun by {master}"));
    }
    let code = forced(program.code, &shared.settings.load());
    let start = Start { variables, ..Start::new(code, facts, shared.flow_settings()) };
    let machine = Machine::new(start.clone());
    let order = Dial { confirm, ..Dial::new(vec![Endpoint::from(to)], timeout) };
    let early = if early { Early::Wanted } else { Early::No };
    let before = Before { order: Some(order), longest, machines, early, start };
    let outset = Outset::Before(Box::new(before));
    let call = Call::bare(shared.clone(), record, caller, machine, outset, now);
    shared.tasks.spawn(call.run(mailbox).instrument(span));
    Ok(id)
}

/// The number of the one who is called, or the name where there is none.
fn number(to: &Callee<String>, users: &Users) -> String {
    match to {
        Callee::User(name) => {
            users.find(name).and_then(|user| user.number.clone()).unwrap_or_else(|| name.clone())
        }
        Callee::Trunk { number, .. } | Callee::Extension(number) | Callee::Shows { number, .. } => {
            number.clone()
        }
        Callee::Device(name) | Callee::Group(name) | Callee::Agent(name) | Callee::Uri(name) => name.clone(),
    }
}

/// Whose flow begins other calls.
pub(super) struct Begins {
    /// The flow.
    pub(super) flow: String,
    /// How often calls may begin each other yet, this one counted.
    pub(super) hops: u32,
    /// Its call, if it has one.
    pub(super) master: Option<CallId>,
}

/// Begins other calls, one for each who is called, whom `shown` says who calls; those that were begun.
pub(super) fn begin_all(
    shared: &Arc<Shared>,
    begins: &Begins,
    order: Originate<String>,
    shown: impl Fn(&'static str) -> Caller,
    note: impl Fn(String),
) -> (Came, Vec<CallId>) {
    let mut begun = Vec::new();
    let hops = begins.hops.saturating_sub(1);
    if hops == 0 {
        return (Err((Cause::Unavailable, "calls have begun each other too often".to_owned())), begun);
    }
    let found = program(shared, &begins.flow, order.runs).and_then(|program| {
        let variables = variables(order.session.as_deref())?;
        Ok((program, variables))
    });
    let (program, variables) = match found {
        Ok(found) => found,
        Err(why) => return (Err(why), begun),
    };
    let mut last = Err((Cause::Unavailable, "there is nobody to call".to_owned()));
    for to in order.to.into_iter().take(MOST) {
        let words = to.to_string();
        let class = if matches!(to, Callee::Trunk { .. }) { "external" } else { "internal" };
        let originated = Originated {
            to,
            // Who it is was looked up here; the other call is not this user's.
            caller: Caller {
                account: None,
                referred_by: None,
                diversions: Vec::new(),
                history: Vec::new(),
                hops,
                ..shown(class)
            },
            program: program.clone(),
            variables: variables.clone(),
            dials: None,
            early: order.early,
            timeout: order.timeout,
            longest: order.longest,
            machines: None,
            confirm: None,
            master: begins.master,
        };
        match originate(shared, originated) {
            Ok(id) => {
                note(format!("begins {id} to {words}"));
                begun.push(id);
                last = Ok("done");
            }
            Err(refusal) => {
                note(format!("no call to {words}: {refusal}"));
                last = last.or(Err((Cause::Unavailable, refusal.to_string())));
            }
        }
    }
    (last, begun)
}

/// How another call ended; `done` for one that has not, or that nobody knows.
pub(super) fn cause_of(shared: &Shared, now: Instant, call: &str) -> &'static str {
    call.trim().parse().ok().and_then(|call| shared.ends.of(now, call)).unwrap_or("done")
}

/// What another call is to run; `own` is the flow that begins it.
fn program(shared: &Shared, own: &str, runs: Runs<String>) -> Result<Program, (Cause, String)> {
    let flows = shared.flows.load();
    let missing = |why: String| (Cause::Unavailable, why);
    match runs {
        Runs::Program(code) => Ok(Program::inline(code, own.to_owned())),
        Runs::Flow(id) => Program::document(&flows, &id).map_err(|refusal| match refusal {
            Refusal::UnknownNumber => missing(format!("there is no flow {id}")),
            refusal => missing(format!("flow {id}: {refusal}")),
        }),
        Runs::Number(number) => {
            Program::numbered(&flows, &number).map_err(|refusal| missing(format!("{number}: {refusal}")))
        }
    }
}

impl Call {
    /// Begins other calls, one for each who is called.
    pub(super) fn originate(&mut self, now: Instant, order: Originate<String>) -> Came {
        if order.chained && self.ended.is_some() {
            return Err((Cause::Unavailable, "no call is chained to one that is over".to_owned()));
        }
        let flow = self.record.summary().flow.unwrap_or_default();
        let begins = Begins { flow, hops: self.caller.hops, master: Some(self.record.id) };
        let (chained, identity) = (order.chained, order.identity.clone());
        let shown = |class| self.shown(&identity, class);
        let note = |text| self.record.timeline.note(now, text);
        let (came, calls) = begin_all(&self.shared, &begins, order, shown, note);
        if chained {
            self.chained.extend(calls);
        }
        came
    }

    /// The call is over for its parties; the calls that are chained to it end too.
    pub(super) fn over(&mut self, now: Instant) {
        self.ended.get_or_insert(now);
        for chained in self.chained.drain(..) {
            self.shared.book.order(chained, Order::HangUp("the call that began it is over".to_owned()));
        }
    }
}

/// The variables of a call, of its session data as JSON text.
fn variables(session: Option<&str>) -> Result<Map<String, Value>, (Cause, String)> {
    let Some(text) = session.filter(|text| !text.trim().is_empty()) else { return Ok(Map::new()) };
    match serde_json::from_str(text) {
        Ok(Value::Null) => Ok(Map::new()),
        Ok(data) => Ok(Map::from_iter([("sessionData".to_owned(), data)])),
        Err(error) => Err((Cause::Unavailable, format!("its session data is no JSON: {error}"))),
    }
}
