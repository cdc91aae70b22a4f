//! From one of those who are dialled to the phones that ring: users by where they are registered, others by where they
//! are.

use std::time::Instant;

use flow::ir::Callee;
use sip::Next;

use super::dial::Stage;
use super::run::Call;
use crate::route::lead_exactly;
use crate::sip_io::{Command, Phone};

impl Call {
    /// Calls the one at this place.
    pub(super) fn call(&mut self, now: Instant, place: usize) {
        let Some(endpoint) = self.dial.as_ref().and_then(|dial| dial.order.to.get(place)) else { return };
        let callee = endpoint.callee.clone();
        if let Some(path) = self.path(place) {
            path.begin();
        }
        self.call_one(now, place, callee);
    }

    /// Calls somebody at this place.
    pub(super) fn call_one(&mut self, now: Instant, place: usize, callee: Callee<String>) {
        let users = self.shared.users.load();
        match callee {
            Callee::User(name) => match users.get(&name) {
                Some(user) => self.user(now, place, user, None),
                None => self.nobody(now, format!("nobody is known as {name}"), 404),
            },
            Callee::Device(name) => {
                let user = self.shared.settings.load().user_at(&users, &name).cloned();
                // A user's own account is a phone of its own, too.
                let own = users.get(&name).map(|_| name.as_str());
                let device = users.device(&name).map(|(_, device)| device.name.as_str()).or(own);
                match (user, device) {
                    (Some(user), Some(device)) => self.user(now, place, &user, Some(device)),
                    _ => self.nobody(now, format!("no phone is known as {name}"), 404),
                }
            }
            Callee::Uri(uri) => {
                let Some(dial) = &self.dial else { return };
                let phone = self.phone(dial, place, None, Next::Uri(uri.clone()), uri.clone(), Vec::new());
                self.fork(now, place, &uri, phone);
            }
            Callee::Trunk { name, number } => self.outside(now, place, name.as_deref(), &number),
            Callee::Extension(number) => self.go_on_at(now, &number),
            callee => self.nobody(now, format!("there is no {callee}"), 404),
        }
    }

    /// A short number that is nobody's: a flow's, in which the caller goes on if nobody else is called.
    fn go_on_at(&mut self, now: Instant, number: &str) {
        let sole = |dial: &super::dial::Dial| dial.order.to.len() == 1 && Some(dial.caller) == self.subject;
        let program = lead_exactly(&self.shared.flows.load(), number);
        let came = match program {
            Some(Ok(program)) if self.dial.as_ref().is_some_and(|dial| sole(dial)) => {
                let Some(caller) = self.subject else { return };
                self.record.timeline.note(now, format!("the caller goes on at {number}"));
                self.send_off(now, caller, number, program, None, None)
            }
            Some(Err(refusal)) => Err(refusal.status()),
            _ => Err(404),
        };
        if let Err(status) = came {
            self.nobody(now, format!("nobody has the extension {number}"), status);
        }
    }

    fn nobody(&mut self, now: Instant, why: String, status: u16) {
        self.record.timeline.note(now, why);
        self.failed(status);
    }

    /// Asks where phones can be reached; `name` is the user's, or that of the only phone that is meant.
    pub(super) fn reach(&mut self, place: usize, name: String, accounts: Vec<String>) {
        let Some(tag) = self.dial.as_ref().map(|dial| dial.tag) else { return };
        let mail = self.record.mail().clone();
        let Some(Stage::Ringing { lookups, .. }) = self.stage() else { return };
        // The same user twice is rung once.
        let asked = lookups.iter().any(|(_, asked)| *asked == name);
        lookups.push((place, name.clone()));
        if !asked {
            self.shared.shard.send(Command::Reach { user: name, accounts, tag, mail });
        }
    }

    /// Where a user can be reached.
    pub(super) fn contacts(&mut self, now: Instant, tag: flow::leg::Tag, name: &str, mut ways: Vec<Phone>) {
        if self.pages(tag) {
            return self.page_contacts(now, tag, name, ways);
        }
        ways.retain(|way| !way.routes.is_empty() || !self.moves_from(way.flow));
        let Some(dial) = self.dial.as_mut().filter(|dial| dial.tag == tag) else { return };
        let Stage::Ringing { lookups, rota, .. } = &mut dial.stage else { return };
        let mut places = Vec::new();
        lookups.retain(|(place, asked)| {
            let answered = asked == name;
            places.extend(answered.then_some(*place));
            !answered
        });
        // One who is no longer to ring by now is not called.
        let place = places.iter().copied().find(|place| rota.rings(*place));
        if let Some(place) = place {
            let users = self.shared.users.load();
            let user = self.shared.settings.load().user_at(&users, name).map(|user| user.name.clone());
            let user = user.unwrap_or_else(|| name.to_owned());
            if ways.is_empty() {
                self.record.timeline.note(now, format!("no phone of {name} is registered"));
            }
            for way in ways {
                let Some(dial) = &self.dial else { return };
                let flow = Next::Flow(way.flow);
                let phone = self.phone(dial, place, Some(&user), flow, way.target, way.routes);
                let phone = phone.for_account(&users, &way.account);
                if let Some(leg) = self.fork(now, place, &user, phone).and_then(|key| self.leg_mut(key)) {
                    leg.has_account(&way.account);
                }
            }
        }
        for place in places {
            self.look(now, Some(place));
        }
    }
}
