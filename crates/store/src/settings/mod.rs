//! What users change by phone: forwarding, do not disturb, call waiting, at which phone they sit, in which groups they
//! ring, which calendar rules are forced, which lamps are lit.
//!
//! A change goes before what `users.toml` says, until it is changed again.
//! [`Settings::save`] puts the whole into a file at once, so that a crash leaves the old one or the new one.

mod file;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Device, Forwarding, User, Users};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Of users and devices, by name.
    accounts: BTreeMap<String, Changes>,
    /// Who sits at a phone that is not its own: users by accounts.
    desks: BTreeMap<String, String>,
    /// Who does not ring with a group.
    left: BTreeMap<String, BTreeSet<String>>,
    /// Calendar rules that are forced, by id; `*` for all.
    hours: BTreeMap<String, bool>,
    /// Lamps that flows lit, by the user part of their addresses.
    lamps: BTreeMap<String, String>,
}

/// What was changed of a user or a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Changes {
    #[serde(skip_serializing_if = "Option::is_none")]
    forward: Option<Forward>,
    #[serde(skip_serializing_if = "Option::is_none")]
    do_not_disturb: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_waiting: Option<bool>,
}

/// Forwarding of all calls: whether, and where to the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Forward {
    on: bool,
    number: String,
}

/// How something is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switching {
    /// On, whatever it was.
    On,
    /// Off, whatever it was.
    Off,
    /// What it is not.
    Toggle,
}

impl Switching {
    fn of(self, is_on: bool) -> bool {
        match self {
            Switching::On => true,
            Switching::Off => false,
            Switching::Toggle => !is_on,
        }
    }
}

/// Why nobody sits down at a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSeated {
    /// Nobody has this id, or it is no hot desk user's.
    Nobody,
    /// The PIN is wrong, or missing.
    Pin,
}

impl Settings {
    /// Where a user's calls go, as it is now.
    pub fn forwarding(&self, user: &User) -> Forwarding {
        let mut forwarding = user.forward.clone();
        match self.accounts.get(&user.name).and_then(|changes| changes.forward.as_ref()) {
            Some(Forward { on: true, number }) => forwarding.always = Some(number.clone()),
            Some(Forward { on: false, .. }) => forwarding.always = None,
            None => {}
        }
        forwarding
    }

    /// Forwards all of a user's calls to `number`, if there is one, else to where they went before. Whether they are
    /// forwarded then; `None` if it is not known where to.
    pub fn forward(&mut self, user: &User, how: Switching, number: Option<&str>) -> Option<bool> {
        let before = self.forwarding(user).always;
        let changes = self.accounts.entry(user.name.clone()).or_default();
        let last = changes.forward.as_ref().map(|forward| forward.number.clone());
        let on = how.of(before.is_some());
        let known = number.map(str::to_owned).filter(|number| !number.is_empty());
        let to = known.or(before).or(last).or_else(|| user.forward.always.clone());
        if on && to.is_none() {
            return None;
        }
        changes.forward = Some(Forward { on, number: to.unwrap_or_default() });
        Some(on)
    }

    /// Whether nobody rings the user.
    pub fn undisturbed(&self, user: &User) -> bool {
        self.change_of(&user.name).do_not_disturb.unwrap_or(user.do_not_disturb)
    }

    /// Whether this phone does not ring.
    pub fn device_undisturbed(&self, device: &Device) -> bool {
        self.change_of(&device.name).do_not_disturb.unwrap_or(device.do_not_disturb)
    }

    /// Whether a phone of this user rings while the user is in a call.
    pub fn waiting(&self, user: &User, device: Option<&Device>) -> bool {
        let of_device =
            device.and_then(|device| self.change_of(&device.name).call_waiting.or(device.call_waiting));
        let of_user = || self.change_of(&user.name).call_waiting.unwrap_or(user.call_waiting);
        of_device.unwrap_or_else(of_user)
    }

    /// Switches do not disturb of a user, or of one of its devices; whether it is on then.
    pub fn disturb(&mut self, user: &User, device: Option<&Device>, how: Switching) -> bool {
        let (name, is_on) = match device {
            Some(device) => (&device.name, self.device_undisturbed(device)),
            None => (&user.name, self.undisturbed(user)),
        };
        let on = how.of(is_on);
        self.accounts.entry(name.clone()).or_default().do_not_disturb = Some(on);
        on
    }

    /// Switches call waiting of a user, or of one of its devices; whether it is on then.
    pub fn wait(&mut self, user: &User, device: Option<&Device>, how: Switching) -> bool {
        let on = how.of(self.waiting(user, device));
        let name = device.map_or(&user.name, |device| &device.name);
        self.accounts.entry(name.clone()).or_default().call_waiting = Some(on);
        on
    }

    fn change_of(&self, name: &str) -> Changes {
        self.accounts.get(name).cloned().unwrap_or_default()
    }

    /// Who is at this phone: who sits there, else whose it is.
    pub fn user_at<'u>(&self, users: &'u Users, account: &str) -> Option<&'u User> {
        let guest = self.desks.get(account).and_then(|user| users.get(user));
        guest.or_else(|| users.owner(account))
    }

    /// Whether somebody sits at this phone whose it is not.
    pub fn guest(&self, account: &str) -> Option<&str> {
        self.desks.get(account).map(String::as_str)
    }

    /// The phones that ring for a user: its own, unless somebody else sits there, and those where it sits.
    pub fn phones<'u>(&'u self, users: &'u Users, user: &'u User) -> Vec<&'u str> {
        let own = user.accounts().map(|(account, _)| account);
        let own = own.filter(|account| self.user_at(users, account).is_some_and(|at| at.name == user.name));
        let guest = self.desks.iter().filter(|(_, sits)| **sits == user.name);
        let guest =
            guest.map(|(account, _)| account.as_str()).filter(|account| users.owner(account).is_some());
        let mut all: Vec<&str> = own.collect();
        guest.for_each(|account| {
            if !all.contains(&account) {
                all.push(account);
            }
        });
        all
    }

    /// The user of this hot desk id, name, id or number sits down at a phone, and gets up where it sat before.
    pub fn sit(
        &mut self,
        users: &Users,
        account: &str,
        id: &str,
        pin: Option<&str>,
    ) -> Result<(), NotSeated> {
        let is_it = |user: &&User| user.hot_desk.as_ref().is_some_and(|desk| desk.id == id);
        let user = users.iter().find(is_it).or_else(|| users.find(id)).or_else(|| users.by_number(id));
        let Some((user, desk)) = user.and_then(|user| Some((user, user.hot_desk.as_ref()?))) else {
            return Err(NotSeated::Nobody);
        };
        if desk.pin.as_deref().is_some_and(|wanted| pin != Some(wanted)) {
            return Err(NotSeated::Pin);
        }
        self.desks.retain(|_, sits| *sits != user.name);
        self.desks.insert(account.to_owned(), user.name.clone());
        Ok(())
    }

    /// Who sits at this phone gets up; whether anybody did.
    pub fn rise(&mut self, account: &str) -> bool {
        self.desks.remove(account).is_some()
    }

    /// Whether somebody rings with a group; by the group's id, or that of the flow that rings it.
    pub fn rings_with(&self, group: &str, name: &str) -> bool {
        !self.left.get(group).is_some_and(|left| left.contains(name))
    }

    /// Somebody rings with a group from here on, or no more; whether it does.
    pub fn ring_with(&mut self, group: &str, name: &str, how: Switching) -> bool {
        let on = how.of(self.rings_with(group, name));
        let left = self.left.entry(group.to_owned()).or_default();
        if on {
            left.remove(name)
        } else {
            left.insert(name.to_owned())
        };
        self.left.retain(|_, left| !left.is_empty());
        on
    }

    /// Whether a calendar rule is forced on or off.
    pub fn hours(&self, rule: &str) -> Option<bool> {
        self.hours.get(rule).or_else(|| self.hours.get("*")).copied()
    }

    /// Whether any calendar rule is forced.
    pub fn forces_hours(&self) -> bool {
        !self.hours.is_empty()
    }

    /// Forces a calendar rule on or off, or lets the calendar decide again; `*` means all of them.
    pub fn force_hours(&mut self, rule: &str, forced: Option<bool>) {
        if rule == "*" {
            self.hours.clear();
        }
        match forced {
            Some(on) => drop(self.hours.insert(rule.to_owned(), on)),
            None => drop(self.hours.remove(rule)),
        }
    }

    /// Lamps that are lit, with the words for what they show.
    pub fn lamps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lamps.iter().map(|(id, shows)| (id.as_str(), shows.as_str()))
    }

    /// Lights a lamp, or puts it out.
    pub fn light(&mut self, id: &str, shows: Option<&str>) {
        match shows {
            Some(shows) => drop(self.lamps.insert(id.to_owned(), shows.to_owned())),
            None => drop(self.lamps.remove(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HotDesk;

    fn users() -> Users {
        let desk = HotDesk { id: "77".into(), pin: Some("1234".into()) };
        let bob = User { hot_desk: Some(desk), ..User::new("bob", "b").numbered("202") };
        let mut alice = User::new("alice", "a");
        alice.devices.push(Device::new("mobile", "m"));
        [alice, bob, User::new("lobby", "l")].into_iter().collect()
    }

    #[test]
    fn forwarding_is_switched_and_remembers_its_number() {
        let mut users = users();
        let mut settings = Settings::default();
        let alice = users.get("alice").expect("there").clone();
        assert_eq!(settings.forward(&alice, Switching::Toggle, None), None, "nobody knows where to");
        assert_eq!(settings.forward(&alice, Switching::On, Some("202")), Some(true));
        assert_eq!(settings.forwarding(&alice).always.as_deref(), Some("202"));
        assert_eq!(settings.forward(&alice, Switching::Toggle, Some("")), Some(false));
        assert_eq!(settings.forwarding(&alice).always, None);
        assert_eq!(settings.forward(&alice, Switching::Toggle, None), Some(true));
        assert_eq!(settings.forwarding(&alice).always.as_deref(), Some("202"), "where to the last time");
        // What is changed by phone goes before the file, and switching it off too.
        let mut bob = users.get("bob").expect("there").clone();
        bob.forward.always = Some("203".into());
        users.insert(bob.clone());
        assert_eq!(settings.forwarding(&bob).always.as_deref(), Some("203"));
        assert_eq!(settings.forward(&bob, Switching::Off, None), Some(false));
        assert_eq!(settings.forwarding(&bob).always, None);
    }

    #[test]
    fn a_user_and_each_device_are_left_in_peace_by_themselves() {
        let users = users();
        let mut settings = Settings::default();
        let (alice, mobile) = users.device("mobile").expect("there");
        assert!(settings.disturb(alice, Some(mobile), Switching::Toggle));
        assert!(settings.device_undisturbed(mobile) && !settings.undisturbed(alice));
        assert!(!settings.disturb(alice, Some(mobile), Switching::Toggle));
        assert!(!settings.wait(alice, None, Switching::Off));
        assert!(!settings.waiting(alice, Some(mobile)), "as its user has it");
        assert!(settings.wait(alice, Some(mobile), Switching::Toggle));
        assert!(settings.waiting(alice, Some(mobile)) && !settings.waiting(alice, None));
    }

    #[test]
    fn who_sits_at_a_phone_rings_there_and_its_owner_does_not() {
        let users = users();
        let mut settings = Settings::default();
        let (alice, bob) = (users.get("alice").expect("there"), users.get("bob").expect("there"));
        assert_eq!(settings.sit(&users, "mobile", "78", Some("1234")), Err(NotSeated::Nobody));
        assert_eq!(settings.sit(&users, "mobile", "77", Some("1")), Err(NotSeated::Pin));
        assert_eq!(settings.sit(&users, "mobile", "lobby", None), Err(NotSeated::Nobody), "no hot desk user");
        assert_eq!(settings.sit(&users, "mobile", "77", Some("1234")), Ok(()));
        assert_eq!(settings.user_at(&users, "mobile").map(|user| user.name.as_str()), Some("bob"));
        assert_eq!(settings.phones(&users, alice), ["alice"]);
        assert_eq!(settings.phones(&users, bob), ["bob", "mobile"]);
        assert_eq!(settings.sit(&users, "lobby", "202", Some("1234")), Ok(()), "and gets up there");
        assert_eq!(settings.phones(&users, bob), ["bob", "lobby"]);
        assert_eq!(settings.phones(&users, alice), ["alice", "mobile"]);
        assert!(settings.rise("lobby") && !settings.rise("lobby"));
    }

    #[test]
    fn groups_are_left_and_rules_forced() {
        let mut settings = Settings::default();
        assert!(!settings.ring_with("sales", "bob", Switching::Off));
        assert!(!settings.rings_with("sales", "bob") && settings.rings_with("support", "bob"));
        assert!(settings.ring_with("sales", "bob", Switching::Toggle));
        settings.force_hours("lunch", Some(false));
        settings.force_hours("*", Some(true));
        assert_eq!(settings.hours("lunch"), Some(true));
        settings.force_hours("*", None);
        assert!(settings.hours("lunch").is_none() && !settings.forces_hours());
    }
}
