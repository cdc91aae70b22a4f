//! Requests of ours outside of calls: OPTIONS, MESSAGE, REGISTER, NOTIFY and their like, from the way there to the answer.
//! A challenge is answered, a hop that fails is exchanged for the next; whoever asked hears one final answer.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::auth::proofs::Proofs;
use crate::body::Body;
use crate::call::{Contact, Credentials};
use crate::endpoint::Endpoint;
use crate::event::{Event, Summary};
use crate::flow::{Flow, Next};
use crate::message::write::Writer;
use crate::message::{Known, Message, Method, Name, lex};
use crate::random::Seeded;
use crate::registration::RegistrationId;
use crate::transaction::{Tell, TxId};
use crate::way::{Failure, Traveller, WayId};

/// A request to send outside of calls.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method. Not INVITE, ACK or CANCEL: calls have their own way.
    pub method: Known,
    /// Where it goes first.
    pub next: Next,
    /// The Request-URI.
    pub target: String,
    /// The From header's value without a tag.
    pub from: String,
    /// The To header's value.
    pub to: String,
    /// The user part of our Contact, if the request is to have one.
    pub user: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Body>,
    /// What to answer a challenge with.
    pub credentials: Option<Credentials>,
}

/// Names a request of ours outside of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub(crate) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request-{:x}", self.0)
    }
}

/// The final answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status code; 408 also where nobody answered, and 503 where nobody could be reached.
    pub status: u16,
    /// Where it came from; `None` if nobody answered, and the status is ours.
    pub flow: Option<Flow>,
    /// Every header, in order; compact names are written out.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<Body>,
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn of(message: &Message, flow: Flow) -> Self {
        let kind = message.line(Name::ContentType).unwrap_or("text/plain").to_owned();
        let bytes = message.body().clone();
        Response {
            status: message.status().unwrap_or(0),
            flow: Some(flow),
            headers: message.headers().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            body: (!bytes.is_empty()).then_some(Body { content_type: kind, bytes }),
        }
    }

    fn ours(status: u16) -> Self {
        Response { status, flow: None, headers: Vec::new(), body: None }
    }
}

/// What requests that belong together share: a registration's refreshes have one Call-ID (RFC 3261 §10.2.4).
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    pub(crate) call_id: String,
    pub(crate) tag: String,
    pub(crate) cseq: u32,
    pub(crate) proofs: Proofs,
}

/// Who wants to know the answer.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    /// Whoever called [`Endpoint::request`].
    Caller,
    /// A registration, whose Contact has these parameters.
    Registration { id: RegistrationId, contact_params: String },
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Inquiry {
    request: Request,
    pub(crate) thread: Thread,
    way: WayId,
    flow: Option<Flow>,
    transaction: Option<TxId>,
    asker: Asker,
    /// Our Contact, as it was sent last.
    contact: String,
    /// A 503 of a hop, for when no other hop does better.
    refused: Option<Response>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Inquiries {
    all: HashMap<RequestId, Inquiry, Seeded>,
    by_transaction: HashMap<TxId, RequestId, Seeded>,
    last: u64,
}

impl Inquiries {
    pub(crate) fn new(hashes: Seeded) -> Self {
        Inquiries { all: HashMap::with_hasher(hashes), by_transaction: HashMap::with_hasher(hashes), last: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The request a transaction carries, if it is one of these.
    pub(crate) fn of_transaction(&self, id: TxId) -> Option<RequestId> {
        self.by_transaction.get(&id).copied()
    }

    /// The number the next request will have.
    pub(crate) fn next_id(&self) -> RequestId {
        RequestId(self.last + 1)
    }

    /// Unties a request from its transaction.
    fn untie(&mut self, id: RequestId) -> Option<TxId> {
        let transaction = self.all.get_mut(&id)?.transaction.take()?;
        self.by_transaction.remove(&transaction);
        Some(transaction)
    }
}

impl Endpoint {
    /// Sends a request outside of calls; [`Event::Responded`] follows, exactly once.
    pub fn request(&mut self, now: Instant, request: Request) -> RequestId {
        let thread = Thread {
            call_id: self.random.call_id(),
            tag: self.random.token(),
            cseq: 0,
            proofs: Proofs::default(),
        };
        self.ask(now, request, thread, Asker::Caller)
    }

    /// Sends a request in a thread of its own or of others before it.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        request: Request,
        mut thread: Thread,
        asker: Asker,
    ) -> RequestId {
        thread.proofs.again();
        thread.cseq = thread.cseq.saturating_add(1);
        let id = self.inquiries.next_id();
        self.inquiries.last = id.0;
        let way = self.set_out(Traveller::Request(id), &request.next);
        let inquiry = Inquiry {
            request,
            thread,
            way,
            flow: None,
            transaction: None,
            asker,
            contact: String::new(),
            refused: None,
        };
        self.inquiries.all.insert(id, inquiry);
        self.go(now, way);
        id
    }

    pub(crate) fn on_request_reached(&mut self, now: Instant, id: RequestId, flow: Flow) {
        if let Some(inquiry) = self.inquiries.all.get_mut(&id) {
            inquiry.flow = Some(flow);
            self.send_inquiry(now, id);
        }
    }

    fn send_inquiry(&mut self, now: Instant, id: RequestId) {
        let branch = self.random.branch();
        let Some(inquiry) = self.inquiries.all.get_mut(&id) else { return };
        let Some(flow) = inquiry.flow else { return };
        let Inquiry { request, thread, way, .. } = inquiry;
        let way = *way;
        let mut writer = Writer::request(request.method, &request.target);
        writer.via(&flow, &branch);
        writer.header("Max-Forwards", 70);
        writer.header("From", format_args!("{};tag={}", bracketed(&request.from), thread.tag));
        writer.header("To", bracketed(&request.to));
        writer.header("Call-ID", &thread.call_id);
        writer.header("CSeq", format_args!("{} {}", thread.cseq, request.method));
        if let Some(user) = &request.user {
            let contact = Contact::new(user, flow.local, flow.transport);
            let params = match &inquiry.asker {
                Asker::Registration { contact_params, .. } => contact_params.as_str(),
                Asker::Caller => "",
            };
            writer.header("Contact", format_args!("<{}>{params}", contact.uri()));
            inquiry.contact = contact.uri().to_owned();
        }
        if let Some(user) = &request.credentials {
            let method = request.method.to_string();
            let body = request.body.as_ref().map_or(&[][..], |body| &body.bytes);
            writer.headers(&thread.proofs.headers(&mut self.random, user, &method, &request.target, body));
        }
        writer.headers(&request.headers);
        writer.header("User-Agent", &self.config.user_agent);
        let bytes = writer.finish(request.body.as_ref());
        let method = request.method;
        let summary = Summary {
            method: Method::Known(method),
            status: None,
            cseq: thread.cseq,
            body: request.body.is_some(),
            again: false,
            session: None,
        };
        match self.send_request_on(now, method, &branch, flow, bytes, summary, Some(way)) {
            Some(transaction) => {
                if let Some(inquiry) = self.inquiries.all.get_mut(&id) {
                    inquiry.transaction = Some(transaction);
                }
                self.inquiries.by_transaction.insert(transaction, id);
                self.departed(now, way);
            }
            // It cannot even be written.
            None => self.finish_inquiry(now, id, Response::ours(400)),
        }
    }

    /// A response to one of these, passed up by its transaction.
    pub(crate) fn on_inquiry_response(
        &mut self,
        now: Instant,
        id: RequestId,
        flow: Flow,
        message: &Arc<Message>,
        status: u16,
    ) {
        let Some(way) = self.inquiries.all.get(&id).map(|i| i.way) else { return };
        self.heard(way);
        if status < 200 {
            return;
        }
        self.inquiries.untie(id);
        let Some(inquiry) = self.inquiries.all.get_mut(&id) else { return };
        if matches!(status, 401 | 407)
            && inquiry.request.credentials.is_some()
            && inquiry.thread.proofs.take(message)
        {
            inquiry.thread.cseq = inquiry.thread.cseq.saturating_add(1);
            return self.send_inquiry(now, id);
        }
        let response = Response::of(message, flow);
        if status == 503 {
            inquiry.refused = Some(response);
            return self.fail(now, way, Failure::Unavailable { wait: retry_after(message) });
        }
        self.finish_inquiry(now, id, response);
    }

    /// The transaction of one of these ended without a final answer.
    pub(crate) fn on_inquiry_failed(&mut self, now: Instant, id: RequestId, tell: Tell) {
        self.inquiries.untie(id);
        let Some(way) = self.inquiries.all.get(&id).map(|i| i.way) else { return };
        let failure = if tell == Tell::Broken { Failure::Unreachable } else { Failure::Silent };
        self.fail(now, way, failure);
    }

    /// It took a stream, or is a datagram after all.
    pub(crate) fn on_request_sent_by(&mut self, now: Instant, id: RequestId, flow: Flow) {
        let Some(inquiry) = self.inquiries.all.get_mut(&id) else { return };
        inquiry.flow = Some(flow);
        if let Some(user) = &inquiry.request.user {
            inquiry.contact = Contact::new(user, flow.local, flow.transport).uri().to_owned();
        }
        let way = inquiry.way;
        self.departed(now, way);
    }

    /// Its hop was silent for too long: what comes from there now is nobody's.
    pub(crate) fn on_request_given_up(&mut self, id: RequestId) {
        if let Some(transaction) = self.inquiries.untie(id)
            && !self.forget_held(transaction)
        {
            self.transactions.forget(&mut self.schedule, transaction);
        }
    }

    pub(crate) fn on_request_stranded(&mut self, now: Instant, id: RequestId, failure: Failure) {
        let refused = self.inquiries.all.get_mut(&id).and_then(|i| i.refused.take());
        let response = refused.unwrap_or_else(|| Response::ours(failure.status()));
        self.finish_inquiry(now, id, response);
    }

    fn finish_inquiry(&mut self, now: Instant, id: RequestId, response: Response) {
        self.inquiries.untie(id);
        let Some(inquiry) = self.inquiries.all.remove(&id) else { return };
        self.leave(inquiry.way);
        let response = Arc::new(response);
        match inquiry.asker {
            Asker::Caller => self.event(Event::Responded { request: id, response }),
            Asker::Registration { id, .. } => {
                self.on_registered(now, id, inquiry.thread, &inquiry.contact, &response);
            }
        }
    }
}

/// A Retry-After's seconds; its comment and parameters say nothing we use (RFC 3261 §20.33).
pub(crate) fn retry_after(message: &Message) -> Option<Duration> {
    let text = message.line(Name::RetryAfter)?;
    let digits = text.split([';', '(', ' ']).next().unwrap_or("");
    lex::seconds(digits).map(|seconds| Duration::from_secs(u64::from(seconds)))
}

/// A URI as an address; an address as it is.
pub(crate) fn bracketed(address: &str) -> String {
    if address.contains('<') { address.to_owned() } else { format!("<{address}>") }
}
