//! Registrations of ours with others: kept alive until they are ended (RFC 3261 §10.2, RFC 5626, RFC 3608).
//!
//! ```text
//!   register ──▶ Asking ── 2xx ──▶ Registered ── three quarters of the time, or the flow is gone ──▶ Asking
//!                  │  ▲
//!                  │  └── after the back-off ── Waiting
//!                  └── anything else ─────────────▲            unregister ──▶ Leaving ──▶ gone
//! ```
//!
//! Owns when to ask and what was granted; `request.rs` sends, answers challenges and takes the next hop.

mod back_off;
mod granted;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::back_off::back_off;
use self::granted::Granted;
use crate::auth::proofs::Proofs;
use crate::call::Credentials;
use crate::endpoint::Endpoint;
use crate::event::Event;
use crate::flow::{Flow, Next};
use crate::message::{Known, lex};
use crate::request::{Asker, Request, RequestId, Response, Thread, bracketed};
use crate::timer::Owner;

/// A registration to keep.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The Request-URI: the registrar's domain, such as `sip:example.com`.
    pub registrar: String,
    /// Where REGISTER goes first: an outbound proxy, or the registrar's own URI.
    pub next: Next,
    /// The address of record, such as `sip:alice@example.com`.
    pub aor: String,
    /// The user part of our Contact.
    pub user: String,
    /// What to answer a challenge with.
    pub credentials: Option<Credentials>,
    /// For how long to ask.
    pub expires: Duration,
    /// Our instance, such as `urn:uuid:…`: then the registrar is asked to keep to the flow (RFC 5626).
    pub instance: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// Names a registration of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistrationId(pub(crate) u64);

impl fmt::Display for RegistrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "registration-{:x}", self.0)
    }
}

/// How a registration stands.
#[derive(Clone, Debug, PartialEq)]
pub enum RegistrationState {
    /// It was granted or refreshed.
    Registered {
        /// Until when.
        until: Instant,
        /// The way to the registrar, which calls from it come by.
        flow: Flow,
        /// The routes that our calls must take, first first: values of Route headers (RFC 3608).
        service_route: Vec<String>,
        /// How often the registrar wants a sign of life on the flow (Flow-Timer, RFC 5626 §4.4).
        keep_alive: Option<Duration>,
    },
    /// It failed, and is tried again.
    Retrying {
        /// The status: the registrar's, or 408 for silence and 503 for no way there.
        status: u16,
        /// Whether somebody said so, or nobody answered.
        why: Trouble,
        /// When it is tried again.
        at: Instant,
    },
    /// It was ended by us.
    Unregistered,
}

/// What a registration suffers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// Nobody answered.
    Silence,
    /// There is no way to the registrar.
    Unreachable,
    /// The credentials are wrong or missing (401, 403, 407).
    Credentials,
    /// The registrar does not know the address (404, 410, 604).
    Unknown,
    /// It was refused otherwise.
    Refused,
}

/// Redirections followed one after the other.
const MOST_REDIRECTS: u8 = 5;
/// A wrong password is not tried again before: servers lock such users out.
const REFUSED_WAIT: Duration = Duration::from_secs(600);
/// However long a registrar asks to wait or to register for.
const LONGEST: Duration = Duration::from_secs(86_400);
/// A registration whose flow is lost sooner counts as failed.
const STABLE: Duration = Duration::from_secs(30);

/// A registration being kept.
#[derive(Debug)]
pub(crate) struct Keeping {
    registration: Registration,
    stage: Stage,
    /// Call-ID, number and proofs, while no request has them.
    thread: Option<Thread>,
    /// For how long to ask: what a 423 demands if that is more.
    expires: Duration,
    /// Where a 301 or 302 sent us.
    moved: Option<String>,
    redirects: u8,
    failures: u32,
    state: Option<RegistrationState>,
    /// Since when it is registered.
    since: Option<Instant>,
    due: Option<Instant>,
}

/// What it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asking(RequestId),
    Registered,
    Waiting,
    /// It is to end: with this request, or as soon as that is answered.
    Leaving {
        request: RequestId,
        sent: bool,
    },
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Keepings {
    all: BTreeMap<RegistrationId, Keeping>,
    last: u64,
}

impl Keepings {
    /// Whether one of them is registered over this flow.
    pub(crate) fn uses(&self, flow: &Flow) -> bool {
        self.all.values().any(|keeping| keeping.flow() == Some(*flow))
    }
}

impl Keeping {
    fn flow(&self) -> Option<Flow> {
        match &self.state {
            Some(RegistrationState::Registered { flow, .. }) => Some(*flow),
            _ => None,
        }
    }

    fn request(&self, expires: Duration) -> Request {
        let Registration { registrar, next, aor, user, credentials, instance, headers, .. } =
            &self.registration;
        let target = self.moved.as_ref().unwrap_or(registrar).clone();
        let next = match &self.moved {
            Some(uri) => Next::Uri(uri.clone()),
            None => next.clone(),
        };
        let mut all = vec![("Expires".to_owned(), expires.as_secs().to_string())];
        let options = if instance.is_some() { "path, outbound" } else { "path" };
        all.push(("Supported".to_owned(), options.to_owned()));
        all.extend(headers.iter().cloned());
        Request {
            method: Known::Register,
            next,
            target,
            from: bracketed(aor),
            to: bracketed(aor),
            user: Some(user.clone()),
            headers: all,
            body: None,
            credentials: credentials.clone(),
        }
    }

    /// The parameters of our Contact (RFC 5626 §4.1).
    fn contact_params(&self) -> String {
        match &self.registration.instance {
            Some(instance) => {
                let bare = instance.trim_start_matches('<').trim_end_matches('>');
                let clean: String =
                    bare.chars().filter(|c| !"\"\\<>".contains(*c) && !c.is_control()).collect();
                format!(";reg-id=1;+sip.instance=\"<{clean}>\"")
            }
            None => String::new(),
        }
    }
}

impl Endpoint {
    /// Registers, and keeps the registration until [`Endpoint::unregister`]. [`Event::Registration`] tells how it goes.
    pub fn register(&mut self, now: Instant, registration: Registration) -> RegistrationId {
        self.keepings.last += 1;
        let id = RegistrationId(self.keepings.last);
        let thread = Thread {
            call_id: self.random.call_id(),
            tag: self.random.token(),
            cseq: 0,
            proofs: Proofs::default(),
        };
        let keeping = Keeping {
            expires: registration.expires.clamp(Duration::from_secs(1), LONGEST),
            registration,
            stage: Stage::Waiting,
            thread: Some(thread),
            moved: None,
            redirects: 0,
            failures: 0,
            state: None,
            since: None,
            due: None,
        };
        self.keepings.all.insert(id, keeping);
        self.send_register(now, id);
        id
    }

    /// Ends a registration: its contact is removed, then `Unregistered` is told. Nothing happens if it is gone.
    pub fn unregister(&mut self, now: Instant, registration: RegistrationId) {
        let Some(keeping) = self.keepings.all.get_mut(&registration) else { return };
        match keeping.stage {
            Stage::Asking(request) => keeping.stage = Stage::Leaving { request, sent: false },
            Stage::Registered => self.send_register_with(now, registration, Duration::ZERO),
            Stage::Waiting => self.forget_registration(registration),
            Stage::Leaving { .. } => {}
        }
    }

    /// How a registration stands; `None` before its first answer, and when there is none.
    pub fn registration(&self, registration: RegistrationId) -> Option<&RegistrationState> {
        self.keepings.all.get(&registration)?.state.as_ref()
    }

    fn send_register(&mut self, now: Instant, id: RegistrationId) {
        let Some(keeping) = self.keepings.all.get(&id) else { return };
        self.send_register_with(now, id, keeping.expires);
    }

    fn send_register_with(&mut self, now: Instant, id: RegistrationId, expires: Duration) {
        let Some(keeping) = self.keepings.all.get_mut(&id) else { return };
        self.schedule.shift(Owner::Registration(id.0), &mut keeping.due, None);
        let Some(thread) = keeping.thread.take() else { return };
        let (request, params) = (keeping.request(expires), keeping.contact_params());
        // The answer may come before this returns, when there is no way at all.
        let number = self.inquiries.next_id();
        keeping.stage = match expires.is_zero() {
            true => Stage::Leaving { request: number, sent: true },
            false => Stage::Asking(number),
        };
        self.ask(now, request, thread, Asker::Registration { id, contact_params: params });
    }

    /// The final answer to a REGISTER.
    pub(crate) fn on_registered(
        &mut self,
        now: Instant,
        id: RegistrationId,
        thread: Thread,
        contact: &str,
        response: &Arc<Response>,
    ) {
        let Some(keeping) = self.keepings.all.get_mut(&id) else { return };
        keeping.thread = Some(thread);
        let accepted = (200..300).contains(&response.status);
        match keeping.stage {
            Stage::Leaving { sent: false, .. } if accepted => {
                return self.send_register_with(now, id, Duration::ZERO);
            }
            Stage::Leaving { .. } => return self.forget_registration(id),
            Stage::Asking(_) | Stage::Registered | Stage::Waiting => {}
        }
        match response.status {
            200..=299 => self.on_granted(now, id, contact, response),
            // RFC 3261 §10.2.8: as long as the registrar wants.
            423 if self.ask_longer(id, response) => self.send_register(now, id),
            301 | 302 | 305 if self.follow(id, response) => self.send_register(now, id),
            _ => self.on_register_failed(now, id, response),
        }
    }

    fn on_granted(&mut self, now: Instant, id: RegistrationId, contact: &str, response: &Response) {
        let Some(keeping) = self.keepings.all.get_mut(&id) else { return };
        let granted =
            Granted::of(response, contact, keeping.registration.instance.as_deref(), keeping.expires);
        let (Some(flow), false) = (response.flow, granted.expires.is_zero()) else {
            // It says yes and lists us for no time at all.
            return self.on_register_failed(now, id, response);
        };
        let expires = granted.expires.min(LONGEST);
        let state = RegistrationState::Registered {
            until: now + expires,
            flow,
            service_route: granted.service_route,
            keep_alive: granted.keep_alive,
        };
        keeping.stage = Stage::Registered;
        keeping.failures = 0;
        keeping.redirects = 0;
        keeping.since.get_or_insert(now);
        keeping.state = Some(state.clone());
        // Three quarters of the time, a little earlier by chance, so that many do not refresh at once.
        let jitter = u32::from(self.random.block().first().copied().unwrap_or(0)) % 64;
        let refresh = expires * (768 - jitter) / 1024;
        self.schedule.shift(Owner::Registration(id.0), &mut keeping.due, Some(now + refresh));
        self.event(Event::Registration { registration: id, state });
    }

    fn on_register_failed(&mut self, now: Instant, id: RegistrationId, response: &Response) {
        let why = match (response.flow, response.status) {
            (None, 408) => Trouble::Silence,
            (None, _) => Trouble::Unreachable,
            (Some(_), 401 | 403 | 407) => Trouble::Credentials,
            (Some(_), 404 | 410 | 604) => Trouble::Unknown,
            (Some(_), _) => Trouble::Refused,
        };
        let after = response.header("Retry-After").and_then(|text| {
            let digits = text.split([';', '(', ' ']).next()?;
            lex::seconds(digits).map(|seconds| Duration::from_secs(u64::from(seconds)))
        });
        self.retry_registration(now, id, response.status, why, after);
    }

    fn retry_registration(
        &mut self,
        now: Instant,
        id: RegistrationId,
        status: u16,
        why: Trouble,
        after: Option<Duration>,
    ) {
        let chance = self.random.block().first().copied().unwrap_or(0);
        let Some(keeping) = self.keepings.all.get_mut(&id) else { return };
        keeping.failures = keeping.failures.saturating_add(1);
        // Where we were sent was no help: from the beginning.
        keeping.moved = None;
        keeping.redirects = 0;
        keeping.since = None;
        let own = back_off(keeping.failures, chance);
        let wait = match (after, why) {
            (Some(after), _) => after.clamp(Duration::from_secs(1), LONGEST),
            (None, Trouble::Credentials | Trouble::Unknown) => own.max(REFUSED_WAIT),
            (None, _) => own,
        };
        let state = RegistrationState::Retrying { status, why, at: now + wait };
        keeping.stage = Stage::Waiting;
        keeping.state = Some(state.clone());
        self.schedule.shift(Owner::Registration(id.0), &mut keeping.due, Some(now + wait));
        self.event(Event::Registration { registration: id, state });
    }

    /// Takes the Min-Expires of a 423; false if it asks for nothing new.
    fn ask_longer(&mut self, id: RegistrationId, response: &Response) -> bool {
        let Some(keeping) = self.keepings.all.get_mut(&id) else { return false };
        let least = response.header("Min-Expires").and_then(lex::seconds);
        let least = least.map(|seconds| Duration::from_secs(u64::from(seconds)));
        match least.filter(|least| *least > keeping.expires && *least <= LONGEST) {
            Some(least) => {
                keeping.expires = least;
                true
            }
            None => false,
        }
    }

    /// Takes the Contact of a redirection; false if there were too many or it has none.
    fn follow(&mut self, id: RegistrationId, response: &Response) -> bool {
        let Some(keeping) = self.keepings.all.get_mut(&id) else { return false };
        let Some(uri) = granted::redirected(response) else { return false };
        if keeping.redirects >= MOST_REDIRECTS || keeping.moved.as_ref() == Some(&uri) {
            return false;
        }
        keeping.redirects += 1;
        keeping.moved = Some(uri);
        true
    }

    /// It is time to refresh, or to try again.
    pub(crate) fn on_registration_due(&mut self, now: Instant, id: RegistrationId) {
        self.send_register(now, id);
    }

    /// A stream is gone: what is registered over it is registered anew at once (RFC 5626 §4.4.1).
    pub(crate) fn on_registration_flow_lost(&mut self, now: Instant, flow: &Flow) {
        let lost: Vec<(RegistrationId, bool)> = self
            .keepings
            .all
            .iter()
            .filter(|(_, k)| k.stage == Stage::Registered && k.flow() == Some(*flow))
            .map(|(id, k)| (*id, k.since.is_some_and(|since| now.saturating_duration_since(since) >= STABLE)))
            .collect();
        for (id, was_stable) in lost {
            if was_stable {
                if let Some(keeping) = self.keepings.all.get_mut(&id) {
                    keeping.since = None;
                }
                self.send_register(now, id);
            } else {
                self.retry_registration(now, id, 503, Trouble::Unreachable, None);
            }
        }
    }

    fn forget_registration(&mut self, id: RegistrationId) {
        let Some(mut keeping) = self.keepings.all.remove(&id) else { return };
        self.schedule.shift(Owner::Registration(id.0), &mut keeping.due, None);
        self.event(Event::Registration { registration: id, state: RegistrationState::Unregistered });
    }
}
