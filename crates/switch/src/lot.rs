//! The slots in which callers wait to be retrieved, by name, with the way to each one's call.
//!
//! A slot is taken as long as its call holds its [`Place`]; without calls all are free.
//! Who retrieves goes to the call, which decides: of two who come at once the second finds nobody waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use flow::ir::Lamp;
use tokio::sync::mpsc;

use crate::call::{CallId, Mail};
use crate::sip_io::{Command, ShardHandle};

/// The first slot that is given where none is named, if there may be slots as high.
const FIRST: u32 = 101;

/// The highest slot where nothing is said.
const MOST: u32 = 9_999;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Lot {
    slots: Mutex<BTreeMap<String, Waiting>>,
}

/// Who waits in a slot.
#[derive(Clone, Debug)]
struct Waiting {
    call: CallId,
    mail: mpsc::Sender<Box<Mail>>,
    /// What shows it, and how.
    lamp: Option<(String, Lamp)>,
}

/// A caller's place in a slot, as long as this is held.
#[derive(Debug)]
pub(crate) struct Place {
    lot: Arc<Lot>,
    slot: String,
    call: CallId,
    /// The way to the lamp that shows it.
    shard: Option<ShardHandle>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The slot is higher than the highest, or all up to that are taken.
    TooHigh,
    /// Somebody waits there.
    Occupied,
}

impl Lot {
    /// Takes a slot for a call: this one, or without a name the first that is free.
    pub(crate) fn take(
        self: &Arc<Lot>,
        slot: Option<&str>,
        most: Option<u32>,
        call: CallId,
        mail: mpsc::Sender<Box<Mail>>,
    ) -> Result<Place, NoPlace> {
        let mut slots = crate::lock(&self.slots);
        let slot = match slot {
            Some(slot) => {
                let number = slot.parse::<u32>().ok();
                if number.zip(most).is_some_and(|(number, most)| number > most) {
                    return Err(NoPlace::TooHigh);
                }
                slot.to_owned()
            }
            None => {
                let most = most.unwrap_or(MOST);
                let first = if most < FIRST { 1 } else { FIRST };
                let free = (first..=most).map(|number| number.to_string());
                free.into_iter().find(|slot| !slots.contains_key(slot)).ok_or(NoPlace::TooHigh)?
            }
        };
        if slots.contains_key(&slot) {
            return Err(NoPlace::Occupied);
        }
        slots.insert(slot.clone(), Waiting { call, mail, lamp: None });
        Ok(Place { lot: self.clone(), slot, call, shard: None })
    }

    /// The way to the call in a slot.
    pub(crate) fn find(&self, slot: &str) -> Option<mpsc::Sender<Box<Mail>>> {
        crate::lock(&self.slots).get(slot).map(|waiting| waiting.mail.clone())
    }

    /// How many slots are taken.
    pub(crate) fn count(&self) -> usize {
        crate::lock(&self.slots).len()
    }
}

impl Place {
    /// The slot's name.
    pub(crate) fn slot(&self) -> &str {
        &self.slot
    }

    /// Lights a lamp as long as the place is held: that of `id`, an address or its user part, or the slot's own.
    pub(crate) fn light(&mut self, shard: &ShardHandle, id: Option<&str>, lamp: Lamp) {
        let id = id.unwrap_or(&self.slot);
        let id = id.trim_start_matches("sips:").trim_start_matches("sip:");
        let id = id.split('@').next().unwrap_or(id).to_owned();
        if let Some(waiting) = crate::lock(&self.lot.slots).get_mut(&self.slot) {
            waiting.lamp = Some((id.clone(), lamp));
        }
        shard.send(Command::Lamp { id, lamp });
        self.shard = Some(shard.clone());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut slots = crate::lock(&self.lot.slots);
        if slots.get(&self.slot).is_none_or(|waiting| waiting.call != self.call) {
            return;
        }
        let lamp = slots.remove(&self.slot).and_then(|waiting| waiting.lamp);
        if let (Some((id, _)), Some(shard)) = (lamp, self.shard.take()) {
            // Another slot may have the same lamp.
            let lamp = shown(&slots, &id);
            shard.send(Command::Lamp { id, lamp });
        }
    }
}

/// What the lamp `id` shows of those who wait.
fn shown(slots: &BTreeMap<String, Waiting>, id: &str) -> Lamp {
    let lamps = slots.values().filter_map(|waiting| waiting.lamp.as_ref());
    lamps.filter(|(of, _)| of == id).map(|(_, lamp)| *lamp).next().unwrap_or(Lamp::Idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(lot: &Arc<Lot>, slot: Option<&str>, most: Option<u32>) -> Result<Place, NoPlace> {
        lot.take(slot, most, CallId::random(), mpsc::channel(1).0)
    }

    #[test]
    fn a_slot_is_taken_once_and_free_when_its_place_is_given_up() {
        let lot = Arc::new(Lot::default());
        let place = take(&lot, Some("70"), Some(79)).unwrap();
        assert_eq!(take(&lot, Some("70"), Some(79)).unwrap_err(), NoPlace::Occupied);
        assert_eq!(take(&lot, Some("80"), Some(79)).unwrap_err(), NoPlace::TooHigh);
        assert!(lot.find("70").is_some() && lot.find("71").is_none());
        drop(place);
        assert_eq!(lot.count(), 0);
        assert!(take(&lot, Some("lobby"), Some(79)).is_ok(), "a name is not too high");
    }

    #[test]
    fn without_a_name_the_first_free_slot_is_given() {
        let lot = Arc::new(Lot::default());
        let first = take(&lot, None, None).unwrap();
        let second = take(&lot, None, None).unwrap();
        assert_eq!((first.slot(), second.slot()), ("101", "102"));
        drop(first);
        assert_eq!(take(&lot, None, None).unwrap().slot(), "101");
        let low = take(&lot, None, Some(1)).unwrap();
        assert_eq!(low.slot(), "1");
        assert_eq!(take(&lot, None, Some(1)).unwrap_err(), NoPlace::TooHigh);
    }
}
