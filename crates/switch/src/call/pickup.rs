//! Taking a call from elsewhere: what rings at another phone, or what is answered there already.

use std::time::Instant;

use flow::ir::{Callee, Pickup, Side};
use flow::leg::Tag;
use store::{Permission, Users};

use super::leg::CallLeg;
use super::run::Call;
use super::taking::{Goal, Otherwise};
use crate::lines::{Line, Owned, Standing};

/// Some users or phones, and a number that may be called.
#[derive(Debug)]
pub(super) struct Whose {
    names: Vec<String>,
    number: Option<String>,
}

impl Whose {
    /// Those that are meant by `callee`.
    pub(super) fn of(users: &Users, callee: &Callee<String>) -> Whose {
        let user = |name: &str| users.find(name).or_else(|| users.by_number(name));
        let group = |name: &str| users.group(name).or_else(|| users.group_by_number(name));
        let members = |name: &str| group(name).map(|group| group.members.clone()).unwrap_or_default();
        let number = match callee {
            Callee::Extension(number) => Some(number.clone()),
            _ => None,
        };
        let names = match callee {
            Callee::Group(name) => members(name),
            Callee::Device(name) if users.device(name).is_some() => {
                users.device(name).map(|(_, device)| device.name.clone()).into_iter().collect()
            }
            Callee::User(name) | Callee::Device(name) | Callee::Agent(name) | Callee::Extension(name) => {
                user(name).map_or_else(|| members(name), |user| vec![user.name.clone()])
            }
            Callee::Shows { number, .. } => user(number).map(|user| user.name.clone()).into_iter().collect(),
            Callee::Trunk { .. } | Callee::Uri(_) => Vec::new(),
        };
        Whose { names, number }
    }

    /// Whether nobody is meant.
    pub(super) fn is_nobody(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether this phone is one of theirs.
    pub(super) fn has(&self, phone: &Owned) -> bool {
        self.names.iter().any(|name| **name == *phone.user || **name == *phone.account)
    }

    /// Whether a line is of one of them.
    pub(super) fn owns(&self, line: &Line) -> bool {
        line.owned.as_ref().is_some_and(|owned| self.has(owned))
    }

    /// Whether a line is of one of them, or rings because the number was called.
    fn rings(&self, line: &Line) -> bool {
        self.owns(line) || self.number.as_deref().is_some_and(|number| *number == *line.called)
    }
}

/// Whether somebody may do what only those that `approved` means may do; without it, those that have the permission.
pub(super) fn may(
    users: &Users,
    approved: Option<&Callee<String>>,
    who: Option<&Owned>,
    permission: Permission,
) -> bool {
    let Some(who) = who else { return false };
    match approved {
        Some(callee) => Whose::of(users, callee).has(who),
        None => users.get(&who.user).is_some_and(|user| user.may(permission)),
    }
}

impl Call {
    /// The one who asks takes a call that rings elsewhere, or talks there.
    pub(super) fn pick_up(&mut self, now: Instant, tag: Tag, by: Side, pickup: &Pickup<String>) {
        let (own, _) = self.sides(by);
        let Some(own) = own else { return self.finish(now, tag, "none") };
        let users = self.shared.users.load_full();
        let who = self.leg(own).and_then(CallLeg::owned);
        if !may(&users, pickup.approved.as_ref(), who, Permission::Pickup) {
            self.record.timeline.note(now, "may not pick up that call");
            return self.finish(now, tag, "forbidden");
        }
        let whose = Whose::of(&users, &pickup.of);
        let here = self.record.id;
        let lines = &self.shared.lines;
        let elsewhere = |line: &Line, standing| line.standing == standing && line.call != here;
        let ringing = lines.oldest(|line| elsewhere(line, Standing::Ringing) && whose.rings(line));
        let talking = || lines.oldest(|line| elsewhere(line, Standing::Talking) && whose.owns(line));
        let found = ringing.or_else(|| if pickup.answered { talking() } else { None });
        let Some(Line { call, key, standing, mail, .. }) = found else {
            self.record.timeline.note(now, format!("no call of {} is there to be picked up", pickup.of));
            return self.finish(now, tag, "none");
        };
        self.record.timeline.note(now, format!("picks up {call}"));
        let goal = if standing == Standing::Ringing { Goal::Ringing(key) } else { Goal::Talking(key) };
        self.go_and_take(now, tag, own, goal, mail, Otherwise::Word("none"));
    }
}
