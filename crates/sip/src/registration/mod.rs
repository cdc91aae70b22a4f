//! Registrations of ours with others: kept alive until they are ended (RFC 3261 §10.2, RFC 5626, RFC 3608).
//!
//! ```text
//!   register ──▶ Asking ── 2xx ──▶ Registered ── three quarters of the time, or the flow is gone ──▶ Asking
//!                  │  ▲
//!                  │  └── after the back-off ── Waiting
//!                  └── anything else ─────────────▲            unregister ──▶ Leaving ──▶ gone
//! ```
//!
//! `keeping.rs` decides when to ask again, `granted.rs` reads what was granted; `request.rs` sends, answers challenges and takes the next hop.

mod back_off;
mod granted;
mod keeping;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::auth::proofs::Proofs;
use crate::call::Credentials;
use crate::endpoint::Endpoint;
use crate::flow::{Flow, Next};
use crate::message::Known;
use crate::request::{Request, RequestId, Thread, bracketed};

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
    /// Registers, and keeps the registration until [`Endpoint::unregister`]. [`crate::Event::Registration`] tells how it goes.
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
}
