//! MESSAGE: RFC 3428. A text comes with its sender's name proved, and owes an answer; ours go out as requests.
//! Outside of a call the sender is asked who it is; in a call it is whoever the call is with.

use std::sync::Arc;
use std::time::Instant;

use crate::body::Body;
use crate::call::Party;
use crate::endpoint::{Endpoint, Reply, Request};
use crate::event::{Event, SessionId};
use crate::flow::Flow;
use crate::message::identity::party;
use crate::message::{Known, Name, Uri};
use crate::transaction::TxId;

/// The longest text, in bytes. RFC 3428 §8 has 1300 as the most where nothing slows senders down; streams carry more.
const LONGEST: usize = 64 * 1024;

/// Names a text that is not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextId(pub(crate) u64);

/// A text, as its MESSAGE has it.
#[derive(Clone, Debug, PartialEq)]
pub struct TextFacts {
    /// Who sent it: the user that authenticated; `None` in a call, whose peer it is.
    pub sender: Option<String>,
    /// The call it came in.
    pub session: Option<SessionId>,
    /// Whom it is for: the Request-URI.
    pub request_uri: Party,
    /// The From header, as the sender wrote it: its name is proved by `sender` only.
    pub from: Party,
    /// The To header.
    pub to: Party,
    /// Where it came from.
    pub flow: Flow,
    /// The Call-ID.
    pub call_id: String,
    /// What it says.
    pub body: Body,
    /// Hops left; a text sent on should have one less.
    pub max_forwards: u32,
}

impl Endpoint {
    /// A MESSAGE outside of dialogs.
    pub(crate) fn on_text_outside(&mut self, now: Instant, request: &Request<'_>) {
        if request.core.max_forwards == Some(0) {
            return self.refuse(now, request, 483);
        }
        // We send texts on, as a proxy would.
        let Some(sender) = self.authenticate(now, request, 407) else { return };
        self.on_text(now, request, Some(sender), None);
    }

    /// A MESSAGE whose sender is known.
    pub(crate) fn on_text(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        sender: Option<String>,
        session: Option<SessionId>,
    ) {
        let message = request.message;
        if message.body().len() > LONGEST {
            return self.refuse(now, request, 413);
        }
        let coding = message.line(Name::ContentEncoding);
        if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
            let accept = ("Accept-Encoding".to_owned(), "identity".to_owned());
            return self.refuse_with(now, request, 415, None, &[accept]);
        }
        let uri = message.request_uri();
        let facts = TextFacts {
            sender,
            session,
            request_uri: Uri::parse(uri).map(|parsed| Party::of_uri(None, uri, &parsed)).unwrap_or_default(),
            from: party(&request.core.from),
            to: party(&request.core.to),
            flow: request.flow,
            call_id: request.core.call_id.to_owned(),
            body: Body {
                content_type: message.line(Name::ContentType).unwrap_or("text/plain").to_owned(),
                bytes: message.body().clone(),
            },
            max_forwards: request.core.max_forwards.unwrap_or(70),
        };
        let text = TextId(request.transaction.0);
        self.event(Event::Texted { text, facts: Arc::new(facts) });
    }

    /// Answers a text: 200 once it is delivered, 202 if that will be tried, 404 and 480 if it cannot be.
    /// Nothing happens if it was answered, or its sender is gone.
    pub fn answer_text(&mut self, now: Instant, text: TextId, status: u16) {
        let id = TxId(text.0);
        let open = self.transactions.get(id).filter(|t| t.role.is_server() && t.request.is_some());
        let Some(transaction) = open.filter(|t| t.summary.method.is(Known::Message)) else { return };
        let session = transaction.session.and_then(|session| self.sessions.get(session));
        let tag = session.map_or_else(|| self.random.token(), |session| session.dialog.local_tag.clone());
        self.respond(now, id, &Reply::status(status.clamp(200, 699), &tag));
    }
}
