//! Who may call, and where a number leads.
//!
//! A user that proved its name may call every number. Others reach public numbers only, and those only from this machine
//! unless anonymous callers are allowed from anywhere; everything else is asked who it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sip::{Identity, InviteFacts};
use store::{Flows, Route};

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
    Take(Result<Route, Refusal>),
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
    match decide(&shared.flows.load(), &invite, shared.allow_anonymous) {
        Decision::Challenge => Admission::Challenge,
        Decision::Take(route) => {
            let (mail, record) = start(shared, Invited { session, invite, route, now });
            Admission::Take(mail, record)
        }
    }
}

fn decide(flows: &Flows, invite: &InviteFacts, allow_anonymous: bool) -> Decision {
    let known = matches!(invite.identity, Identity::User(_));
    let welcome = known || allow_anonymous || invite.flow.remote.ip().is_loopback();
    match flows.route(&invite.request_uri.user) {
        // Strangers do not learn which numbers there are.
        _ if !welcome => Decision::Challenge,
        None => Decision::Take(Err(Refusal::UnknownNumber)),
        Some(route) if !known && !route.public => Decision::Challenge,
        Some(route) => Decision::Take(match &route.flow.broken {
            Some(problem) => Err(Refusal::BrokenFlow(problem.to_string())),
            None => Ok(route),
        }),
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
            matches!(decide(&flows, &invite(number, identity.clone(), from), open), Decision::Take(Ok(_)))
        };
        let challenged = |number: &str, from: &str, open: bool| {
            decide(&flows, &invite(number, Identity::Anonymous, from), open) == Decision::Challenge
        };
        assert!(takes("1001", &alice, there, false) && takes("2001", &alice, there, false));
        assert!(takes("1001", &Identity::Anonymous, here, false));
        assert!(takes("1001", &Identity::Anonymous, there, true));
        assert!(challenged("1001", there, false));
        assert!(challenged("9999", there, false));
        assert!(challenged("2001", here, false) && challenged("2001", there, true));
        let unknown = decide(&flows, &invite("9999", Identity::Anonymous, here), false);
        assert_eq!(unknown, Decision::Take(Err(Refusal::UnknownNumber)));
    }
}
