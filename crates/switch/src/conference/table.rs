//! The rooms that are open, by name, and by the number that the engine has for each.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use media::{Engine, RoomId};

use super::room::Room;

/// See the module.
#[derive(Default)]
pub(super) struct Table {
    rooms: BTreeMap<Arc<str>, Room>,
    names: HashMap<RoomId, Arc<str>>,
}

impl Table {
    pub(super) fn get(&self, name: &str) -> Option<&Room> {
        self.rooms.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Room> {
        self.rooms.get_mut(name)
    }

    /// All, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Room)> {
        self.rooms.iter().map(|(name, room)| (&**name, room))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Room)> {
        self.rooms.iter_mut().map(|(name, room)| (&**name, room))
    }

    /// The room that the engine has by this number, with its name. One that is closed is not there.
    pub(super) fn of(&mut self, id: RoomId) -> Option<(Arc<str>, &mut Room)> {
        let name = self.names.get(&id)?;
        Some((name.clone(), self.rooms.get_mut(name)?))
    }

    /// The room of this name; it is opened if there is none.
    pub(super) fn open<E>(
        &mut self,
        name: &str,
        open: impl FnOnce() -> Result<Room, E>,
    ) -> Result<&mut Room, E> {
        match self.rooms.entry(Arc::from(name)) {
            Entry::Occupied(room) => Ok(room.into_mut()),
            Entry::Vacant(place) => {
                let room = open()?;
                self.names.insert(room.id(), Arc::clone(place.key()));
                Ok(place.insert(room))
            }
        }
    }

    /// A room is over, for whoever is in it too.
    pub(super) fn close(&mut self, engine: &Engine, name: &str) {
        if let Some(mut room) = self.rooms.remove(name) {
            self.names.remove(&room.id());
            room.close(engine);
        }
    }
}
