//! How single members of a room hear each other: as usual, or not at all.

use flow::ir::Relation;
use media::LegId;

use super::Conferences;
use super::room::Room;
use crate::call::{CallId, LegKey};

/// Members who do not hear others: the one who is not heard, and the one who does not hear it.
#[derive(Default)]
pub(super) struct Relations(Vec<(LegKey, LegKey)>);

impl Relations {
    fn set(&mut self, one: LegKey, other: LegKey, relation: Relation) {
        let (heard, deaf) = ((one, other), (other, one));
        match relation {
            Relation::Clear => self.0.retain(|pair| *pair != heard && *pair != deaf),
            Relation::Mute => self.add(heard),
            Relation::Deaf => self.add(deaf),
        }
    }

    fn add(&mut self, pair: (LegKey, LegKey)) {
        if !self.0.contains(&pair) {
            self.0.push(pair);
        }
    }

    /// Somebody has left.
    pub(super) fn forget(&mut self, key: LegKey) {
        self.0.retain(|(speaker, listener)| ![*speaker, *listener].contains(&key));
    }

    /// Those who do not hear this member.
    pub(super) fn deaf_to(&self, speaker: LegKey) -> impl Iterator<Item = LegKey> {
        self.0.iter().filter(move |(of, _)| *of == speaker).map(|(_, listener)| *listener)
    }
}

impl Room {
    /// The calls of those whom this member does not hear.
    pub(super) fn not_heard_by(&self, listener: LegKey) -> Vec<CallId> {
        let heard = self.relations.0.iter().filter(|(_, of)| *of == listener);
        heard.filter_map(|(speaker, _)| Some(self.seat(*speaker)?.call())).collect()
    }

    /// How loud single others hear this member: not at all.
    pub(super) fn pairs(&self, speaker: LegKey) -> Vec<(LegId, f32)> {
        let deaf = self.relations.deaf_to(speaker);
        let members = deaf.filter_map(|listener| Some(self.seat(listener)?.leg));
        members.chain(self.auditors_deaf_to(speaker)).map(|leg| (leg, 0.0)).collect()
    }
}

impl Conferences {
    /// Lets one member hear another or not; each is named by its call, its number in the room, or whose phone it is.
    /// Whether both are there.
    pub(crate) fn relate(&self, name: &str, one: &[String], other: &[String], relation: Relation) -> bool {
        let mut rooms = crate::lock(&self.rooms);
        let Some(room) = rooms.get_mut(name) else { return false };
        let (Some(one), Some(other)) = (room.named(one), room.named(other)) else { return false };
        room.relations.set(one, other, relation);
        room.apply(&self.engine, |seat| [one, other].contains(&seat.key));
        true
    }
}
