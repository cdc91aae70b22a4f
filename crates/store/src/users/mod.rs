//! Accounts that may register and call: users, their phones, groups of them.
//!
//! A user is a person (or a room): it has a number, a name, rules for its calls. A device is an account with a
//! password of its own; a user that has a password is itself one of its devices.
//! What users change by phone afterwards is kept in [`Settings`](crate::Settings).

mod caller_id;
mod codes;
mod forwarding;
mod group;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use crate::Document;
use crate::dtmf::Dtmf;
pub use caller_id::{CallerId, CallerIds};
pub use forwarding::{Forwarding, When};
pub use group::{Group, Order};

pub(crate) use codes::{Whose, Written, inline};
pub(crate) use read::{FILE, parse};

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// By what flows and other users call it; with a password also the digest user name of its own phones.
    pub name: String,
    /// The digest password, in the clear because SIP digests need it; empty for a user that has devices only.
    pub password: String,
    /// The number that reaches it, if it has one.
    pub number: Option<String>,
    /// Another name, by which flow documents call it: the id that another system gave it.
    pub id: Option<String>,
    /// The person's name, as others see it; `None` for what the phone says.
    pub display_name: Option<String>,
    /// How it is shown to those it calls.
    pub caller_ids: CallerIds,
    /// Its further phones, each with a password of its own.
    pub devices: Vec<Device>,
    /// Where its calls go instead.
    pub forward: Forwarding,
    /// Its phones do not ring: callers hear that it is busy.
    pub do_not_disturb: bool,
    /// Whether it rings while it is in a call. Default: true.
    pub call_waiting: bool,
    /// The music that others hear whom it puts on hold: a sound or a playlist; `None` for the switch's.
    pub music: Option<String>,
    /// How keys go to its phones.
    pub dtmf: Dtmf,
    /// What makes any phone this user's.
    pub hot_desk: Option<HotDesk>,
    /// What it may do beyond calling users.
    pub may: BTreeSet<Permission>,
}

/// A phone with an account of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// The digest user name and the user part of its address.
    pub name: String,
    /// The digest password.
    pub password: String,
    /// Another name, by which flow documents call it.
    pub id: Option<String>,
    /// How it is shown to those it calls, where it differs from its user.
    pub caller_ids: CallerIds,
    /// It does not ring; the user's other phones do.
    pub do_not_disturb: bool,
    /// Whether it rings while its user is in a call; `None` as its user has it.
    pub call_waiting: Option<bool>,
    /// How keys go to it; `None` as its user has it.
    pub dtmf: Option<Dtmf>,
}

/// What makes any phone a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotDesk {
    /// What the user types to say who it is, at most ten digits.
    pub id: String,
    /// What proves it; `None` if nothing does.
    pub pin: Option<String>,
}

/// Something that a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Call numbers outside by a trunk. Usual.
    Outside,
    /// Take a call that rings at somebody else. Usual.
    Pickup,
    /// Hear others' conversations.
    Listen,
    /// Speak to one party of others' conversations.
    Whisper,
    /// Speak in others' conversations.
    Barge,
}

impl Permission {
    /// What a user may that nothing is said of.
    pub fn usual() -> BTreeSet<Permission> {
        BTreeSet::from([Permission::Outside, Permission::Pickup])
    }

    /// The permission of this name in `users.toml`.
    pub(crate) fn named(name: &str) -> Option<Permission> {
        Some(match name {
            "outside" => Permission::Outside,
            "pickup" => Permission::Pickup,
            "listen" => Permission::Listen,
            "whisper" => Permission::Whisper,
            "barge" => Permission::Barge,
            _ => return None,
        })
    }
}

impl Default for User {
    /// Nobody, with the usual permissions and call waiting.
    fn default() -> User {
        User {
            name: String::new(),
            password: String::new(),
            number: None,
            id: None,
            display_name: None,
            caller_ids: CallerIds::default(),
            devices: Vec::new(),
            forward: Forwarding::default(),
            do_not_disturb: false,
            call_waiting: true,
            music: None,
            dtmf: Dtmf::default(),
            hot_desk: None,
            may: Permission::usual(),
        }
    }
}

impl User {
    /// A user without a number.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> User {
        User { name: name.into(), password: password.into(), ..User::default() }
    }

    /// The same user with a number.
    #[must_use]
    pub fn numbered(self, number: impl Into<String>) -> User {
        User { number: Some(number.into()), ..self }
    }

    /// Its accounts by name and password: its own, and each device's.
    pub fn accounts(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = (self.name.as_str(), self.password.as_str());
        let devices = self.devices.iter().map(|device| (device.name.as_str(), device.password.as_str()));
        std::iter::once(own).filter(|(_, password)| !password.is_empty()).chain(devices)
    }

    /// Whether it may do this.
    pub fn may(&self, what: Permission) -> bool {
        self.may.contains(&what)
    }
}

impl Device {
    /// A device that is shown as its user.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Device {
        Device {
            name: name.into(),
            password: password.into(),
            id: None,
            caller_ids: CallerIds::default(),
            do_not_disturb: false,
            call_waiting: None,
            dtmf: None,
        }
    }
}

impl fmt::Debug for User {
    // A password must not reach a log by way of a debug print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("number", &self.number).finish_non_exhaustive()
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All users and their groups, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users {
    users: BTreeMap<String, User>,
    /// Names by number.
    numbers: HashMap<String, String>,
    /// Names by id.
    ids: HashMap<String, String>,
    /// Users' names by the names of their devices.
    owners: HashMap<String, String>,
    groups: BTreeMap<String, Group>,
    /// Star codes by account, where they are not those of all.
    codes: HashMap<String, Arc<Document>>,
    /// The star codes of all phones.
    common_codes: Option<Arc<Document>>,
}

impl Users {
    /// No users.
    pub fn new() -> Users {
        Users::default()
    }

    /// Adds a user; the one of the same name that was there before is returned.
    pub fn insert(&mut self, user: User) -> Option<User> {
        let before = self.users.remove(&user.name);
        if before.is_some() {
            let is_other = |_: &String, of: &mut String| *of != user.name;
            self.numbers.retain(is_other);
            self.ids.retain(is_other);
            self.owners.retain(is_other);
        }
        if let Some(number) = &user.number {
            self.numbers.entry(number.clone()).or_insert_with(|| user.name.clone());
        }
        if let Some(id) = &user.id {
            self.ids.entry(id.clone()).or_insert_with(|| user.name.clone());
        }
        for device in &user.devices {
            self.owners.entry(device.name.clone()).or_insert_with(|| user.name.clone());
            if let Some(id) = &device.id {
                self.owners.entry(id.clone()).or_insert_with(|| user.name.clone());
            }
        }
        self.users.insert(user.name.clone(), user);
        before
    }

    /// The user of this name.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// The user of this name or id, as flow documents call it.
    pub fn find(&self, name: &str) -> Option<&User> {
        self.users.get(name).or_else(|| self.users.get(self.ids.get(name)?))
    }

    /// The user that this number reaches.
    pub fn by_number(&self, number: &str) -> Option<&User> {
        self.users.get(self.numbers.get(number)?)
    }

    /// The device of this name or id, and whose it is.
    pub fn device(&self, name: &str) -> Option<(&User, &Device)> {
        let user = self.users.get(self.owners.get(name)?)?;
        let is_it = |device: &&Device| device.name == name || device.id.as_deref() == Some(name);
        Some((user, user.devices.iter().find(is_it)?))
    }

    /// Whose account this is, a user's own or one of its devices.
    pub fn owner(&self, account: &str) -> Option<&User> {
        self.users.get(account).or_else(|| self.device(account).map(|(user, _)| user))
    }

    /// How keys go to the phone that has this account.
    pub fn dtmf(&self, account: &str) -> Dtmf {
        let own = self.device(account).and_then(|(_, device)| device.dtmf);
        own.or_else(|| self.owner(account).map(|user| user.dtmf)).unwrap_or_default()
    }

    /// Adds a group; the one of the same name is replaced.
    pub fn insert_group(&mut self, group: Group) {
        self.groups.insert(group.name.clone(), group);
    }

    /// The group of this name or id.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name).or_else(|| self.groups.values().find(|group| group.id.as_deref() == Some(name)))
    }

    /// The group that this number reaches.
    pub fn group_by_number(&self, number: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.number.as_deref() == Some(number))
    }

    /// All groups in the order of their names.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The same users and groups with those of `others`, which go before these of the same name.
    #[must_use]
    pub fn with(mut self, others: Users) -> Users {
        others.users.into_values().for_each(|user| drop(self.insert(user)));
        self.groups.extend(others.groups);
        self.codes.extend(others.codes);
        self.common_codes = others.common_codes.or(self.common_codes);
        self
    }

    /// All users in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

impl FromIterator<User> for Users {
    fn from_iter<I: IntoIterator<Item = User>>(users: I) -> Users {
        let mut all = Users::new();
        users.into_iter().for_each(|user| drop(all.insert(user)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_name_and_by_number_and_hides_its_password() {
        let alice = User::new("alice", "secret").numbered("201");
        let users: Users = [alice.clone()].into_iter().collect();
        assert_eq!(users.get("alice"), Some(&alice));
        assert_eq!(users.by_number("201"), Some(&alice));
        assert_eq!(users.by_number("202"), None);
        assert!(!format!("{users:?}").contains("secret"));
    }

    #[test]
    fn a_device_leads_to_its_user_and_ids_stand_for_names() {
        let mobile = Device { id: Some("0f".into()), ..Device::new("alice-mobile", "hush") };
        let alice = User { id: Some("ab12".into()), devices: vec![mobile], ..User::new("alice", "secret") };
        let mut users: Users = [alice].into_iter().collect();
        let name = |user: Option<&User>| user.map(|user| user.name.clone());
        assert_eq!(name(users.owner("alice-mobile")), Some("alice".into()));
        assert_eq!(name(users.find("ab12")), Some("alice".into()));
        let found = users.device("0f").map(|(_, device)| device.name.clone());
        assert_eq!(found, Some("alice-mobile".into()));
        let accounts: Vec<_> = users.iter().flat_map(User::accounts).collect();
        assert_eq!(accounts, [("alice", "secret"), ("alice-mobile", "hush")]);
        // One that is put in anew takes nothing of the old one along.
        users.insert(User::new("alice", "new"));
        assert_eq!((users.owner("alice-mobile"), users.find("ab12")), (None, None));
    }
}
