//! Requests outside of calls: OPTIONS, REGISTER, the checks an INVITE must pass, and clean refusals for the rest.
//! A method we do not take gets an answer its sender understands, so that phones stop asking.

use std::time::Instant;

use super::receive::Request;
use super::{ALLOW, Endpoint, Reply};
use crate::auth::asking::Asking;
use crate::auth::server::Verdict;
use crate::error::ParseError;
use crate::event::{Event, SessionId};
use crate::message::{Known, Message, Method, Name, Scheme, Uri};
use crate::registrar::{Outbound, Refusal};
use crate::subscription::Package;

/// How long a refused caller should wait, in seconds: a drain takes about as long.
const RETRY_AFTER: &str = "30";

impl Endpoint {
    pub(super) fn on_request_outside(&mut self, now: Instant, request: &Request<'_>) -> Option<SessionId> {
        let Method::Known(method) = request.core.method else {
            self.refuse(now, request, 501);
            return None;
        };
        match method {
            Known::Invite
            | Known::Options
            | Known::Register
            | Known::Subscribe
            | Known::Publish
            | Known::Message => {}
            // Some phones keep their NAT open with it and care for nothing but an answer.
            Known::Notify if request.message.line(Name::Event).is_some_and(|e| e.trim() == "keep-alive") => {
                self.refuse(now, request, 200);
                return None;
            }
            // An in-dialog method without a dialog, and a NOTIFY nobody subscribed for (RFC 6665 §4.1.3).
            Known::Bye | Known::Info | Known::Update | Known::Notify | Known::PRack => {
                self.counters.no_such_call += 1;
                self.refuse(now, request, 481);
                return None;
            }
            // A transfer of a call there is not: nobody may have us call somebody.
            Known::Refer => {
                self.refuse(now, request, 403);
                return None;
            }
            _ => {
                self.refuse(now, request, 405);
                return None;
            }
        }
        match Uri::parse(request.message.request_uri()).map(|u| u.scheme) {
            Ok(Scheme::Sip | Scheme::Sips) => {}
            Ok(Scheme::Tel) if method != Known::Register => {}
            Ok(_) => {
                self.refuse(now, request, 416);
                return None;
            }
            Err(expected) => {
                self.counters.bad_requests += 1;
                let text = format!("Bad Request-URI: {expected} Expected");
                self.refuse_with(now, request, 400, Some(&text), &[]);
                return None;
            }
        }
        if self.refuse_extensions(now, request) {
            return None;
        }
        match method {
            Known::Register => self.on_register(now, request),
            Known::Subscribe => self.on_subscribe_outside(now, request),
            Known::Publish => self.on_publish(now, request),
            Known::Message => self.on_text_outside(now, request),
            // RFC 3261 §11.2: OPTIONS is answered as an INVITE would be.
            _ if self.is_draining => {
                self.counters.refused_draining += 1;
                self.refuse_with(now, request, 503, None, &[("Retry-After".into(), RETRY_AFTER.into())]);
            }
            Known::Options => self.on_options(now, request),
            _ => return self.on_invite(now, request),
        }
        None
    }

    /// 200 with what we can do (RFC 3261 §11.2), in a dialog and outside.
    pub(crate) fn on_options(&mut self, now: Instant, request: &Request<'_>) {
        let tag = self.random.token();
        let headers = [
            ("Allow".to_owned(), ALLOW.to_owned()),
            ("Accept".to_owned(), "application/sdp".to_owned()),
            ("Accept-Encoding".to_owned(), "identity".to_owned()),
            ("Allow-Events".to_owned(), Package::LIST.to_owned()),
            ("Supported".to_owned(), Self::all_extensions()),
        ];
        let reply = Reply { headers: &headers, ..Reply::status(200, &tag) };
        self.respond(now, request.transaction, &reply);
    }

    /// Whose credentials a request carries.
    pub(crate) fn verdict(&mut self, now: Instant, request: &Request<'_>) -> Verdict {
        let message: &Message = request.message;
        let credentials = message.lines(Name::Authorization).chain(message.lines(Name::ProxyAuthorization));
        let verdict = self.guard.verify(now, request.core.method_token, message.body(), credentials);
        match &verdict {
            Verdict::Stale => self.counters.stale += 1,
            Verdict::Wrong { user } => {
                self.counters.auth_failures += 1;
                let event = Event::AuthFailed { user: user.clone(), flow: request.flow };
                self.event(event);
            }
            Verdict::Absent | Verdict::User(_) => {}
        }
        verdict
    }

    /// The user whose credentials a request carries; without right ones it is challenged with this status:
    /// 401 where we are who is asked, 407 where we stand before others (RFC 3261 §22.1).
    pub(crate) fn authenticate(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        status: u16,
    ) -> Option<String> {
        let verdict = match self.verdict(now, request) {
            Verdict::User(user) => return Some(user),
            verdict => verdict,
        };
        self.counters.challenges += 1;
        let asking = Asking::new(&verdict, request.message.line(Name::UserAgent));
        let name = if status == 407 { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
        let challenges = self.guard.challenges(now, &mut self.random, asking);
        let headers: Vec<(String, String)> =
            challenges.into_iter().map(|challenge| (name.text().to_owned(), challenge)).collect();
        self.refuse_with(now, request, status, None, &headers);
        None
    }

    /// REGISTER: RFC 3261 §10.3, always with credentials.
    fn on_register(&mut self, now: Instant, request: &Request<'_>) {
        if let Some(problem) = unregistrable(request) {
            return self.refuse_bad(now, request, problem);
        }
        let Some(user) = self.authenticate(now, request, 401) else { return };
        let aor = request.core.to.uri.user.map(|u| crate::message::lex::unescaped(u).into_owned());
        if aor.as_deref() != Some(user.as_str()) {
            // RFC 3261 §10.3 step 4: nobody registers for another.
            return self.refuse(now, request, 403);
        }
        let outcome = self.registrar.register(now, &user, request.message, request.core, request.flow);
        match outcome {
            Ok((changes, outbound)) => {
                for event in changes {
                    self.event(event);
                }
                self.confirm_registration(now, request, &user, outbound);
            }
            Err(Refusal::TooBrief { least }) => {
                let header = ("Min-Expires".to_owned(), least.as_secs().to_string());
                self.refuse_with(now, request, 423, None, &[header]);
            }
            Err(Refusal::OutOfOrder) => self.refuse_with(now, request, 500, Some("Out of Order"), &[]),
            Err(Refusal::TooMany) => self.refuse_with(now, request, 403, Some("Too Many Contacts"), &[]),
            Err(Refusal::NoOutbound) => {
                self.refuse_with(now, request, 439, Some("First Hop Lacks Outbound Support"), &[]);
            }
            Err(Refusal::Bad(problem)) => self.refuse_bad(now, request, problem),
        }
    }

    fn refuse_bad(&mut self, now: Instant, request: &Request<'_>, problem: ParseError) {
        self.counters.bad_requests += 1;
        let text = format!("Bad {}: {} Expected", problem.header.unwrap_or("Request"), problem.expected);
        self.refuse_with(now, request, 400, Some(&text), &[]);
    }

    /// 200 to a REGISTER: every binding (RFC 3261 §10.3 step 8), and what of the extensions applied.
    fn confirm_registration(&mut self, now: Instant, request: &Request<'_>, user: &str, outbound: Outbound) {
        let mut headers: Vec<(String, String)> =
            self.registrar.of_user(user).map(|b| ("Contact".to_owned(), b.line(now))).collect();
        let supports = |option: &str| {
            request.message.values(Name::Supported).any(|given| given.eq_ignore_ascii_case(option))
        };
        // RFC 3327 §5.3: the path is kept in any case, but told to those only who know what it is.
        if supports("path") {
            let lines = request.message.lines(Name::Path);
            headers.extend(lines.map(|line| ("Path".to_owned(), line.to_owned())));
        }
        headers.push(("Supported".to_owned(), super::FOR_REGISTRATIONS.to_owned()));
        if outbound == Outbound::Applies {
            // RFC 5626 §6: the phone is told that its flow is kept.
            headers.push(("Require".to_owned(), "outbound".to_owned()));
            if request.flow.transport.is_reliable() {
                // How long it may be silent there. Over UDP its NAT decides, and it knows better.
                headers.push(("Flow-Timer".to_owned(), self.config.flow_timer.as_secs().to_string()));
            }
        }
        let tag = self.random.token();
        let reply = Reply { headers: &headers, ..Reply::status(200, &tag) };
        self.respond(now, request.transaction, &reply);
    }
}

/// What makes a REGISTER wrong whoever sends it: an address of record that is no SIP URI (RFC 3261 §10.3 step 5,
/// RFC 4475 §3.3.4), or a Contact that cannot be read.
fn unregistrable(request: &Request<'_>) -> Option<ParseError> {
    if !matches!(request.core.to.uri.scheme, Scheme::Sip | Scheme::Sips) {
        return Some(ParseError { at: 0, header: Some(Name::To.text()), expected: "a SIP URI" });
    }
    let is_star = |value: &str| value.trim() == "*";
    if request.message.values(Name::Contact).any(is_star) {
        return None;
    }
    request.message.addresses(Name::Contact).err()
}
