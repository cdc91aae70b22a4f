//! Who may call, and where a number leads.
//!
//! A number leads, in this order, to the flow that has exactly this number, to the user who has it or whose name it is,
//! and to the flow that a pattern or `no_match` finds.
//!
//! A user that proved its name may call every number. Others reach public numbers only, and those only from this machine
//! unless anonymous callers are allowed from anywhere; users they reach only from this machine. Everything else is asked
//! who it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sip::{Identity, InviteFacts};
use store::{Flows, Route, Users};

use crate::call::{Invited, start};
use crate::error::Refusal;
use crate::shared::Shared;
use crate::sip_io::{Admission, Invitation};

/// What to do with an invitation.
#[derive(Debug, PartialEq)]
enum Decision {
    /// 407.
    Challenge,
    /// A call, if only to be refused with a trace.
    Take(Result<Program, Refusal>),
}

/// What a number means: a program to run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    pub(crate) code: Arc<flow::ir::Program>,
    /// The document's, or `user/alice`.
    pub(crate) id: String,
    pub(crate) capture_group: Option<String>,
    /// Whether strangers may reach it.
    public: bool,
    /// Whether it does nothing but call a user.
    pub(crate) is_user: bool,
}

impl Program {
    fn of(route: Route) -> Result<Program, Refusal> {
        match &route.flow.broken {
            Some(problem) => Err(Refusal::BrokenFlow(problem.to_string())),
            None => Ok(Program {
                code: route.flow.program.clone(),
                id: route.flow.id.clone(),
                capture_group: route.capture_group,
                public: route.public,
                is_user: false,
            }),
        }
    }

    fn user(name: &str) -> Program {
        Program {
            code: Arc::new(flow::own::user(name)),
            id: format!("user/{name}"),
            capture_group: None,
            public: false,
            is_user: true,
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
    flows.route(number).map_or(Err(Refusal::UnknownNumber), Program::of)
}

/// Decides on an invitation and starts its call. Runs on the SIP shard's task.
pub(crate) fn admit(shared: &Arc<Shared>, invitation: Invitation) -> Admission {
    if shared.draining.load(Ordering::Relaxed) {
        return Admission::Refuse(Refusal::Draining);
    }
    if shared.book.living() >= shared.max_calls {
        return Admission::Refuse(Refusal::Full);
    }
    let Invitation { session, invite, now } = invitation;
    match decide(&shared.flows.load(), &shared.users.load(), &invite, shared.allow_anonymous) {
        Decision::Challenge => Admission::Challenge,
        Decision::Take(route) => Admission::Take(start(shared, Invited { session, invite, route, now })),
    }
}

fn decide(flows: &Flows, users: &Users, invite: &InviteFacts, allow_anonymous: bool) -> Decision {
    let known = matches!(invite.identity, Identity::User(_));
    let here = invite.flow.remote.ip().is_loopback();
    if !known && !here && !allow_anonymous {
        // Strangers do not learn which numbers there are.
        return Decision::Challenge;
    }
    let number = &invite.request_uri.user;
    match lead(flows, users, number) {
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
        [store::User { name: "bob".into(), password: "x".into(), number: Some("201".into()) }]
            .into_iter()
            .collect()
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

    #[test]
    fn who_reaches_what() {
        let (flows, alice) = (flows(), Identity::User("alice".into()));
        let (here, there) = ("127.0.0.1:5070", "198.51.100.1:5070");
        let takes = |number: &str, identity: &Identity, from: &str, open: bool| {
            matches!(
                decide(&flows, &users(), &invite(number, identity.clone(), from), open),
                Decision::Take(Ok(_))
            )
        };
        let challenged = |number: &str, from: &str, open: bool| {
            decide(&flows, &users(), &invite(number, Identity::Anonymous, from), open) == Decision::Challenge
        };
        assert!(takes("1001", &alice, there, false) && takes("2001", &alice, there, false));
        assert!(takes("1001", &Identity::Anonymous, here, false));
        assert!(takes("1001", &Identity::Anonymous, there, true));
        assert!(challenged("1001", there, false));
        assert!(challenged("9999", there, false));
        assert!(challenged("2001", here, false) && challenged("2001", there, true));
        let unknown = decide(&flows, &users(), &invite("9999", Identity::Anonymous, here), false);
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
}
