//! The keys of who is in a conference: [`flow::ir::Conference::keys`].
//!
//! What came of a key is told to the one who pressed it, by a voice; where there is none, by a tone.

use std::time::{Duration, Instant};

use flow::ir::{Callee, Tone};
use flow::leg::{Leaving, Prompt, Speech};

use crate::call::leg::CallLeg;
use crate::conference::{Granted, Turn, Wish};
use crate::origination::{callee, invite};

/// A star that is not followed by anything for so long was nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Digits of a number; E.164 has 15, and some are dialled before them.
const LONGEST: usize = 24;

/// What was typed so far of something longer.
#[derive(Debug, Default)]
pub(super) enum Typing {
    #[default]
    Nothing,
    /// A star, then.
    Star(Instant),
    /// The number of somebody who is to be added.
    Number(String),
}

impl CallLeg {
    /// The far end pressed a key; whether it was for the room.
    pub(in crate::call) fn room_key(&mut self, now: Instant, key: char) -> bool {
        let Some(typing) = self.attending.as_mut().and_then(|attending| attending.typing.as_mut()) else {
            return false;
        };
        match (std::mem::take(typing), key) {
            (Typing::Number(number), '#') => self.add(now, &number),
            (Typing::Number(number), digit @ '0'..='9') if number.len() < LONGEST => {
                *typing = Typing::Number(number + &digit.to_string());
            }
            (_, '*') => *typing = Typing::Star(now),
            (Typing::Star(since), key) if now.saturating_duration_since(since) < PATIENCE => {
                self.starred(now, key);
            }
            (_, key @ '1'..='6') => self.turned(now, key),
            (_, '#') => {
                self.note_media(now, "leaves the conference by key");
                if let Some(attending) = &self.attending {
                    self.shared().conferences.leave(&attending.room, self.key());
                }
                self.left(Leaving::Left);
            }
            _ => {}
        }
        true
    }

    /// One of the keys of loudness, as FreeSWITCH's conferences have them.
    fn turned(&mut self, now: Instant, key: char) {
        let turn = match key {
            '1' | '4' => Turn::Down,
            '2' | '5' => Turn::Usual,
            _ => Turn::Up,
        };
        let wish = if key < '4' { Wish::Gain(turn) } else { Wish::Volume(turn) };
        let Some(attending) = &self.attending else { return };
        let Some(granted) = self.shared().conferences.wish(&attending.room, self.key(), wish) else { return };
        self.note_media(now, format!("pressed {key} in the conference: {granted:?}"));
        self.inform(words(granted));
    }

    /// A star, and this key.
    fn starred(&mut self, now: Instant, key: char) {
        let wish = match key {
            '1' => Wish::Mute,
            '2' => Wish::Deaf,
            '3' => Wish::Count,
            '4' => Wish::Lock,
            '5' => Wish::MuteAll,
            '6' => Wish::SendOut,
            '7' => Wish::Record,
            '0' => Wish::Add,
            _ => return,
        };
        let Some(attending) = &self.attending else { return };
        let Some(granted) = self.shared().conferences.wish(&attending.room, self.key(), wish) else { return };
        self.note_media(now, format!("pressed *{key} in the conference: {granted:?}"));
        // Also who may not: the pound key after the number is not to send him out.
        if wish == Wish::Add
            && let Some(typing) = self.attending.as_mut().and_then(|attending| attending.typing.as_mut())
        {
            *typing = Typing::Number(String::new());
        }
        self.inform(words(granted));
    }

    /// Adds somebody to the room: a user or a group, and somebody outside if the member may call there.
    fn add(&mut self, now: Instant, number: &str) {
        let Some(room) = self.attending.as_ref().map(|attending| attending.room.clone()) else { return };
        let shared = self.shared().clone();
        if shared.conferences.wish(&room, self.key(), Wish::Add) != Some(Granted::Adding) {
            return self.inform(words(Granted::Denied));
        }
        let to = callee(&shared.flows.load(), &shared.users.load(), &shared.trunks, number);
        let proved = self.owned().filter(|_| self.is_proved());
        let outside = proved.is_some_and(|owned| shared.may_call_outside(&owned.account));
        let invited = match to {
            Ok(Callee::Trunk { .. }) if !outside => Err("may not be called from here".to_owned()),
            Ok(to) => invite(&shared, &room, to).map_err(|refusal| refusal.to_string()),
            Err(why) => Err(why.to_string()),
        };
        let note = match &invited {
            Ok(call) => format!("adds {number} to the conference by {call}"),
            Err(why) => format!("{number} is not added to the conference: {why}"),
        };
        self.note_media(now, note);
        self.inform(words(Granted::Added(invited.is_ok())));
    }

    /// Who leads the room wants it to be heard no more, or again.
    pub(super) fn say_muted(&mut self, on: bool) {
        self.inform(words(Granted::Muted(on)));
    }

    /// Tells the member something that the others do not hear.
    fn inform(&mut self, text: String) {
        let speech = Speech { text, language: "en-US".to_owned(), ..Speech::default() };
        self.notify(vec![Prompt::Speech(speech)]);
    }
}

/// The tone in place of words that cannot be said.
pub(in crate::call) fn tone() -> Prompt {
    let length = Duration::from_millis(150);
    Prompt::Tone(Tone { hertz: vec![520], on: length, off: Duration::ZERO, total: length })
}

fn words(granted: Granted) -> String {
    let text = match granted {
        Granted::Muted(true) => "You are muted.",
        Granted::Muted(false) => "You are no longer muted.",
        Granted::Deaf(true) => "You do not hear the others.",
        Granted::Deaf(false) => "You hear the others again.",
        Granted::Gain(0) => "You are heard as usual.",
        Granted::Gain(db) => return format!("You are heard {}.", louder(db)),
        Granted::Volume(0) => "You hear the others as usual.",
        Granted::Volume(db) => return format!("You hear the others {}.", louder(db)),
        Granted::Count(1) => "You are alone in this conference.",
        Granted::Count(number) => return format!("There are {number} in this conference."),
        Granted::Locked(true) => "The conference is locked.",
        Granted::Locked(false) => "The conference is open.",
        Granted::AllMuted(true) => "All others are muted.",
        Granted::AllMuted(false) => "The others are no longer muted.",
        Granted::SentOut(true) => "The last one was sent out.",
        Granted::SentOut(false) => "There is nobody to send out.",
        Granted::Recorded(true) => "The conference is recorded.",
        Granted::Recorded(false) => "The recording has ended.",
        Granted::Adding => "Type the number, then press pound.",
        Granted::Added(true) => "The number is called.",
        Granted::Added(false) => "That number cannot be called.",
        Granted::Denied => "You do not lead this conference.",
    };
    text.to_owned()
}

fn louder(db: i32) -> String {
    let how = if db > 0 { "louder" } else { "quieter" };
    format!("{} decibels {how}", db.abs())
}
