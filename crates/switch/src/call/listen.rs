//! Listening: a leg hears a conversation of another call, and perhaps speaks in it.
//!
//! ```text
//!   listener's call                      the call of those who talk
//!   Listening ── Wanted ───────────────→ the two move from their bridge into a room of the engine
//!     │  ←─────── Room ───────────────── and stay connected as before
//!   its leg takes a seat there
//!     └───────── Left ────────────────→ with the last listener they are bridged again
//! ```
//!
//! Nobody else changes: who talks to whom, who is told of keys and who goes with whom is the bridge's affair as before.
//! Where the one is in a conference, the listener hears what it hears there (`conference/auditing.rs`).
//! A listener changes how it takes part by a key: 0 is silent, 1 and 2 are heard by the one and by the other, 3 by both.

use std::time::Instant;

use audio::Rate;
use flow::ir::{Listen, Listening as How, Side};
use flow::leg::{Leg, LegCommand, Tag};
use media::{Engine, LegId, Member, RoomCommand, RoomConfig, RoomId};
use store::Permission;
use tokio::sync::mpsc;

use super::feature::{Doing, Running};
use super::leg::{CallLeg, OWN};
use super::pickup::{Whose, may};
use super::run::Call;
use super::{LegKey, Mail, post};
use crate::conference::auditing::{Auditor, Heard};
use crate::lines::{Line, Standing};

/// What a listener's call and the call that is heard tell each other.
#[derive(Debug)]
pub(crate) enum Hearing {
    /// Somebody wants to hear the leg that this letter is for.
    Wanted(Listener),
    /// It is no longer there.
    Left(LegKey),
    /// The conversation is in this room: the one whose line was looked for, and the other.
    Room(RoomId, [LegId; 2]),
    /// It is in the conference of this name.
    Conference(String),
    /// The conversation is over, or never was.
    Over,
}

/// Who listens, as the call knows it that is heard.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    key: LegKey,
    mail: mpsc::Sender<Box<Mail>>,
    /// Whom it listens to.
    to: LegKey,
}

/// The room in which two talk who are heard.
pub(super) struct Overheard {
    engine: Engine,
    room: RoomId,
    listeners: Vec<Listener>,
}

impl Overheard {
    /// Both are in the room from here on, and no longer bridged; whether that worked.
    pub(super) fn seat(&self, legs: [(LegId, u64); 2]) -> bool {
        legs.into_iter().all(|(leg, tag)| self.engine.join(self.room, leg, tag, Member::default()).is_ok())
    }
}

impl std::fmt::Debug for Overheard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overheard")
            .field("room", &self.room)
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}

impl Drop for Overheard {
    fn drop(&mut self) {
        for Listener { key, mail, .. } in &self.listeners {
            post(mail, Mail::Hearing(*key, Hearing::Over));
        }
        // One that is gone is closed.
        let _ = self.engine.send_to_room(self.room, RoomCommand::Close);
    }
}

/// What a listener does.
#[derive(Debug)]
pub(super) struct Listening {
    key: LegKey,
    /// Whom it listens to, and the way to the call.
    to: LegKey,
    mail: mpsc::Sender<Box<Mail>>,
    how: Part,
    /// As the flow wants it, which needs no further permission.
    usual: Part,
    /// Where it listens, once it is told.
    place: Option<Place>,
    seated: bool,
}

/// Where a listener is.
#[derive(Clone, Debug)]
enum Place {
    /// In the room of the two who talk.
    Room(RoomId, [LegId; 2]),
    /// In the conference of this name.
    Conference(String),
}

/// By whom a listener is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Nobody,
    /// The one whose line was looked for.
    One,
    Other,
    Both,
}

impl Part {
    fn by_key(key: char) -> Option<Part> {
        match key {
            '0' => Some(Part::Nobody),
            '1' => Some(Part::Other),
            '2' => Some(Part::One),
            '3' => Some(Part::Both),
            _ => None,
        }
    }

    /// What one must be permitted who is heard like this.
    fn needs(self) -> Option<Permission> {
        match self {
            Part::Nobody => None,
            Part::One | Part::Other => Some(Permission::Whisper),
            Part::Both => Some(Permission::Barge),
        }
    }

    /// In a conference, where all others are one.
    fn in_conference(self) -> Heard {
        match self {
            Part::Nobody => Heard::Nobody,
            Part::One | Part::Other => Heard::One,
            Part::Both => Heard::All,
        }
    }

    fn member(self, [one, other]: [LegId; 2]) -> Member {
        let whisper = |to| Member { private: true, pairs: vec![(to, 1.0)], ..Member::default() };
        match self {
            Part::Nobody => Member { mute: true, ..Member::default() },
            Part::One => whisper(one),
            Part::Other => whisper(other),
            Part::Both => Member::default(),
        }
    }
}

impl From<How> for Part {
    fn from(how: How) -> Part {
        match how {
            How::Silent => Part::Nobody,
            How::Whisper => Part::One,
            How::Barge => Part::Both,
        }
    }
}

impl Listening {
    pub(super) fn key(&self) -> LegKey {
        self.key
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // A call that is over has nobody to be heard.
        post(&self.mail, Mail::Hearing(self.to, Hearing::Left(self.key)));
    }
}

impl Call {
    /// The one who asks wants to hear a conversation elsewhere.
    pub(super) fn listen(&mut self, now: Instant, tag: Tag, by: Side, listen: &Listen<String>) {
        let (Some(own), None) = self.sides(by) else { return self.finish(now, tag, "none") };
        let users = self.shared.users.load_full();
        let who = self.leg(own).and_then(CallLeg::owned);
        if !may(&users, listen.approved.as_ref(), who, Permission::Listen) {
            self.record.timeline.note(now, "may not listen to that call");
            return self.finish(now, tag, "forbidden");
        }
        let whose = Whose::of(&users, &listen.to);
        let here = self.record.id;
        let talks = |line: &Line| {
            let speaks = matches!(line.standing, Standing::Talking | Standing::Confers);
            speaks && line.call != here && whose.owns(line)
        };
        let Some(line) = self.shared.lines.oldest(talks) else {
            self.record.timeline.note(now, format!("{} talks to nobody", listen.to));
            return self.finish(now, tag, "none");
        };
        if listen.within.as_ref().is_some_and(|within| !Whose::of(&users, within).owns(&line)) {
            self.record.timeline.note(now, format!("{} may not be listened to", listen.to));
            return self.finish(now, tag, "forbidden");
        }
        self.record.timeline.note(now, format!("listens to {}", line.call));
        let (to, mail, how) = (line.key, line.mail, Part::from(listen.how));
        let listener = Listener { key: own, mail: self.record.mail().clone(), to };
        let reached = post(&mail, Mail::Hearing(to, Hearing::Wanted(listener)));
        let listening = Listening { key: own, to, mail, how, usual: how, place: None, seated: false };
        self.doing.push(Running { tag, doing: Doing::Listen(Box::new(listening)) });
        if !reached {
            self.finish(now, tag, "none");
        }
    }

    fn listening(&mut self, key: LegKey) -> Option<(Tag, &mut Listening)> {
        self.doing.iter_mut().find_map(|running| match &mut running.doing {
            Doing::Listen(listening) if listening.key == key => Some((running.tag, &mut **listening)),
            _ => None,
        })
    }

    /// A letter between a listener's call and the one that is heard.
    pub(super) fn hearing(&mut self, now: Instant, key: LegKey, hearing: Hearing) {
        match hearing {
            Hearing::Wanted(listener) => self.overheard_by(now, key, listener),
            Hearing::Left(listener) => self.unheard(now, key, listener),
            Hearing::Room(room, legs) => self.placed(now, key, Place::Room(room, legs)),
            Hearing::Conference(name) => self.placed(now, key, Place::Conference(name)),
            Hearing::Over => {
                let Some((tag, listening)) = self.listening(key) else { return };
                let word = if listening.place.is_some() { "done" } else { "none" };
                if let Some(leg) = self.leg_mut(key) {
                    leg.part();
                }
                self.record.timeline.note(now, "the conversation is over that was listened to");
                self.finish(now, tag, word);
            }
        }
    }

    /// A listener knows where it is to listen.
    fn placed(&mut self, now: Instant, key: LegKey, place: Place) {
        let Some((_, listening)) = self.listening(key) else { return };
        listening.place = Some(place);
        if let Some(leg) = self.leg_mut(key) {
            leg.perform(now, OWN, LegCommand::Answer);
        }
        self.take_seat(now, key);
    }

    /// A listener has media, perhaps, and knows the room.
    pub(super) fn take_seat(&mut self, now: Instant, key: LegKey) {
        let has_media = self.leg(key).is_some_and(CallLeg::has_media);
        let Some((_, listening)) = self.listening(key) else { return };
        let Some(place) = listening.place.clone().filter(|_| has_media && !listening.seated) else { return };
        let (how, of) = (listening.how, listening.to);
        listening.seated = true;
        let Some((leg, number)) = self.leg_mut(key).and_then(CallLeg::bridge_end) else { return };
        let seated = match place {
            Place::Room(room, legs) => {
                self.shared.engine.join(room, leg, number, how.member(legs)).map(|()| true)
            }
            Place::Conference(name) => {
                let (mail, heard) = (self.record.mail().clone(), how.in_conference());
                self.shared.conferences.audit(&name, Auditor { key, leg, number, mail, of, heard })
            }
        };
        match seated {
            Ok(true) => {}
            Ok(false) => self.hearing(now, key, Hearing::Over),
            Err(error) => self.record.timeline.note(now, format!("hears nothing: {error}")),
        }
    }

    /// A listener pressed a key; whether it is one that counts.
    pub(super) fn listener_pressed(&mut self, now: Instant, key: LegKey, pressed: char) -> bool {
        let leg = self.leg(key).and_then(CallLeg::media_leg);
        let Some((_, listening)) = self.listening(key).filter(|(_, listening)| listening.seated) else {
            return false;
        };
        let (Some(how), Some(leg)) = (Part::by_key(pressed), leg) else { return true };
        if let Some(permission) = how.needs().filter(|_| how != listening.usual) {
            let users = self.shared.users.load();
            let who = self.leg(key).and_then(CallLeg::owned);
            if !may(&users, None, who, permission) {
                self.record.timeline.note(now, "may not be heard by those it listens to");
                return true;
            }
        }
        let Some((_, listening)) = self.listening(key) else { return true };
        listening.how = how;
        match listening.place.clone() {
            // One that is closed has told so.
            Some(Place::Room(room, legs)) => {
                let _ = self.shared.engine.change(room, leg, how.member(legs));
            }
            Some(Place::Conference(name)) => {
                self.shared.conferences.audit_as(&name, key, how.in_conference());
            }
            None => {}
        }
        let heard = match how {
            Part::Nobody => "listens, and is not heard",
            Part::One => "is heard by the one it listens to",
            Part::Other => "is heard by the other party",
            Part::Both => "is heard by all",
        };
        self.record.timeline.note(now, heard);
        true
    }

    /// Somebody wants to hear the leg `to`, which talks here.
    fn overheard_by(&mut self, now: Instant, to: LegKey, listener: Listener) {
        if self.leg(to).is_none() && self.moved.iter().any(|moved| moved.key == to) {
            return self.forward(|moved| moved.key == to, Mail::Hearing(to, Hearing::Wanted(listener)));
        }
        if let Some(name) = self.leg(to).and_then(CallLeg::conference) {
            let news = Hearing::Conference(name.to_owned());
            post(&listener.mail, Mail::Hearing(listener.key, news));
            return self.record.timeline.note(now, "somebody listens");
        }
        let other = self.bridge.as_ref().and_then(|bridge| bridge.partner(to));
        let media = |key| self.leg(key).filter(|leg| leg.has_media()).and_then(CallLeg::media_leg);
        let legs = other.and_then(|other| Some([media(to)?, media(other)?]));
        let Some(legs) = legs.filter(|_| self.open_room(to, other)) else {
            post(&listener.mail, Mail::Hearing(listener.key, Hearing::Over));
            return;
        };
        let Some(overheard) = &mut self.overheard else { return };
        let news = Hearing::Room(overheard.room, legs);
        if post(&listener.mail, Mail::Hearing(listener.key, news)) {
            overheard.listeners.push(listener);
        }
        self.record.timeline.note(now, "somebody listens");
        self.rejoin(now);
    }

    /// Opens the room for the two who talk, if there is none.
    fn open_room(&mut self, one: LegKey, other: Option<LegKey>) -> bool {
        if self.overheard.is_none() {
            let rate = |key| self.leg(key).and_then(CallLeg::rate);
            let widest = [Some(one), other].into_iter().flatten().filter_map(rate).max();
            let engine = self.shared.engine.clone();
            let Ok(room) = engine.open_room(RoomConfig::suiting(widest.unwrap_or(Rate::NARROW))) else {
                return false;
            };
            self.overheard = Some(Box::new(Overheard { engine, room, listeners: Vec::new() }));
        }
        true
    }

    /// A listener is not there any more.
    fn unheard(&mut self, now: Instant, to: LegKey, listener: LegKey) {
        if self.leg(to).is_none() {
            self.forward(|moved| moved.key == to, Mail::Hearing(to, Hearing::Left(listener)));
        }
        self.shared.conferences.unaudit(listener);
        let Some(overheard) = &mut self.overheard else { return };
        overheard.listeners.retain(|other| other.key != listener);
        if overheard.listeners.is_empty() {
            let room = self.overheard.take();
            // Bridged first: the room closes without anybody in it.
            self.rejoin(now);
            drop(room);
        }
    }

    /// Another leg is in the place of `old`: whoever listened to that one has nobody to listen to.
    pub(super) fn overheard_swapped(&mut self, old: LegKey) {
        let Some(overheard) = &mut self.overheard else { return };
        let (over, on) = std::mem::take(&mut overheard.listeners).into_iter().partition(|l| l.to == old);
        overheard.listeners = on;
        let over: Vec<Listener> = over;
        for Listener { key, mail, .. } in &over {
            post(mail, Mail::Hearing(*key, Hearing::Over));
        }
        if overheard.listeners.is_empty() {
            self.overheard = None;
        }
    }
}
