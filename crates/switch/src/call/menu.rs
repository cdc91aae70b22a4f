//! A setting that the caller is asked for: what is to be done is a key, a number is typed.
//!
//! ```text
//!   asked ─ 1 ─→ on ──┐ forwarding without a number ─→ typed, ended by pound or a pause ─→ changed
//!         ─ 2 ─→ off  ├─────────────────────────────────────────────────────────────────→ changed
//!         ─ 3 ─→ another number, or the calendar decides again
//!         ─ no key in time ─→ nothing is changed
//! ```

use std::time::{Duration, Instant};

use flow::ir::{Change, Repeat, Setting, Side, What};
use flow::leg::{Leg, LegCommand, LegEvent, Prompt, Speech, Tag};

use super::LegKey;
use super::feature::{Doing, Running};
use super::leg::MENU;
use super::run::Call;

/// Time for the choice, the question included, which is asked twice.
const CHOICE: Duration = Duration::from_secs(30);
/// Time for the first digit of a number, and after each.
const FIRST: Duration = Duration::from_secs(15);
const BETWEEN: Duration = Duration::from_secs(8);
/// Quiet after the question.
const QUIET: Duration = Duration::from_secs(4);
/// The longest number.
const LONGEST: usize = 32;

/// Somebody who is asked.
#[derive(Debug)]
pub(super) struct Menu {
    by: Side,
    of: LegKey,
    setting: Setting<String>,
    /// What was typed of the number, once one is asked for.
    typed: Option<String>,
    until: Instant,
}

impl Menu {
    /// Who is asked.
    pub(super) fn of(&self) -> LegKey {
        self.of
    }

    /// When nothing more is waited for.
    pub(super) fn until(&self) -> Instant {
        self.until
    }
}

impl Call {
    /// Asks what is to be done with a setting.
    pub(super) fn offer_menu(&mut self, now: Instant, tag: Tag, by: Side, setting: Setting<String>) {
        let Some(of) = self.sides(by).0 else { return self.finish(now, tag, "none") };
        let what = match setting.what {
            What::Forward => "call forwarding",
            What::DoNotDisturb => "do not disturb",
            What::CallWaiting => "call waiting",
            What::RingGroup => "ringing with the group",
            What::Hours | What::HotDesk => "this",
        };
        let third = match setting.what {
            What::Forward => " To change the number, press 3.",
            What::Hours => " To follow the calendar, press 3.",
            _ => "",
        };
        let text = format!("To turn {what} on, press 1. To turn it off, press 2.{third}");
        let menu = Menu { by, of, setting, typed: None, until: now + CHOICE };
        self.doing.push(Running { tag, doing: Doing::Menu(Box::new(menu)) });
        self.say(now, of, text, 2);
    }

    fn say(&mut self, now: Instant, of: LegKey, text: String, times: u32) {
        let language = self.shared.language.clone();
        let speech = Prompt::Speech(Speech { text, language, voice: String::new() });
        if let Some(leg) = self.leg_mut(of) {
            leg.perform(now, MENU, LegCommand::Answer);
            let prompts = vec![speech, Prompt::Silence(QUIET)];
            leg.perform(now, MENU, LegCommand::Play { prompts, repeat: Repeat::Times(times) });
        }
    }

    /// What is played to who is asked is over.
    pub(super) fn hush(&mut self, now: Instant, of: LegKey) {
        if let Some(leg) = self.leg_mut(of) {
            leg.perform(now, MENU, LegCommand::Stop(MENU));
        }
    }

    /// What a leg tells; whether it is for a menu alone.
    pub(super) fn asked(&mut self, now: Instant, key: LegKey, from: Tag, event: &LegEvent) -> bool {
        if from == MENU {
            // Who hears nothing may press all the same.
            return true;
        }
        let LegEvent::Digit(digit) = event else { return false };
        let menu = self.doing.iter_mut().find_map(|running| match &mut running.doing {
            Doing::Menu(menu) if menu.of == key => Some((running.tag, menu)),
            _ => None,
        });
        let Some((tag, menu)) = menu else { return false };
        let forwards = menu.setting.what == What::Forward;
        match (&mut menu.typed, *digit) {
            (Some(_), '#') => self.chosen(now, tag),
            (Some(typed), digit) => {
                if typed.len() < LONGEST {
                    typed.push(digit);
                }
                menu.until = now + BETWEEN;
                self.hush(now, key);
            }
            (None, '1') => {
                menu.setting.change = Change::On;
                self.chosen(now, tag);
            }
            (None, '2') => {
                menu.setting.change = Change::Off;
                self.chosen(now, tag);
            }
            (None, '3') if forwards => {
                menu.setting.change = Change::Update;
                self.type_number(now, tag);
            }
            (None, '3') if menu.setting.what == What::Hours => {
                menu.setting.change = Change::Reset;
                self.chosen(now, tag);
            }
            _ => {}
        }
        true
    }

    /// Asks for the number to forward to.
    fn type_number(&mut self, now: Instant, tag: Tag) {
        let Some(menu) = self.menu(tag) else { return };
        menu.typed = Some(String::new());
        menu.until = now + FIRST;
        let of = menu.of;
        self.hush(now, of);
        self.say(now, of, "Please enter the number, then press pound.".to_owned(), 1);
    }

    fn menu(&mut self, tag: Tag) -> Option<&mut Menu> {
        self.doing.iter_mut().find_map(|running| match &mut running.doing {
            Doing::Menu(menu) if running.tag == tag => Some(menu.as_mut()),
            _ => None,
        })
    }

    /// Changes what was chosen. Forwarding that does not know where to asks for it first.
    fn chosen(&mut self, now: Instant, tag: Tag) {
        let Some(menu) = self.menu(tag) else { return };
        let typed = menu.typed.clone();
        let (of, by) = (menu.of, menu.by);
        let setting = Setting { value: typed.clone(), ..menu.setting.clone() };
        let needs = setting.what == What::Forward && setting.change == Change::On && typed.is_none();
        if needs && self.knows_no_number(by, &setting) {
            return self.type_number(now, tag);
        }
        self.hush(now, of);
        self.doing.retain(|running| running.tag != tag);
        if setting.change == Change::Update && typed.is_none_or(|typed| typed.is_empty()) {
            return self.finish(now, tag, "done");
        }
        self.set(now, tag, by, &setting, true);
    }

    /// The time of a menu is over.
    pub(super) fn menu_time(&mut self, now: Instant) {
        let late = self.doing.iter().find_map(|running| match &running.doing {
            Doing::Menu(menu) if menu.until <= now => Some((running.tag, menu.of, menu.typed.is_some())),
            _ => None,
        });
        match late {
            Some((tag, _, true)) => self.chosen(now, tag),
            Some((tag, of, false)) => {
                self.hush(now, of);
                self.record.timeline.note(now, "nothing was chosen");
                self.finish(now, tag, "done");
            }
            None => {}
        }
    }
}
