//! Whom a dialling means by a user: its phones, or where it has its calls go instead.
//!
//! ```text
//!   a user ─ do not disturb, in a call without call waiting ─→ busy ─┐
//!     │                                                              ├─ forwarded in that case? ─→ the target, likewise
//!     ├─ always forwarded ───────────────────────────────────────────┤        └─ no ─→ refused
//!     └─ rings ─ refused · not answered · no phone ──────────────────┘
//! ```
//!
//! A place of the dialling keeps its place when the call goes on elsewhere, and has the time to ring anew.
//! Whoever was passed on the way is not called again at that place, so that circles end.

use std::collections::VecDeque;
use std::time::Instant;

use flow::ir::{Callee, Dial};
use sip::{Diversion, Why};
use store::{Forwarding, Permission, User, Users, When};

use super::caller::Caller;
use super::redirection::Wanted;
use super::run::Call;

/// The most that a call is sent on.
const MOST: usize = 5;

/// How a call came to where it rings at one place of a dialling.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    /// Whether where users have their calls forwarded to is followed, at first and now.
    followed: bool,
    follows: bool,
    /// Whether the user itself is called, not a group that it is in.
    direct: bool,
    /// Users that were passed, the last is the one whose phones ring.
    passed: Vec<String>,
    /// What those who are refused at this place said last.
    pub(super) refused: Option<u16>,
    /// The caller as those inside and those outside see him, where he is shown otherwise than at other places.
    pub(super) shown: Option<Box<(Caller, Caller)>>,
    /// Where a phone wants the call to go if nobody takes it where it goes now.
    pub(super) sent_to: VecDeque<Wanted>,
}

impl Path {
    /// The paths of all places; `direct` if a user is called by its own name.
    pub(super) fn all(dial: &Dial<String>, direct: bool) -> Vec<Path> {
        let (followed, follows) = (dial.follow_forward, dial.follow_forward);
        let path = Path { followed, follows, direct, ..Path::default() };
        let mut paths = vec![path; dial.to.len()];
        if direct && let Some((_, before)) = paths.split_last_mut() {
            // The phones of one user, one after the other: its calls go elsewhere after the last of them.
            before.iter_mut().for_each(|path| (path.followed, path.follows) = (false, false));
        }
        paths
    }
}

impl Path {
    /// Whether calls are sent on here.
    pub(super) fn follows(&self) -> bool {
        self.follows
    }

    /// It is called anew, in another round.
    pub(super) fn begin(&mut self) {
        self.passed.clear();
        self.refused = None;
        self.shown = None;
        self.sent_to.clear();
        self.follows = self.followed;
    }
}

/// What a number or a name means to whoever forwards to it.
#[derive(Debug)]
pub(super) enum Leads {
    /// These are called.
    To(Vec<Callee<String>>),
    /// Nobody has it.
    Nowhere,
}

impl Call {
    /// Calls the user of a place, or sends the call on. `device` is the one phone that is meant.
    pub(super) fn user(&mut self, now: Instant, place: usize, user: &User, device: Option<&str>) {
        let settings = self.shared.settings.load();
        let Some(path) = self.path(place) else { return };
        path.passed.push(user.name.clone());
        let (follows, direct) = (path.follows, path.direct);
        let forwarding = settings.forwarding(user);
        let always = forwarding.to(When::Always).is_some() && follows && (direct || !forwarding.direct_only);
        if always {
            let sent = self.send_on(now, place, When::Always);
            if sent && !forwarding.ring_too {
                return;
            }
        }
        if settings.undisturbed(user) {
            return self.refuse_for(now, place, user, "does not want to be disturbed", 486);
        }
        let users = self.shared.users.load();
        let phones: Vec<&str> = match device {
            Some(account) => vec![account],
            None => settings.phones(&users, user),
        };
        let barges = self.dial.as_ref().is_some_and(|dial| dial.order.barge);
        let engaged = !barges && self.shared.book.engages(&user.name, self.record.id);
        let mut rings = Vec::new();
        let mut why = "has no phone";
        for account in phones {
            // At somebody else's phone its owner's rules do not count.
            let own = users.device(account).filter(|(of, _)| of.name == user.name).map(|(_, own)| own);
            if own.is_some_and(|device| settings.device_undisturbed(device)) {
                why = "does not want to be disturbed";
            } else if engaged && !settings.waiting(user, own) {
                why = "is in a call";
            } else {
                rings.push(account.to_owned());
            }
        }
        if rings.is_empty() {
            let status = if why == "has no phone" { 480 } else { 486 };
            return self.refuse_for(now, place, user, why, status);
        }
        self.reach(place, device.unwrap_or(&user.name).to_owned(), rings);
    }

    /// A user's phones do not ring.
    fn refuse_for(&mut self, now: Instant, place: usize, user: &User, why: &str, status: u16) {
        self.record.timeline.note(now, format!("{} {why}", user.name));
        self.refused_at(place, status);
        self.failed(status);
    }

    pub(super) fn path(&mut self, place: usize) -> Option<&mut Path> {
        self.dial.as_mut()?.paths.get_mut(place)
    }

    /// Notes what somebody said who was called at this place.
    pub(super) fn refused_at(&mut self, place: usize, status: u16) {
        if let Some(path) = self.path(place) {
            path.refused = Some(status);
        }
    }

    /// Nobody rings at this place any more: whether the call goes on elsewhere, as the user has it.
    pub(super) fn sent_on(&mut self, now: Instant, place: usize) -> bool {
        let refused = self.path(place).and_then(|path| path.refused.take());
        if !matches!(refused, Some(486 | 600..=699)) && self.next_target(now, place) {
            return true;
        }
        let case = match refused {
            Some(486 | 600 | 603) => When::Busy,
            Some(404 | 408 | 410 | 430 | 480 | 500..=599) | None => When::Unreachable,
            Some(_) => return false,
        };
        self.send_on(now, place, case)
    }

    /// Sends the call of a place on in this case; whether the user has it so.
    pub(super) fn send_on(&mut self, now: Instant, place: usize, case: When) -> bool {
        let users = self.shared.users.load();
        let Some(path) = self.path(place) else { return false };
        let (follows, direct, passed) = (path.follows, path.direct, &path.passed);
        let Some(user) = passed.last().and_then(|name| users.get(name)) else { return false };
        let forwarding = self.shared.settings.load().forwarding(user);
        let Some(to) = forwarding.to(case) else { return false };
        if !follows || (forwarding.direct_only && !direct) {
            return false;
        }
        let why = match case {
            When::Always => "",
            When::Busy => ", who is busy",
            When::NoAnswer => ", who does not answer",
            When::Unreachable => ", who cannot be reached",
        };
        let reason = match case {
            When::Always => Why::Unconditional,
            When::Busy => Why::Busy,
            When::NoAnswer => Why::NoAnswer,
            When::Unreachable => Why::Unavailable,
        };
        let leads = self.leads(&users, to, user.may(Permission::Outside));
        self.send_to(now, place, user, (why, reason), (to, leads))
    }

    /// Sends the call of a place on for a user, who says why in words and in a Diversion; whether it goes there.
    pub(super) fn send_to(
        &mut self,
        now: Instant,
        place: usize,
        user: &User,
        (words, why): (&str, Why),
        (to, leads): (&str, Leads),
    ) -> bool {
        let forwarding = self.shared.settings.load().forwarding(user);
        let Some(passed) = self.path(place).map(|path| path.passed.clone()) else { return false };
        let callees = match leads {
            Leads::To(callees) => callees,
            Leads::Nowhere => {
                let note = format!("{} forwards to {to}, which leads nowhere", user.name);
                self.record.timeline.note(now, note);
                return false;
            }
        };
        let again = |callee: &Callee<String>| matches!(callee, Callee::User(name) if passed.contains(name));
        let callees: Vec<_> = callees.into_iter().filter(|callee| !again(callee)).collect();
        if callees.is_empty() || passed.len() >= MOST {
            self.record
                .timeline
                .note(now, format!("{} forwards in a circle, by {}", user.name, passed.join(", ")));
            return false;
        }
        self.record.timeline.note(now, format!("{}{words}, forwards to {to}", user.name));
        metrics::counter!("offhook_forwarded_total").increment(1);
        self.diverted(place, user, &forwarding, why);
        if why != Why::Unconditional
            && let Some(super::dial::Stage::Ringing { rota, .. }) = self.stage()
        {
            rota.again(now, place);
        }
        let several = callees.len() > 1;
        for callee in callees {
            if several && let Some(path) = self.path(place) {
                // Each of a group's members is a user of its own, whose calls are not sent on any further.
                path.follows = false;
            }
            self.call_one(now, place, callee);
        }
        true
    }

    /// What a number means to which a call is forwarded; `outside` if the user may dial there.
    pub(super) fn leads(&self, users: &Users, to: &str, outside: bool) -> Leads {
        if to.starts_with("sip:") || to.starts_with("sips:") {
            return Leads::To(vec![Callee::Uri(to.to_owned())]);
        }
        if let Some(user) = users.by_number(to).or_else(|| users.find(to)) {
            return Leads::To(vec![Callee::User(user.name.clone())]);
        }
        if let Some(group) = users.group_by_number(to).or_else(|| users.group(to)) {
            return Leads::To(group.members.iter().map(|name| Callee::User(name.clone())).collect());
        }
        if self.shared.flows.load().numbered(to).is_some() {
            return Leads::To(vec![Callee::Extension(to.to_owned())]);
        }
        match outside && self.shared.trunks.takes(to) {
            true => Leads::To(vec![Callee::Trunk { name: None, number: to.to_owned() }]),
            false => Leads::Nowhere,
        }
    }

    /// From here on those who are called at this place are told that the call was forwarded (RFC 5806), and see who
    /// forwards, if he wants that.
    fn diverted(&mut self, place: usize, user: &User, forwarding: &Forwarding, why: Why) {
        let Some(dial) = &self.dial else { return };
        let (mut inside, mut outside) = (dial.inside(place).clone(), dial.outside(place).clone());
        let number = user.number.clone().unwrap_or_else(|| user.name.clone());
        if !forwarding.keep_caller_id {
            let ids = &user.caller_ids;
            inside.number = ids.internal.number.clone().unwrap_or_else(|| number.clone());
            inside.name = ids.internal.name.clone().or_else(|| user.display_name.clone());
            outside.number = ids.external.number.clone().unwrap_or_else(|| inside.number.clone());
            outside.name = ids.external.name.clone().or_else(|| inside.name.clone());
            (inside.withheld, outside.withheld) = (false, false);
        }
        for (caller, number) in [
            (&mut inside, number.clone()),
            (&mut outside, user.caller_ids.external.number.clone().unwrap_or(number)),
        ] {
            caller.hops = caller.hops.saturating_sub(1);
            let party = sip::Party::sip(&number, &caller.host);
            caller.diversions.insert(0, Diversion::new(party, why));
        }
        if let Some(path) = self.path(place) {
            path.shown = Some(Box::new((inside, outside)));
        }
        let endpoint = self.dial.as_mut().and_then(|dial| dial.order.to.get_mut(place));
        if let Some(endpoint) = endpoint.filter(|_| forwarding.confirm) {
            endpoint.confirm = Some('1');
        }
    }
}
