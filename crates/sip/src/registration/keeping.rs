//! Keeping a registration: what each answer to a REGISTER leads to, and when the next one is sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::back_off::back_off;
use super::granted::{self, Granted};
use super::{
    LONGEST, MOST_REDIRECTS, REFUSED_WAIT, RegistrationId, RegistrationState, STABLE, Stage, Trouble,
};
use crate::endpoint::Endpoint;
use crate::event::Event;
use crate::flow::Flow;
use crate::message::lex;
use crate::request::{Asker, Response, Thread};
use crate::timer::Owner;

impl Endpoint {
    pub(super) fn send_register(&mut self, now: Instant, id: RegistrationId) {
        let Some(keeping) = self.keepings.all.get(&id) else { return };
        self.send_register_with(now, id, keeping.expires);
    }

    pub(super) fn send_register_with(&mut self, now: Instant, id: RegistrationId, expires: Duration) {
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

    pub(super) fn forget_registration(&mut self, id: RegistrationId) {
        let Some(mut keeping) = self.keepings.all.remove(&id) else { return };
        self.schedule.shift(Owner::Registration(id.0), &mut keeping.due, None);
        self.event(Event::Registration { registration: id, state: RegistrationState::Unregistered });
    }
}
