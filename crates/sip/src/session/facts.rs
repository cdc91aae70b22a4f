//! What a call is told of its INVITE: the message's words as owned values.
//! Nothing is judged here: P-Asserted-Identity and the like are repeated as they came.

use crate::auth::server::Verdict;
use crate::body::Body;
use crate::call::{Identity, InviteFacts, Party};
use crate::dialog::Dialog;
use crate::endpoint::Request;
use crate::message::{Address, Name, Scheme, Uri, lex};

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
        request_uri: Uri::parse(uri).map(|parsed| party(None, uri, &parsed)).unwrap_or_default(),
        from: party_of(&core.from),
        to: party_of(&core.to),
        flow: request.flow,
        identity: match verdict {
            Verdict::User(user) => Identity::User(user.clone()),
            _ => Identity::Anonymous,
        },
        offer,
        allow: words(Name::Allow),
        supported: words(Name::Supported),
        user_agent: message.line(Name::UserAgent).map(str::to_owned),
        p_asserted: message
            .values(Name::PAssertedIdentity)
            .next()
            .and_then(|value| Address::parse(value).ok())
            .map(|address| party_of(&address)),
        x_headers: message
            .others()
            .filter(|(label, _)| label.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("X-")))
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .collect(),
        contact: dialog.target.clone(),
        max_forwards: core.max_forwards.unwrap_or(70),
    }
}

fn party_of(address: &Address<'_>) -> Party {
    party(address.display.as_deref(), address.uri_text, &address.uri)
}

fn party(display: Option<&str>, text: &str, uri: &Uri<'_>) -> Party {
    // A user part may carry a number's parameters (RFC 3261 §19.1.6); they are not part of the number.
    let user = uri.user.map(|u| u.split(';').next().unwrap_or(u)).unwrap_or("");
    Party {
        display: display.filter(|d| !d.is_empty()).map(str::to_owned),
        user: lex::unescaped(user).into_owned(),
        host: match uri.scheme {
            Scheme::Sip | Scheme::Sips => uri.host.to_owned(),
            Scheme::Tel | Scheme::Other => String::new(),
        },
        uri: text.to_owned(),
    }
}
