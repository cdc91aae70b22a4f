//! Who may call, and where a number leads.
//!
//! A number leads, in this order, to the flow that has exactly this number, to the user or the group that has it or
//! whose name it is, to the conference room that has it, and to the flow that a pattern or `no_match` finds.
//!
//! A number that leads nowhere by all of these goes out by a trunk, if one takes it and a user dials it.
//!
//! A user that proved its name may call every number. Others reach public numbers only, and those only from this machine
//! unless anonymous callers are allowed from anywhere; users they reach only from this machine. Everything else is asked
//! who it is.
//! A call that comes from a trunk's address is the trunk's: it may reach every flow and every user, in any spelling of
//! their numbers, and never `no_match` or another trunk, or strangers would call the world at our cost.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sip::{Identity, InviteFacts};
use store::{Flows, Group, Route, Trunk, Users};

use crate::call::{Invited, is_emergency, replace, start};
use crate::error::Refusal;
use crate::shared::Shared;
use crate::sip_io::{Admission, Invitation};
use crate::trunk::{Board, Pass, TrunkState};

/// What to do with an invitation.
#[derive(Debug, PartialEq)]
enum Decision {
    /// 407.
    Challenge,
    /// A call, if only to be refused with a trace.
    Take(Result<Program, Refusal>),
}

/// Who is let in without an account.
#[derive(Clone, Copy, Debug)]
struct Doors {
    /// The caller, who is on this machine.
    here: bool,
    /// Everybody, to public numbers.
    open: bool,
}

impl Doors {
    fn of(shared: &Shared, invite: &InviteFacts) -> Doors {
        Doors { here: shared.is_here(invite.flow.remote.ip()), open: shared.allow_anonymous }
    }
}

/// What a number means: a program to run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    pub(crate) code: Arc<flow::ir::Program>,
    /// The document's, or `user/alice`.
    pub(crate) id: String,
    pub(crate) capture_group: Option<String>,
    /// What the pattern's named groups captured.
    pub(crate) capture_groups: Vec<(String, String)>,
    /// The flow that runs first.
    pub(crate) preflow: Option<String>,
    /// Whether strangers may reach it.
    public: bool,
    /// Whether it does nothing but call a user.
    pub(crate) is_user: bool,
    /// Whether it does nothing but call somebody.
    pub(crate) only_dials: bool,
}

/// The trunk that a call came by.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub(crate) trunk: Arc<TrunkState>,
    /// Its place among the calls that the trunk may carry.
    pub(crate) pass: Pass,
}

impl Program {
    /// A program that stands in another one's document.
    pub(crate) fn inline(code: Arc<flow::ir::Program>, id: String) -> Program {
        Program { code, id, is_user: false, only_dials: false, ..Program::user("") }
    }

    /// A document of the store, by its id.
    pub(crate) fn document(flows: &Flows, id: &str) -> Result<Program, Refusal> {
        let document = flows.document(id).ok_or(Refusal::UnknownNumber)?;
        match &document.broken {
            Some(problem) => Err(Refusal::BrokenFlow(problem.to_string())),
            None => Ok(Program::inline(document.program.clone(), document.id.clone())),
        }
    }

    /// The flow of a number, and nothing else that the number may mean.
    pub(crate) fn numbered(flows: &Flows, number: &str) -> Result<Program, Refusal> {
        flows.route(number).map_or(Err(Refusal::UnknownNumber), Program::of)
    }

    /// Whoever has a SIP URI.
    pub(crate) fn address(uri: &str) -> Program {
        Program {
            code: Arc::new(flow::own::address(uri)),
            id: format!("uri/{uri}"),
            is_user: false,
            ..Program::user(uri)
        }
    }

    fn of(route: Route) -> Result<Program, Refusal> {
        match &route.flow.broken {
            Some(problem) => Err(Refusal::BrokenFlow(problem.to_string())),
            None => Ok(Program {
                code: route.flow.program.clone(),
                id: route.flow.id.clone(),
                capture_group: route.capture_group,
                capture_groups: route.capture_groups,
                preflow: route.preflow,
                public: route.public,
                is_user: false,
                only_dials: false,
            }),
        }
    }

    fn group(group: &Group) -> Program {
        // In turn each member rings for the whole of the time.
        let members = u32::try_from(group.members.len().max(1)).unwrap_or(1);
        let whole = match group.order {
            store::Order::Together => group.ring,
            store::Order::InTurn | store::Order::Random => group.ring.saturating_mul(members),
        };
        let code = Arc::new(flow::own::group(&group.name, whole));
        Program { code, id: format!("group/{}", group.name), ..Program::user(&group.name) }
    }

    fn conference(name: &str, public: bool) -> Program {
        Program {
            code: Arc::new(flow::own::conference(name)),
            id: format!("conference/{name}"),
            public,
            is_user: false,
            only_dials: false,
            ..Program::user(name)
        }
    }

    fn outside(number: &str) -> Program {
        Program {
            code: Arc::new(flow::own::outside(number)),
            id: format!("trunk/{number}"),
            capture_group: None,
            capture_groups: Vec::new(),
            preflow: None,
            public: false,
            is_user: false,
            only_dials: true,
        }
    }

    /// One that no document and no number says.
    pub(crate) fn own(program: flow::ir::Program, id: &str) -> Program {
        let code = Arc::new(program);
        Program { code, id: id.to_owned(), is_user: false, only_dials: false, ..Program::user(id) }
    }

    fn user(name: &str) -> Program {
        Program {
            code: Arc::new(flow::own::user(name)),
            id: format!("user/{name}"),
            capture_group: None,
            capture_groups: Vec::new(),
            preflow: None,
            public: false,
            is_user: true,
            only_dials: true,
        }
    }
}

/// Where a number leads; an error also for one whose flow is broken.
pub(crate) fn lead(flows: &Flows, users: &Users, number: &str) -> Result<Program, Refusal> {
    if let Some(route) = flows.numbered(number) {
        return Program::of(route);
    }
    if let Some(user) = users.by_number(number).or_else(|| users.get(number)) {
        return Ok(Program::user(&user.name));
    }
    if let Some(group) = users.group_by_number(number).or_else(|| users.group(number)) {
        return Ok(Program::group(group));
    }
    if let Some((name, room)) = flows.rooms().numbered(number) {
        return Ok(Program::conference(name, room.public));
    }
    flows.route(number).map_or(Err(Refusal::UnknownNumber), Program::of)
}

/// The flow that has exactly this number.
pub(crate) fn lead_exactly(flows: &Flows, number: &str) -> Option<Result<Program, Refusal>> {
    flows.numbered(number).map(Program::of)
}

/// As [`lead`] for those who are nobody's users: `no_match` is not for them.
fn lead_strangers(flows: &Flows, users: &Users, number: &str) -> Result<Program, Refusal> {
    match flows.route(number) {
        Some(route) if route.no_match => lead(&Flows::new(), users, number),
        _ => lead(flows, users, number),
    }
}

/// Where a number leads that a user dials: also out by a trunk.
pub(crate) fn lead_out(
    flows: &Flows,
    users: &Users,
    trunks: &Board,
    number: &str,
) -> Result<Program, Refusal> {
    match lead(flows, users, number) {
        Err(Refusal::UnknownNumber) if trunks.takes(number) => Ok(Program::outside(number)),
        led => led,
    }
}

/// The number that a trunk calls. One that we are registered at asks for the name that is registered there, and says in To
/// which of its numbers was dialled.
fn called<'a>(trunk: &Trunk, invite: &'a InviteFacts) -> &'a str {
    let asked = &invite.request_uri.user;
    let registered = trunk.account.as_ref().is_some_and(|account| account.username == *asked);
    let dialled = &invite.to.user;
    if registered && !dialled.is_empty() { dialled } else { asked }
}

/// Where a number leads that a trunk calls, in the spelling that is known here.
fn lead_in(flows: &Flows, users: &Users, trunk: &Trunk, number: &str) -> Result<Program, Refusal> {
    let spellings = trunk.plan.spellings(number);
    let exact = |spelling: &String| {
        let known = flows.numbered(spelling).is_some()
            || users.by_number(spelling).is_some()
            || users.group_by_number(spelling).is_some()
            || flows.rooms().numbered(spelling).is_some();
        known.then(|| lead(flows, users, spelling))
    };
    let found = spellings.iter().find_map(exact);
    let any = || spellings.iter().map(|spelling| lead_strangers(flows, users, spelling)).find(Result::is_ok);
    found.or_else(any).unwrap_or(Err(Refusal::UnknownNumber))
}

/// Decides on an invitation and starts its call. Runs on the SIP shard's task.
pub(crate) fn admit(shared: &Arc<Shared>, invitation: Invitation) -> Admission {
    if shared.draining.load(Ordering::Relaxed) {
        return Admission::Refuse(Refusal::Draining);
    }
    if shared.book.living() >= shared.max_calls {
        return Admission::Refuse(Refusal::Full);
    }
    let Invitation { session, invite, replaced, now } = invitation;
    if let Some(replaced) = replaced {
        let known = matches!(invite.identity, Identity::User(_));
        return match replaced {
            _ if !known && !shared.is_here(invite.flow.remote.ip()) => Admission::Challenge,
            Err(status) => Admission::Reject(status),
            Ok(owner) => Admission::Take(replace(shared, session, invite, owner)),
        };
    }
    let (flows, users) = (shared.flows.load(), shared.users.load());
    let is_user = matches!(invite.identity, Identity::User(_));
    let owner = shared.trunks.owner(invite.flow.remote.ip()).filter(|_| !is_user);
    let (route, carrier) = match owner {
        Some(trunk) => match trunk.gate.enter() {
            Ok(pass) => {
                let route = lead_in(&flows, &users, &trunk.trunk, called(&trunk.trunk, &invite));
                let is_phone = users.get(&invite.from.user).is_some();
                if is_phone && route == Err(Refusal::UnknownNumber) {
                    // A phone of ours behind the same address, which has not proved it yet.
                    return Admission::Challenge;
                }
                (route, Some(Carrier { trunk, pass }))
            }
            Err(_) => return Admission::Refuse(Refusal::TrunkFull),
        },
        None => match decide(&flows, &users, &shared.trunks, &invite, Doors::of(shared, &invite)) {
            Decision::Challenge => return Admission::Challenge,
            Decision::Take(route) => (permitted(shared, &invite, route), None),
        },
    };
    Admission::Take(start(shared, Invited { session, invite, route, carrier, now }))
}

/// A number outside is for users that may call there; help is for all.
fn permitted(
    shared: &Shared,
    invite: &InviteFacts,
    route: Result<Program, Refusal>,
) -> Result<Program, Refusal> {
    let Identity::User(account) = &invite.identity else { return route };
    let is_outside = route.as_ref().is_ok_and(|program| program.id.starts_with("trunk/"));
    if is_outside && !is_emergency(&invite.request_uri.user) && !shared.may_call_outside(account) {
        return Err(Refusal::NotPermitted);
    }
    route
}

fn decide(flows: &Flows, users: &Users, trunks: &Board, invite: &InviteFacts, doors: Doors) -> Decision {
    let known = matches!(invite.identity, Identity::User(_));
    let Doors { here, .. } = doors;
    if !known && !here && !doors.open {
        // Strangers do not learn which numbers there are.
        return Decision::Challenge;
    }
    let number = &invite.request_uri.user;
    match lead_out(flows, users, trunks, number) {
        Ok(program) if known || program.public || (program.is_user && here) => Decision::Take(Ok(program)),
        Ok(_) => Decision::Challenge,
        // Neither do they learn which of those that are not theirs to call are broken.
        Err(Refusal::BrokenFlow(_)) if !known && !flows.route(number).is_some_and(|route| route.public) => {
            Decision::Challenge
        }
        Err(refusal) => Decision::Take(Err(refusal)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sip::{Flow, Party, Transport};
    use store::Document;

    use super::*;

    fn flows() -> Flows {
        let mut flows = Flows::new();
        for name in ["open.json", "closed.json"] {
            let source = json!({"module": "answer", "data": {}});
            flows.add(Document::read(name, None, source).unwrap());
        }
        assert!(flows.number("1001", "open.json", true));
        assert!(flows.number("2001", "closed.json", false));
        flows
    }

    fn users() -> Users {
        [store::User::new("bob", "x").numbered("201")].into_iter().collect()
    }

    fn invite(number: &str, identity: Identity, from: &str) -> InviteFacts {
        let party = |user: &str| Party { user: user.to_owned(), ..Party::default() };
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: from.parse().unwrap(),
        };
        InviteFacts {
            request_uri: party(number),
            from: party("caller"),
            to: party(number),
            identity,
            ..InviteFacts::new(flow)
        }
    }

    /// What is open to a caller at `from` where this machine is trusted.
    fn doors(from: &str, open: bool) -> Doors {
        Doors { here: from.starts_with("127."), open }
    }

    #[test]
    fn who_reaches_what() {
        let (flows, alice) = (flows(), Identity::User("alice".into()));
        let (here, there) = ("127.0.0.1:5070", "198.51.100.1:5070");
        let takes = |number: &str, identity: &Identity, from: &str, open: bool| {
            let doors = doors(from, open);
            let invite = invite(number, identity.clone(), from);
            matches!(decide(&flows, &users(), &Board::default(), &invite, doors), Decision::Take(Ok(_)))
        };
        let challenged = |number: &str, from: &str, open: bool| {
            let invite = invite(number, Identity::Anonymous, from);
            decide(&flows, &users(), &Board::default(), &invite, doors(from, open)) == Decision::Challenge
        };
        assert!(takes("1001", &alice, there, false) && takes("2001", &alice, there, false));
        assert!(takes("1001", &Identity::Anonymous, here, false));
        assert!(takes("1001", &Identity::Anonymous, there, true));
        assert!(challenged("1001", there, false));
        assert!(challenged("9999", there, false));
        assert!(challenged("2001", here, false) && challenged("2001", there, true));
        let asked = invite("9999", Identity::Anonymous, here);
        let unknown = decide(&flows, &users(), &Board::default(), &asked, doors(here, false));
        assert_eq!(unknown, Decision::Take(Err(Refusal::UnknownNumber)));
        for bob in ["201", "bob"] {
            assert!(takes(bob, &alice, there, false) && takes(bob, &Identity::Anonymous, here, false));
            assert!(challenged(bob, there, false) && challenged(bob, there, true));
        }
    }

    #[test]
    fn a_number_is_a_flows_then_a_users_then_a_patterns() {
        let mut flows = flows();
        assert!(flows.number("no_match", "closed.json", false));
        let leads = |flows: &Flows, number: &str| lead(flows, &users(), number).map(|program| program.id);
        assert_eq!(leads(&flows, "201"), Ok("user/bob".into()));
        assert_eq!(leads(&flows, "202"), Ok("closed.json".into()));
        flows.number("201", "open.json", false);
        assert_eq!(leads(&flows, "201"), Ok("open.json".into()));
        assert_eq!(leads(&flows, "bob"), Ok("user/bob".into()));
        assert_eq!(leads(&flows, "carol"), Err(Refusal::UnknownNumber), "no_match takes digits only");
    }

    #[test]
    fn a_number_outside_is_for_users_and_a_trunk_reaches_its_numbers_in_every_spelling() {
        let (mut flows, users) = (flows(), users());
        assert!(flows.number("+49301234567", "closed.json", false));
        let board = Board::new(
            &crate::trunk::testing::trunks(
                "[acme]\nserver = \"acme\"\ncountry = \"49\"\nnumbers = ['^\\+']\n",
            ),
            "",
        );
        let alice = Identity::User("alice".into());
        let there = "198.51.100.1:5";
        let out = decide(&flows, &users, &board, &invite("+4722334455", alice, there), doors(there, false));
        assert!(matches!(out, Decision::Take(Ok(program)) if program.id == "trunk/+4722334455"));
        let here = "127.0.0.1:5";
        let stranger = invite("+4722334455", Identity::Anonymous, here);
        assert_eq!(decide(&flows, &users, &board, &stranger, doors(here, true)), Decision::Challenge);
        let trunk = board.get("acme").expect("there");
        let reach = |number: &str| lead_in(&flows, &users, &trunk.trunk, number).map(|program| program.id);
        for spelling in ["+49301234567", "49301234567", "0301234567", "0049301234567"] {
            assert_eq!(reach(spelling), Ok("closed.json".into()), "{spelling}");
        }
        assert_eq!(reach("201"), Ok("user/bob".into()));
        assert_eq!(reach("+4722334455"), Err(Refusal::UnknownNumber), "a trunk does not call out");
        assert!(flows.number("no_match", "closed.json", false));
        let reach = |number: &str| lead_in(&flows, &users, &trunk.trunk, number).map(|program| program.id);
        assert_eq!(reach("+4722334455"), Err(Refusal::UnknownNumber), "nor by way of no_match");
        assert_eq!(reach("201"), Ok("user/bob".into()));
    }
}
