//! A leg in a conference: it comes, is told who else is there, and goes.

mod keys;

use std::time::Instant;

use flow::ir::Cause;
use flow::leg::{Joining, Leaving, LegEvent, Prompt, Tag};

use self::keys::Typing;
pub(super) use self::keys::tone;
use super::hold::MUSIC;
use super::leg::CallLeg;
use crate::conference::{Loudness, NotIn, RoomNews, Seat, Talk};
use crate::events::wall_clock;

/// Where a leg has a seat.
#[derive(Debug)]
pub(super) struct Attending {
    /// The flow's command.
    tag: Tag,
    room: String,
    /// Heard while nobody else is there.
    music: Vec<Prompt>,
    /// Nobody else is there.
    alone: bool,
    /// What it is typing, if it may.
    typing: Option<Typing>,
}

impl CallLeg {
    /// The flow wants the leg in a room. Its audio is there.
    pub(super) fn attend(&mut self, now: Instant, tag: Tag, joining: Joining) {
        self.unattend();
        let room = joining.room.clone();
        let music = joining.music.clone().unwrap_or_else(|| Prompt::Sound(MUSIC.to_owned()));
        let music = self.shared().playlist(music);
        let Some((leg, rate)) = self.media_leg().zip(self.rate()) else {
            return self.fail(tag, Cause::Unsupported, "there is no audio".to_owned());
        };
        let number = self.media_number();
        let owner = self.owner();
        let typing = joining.keys.then(Typing::default);
        let seat = Seat {
            record: owner.record.clone(),
            key: owner.leg,
            leg,
            number,
            rate,
            party: self.party(),
            since: wall_clock(),
            held: self.holds(),
            loudness: Loudness::default(),
            talk: Talk::default(),
            said: self.fleeting(),
            mail: owner.mail.clone(),
            joining,
        };
        // Before the seat is taken: what it is told then is heard by a leg that knows where it is.
        self.attending = Some(Attending { tag, room: room.clone(), music, alone: false, typing });
        match self.shared().conferences.join(seat) {
            Ok(()) => {
                self.note_media(now, format!("in the conference {room}"));
                self.tell(tag, LegEvent::Joined);
            }
            Err(refused) => {
                self.attending = None;
                match refused {
                    NotIn::Full => self.tell(tag, LegEvent::Left { how: Leaving::Full }),
                    NotIn::Locked => self.tell(tag, LegEvent::Left { how: Leaving::Locked }),
                    NotIn::Media(error) => self.fail(tag, Cause::Unsupported, error.to_string()),
                }
            }
        }
    }

    /// The conference that it is in.
    pub(super) fn conference(&self) -> Option<&str> {
        self.attending.as_ref().map(|attending| attending.room.as_str())
    }

    /// What changed around the leg.
    pub(crate) fn room_news(&mut self, now: Instant, news: RoomNews) {
        let Some(attending) = &mut self.attending else { return };
        match news {
            RoomNews::Alone(true) => {
                attending.alone = true;
                self.entertain();
            }
            RoomNews::Alone(false) => {
                attending.alone = false;
                self.hush();
            }
            RoomNews::Muted(on) => self.say_muted(on),
            RoomNews::Steered(order) => {
                self.note_media(now, format!("the conference's recording was {}", order.words()));
            }
            RoomNews::Removed => self.left(Leaving::Removed),
            RoomNews::Closed => self.left(Leaving::Closed),
        }
    }

    /// Music for who is alone, unless the flow has something to say meanwhile.
    pub(super) fn entertain(&mut self) {
        let Some(attending) = self.attending.as_ref().filter(|attending| attending.alone) else { return };
        let music = attending.music.clone();
        if !self.hears_music(&music) && !self.is_speaking() {
            self.play_music(music);
        }
    }

    /// The engine let the leg go from a room.
    pub(super) fn dropped_from(&mut self, room: media::RoomId) {
        let Some(attending) = &self.attending else { return };
        let key = self.key();
        if self.shared().conferences.dropped(&attending.room, key, room) {
            self.left(Leaving::Removed);
        }
    }

    /// The flow stops what it started with this tag; whether that was the conference.
    pub(super) fn stop_attending(&mut self, tag: Tag) -> bool {
        let ours = self.attending.as_ref().is_some_and(|attending| attending.tag == tag);
        if ours {
            self.unattend();
            self.hush();
            self.tell(tag, LegEvent::Left { how: Leaving::Stopped });
        }
        ours
    }

    /// Gives up its seat, if it has one.
    pub(super) fn unattend(&mut self) {
        if let Some(attending) = self.attending.take() {
            self.shared().conferences.leave(&attending.room, self.key());
        }
    }

    /// Keeps the music of a far end that holds us away from the others.
    pub(super) fn sync_room(&self) {
        if let Some(attending) = &self.attending {
            self.shared().conferences.hold(&attending.room, self.key(), self.holds());
        }
    }

    /// Its seat is gone.
    fn left(&mut self, how: Leaving) {
        if let Some(attending) = self.attending.take() {
            self.hush();
            self.tell(attending.tag, LegEvent::Left { how });
        }
    }
}
