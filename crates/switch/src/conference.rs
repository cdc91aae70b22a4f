//! Conferences: the engine's rooms, by name.
//!
//! Whoever names the same room meets there. A room is opened with its first member and closed with its last.
//! It mixes sound as wide as the widest of its members speaks; the engine sees to that, and nothing that is said or
//! recorded there is interrupted when one comes who speaks wider.
//! Members belong to calls, which ask for a seat, and are told by letter what changes around them.
//!
//! [`announcing`] lets all hear who comes and goes, [`taping`] records, [`auditing`] lets others hear what a member
//! hears, [`talking`] knows who talks and how loud each is, [`wishes`] is what members ask for by keys, [`outside`] what
//! others ask for.

mod announcing;
pub(crate) mod auditing;
mod outside;
mod relating;
mod room;
mod table;
mod talking;
mod taping;
mod view;
mod wishes;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use audio::Rate;
use flow::leg::Joining;
use jiff::Timestamp;
use media::{Engine, LegId, RoomId};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use self::announcing::Words;
pub use self::outside::{Hearing, MemberChange, NotChanged, RoomChange, RoomRecording};
use self::room::Room;
use self::table::Table;
pub use self::talking::LOUDNESS_DB;
pub(crate) use self::talking::{Loudness, Talk, Turn};
use self::taping::Tape;
pub use self::view::{ConferenceView, MemberView};
pub(crate) use self::wishes::{Granted, Wish};
use crate::book::Record;
use crate::call::cdr::Cdr;
use crate::call::{CallId, LegKey, Mail, run};
use crate::control::RecordingOrder;
use crate::events::monotonic;
use crate::shared::Tasks;
use crate::spool::{Fleeting, Spool};
use crate::studio::Studio;

/// Who a worker was too busy to let in is let in after so long, or at one of so many further tries.
const AGAIN: Duration = Duration::from_millis(10);
const TRIES: u32 = 20;

/// The rooms of a switch.
pub(crate) struct Conferences {
    engine: Engine,
    studio: Arc<Studio>,
    tasks: Tasks,
    recordings_dir: PathBuf,
    /// Of recordings at least: what becomes wider does not begin another file.
    tape_rate: Rate,
    spool: Spool,
    cdr: Cdr,
    rooms: Mutex<Table>,
    /// Recordings that run, or whose end was not told yet: their rooms may be closed.
    tapes: Mutex<Vec<Arc<Tape>>>,
    /// Things said and recorded so far; the last one's tag.
    tags: AtomicU64,
}

/// Somebody in a room, or before its door.
pub(crate) struct Seat {
    pub(crate) record: Arc<Record>,
    pub(crate) key: LegKey,
    pub(crate) leg: LegId,
    /// The leg's own number for its stay.
    pub(crate) number: u64,
    /// At which the leg works.
    pub(crate) rate: Rate,
    /// Who it is.
    pub(crate) party: String,
    pub(crate) since: Timestamp,
    pub(crate) joining: Joining,
    /// Its far end has put us on hold; its music is not for the room.
    pub(crate) held: bool,
    pub(crate) loudness: Loudness,
    pub(crate) talk: Talk,
    /// Keeps the name that it said, for who announces it.
    pub(crate) said: Vec<Arc<Fleeting>>,
    pub(crate) mail: mpsc::Sender<Box<Mail>>,
}

impl Seat {
    pub(crate) fn call(&self) -> CallId {
        self.record.id
    }
}

/// What is told to a member's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomNews {
    /// Whether nobody else is there, or it still waits for a moderator.
    Alone(bool),
    /// Who leads the room wants it to be heard no more, or again.
    Muted(bool),
    /// Somebody outside paused the room's recording, had it go on, or ended it.
    Steered(RecordingOrder),
    /// It was sent out; its seat is gone.
    Removed,
    /// The room is closed; its seat is gone.
    Closed,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotIn {
    #[error("the room is full")]
    Full,
    #[error("the room is locked")]
    Locked,
    #[error(transparent)]
    Media(#[from] media::Error),
}

/// Takes what the engine tells of its rooms to them.
pub(crate) async fn listen(
    conferences: Weak<Conferences>,
    mut events: mpsc::UnboundedReceiver<media::Event>,
) {
    while let Some(event) = events.recv().await {
        let Some(conferences) = conferences.upgrade() else { return };
        conferences.room_event(&event);
    }
}

impl Conferences {
    /// Whether an event is about a room, and not about a leg.
    pub(crate) fn concerns(event: &media::Event) -> bool {
        use media::Event::{ActiveSpeaker, RoomPlayed, RoomRecordFailed, RoomRecorded, Speaking};
        matches!(
            event,
            RoomPlayed { .. }
                | RoomRecorded { .. }
                | RoomRecordFailed { .. }
                | Speaking { .. }
                | ActiveSpeaker { .. }
        )
    }

    pub(crate) fn new(
        engine: Engine,
        studio: Arc<Studio>,
        tasks: Tasks,
        (recordings_dir, tape_rate): (PathBuf, Rate),
        (spool, cdr): (Spool, Cdr),
    ) -> Conferences {
        let (rooms, tapes, tags) = (Mutex::default(), Mutex::default(), AtomicU64::new(0));
        Conferences { engine, studio, tasks, recordings_dir, tape_rate, spool, cdr, rooms, tapes, tags }
    }

    fn tag(&self) -> u64 {
        self.tags.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Gives somebody a seat in the room that it names.
    pub(crate) fn join(self: &Arc<Self>, seat: Seat) -> Result<(), NotIn> {
        let name = seat.joining.room.clone();
        let (entry, longest) = (Words::new(seat.joining.entry.clone(), &seat), seat.joining.longest);
        let mut rooms = crate::lock(&self.rooms);
        match rooms.get(&name) {
            Some(room) if room.is_full(&seat) => return Err(NotIn::Full),
            Some(room) if room.is_locked_for(&seat) => return Err(NotIn::Locked),
            _ => {}
        }
        let room = rooms.open(&name, || Room::open(&self.engine, seat.rate, self.tag()))?;
        let inside = room.take(&self.engine, seat);
        let serial = room.serial();
        if room.owes() {
            self.let_in_again(name.clone(), serial);
        }
        if let Some(longest) = longest {
            room.limit(|| self.limit(name.clone(), serial, longest));
        }
        self.tape(&name, room);
        if inside {
            self.announce(&name, room, entry);
        }
        Ok(())
    }

    /// Asks the engine until all are inside who may be.
    fn let_in_again(self: &Arc<Self>, name: String, room: u64) {
        let conferences = self.clone();
        self.tasks.spawn(async move {
            for _ in 0..TRIES {
                run::pause(AGAIN).await;
                let mut rooms = crate::lock(&conferences.rooms);
                let Some(room) = rooms.get_mut(&name).filter(|now| now.serial() == room) else { return };
                room.settle(&conferences.engine);
                if !room.owes() {
                    return;
                }
            }
        });
    }

    /// Closes the room when it has been there for so long.
    fn limit(self: &Arc<Self>, name: String, room: u64, longest: Duration) -> AbortHandle {
        let conferences = self.clone();
        self.tasks.spawn(async move {
            run::pause(longest).await;
            let mut rooms = crate::lock(&conferences.rooms);
            if let Some(room) = rooms.get(&name).filter(|now| now.serial() == room) {
                tracing::info!(room = name, "a conference has lasted as long as it may");
                room.tell_all(RoomNews::Closed);
                rooms.close(&conferences.engine, &name);
            }
        })
    }

    /// Takes the seat of a leg away, whoever wants that. With some members the room goes.
    pub(crate) fn leave(self: &Arc<Self>, name: &str, key: LegKey) {
        let mut rooms = crate::lock(&self.rooms);
        let Some(room) = rooms.get_mut(name) else { return };
        let Some((left, inside)) = room.give_up(&self.engine, key) else { return };
        left.note_talk(monotonic());
        let exit = Words::new(left.joining.exit.clone(), &left);
        let joining = left.joining;
        let unled = joining.ends_with_lead && joining.moderator && !room.is_led();
        let closes = joining.closes || unled || joining.ends_alone && inside && room.len() == 1;
        if closes {
            room.tell_all(RoomNews::Closed);
        }
        if closes || room.is_empty() {
            rooms.close(&self.engine, name);
            return;
        }
        self.tape(name, room);
        if inside {
            self.announce(name, room, exit);
        }
        // After what is said has begun: who is alone now hears it before the music.
        room.settle(&self.engine);
    }

    /// The engine let the leg go from its room. Whether that was the room it is to be in: then its seat is gone.
    pub(crate) fn dropped(self: &Arc<Self>, name: &str, key: LegKey, id: RoomId) -> bool {
        let ours = crate::lock(&self.rooms).get(name).is_some_and(|room| room.holds(key, id));
        if ours {
            self.leave(name, key);
        }
        ours
    }

    /// The far end of a member holds us, or no longer does.
    pub(crate) fn hold(&self, name: &str, key: LegKey, held: bool) {
        self.change(name, |seat| seat.key == key, |seat| seat.held = held);
    }

    /// Sends the member of this call out; whether there is one.
    pub(crate) fn remove(self: &Arc<Self>, name: &str, call: CallId) -> bool {
        let seat = crate::lock(&self.rooms).get(name).and_then(|room| room.tell(call, RoomNews::Removed));
        if let Some(key) = seat {
            self.leave(name, key);
        }
        seat.is_some()
    }

    /// All rooms, by name.
    pub(crate) fn views(&self) -> Vec<ConferenceView> {
        crate::lock(&self.rooms).iter().map(|(name, room)| room.view(&self.engine, name)).collect()
    }

    /// The room of this name.
    pub(crate) fn view(&self, name: &str) -> Option<ConferenceView> {
        crate::lock(&self.rooms).get(name).map(|room| room.view(&self.engine, name))
    }

    /// Rooms, members in all of them, and those who talk.
    pub(crate) fn count(&self) -> (usize, usize, usize) {
        let rooms = crate::lock(&self.rooms);
        let sum = |of: fn(&Room) -> usize| rooms.iter().map(|(_, room)| of(room)).sum();
        (rooms.iter().count(), sum(Room::len), sum(Room::talkers))
    }

    fn room_event(self: &Arc<Self>, event: &media::Event) {
        use media::Event::{ActiveSpeaker, RoomPlayed, RoomRecordFailed, RoomRecorded, Speaking};
        match event {
            RoomPlayed { room: id, tag, .. } => {
                let mut rooms = crate::lock(&self.rooms);
                // One that is closed has nothing more to say.
                if let Some((name, room)) = rooms.of(*id) {
                    self.said(&name, room, *tag);
                }
            }
            RoomRecorded { tag, duration, .. } => self.taped(*tag, Ok(*duration)),
            RoomRecordFailed { tag, why, .. } => self.taped(*tag, Err(why)),
            Speaking { room: id, leg, on } => {
                let mut rooms = crate::lock(&self.rooms);
                if let Some((_, room)) = rooms.of(*id) {
                    room.speaking(monotonic(), *leg, *on);
                }
            }
            ActiveSpeaker { room: id, leg } => {
                let mut rooms = crate::lock(&self.rooms);
                if let Some((_, room)) = rooms.of(*id) {
                    room.leads_talk(*leg);
                }
            }
            _ => {}
        }
    }

    fn change(&self, name: &str, which: impl Fn(&Seat) -> bool, change: impl FnMut(&mut Seat)) -> bool {
        let mut rooms = crate::lock(&self.rooms);
        rooms.get_mut(name).is_some_and(|room| room.change(&self.engine, which, change))
    }
}
