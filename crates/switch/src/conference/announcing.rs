//! What is said to all in a room: one thing after the other, each made ready first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use audio::codec::{Codec, OpusSettings};
use flow::leg::Prompt;
use media::{Form, Repeat, RoomCommand};

use super::room::Room;
use super::{Conferences, Seat};
use crate::spool::Fleeting;

/// Announcements that wait; of a crowd that comes at once, not everybody is announced.
const MOST: usize = 4;

/// What is said, and what is to be said after it.
#[derive(Default)]
pub(super) struct Announcer {
    /// The tag of what is heard or made ready.
    now: Option<u64>,
    waiting: VecDeque<Words>,
}

/// What is said of a member.
pub(super) struct Words {
    prompts: Vec<Prompt>,
    /// Keeps the name that it said until it is made ready.
    said: Vec<Arc<Fleeting>>,
}

impl Words {
    pub(super) fn new(prompts: Vec<Prompt>, of: &Seat) -> Words {
        Words { prompts, said: of.said.clone() }
    }
}

impl Announcer {
    /// Whether something is heard or soon will be.
    pub(super) fn speaks(&self) -> bool {
        self.now.is_some()
    }
}

impl Conferences {
    /// Lets all in the room hear it, after what they hear already.
    pub(super) fn announce(self: &Arc<Self>, name: &str, room: &mut Room, words: Words) {
        if words.prompts.is_empty() {
            return;
        }
        if room.announcer.now.is_some() {
            if room.announcer.waiting.len() < MOST {
                room.announcer.waiting.push_back(words);
            }
            return;
        }
        let tag = self.tag();
        room.announcer.now = Some(tag);
        let rate = room.rate(&self.engine);
        let form = Form::new(Codec::L16(rate), Duration::from_millis(20), OpusSettings::default());
        if let Some(items) = self.studio.at_hand(&words.prompts, form) {
            return self.play(name, room, tag, items);
        }
        let (conferences, name) = (self.clone(), name.to_owned());
        self.tasks.spawn(async move {
            let Words { prompts, said } = words;
            let ready = conferences.studio.prepare(&prompts, form).await;
            drop(said);
            let mut rooms = crate::lock(&conferences.rooms);
            let Some(room) = rooms.get_mut(&name).filter(|room| room.announcer.now == Some(tag)) else {
                return;
            };
            match ready {
                Ok(items) => conferences.play(&name, room, tag, items),
                Err(error) => {
                    tracing::warn!(%error, "an announcement in a conference failed");
                    conferences.said(&name, room, tag);
                }
            }
        });
    }

    fn play(self: &Arc<Self>, name: &str, room: &mut Room, tag: u64, items: Vec<Arc<media::Prompt>>) {
        let command = RoomCommand::Play { tag, items, repeat: Repeat::Times(1) };
        // A courtesy: in a room where nobody is inside it is heard by nobody.
        if self.engine.send_to_room(room.id(), command).is_err() {
            self.said(name, room, tag);
        }
    }

    /// What was said with this tag is over: the next has its turn.
    pub(super) fn said(self: &Arc<Self>, name: &str, room: &mut Room, tag: u64) {
        if room.announcer.now == Some(tag) {
            room.announcer.now = None;
            match room.announcer.waiting.pop_front() {
                Some(next) => self.announce(name, room, next),
                None => room.settle(&self.engine),
            }
        }
    }
}
