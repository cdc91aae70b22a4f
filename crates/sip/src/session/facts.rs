//! What a call is told of its INVITE: the message's words as owned values.
//! Nothing is judged here: what the network asserts is repeated as it came.

use crate::auth::server::Verdict;
use crate::body::Body;
use crate::call::{Identity, InviteFacts, Party};
use crate::dialog::Dialog;
use crate::endpoint::Request;
use crate::message::identity::{Asserted, party};
use crate::message::{Name, Uri};

/// What a call is told of its INVITE.
pub(super) fn facts(
    request: &Request<'_>,
    dialog: &Dialog,
    verdict: &Verdict,
    offer: Option<Body>,
) -> InviteFacts {
    let (message, core) = (request.message, request.core);
    let words = |name| message.values(name).map(str::to_owned).collect();
    let uri = message.request_uri();
    InviteFacts {
        call_id: core.call_id.to_owned(),
        request_uri: Uri::parse(uri).map(|parsed| Party::of_uri(None, uri, &parsed)).unwrap_or_default(),
        from: party(&core.from),
        to: party(&core.to),
        flow: request.flow,
        identity: match verdict {
            Verdict::User(user) => Identity::User(user.clone()),
            _ => Identity::Anonymous,
        },
        offer,
        allow: words(Name::Allow),
        supported: words(Name::Supported),
        user_agent: message.line(Name::UserAgent).map(str::to_owned),
        asserted: Asserted::of(message),
        x_headers: message
            .others()
            .filter(|(label, _)| label.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("X-")))
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .collect(),
        contact: dialog.target.clone(),
        replaces: None,
        max_forwards: core.max_forwards.unwrap_or(70),
    }
}
