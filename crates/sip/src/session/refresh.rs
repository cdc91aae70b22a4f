//! Session timers: RFC 4028. Who refreshes the session, how often, and when it is given up for dead.
//! Owns what was agreed and the two deadlines; the refresh itself is a change like any other, and `change` sends it.
//!
//! A peer that knows nothing of this is refreshed by us all the same: what it answers shows that it still has the call,
//! and only silence, or 481, ends it.

use std::time::{Duration, Instant};

use super::change::{How, Ours, Purpose};
use super::{Phase, Session};
use crate::body::Body;
use crate::config::Config;
use crate::endpoint::{Endpoint, Request, supports};
use crate::event::{Ended, SessionId};
use crate::message::{Message, Name, lex};
use crate::reason::{Cause, Reason};

/// The least interval there can be (RFC 4028 §4), and Min-SE where none is written.
const LEAST: Duration = Duration::from_secs(90);

/// A peer's interval below this is taken for this: nobody can mean it.
const FLOOR: Duration = Duration::from_secs(10);

/// When a refresh is tried again that met another change, or was refused.
const AGAIN: Duration = Duration::from_secs(1);
const AFTER_REFUSAL: Duration = Duration::from_secs(10);

/// How often we go up with 422 in one attempt.
const MOST_RAISES: u8 = 4;

/// The session timer of one session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    /// The longest minimum that anybody on the way has asked for (RFC 4028 §5), if above the least.
    min_se: Option<Duration>,
    running: Option<Running>,
    /// Whether the peer takes UPDATE.
    updates: bool,
    raises: u8,
}

/// A timer that runs.
#[derive(Clone, Copy, Debug)]
struct Running {
    interval: Duration,
    refresher: Refresher,
    /// When the refresh is due, if it is ours.
    refresh: Option<Instant>,
    /// When the session is over without one; never if the peer has not agreed to any of this.
    expires: Option<Instant>,
}

/// Who refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresher {
    We,
    Peer,
}

/// Which of the deadlines has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    Refresh,
    Expiry,
}

impl Running {
    fn new(now: Instant, interval: Duration, refresher: Refresher, agreed: bool) -> Self {
        Running {
            interval,
            refresher,
            // RFC 4028 §7.2: once half the interval has passed.
            refresh: (refresher == Refresher::We).then(|| now + interval / 2),
            // RFC 4028 §10: BYE is sent before the end, by 32 seconds or a third.
            expires: agreed.then(|| now + interval - Duration::from_secs(32).min(interval / 3)),
        }
    }
}

impl Timing {
    /// When the first deadline comes.
    pub(super) fn next(&self) -> Option<Instant> {
        let running = self.running?;
        [running.refresh, running.expires].into_iter().flatten().min()
    }

    /// The deadline that has come. The refresh is taken; expiry stays.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Alarm> {
        let running = self.running.as_mut()?;
        match running {
            Running { expires: Some(at), .. } if *at <= now => Some(Alarm::Expiry),
            _ => running.refresh.take_if(|at| *at <= now).map(|_| Alarm::Refresh),
        }
    }

    /// Puts our refresh off.
    pub(super) fn refresh_at(&mut self, at: Instant) {
        if let Some(running) = self.running.as_mut().filter(|r| r.refresher == Refresher::We) {
            running.refresh = Some(at);
        }
    }

    /// A refresh of ours was refused with a status that says nothing of the session.
    pub(super) fn refused(&mut self, now: Instant, status: u16) {
        // RFC 3311 §5.3: the Allow it sent was not true.
        let mistaken = self.updates && matches!(status, 405 | 501);
        if mistaken {
            self.updates = false;
        }
        let Some(running) = self.running.as_mut() else { return };
        let wait = match running.expires {
            _ if mistaken => Duration::ZERO,
            Some(_) => AFTER_REFUSAL,
            None => running.interval / 2,
        };
        self.refresh_at(now + wait);
    }

    /// Notes what a message of the peer says of UPDATE.
    pub(super) fn note(&mut self, message: &Message) {
        if message.line(Name::Allow).is_some() {
            self.updates = message.values(Name::Allow).any(|method| method == "UPDATE");
        }
    }

    /// The interval to ask for: what is agreed, or what we want. `None`: we ask for none.
    fn wish(&self, config: &Config) -> Option<Duration> {
        let running = self.running.map(|r| r.interval);
        let wanted = running.or(Some(config.session_expires).filter(|wanted| !wanted.is_zero()))?;
        Some(wanted.max(self.min_se.unwrap_or(LEAST.min(config.min_se))).max(config.min_se))
    }

    /// The headers of an INVITE or UPDATE of ours (RFC 4028 §7.1, §7.4).
    pub(super) fn request_headers(&self, config: &Config) -> Vec<(String, String)> {
        let Some(interval) = self.wish(config) else { return Vec::new() };
        // The roles are those of this transaction: whoever refreshes goes on doing so.
        let refresher = match self.running.map(|r| r.refresher) {
            None => "",
            Some(Refresher::We) => ";refresher=uac",
            Some(Refresher::Peer) => ";refresher=uas",
        };
        let mut headers = vec![("Session-Expires".into(), format!("{}{refresher}", interval.as_secs()))];
        if let Some(least) = self.min_se.or(Some(config.min_se).filter(|least| *least > LEAST)) {
            headers.push(("Min-SE".into(), least.max(config.min_se).as_secs().to_string()));
        }
        headers
    }

    /// A 422 came: whether to ask again, now for longer (RFC 4028 §7.3).
    pub(super) fn raise(&mut self, config: &Config, response: &Message) -> bool {
        let asked = self.wish(config);
        let least = response.line(Name::MinSe).and_then(seconds);
        match (asked, least) {
            (Some(asked), Some(least)) if least > asked && self.raises < MOST_RAISES => {
                self.raises += 1;
                self.min_se = Some(least);
                true
            }
            _ => false,
        }
    }

    /// The headers of our 2xx to an INVITE or UPDATE, and what runs from now on (RFC 4028 §9).
    pub(super) fn agree_as_server(
        &mut self,
        now: Instant,
        config: &Config,
        request: &Message,
    ) -> Vec<(String, String)> {
        self.note(request);
        let least = request.line(Name::MinSe).and_then(seconds).unwrap_or(LEAST);
        if least > LEAST {
            self.min_se = Some(self.min_se.map_or(least, |known| known.max(least)));
        }
        let wanted = Some(config.session_expires).filter(|wanted| !wanted.is_zero());
        let asked = request.line(Name::SessionExpires).and_then(read);
        let interval = match (asked, wanted) {
            // It may be made shorter, but not shorter than the Min-SE, and never longer.
            (Some((asked, _)), Some(wanted)) => asked.min(wanted.max(least)).max(FLOOR),
            (Some((asked, _)), None) => asked.max(FLOOR),
            (None, Some(wanted)) => wanted.max(least),
            (None, None) => {
                self.running = None;
                return Vec::new();
            }
        };
        let able = supports(request, "timer");
        let refresher = match asked.and_then(|(_, refresher)| refresher) {
            _ if !able => Refresher::We,
            Some(AsWritten::Uas) => Refresher::We,
            Some(AsWritten::Uac) | None => Refresher::Peer,
        };
        self.running = Some(Running::new(now, interval, refresher, able));
        let refresher = if refresher == Refresher::Peer { "uac" } else { "uas" };
        let expires = format!("{};refresher={refresher}", interval.as_secs());
        let mut headers = vec![("Session-Expires".to_owned(), expires)];
        if able {
            headers.push(("Require".to_owned(), "timer".to_owned()));
        }
        headers
    }

    /// What runs from now on, by the 2xx to an INVITE or UPDATE of ours (RFC 4028 §7.2).
    pub(super) fn agree_as_client(&mut self, now: Instant, config: &Config, response: &Message) {
        self.note(response);
        self.raises = 0;
        let answered = response.line(Name::SessionExpires).and_then(read);
        self.running = match (answered, self.wish(config)) {
            // Also where nobody asked for it: some desk phones do that.
            (Some((interval, refresher)), _) => {
                let refresher = match refresher {
                    Some(AsWritten::Uas) => Refresher::Peer,
                    // Without the word nobody else is sure to do it.
                    Some(AsWritten::Uac) | None => Refresher::We,
                };
                Some(Running::new(now, interval.max(FLOOR), refresher, true))
            }
            (None, Some(interval)) if !config.session_expires.is_zero() => {
                Some(Running::new(now, interval, Refresher::We, false))
            }
            (None, _) => None,
        };
    }
}

/// The refresher parameter, in the words of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AsWritten {
    Uac,
    Uas,
}

fn seconds(text: &str) -> Option<Duration> {
    let (number, _) = lex::head_and_params(text);
    lex::seconds(number).map(|seconds| Duration::from_secs(seconds.into()))
}

/// Reads a Session-Expires header (RFC 4028 §4).
fn read(text: &str) -> Option<(Duration, Option<AsWritten>)> {
    let (_, params) = lex::head_and_params(text);
    let refresher = lex::param(params, "refresher").and_then(|who| match who {
        who if who.eq_ignore_ascii_case("uac") => Some(AsWritten::Uac),
        who if who.eq_ignore_ascii_case("uas") => Some(AsWritten::Uas),
        _ => None,
    });
    Some((seconds(text)?, refresher))
}

impl Endpoint {
    /// 422 if the session would be refreshed too often (RFC 4028 §8.2, §9). True if the request was refused.
    pub(super) fn refuse_brief(&mut self, now: Instant, request: &Request<'_>) -> bool {
        let asked = request.message.line(Name::SessionExpires).and_then(seconds);
        // Who does not know the extension could not ask for more: a proxy has written this.
        let brief =
            asked.is_some_and(|asked| asked < self.config.min_se) && supports(request.message, "timer");
        if brief {
            let least = ("Min-SE".to_owned(), self.config.min_se.as_secs().to_string());
            self.refuse_with(now, request, 422, None, &[least]);
        }
        brief
    }

    /// A deadline of a session's timer has come.
    pub(super) fn on_alarm(&mut self, now: Instant, id: SessionId, alarm: Alarm) {
        match alarm {
            Alarm::Expiry => self.expire(now, id),
            Alarm::Refresh => self.send_refresh(now, id),
        }
    }

    fn expire(&mut self, now: Instant, id: SessionId) {
        // Q.850: recovery on timer expiry.
        let reason = Reason { status: 408, cause: Some(Cause::Q850(102)), text: None };
        self.leave_with_bye(now, id, Ended::Expired, &reason);
    }

    /// Refreshes a session: by UPDATE where the peer takes it, else by a re-INVITE that repeats our last description.
    fn send_refresh(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if !session.is_still() {
            session.timing.refresh_at(now + AGAIN);
            return;
        }
        let (how, offer) = match session.description.clone().filter(|_| !session.timing.updates) {
            Some(description) => (How::Reinvite, Some(description)),
            None => (How::Update, None),
        };
        self.send_change(now, id, Ours::new(how, offer, Purpose::Refresh), None);
    }
}

impl Session {
    /// Whether nothing is open that a change of ours would have to wait for.
    pub(super) fn is_still(&self) -> bool {
        matches!((&self.phase, &self.change), (Phase::Confirmed, super::Change::Idle))
    }

    /// Keeps our description that holds from now on: a refresh repeats it.
    pub(super) fn describe(&mut self, description: Option<Body>) {
        if description.is_some() {
            self.description = description;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_expires_is_read_with_and_without_its_refresher() {
        let read = |text| read(text).map(|(interval, who)| (interval.as_secs(), who));
        assert_eq!(read("1800"), Some((1800, None)));
        assert_eq!(read(" 90 ; refresher = UAS;x"), Some((90, Some(AsWritten::Uas))));
        assert_eq!(read("90;refresher=uac"), Some((90, Some(AsWritten::Uac))));
        assert_eq!(read("90;refresher=me"), Some((90, None)));
        assert_eq!(read("soon"), None);
        assert_eq!(read("99999999999"), Some((u64::from(u32::MAX), None)));
    }
}
