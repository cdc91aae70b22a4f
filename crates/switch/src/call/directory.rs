//! Dialling by name: the caller types letters on the keys, hears who that may be, and chooses.
//!
//! ```text
//!   Typing ─ three letters and a pause ─→ Choosing ─ 1…9 ─→ Calling ─→ done
//!     ↑  └── nobody of this name ─┘  * ────┘ │                └── nobody answers ─→ Typing
//!     └────────────────────────────────────────────────────────────────────────────────┘     0: exit
//! ```
//!
//! A name is found by the beginning of any of its words. It is spoken by a voice, or, where the flows have the sound
//! `names/alice`, as the person says it.

use std::time::{Duration, Instant};

use flow::ir::{Callee, Dial, Repeat};
use flow::leg::{DialOutcome, Leg, LegCommand, LegEvent, Prompt, Speech, Tag};
use store::Users;

use super::feature::{Doing, Running};
use super::run::Call;

/// From here on tags are those of what a directory says; a flow does not get so far.
const SAYS: u64 = 1 << 63;

/// After what is said: so long until the first key.
const FIRST: Duration = Duration::from_secs(10);

/// Between keys, and after the last one.
const BETWEEN: Duration = Duration::from_secs(2);

/// Letters that are looked for without `#`.
const LEAST: usize = 3;

/// Names that are read out; of more the caller has to type more letters.
const MOST: usize = 9;

/// Rounds without a key that leads anywhere.
const TRIES: u32 = 3;

/// How long the one who was chosen rings.
const RING: Duration = Duration::from_secs(30);

const ASK: &str = "Please enter the first three letters of the name, or more. To leave, press zero.";

/// Somebody who can be dialled by name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Person {
    user: String,
    name: String,
    /// The name on the keys, from each of its words on.
    keys: Vec<String>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Directory {
    people: Vec<Person>,
    stage: Stage,
    /// What is being said.
    says: Option<Tag>,
    /// How much was said.
    said: u64,
    /// When it is over with waiting for keys.
    due: Option<Instant>,
    /// Rounds that led nowhere.
    tries: u32,
}

#[derive(Debug)]
enum Stage {
    /// Keys so far.
    Typing(String),
    /// One of these.
    Choosing(Vec<Person>),
    /// Rings, or talks.
    Calling,
}

impl Directory {
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    fn matching(&self, typed: &str) -> Vec<Person> {
        let begins = |person: &&Person| person.keys.iter().any(|keys| keys.starts_with(typed));
        self.people.iter().filter(begins).cloned().collect()
    }
}

/// Those that a directory lists: a group's members, or everybody.
fn people(users: &Users, id: &str) -> Vec<Person> {
    let person = |user: &store::User| {
        let name = user.display_name.clone().unwrap_or_else(|| user.name.clone());
        let keys = words(&name);
        Person { user: user.name.clone(), name, keys }
    };
    match users.group(id) {
        Some(group) => group.members.iter().filter_map(|name| users.find(name)).map(person).collect(),
        None => users.iter().map(person).collect(),
    }
}

/// The keys of a name from each of its words on: of `Eva Berg`, `3822374` and `2374`.
fn words(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split([' ', '-', '.', '_', ',']).filter(|part| !part.is_empty()).collect();
    (0..parts.len())
        .map(|at| parts.iter().skip(at).flat_map(|part| part.chars()).filter_map(key).collect())
        .collect()
}

/// The key that has a letter (ITU-T E.161), or the letter that this one was made of.
fn key(letter: char) -> Option<char> {
    Some(match letter.to_lowercase().next()? {
        'a'..='c' | 'à'..='å' | 'æ' | 'ç' | 'ą' | 'ć' | 'č' => '2',
        'd'..='f' | 'è'..='ë' | 'ð' | 'ę' | 'ě' | 'đ' => '3',
        'g'..='i' | 'ì'..='ï' | 'ğ' | 'ı' => '4',
        'j'..='l' | 'ł' => '5',
        'm'..='o' | 'ñ' | 'ò'..='ö' | 'ø' | 'ń' | 'œ' => '6',
        'p'..='s' | 'ß' | 'ś' | 'š' | 'ş' | 'ř' => '7',
        't'..='v' | 'ù'..='ü' | 'þ' | 'ů' => '8',
        'w'..='z' | 'ý' | 'ÿ' | 'ź' | 'ż' | 'ž' => '9',
        digit @ '0'..='9' => digit,
        _ => return None,
    })
}

impl Call {
    /// Asks the caller for a name, in the directory of this id.
    pub(super) fn directory(&mut self, now: Instant, tag: Tag, id: &str) {
        let people = people(&self.shared.users.load(), id);
        let stage = Stage::Typing(String::new());
        let directory = Directory { people, stage, says: None, said: 0, due: None, tries: 0 };
        self.doing.push(Running { tag, doing: Doing::Directory(directory) });
        self.read_out(now, vec![speech(ASK)]);
    }

    fn asking(&mut self) -> Option<(Tag, &mut Directory)> {
        self.doing.iter_mut().find_map(|running| match &mut running.doing {
            Doing::Directory(directory) => Some((running.tag, directory)),
            _ => None,
        })
    }

    /// Says something in place of what is being said.
    fn read_out(&mut self, now: Instant, prompts: Vec<Prompt>) {
        let Some((_, directory)) = self.asking() else { return };
        let before = directory.says.take();
        directory.said += 1;
        directory.due = None;
        let tag = Tag(SAYS + directory.said);
        directory.says = Some(tag);
        let Some(leg) = self.subject.and_then(|key| self.leg_mut(key)) else { return };
        if let Some(before) = before {
            leg.perform(now, before, LegCommand::Stop(before));
        }
        leg.perform(now, tag, LegCommand::Play { prompts, repeat: Repeat::Times(1) });
    }

    /// A directory's caller presses a key, or has heard what was said; whether that was for it.
    pub(super) fn directory_heard(&mut self, now: Instant, tag: Tag, event: &LegEvent) -> bool {
        let Some((_, directory)) = self.asking() else { return false };
        match event {
            LegEvent::Digit(_) if matches!(directory.stage, Stage::Calling) => return false,
            LegEvent::Digit(key) => self.directory_key(now, *key),
            _ if tag.0 <= SAYS || tag.0 > SAYS + u64::from(u32::MAX) => return false,
            // What could not be said is not waited for; one may know what to press.
            LegEvent::Played { .. } | LegEvent::Failed { .. } if directory.says == Some(tag) => {
                directory.says = None;
                directory.due = Some(now + FIRST);
                if let LegEvent::Failed { why, .. } = event {
                    self.record.timeline.note(now, why.clone());
                }
            }
            _ => {}
        }
        true
    }

    fn directory_key(&mut self, now: Instant, key: char) {
        let Some((tag, directory)) = self.asking() else { return };
        match (&mut directory.stage, key) {
            (_, '0') => return self.directory_over(now, tag, "exit"),
            (_, '*') => {
                directory.stage = Stage::Typing(String::new());
                return self.read_out(now, vec![speech(ASK)]);
            }
            (Stage::Typing(_), '#') => return self.look_up(now, 1),
            (Stage::Typing(typed), key) => {
                typed.push(key);
                directory.due = Some(now + BETWEEN);
                let typed = typed.clone();
                if typed.len() >= LEAST && directory.matching(&typed).len() == 1 {
                    return self.look_up(now, LEAST);
                }
            }
            (Stage::Choosing(people), key) => {
                let chosen =
                    key.to_digit(10).and_then(|key| people.get(usize::try_from(key).ok()?.checked_sub(1)?));
                if let Some(chosen) = chosen {
                    let user = chosen.user.clone();
                    return self.directory_calls(now, user);
                }
            }
            (Stage::Calling, _) => {}
        }
        self.hush_directory(now);
    }

    /// Nobody has to hear the rest of what is said.
    fn hush_directory(&mut self, now: Instant) {
        let Some(says) = self.asking().and_then(|(_, directory)| directory.says.take()) else { return };
        if let Some(leg) = self.subject.and_then(|key| self.leg_mut(key)) {
            leg.perform(now, says, LegCommand::Stop(says));
        }
    }

    /// Reads out whom the keys so far mean.
    fn look_up(&mut self, now: Instant, least: usize) {
        let Some((_, directory)) = self.asking() else { return };
        let Stage::Typing(typed) = &directory.stage else { return };
        let typed = typed.clone();
        let found = if typed.len() < least { Vec::new() } else { directory.matching(&typed) };
        let names: Vec<&str> = found.iter().map(|person| person.name.as_str()).collect();
        let whom = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        self.record.timeline.note(now, format!("the letters {typed} mean {whom}"));
        if found.is_empty() {
            let told = if typed.len() < least { "" } else { "There is nobody of this name. " };
            return self.again(now, told);
        }
        if found.len() > MOST {
            let told = "There are too many names like this. Please enter more letters. ";
            return self.read_out(now, vec![speech(told)]);
        }
        let mut prompts = Vec::new();
        for (at, person) in found.iter().enumerate() {
            prompts.push(speech("For"));
            prompts.push(self.name_of(person));
            prompts.push(speech(&format!("press {}.", at + 1)));
        }
        prompts.push(speech("To enter another name, press star."));
        if let Some((_, directory)) = self.asking() {
            directory.stage = Stage::Choosing(found);
        }
        self.read_out(now, prompts);
    }

    /// A name as the person says it, or as a voice does.
    fn name_of(&self, person: &Person) -> Prompt {
        let own = format!("names/{}", person.user);
        match self.shared.flows.load().sounds().resolve(&own) {
            Ok(_) => Prompt::Sound(own),
            Err(_) => speech(&person.name),
        }
    }

    /// Asks once more, or gives up.
    fn again(&mut self, now: Instant, told: &str) {
        let Some((tag, directory)) = self.asking() else { return };
        directory.tries += 1;
        directory.stage = Stage::Typing(String::new());
        if directory.tries >= TRIES {
            return self.directory_over(now, tag, "exit");
        }
        self.read_out(now, vec![speech(&format!("{told}{ASK}"))]);
    }

    fn directory_calls(&mut self, now: Instant, user: String) {
        self.hush_directory(now);
        let Some((tag, directory)) = self.asking() else { return };
        (directory.stage, directory.due) = (Stage::Calling, None);
        self.record.timeline.note(now, format!("dials {user} by name"));
        if let Some(caller) = self.subject {
            self.dial(now, tag, caller, Dial::new(vec![Callee::User(user).into()], RING));
        }
    }

    /// Whom the caller chose has talked, or did not answer.
    pub(super) fn directory_dialled(&mut self, now: Instant, tag: Tag, outcome: DialOutcome) {
        match outcome {
            DialOutcome::Answered | DialOutcome::Cancelled => self.finish(now, tag, "done"),
            DialOutcome::Busy => self.again(now, "The line is busy. "),
            _ => self.again(now, "Nobody answers there. "),
        }
    }

    /// It was waited long enough for a key.
    pub(super) fn directory_time(&mut self, now: Instant) {
        let Some((_, directory)) = self.asking() else { return };
        if directory.due.is_none_or(|due| due > now) {
            return;
        }
        directory.due = None;
        match &directory.stage {
            Stage::Typing(typed) if typed.len() >= LEAST => self.look_up(now, LEAST),
            Stage::Typing(_) | Stage::Choosing(_) => self.again(now, ""),
            Stage::Calling => {}
        }
    }

    fn directory_over(&mut self, now: Instant, tag: Tag, word: &str) {
        self.hush_directory(now);
        self.finish(now, tag, word);
    }

    /// The flow stops a directory.
    pub(super) fn stop_directory(&mut self, now: Instant, tag: Tag) {
        self.hush_directory(now);
        self.stop_dial(now, tag);
    }
}

fn speech(text: &str) -> Prompt {
    Prompt::Speech(Speech { text: text.to_owned(), ..Speech::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_the_beginning_of_each_of_its_words() {
        assert_eq!(words("Eva Berg"), ["3822374", "2374"]);
        assert_eq!(words("Åsa Ödén-Ñu"), ["272633668", "633668", "68"]);
    }

    #[test]
    fn every_letter_has_the_key_of_e161() {
        let keys: String = ('a'..='z').filter_map(key).collect();
        assert_eq!(keys, "22233344455566677778889999");
        assert_eq!(key('!'), None);
    }
}
