//! What a flow changes about users and phones, and lamps that it lights.
//!
//! A change holds for every call at once; the flow goes on when it is on the disk, so that whoever hears "is on" finds
//! it on after a power cut too. A disk that refuses is told of, and the change holds until the switch stops.

use std::sync::Arc;
use std::time::Instant;

use flow::ir::{Cause, Change, Lamp, Program, Setting, Side, What};
use flow::leg::Tag;
use store::{Device, NotSeated, Settings, Switching, User};

use super::feature::{Doing, Running};
use super::run::Call;
use super::{LegKey, Mail, Mark, post};
use crate::presence::Directory;
use crate::sip_io::Command;

/// The longest number that is forwarded to.
const LONGEST: usize = 64;

/// What a change came to: its word, and whether anything is to be kept.
type Changed = (&'static str, bool);

const NOBODY: Changed = ("none", false);

impl Call {
    /// Changes something about a user or a phone.
    pub(super) fn setting(&mut self, now: Instant, tag: Tag, by: Side, setting: &Setting<String>) {
        match setting.change {
            Change::Menu if setting.what != What::HotDesk => self.offer_menu(now, tag, by, setting.clone()),
            _ => self.set(now, tag, by, setting, false),
        }
    }

    /// Changes it; who was asked what is to become of it hears what it is now.
    pub(super) fn set(&mut self, now: Instant, tag: Tag, by: Side, setting: &Setting<String>, asked: bool) {
        if matches!(setting.change, Change::Follow | Change::Menu) {
            let why = "this cannot be changed so".to_owned();
            return self.came(now, tag, Err((Cause::Unavailable, why)));
        }
        let (word, keep) = match setting.what {
            What::Forward => self.set_forward(by, setting),
            What::DoNotDisturb | What::CallWaiting => self.set_flag(by, setting),
            What::HotDesk => self.set_desk(by, setting),
            What::RingGroup => self.set_ring_group(by, setting),
            What::Hours => self.set_hours(setting),
        };
        let word = match (word, setting.change) {
            ("done", Change::On | Change::Update) if asked => "on",
            ("done", Change::Off) if asked => "off",
            (word, _) => word,
        };
        let whose = setting.id.as_deref().unwrap_or("the caller's");
        self.record.timeline.note(now, format!("{:?} of {whose}: {word}", setting.what));
        match keep {
            true => self.keep(tag, word),
            false => self.finish(now, tag, word),
        }
    }

    /// Lights a lamp, or puts it out.
    pub(super) fn lamp(&mut self, tag: Tag, id: &str, lamp: Lamp) {
        let id = id.trim_start_matches("sips:").trim_start_matches("sip:");
        let name = id.split('@').next().unwrap_or(id).to_owned();
        let shows = match lamp {
            Lamp::Idle => None,
            Lamp::Ringing => Some("ringing"),
            Lamp::Busy => Some("busy"),
        };
        self.shared.settings.change(|settings| settings.light(&name, shows));
        self.shared.shard.send(Command::Lamp { id: name, lamp });
        self.keep(tag, "done");
    }

    /// Has the settings put on the disk; the flow is told the word then.
    fn keep(&mut self, tag: Tag, word: &'static str) {
        self.doing.push(Running { tag, doing: Doing::Setting(word) });
        let (settings, mail) = (self.shared.settings.clone(), self.mail.clone());
        self.shared.tasks.spawn(async move {
            let kept = settings.keep().await.map_err(|error| error.to_string());
            post(&mail, Mail::Kept(tag, kept));
        });
    }

    /// The settings are on the disk, or cannot get there.
    pub(super) fn kept(&mut self, now: Instant, tag: Tag, kept: Result<(), String>) {
        if let Err(why) = kept {
            tracing::error!(why, "users' settings cannot be written: they hold until the switch stops");
            self.record.timeline.note(now, format!("the setting is not on the disk: {why}"));
        }
        let word = self.doing.iter().find_map(|running| match running.doing {
            Doing::Setting(word) if running.tag == tag => Some(word),
            _ => None,
        });
        if let Some(word) = word {
            self.finish(now, tag, word);
        }
    }

    /// The account of a party's phone.
    pub(super) fn account(&self, key: LegKey) -> Option<String> {
        let leg = self.leg(key)?;
        if leg.mark() == Mark::FIRST {
            return self.caller.account.clone().or_else(|| self.calling_user().map(|user| user.name));
        }
        if let Some(owned) = leg.owned() {
            return Some(owned.account.to_string());
        }
        let party = leg.party();
        self.shared.users.load().owner(&party).map(|_| party)
    }

    /// Who is meant by a setting, and which phone if one is: the one that is named, else who asks.
    fn whose(&self, by: Side, setting: &Setting<String>) -> Option<(User, Option<Device>)> {
        let (users, settings) = (self.shared.users.load(), self.shared.settings.load());
        if let Some(id) = setting.id.as_deref().filter(|id| !id.is_empty()) {
            if let Some((user, device)) = users.device(id) {
                return Some((user.clone(), Some(device.clone())));
            }
            return users.find(id).or_else(|| users.by_number(id)).map(|user| (user.clone(), None));
        }
        let account = self.sides(by).0.and_then(|key| self.account(key))?;
        let user = settings.user_at(&users, &account)?.clone();
        let device = users.device(&account).filter(|_| setting.scope == "device");
        Some((user, device.map(|(_, device)| device.clone())))
    }

    /// A document's program with the calendar rules as they were forced by phone.
    pub(super) fn forced(&self, document: &store::Document) -> Arc<Program> {
        forced(document.program.clone(), &self.shared.settings.load())
    }

    /// Whether forwarding would not know where to.
    pub(super) fn knows_no_number(&self, by: Side, setting: &Setting<String>) -> bool {
        let Some((user, _)) = self.whose(by, setting) else { return false };
        let mut tried = Settings::clone(&self.shared.settings.load());
        tried.forward(&user, Switching::On, None).is_none()
    }

    fn set_forward(&mut self, by: Side, setting: &Setting<String>) -> Changed {
        let Some((user, _)) = self.whose(by, setting) else { return NOBODY };
        let number: Option<String> = setting.value.as_deref().map(|number| {
            number.chars().filter(|c| !c.is_whitespace() && !c.is_control()).take(LONGEST).collect()
        });
        let how = match setting.change {
            Change::On | Change::Update => Switching::On,
            Change::Off | Change::Reset => Switching::Off,
            _ => Switching::Toggle,
        };
        let on = self.shared.settings.change(|all| all.forward(&user, how, number.as_deref()));
        on.map_or(NOBODY, |on| word(setting.change, on))
    }

    fn set_flag(&mut self, by: Side, setting: &Setting<String>) -> Changed {
        let Some((user, device)) = self.whose(by, setting) else { return NOBODY };
        let how = match setting.change {
            Change::On | Change::Update => Switching::On,
            Change::Off | Change::Reset => Switching::Off,
            _ => Switching::Toggle,
        };
        let on = self.shared.settings.change(|all| match setting.what {
            What::CallWaiting => all.wait(&user, device.as_ref(), how),
            _ => all.disturb(&user, device.as_ref(), how),
        });
        word(setting.change, on)
    }

    /// The phone that asks becomes a user's, or its own again.
    fn set_desk(&mut self, by: Side, setting: &Setting<String>) -> Changed {
        let Some(account) = self.sides(by).0.and_then(|key| self.account(key)) else { return NOBODY };
        let users = self.shared.users.load();
        let id = setting.id.as_deref().filter(|id| !id.is_empty());
        let changed = self.shared.settings.change(|all| {
            if setting.change == Change::Off
                || (setting.change == Change::Toggle && all.guest(&account).is_some())
            {
                return match all.rise(&account) {
                    true => word(setting.change, false),
                    false => NOBODY,
                };
            }
            // Who is to sit down has to say who it is.
            let Some(id) = id else { return ("pin", false) };
            match all.sit(&users, &account, id, setting.value.as_deref()) {
                Ok(()) => word(setting.change, true),
                Err(NotSeated::Pin) => ("pin", false),
                Err(NotSeated::Nobody) => NOBODY,
            }
        });
        if changed.1 {
            let directory = Directory::new(&users, &self.shared.settings.load());
            self.shared.shard.send(Command::Directory(directory));
        }
        changed
    }

    /// Who asks joins or leaves those that ring with a group.
    fn set_ring_group(&mut self, by: Side, setting: &Setting<String>) -> Changed {
        let who = Setting { id: None, ..setting.clone() };
        let (Some((user, _)), Some(group)) = (self.whose(by, &who), setting.id.as_deref()) else {
            return NOBODY;
        };
        let how = match setting.change {
            Change::On | Change::Update | Change::Reset => Switching::On,
            Change::Off => Switching::Off,
            _ => Switching::Toggle,
        };
        word(setting.change, self.shared.settings.change(|all| all.ring_with(group, &user.name, how)))
    }

    /// Calendar rules are forced, or left to the calendar.
    fn set_hours(&mut self, setting: &Setting<String>) -> Changed {
        let rule = setting.id.as_deref().filter(|id| !id.is_empty()).unwrap_or("*");
        let forced = match setting.change {
            Change::On | Change::Update => Some(true),
            Change::Off => Some(false),
            Change::Toggle => Some(self.shared.settings.load().hours(rule) != Some(true)),
            _ => None,
        };
        self.shared.settings.change(|all| all.force_hours(rule, forced));
        word(setting.change, forced == Some(true))
    }
}

/// A program in which the calendar rules are forced that were forced by phone.
pub(super) fn forced(program: Arc<Program>, settings: &Settings) -> Arc<Program> {
    if !settings.forces_hours() {
        return program;
    }
    let forced = program.forced_by(|rule| settings.hours(rule));
    if forced.is_empty() { program } else { Arc::new(program.with_forced(&forced)) }
}

/// The word for what was changed: after a toggle what it is now.
fn word(change: Change, on: bool) -> Changed {
    let word = match (change, on) {
        (Change::Toggle, true) => "on",
        (Change::Toggle, false) => "off",
        _ => "done",
    };
    (word, true)
}
