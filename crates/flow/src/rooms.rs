//! Conference rooms that are known before anybody is in them: their settings, by name and number.
//!
//! A flow that names such a room gets its settings, whatever dialect it is written in; what the flow says itself goes
//! before, and limits of both hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ir::{Conference, FileFormat, Item, Pin, Template};

/// How often a PIN may be typed, unless a room says.
const ATTEMPTS: u32 = 3;

/// How a room is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// The numbers that reach it.
    pub numbers: Vec<String>,
    /// Whether callers who are not registered may reach it by its numbers.
    pub public: bool,
    /// What members type to get in; without these and those of moderators nobody is asked.
    pub pins: Vec<String>,
    /// What those type who lead the room.
    pub moderator_pins: Vec<String>,
    /// Users who lead the room and are not asked for a PIN.
    pub moderators: Vec<String>,
    /// How often a PIN may be typed; `None` for three times.
    pub attempts: Option<u32>,
    /// Most members.
    pub most: Option<u32>,
    /// A sound that is heard by who comes, before the room.
    pub welcome: Option<String>,
    /// A sound that is heard by who is alone or waits.
    pub music: Option<String>,
    /// What the others hear when somebody comes.
    pub entry: Announced,
    /// What the others hear when somebody goes.
    pub exit: Announced,
    /// Members who do not lead are not heard until they press a key.
    pub muted: bool,
    /// Members wait until somebody is inside who leads.
    pub waits: bool,
    /// The room is closed when the last one leaves who leads.
    pub ends_with_lead: bool,
    /// The room is closed when somebody leaves and one is left in it (VoIPBIN's conferences of type `connect`).
    pub ends_alone: bool,
    /// The room is closed after so many seconds (a VoIPBIN conference's `timeout`).
    pub longest_s: Option<u64>,
    /// A flow that runs before the room is entered, and comes back (VoIPBIN's `pre_flow_id`).
    pub pre_flow: Option<String>,
    /// A flow that runs for who has left the room and is still there (VoIPBIN's `post_flow_id`).
    pub post_flow: Option<String>,
    /// Members have the keys of [`Conference::keys`].
    pub keys: bool,
    /// All that is said is recorded.
    #[serde(with = "format")]
    pub record: Option<FileFormat>,
}

/// What is heard in a room of somebody's coming or going.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Announced {
    /// Nothing.
    #[default]
    Nothing,
    /// A short tone.
    Tone,
    /// A sound by name, path or URL.
    Sound(String),
    /// Its name, by a voice.
    Name,
    /// Its name, as it said it before it came in.
    Recorded,
}

impl Announced {
    /// A tone, or nothing.
    pub fn tone(wanted: bool) -> Announced {
        if wanted { Announced::Tone } else { Announced::Nothing }
    }
}

/// All rooms that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Profile>", into = "BTreeMap<String, Profile>")]
pub struct Rooms(Arc<BTreeMap<String, Profile>>);

impl From<BTreeMap<String, Profile>> for Rooms {
    fn from(rooms: BTreeMap<String, Profile>) -> Rooms {
        Rooms(Arc::new(rooms))
    }
}

impl From<Rooms> for BTreeMap<String, Profile> {
    fn from(rooms: Rooms) -> BTreeMap<String, Profile> {
        rooms.0.as_ref().clone()
    }
}

impl FromIterator<(String, Profile)> for Rooms {
    fn from_iter<I: IntoIterator<Item = (String, Profile)>>(rooms: I) -> Rooms {
        Rooms(Arc::new(rooms.into_iter().collect()))
    }
}

impl Rooms {
    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Profile)> {
        self.0.iter().map(|(name, profile)| (name.as_str(), profile))
    }

    /// The room of this name, or else with this number; the number also with its leading `+` left out or put in.
    pub fn find(&self, named: &str) -> Option<(&str, &Profile)> {
        let exact = self.0.get_key_value(named).map(|(name, profile)| (name.as_str(), profile));
        exact.or_else(|| self.numbered(named))
    }

    /// The room with this number.
    pub fn numbered(&self, number: &str) -> Option<(&str, &Profile)> {
        let bare = number.strip_prefix('+').unwrap_or(number);
        let has = |known: &String| known.strip_prefix('+').unwrap_or(known) == bare;
        self.iter().find(|(_, profile)| !bare.is_empty() && profile.numbers.iter().any(has))
    }
}

impl Profile {
    /// What a flow asks for, with these settings where it says nothing itself. `user` is the one who comes.
    pub(crate) fn furnish(&self, name: &str, user: Option<&str>, asked: &Conference) -> Conference {
        let sound = |name: &String| Item::Sound(Template::literal(name));
        let pin = |moderator| move |digits: &String| Pin { digits: digits.clone(), moderator };
        let leads = user.is_some_and(|user| self.moderators.iter().any(|leads| leads == user));
        let pins = match () {
            () if !asked.pins.is_empty() => asked.pins.clone(),
            () if leads || asked.invited => Vec::new(),
            () => {
                let pins = self.pins.iter().map(pin(false));
                pins.chain(self.moderator_pins.iter().map(pin(true))).collect()
            }
        };
        let welcome = match asked.welcome.is_empty() {
            true => self.welcome.iter().map(sound).collect(),
            false => asked.welcome.clone(),
        };
        Conference {
            room: Template::literal(name),
            welcome,
            pins,
            // Where there are PINs of members, those who have none are not let in; with moderators' only, all are.
            open: self.pins.is_empty() && asked.pins.is_empty(),
            attempts: self.attempts.unwrap_or(if asked.pins.is_empty() { ATTEMPTS } else { asked.attempts }),
            moderator: asked.moderator || leads,
            muted: [asked.muted[0] || self.muted, asked.muted[1]],
            most: [self.most, asked.most].into_iter().flatten().min(),
            waits: asked.waits || self.waits,
            ends_with_lead: asked.ends_with_lead || self.ends_with_lead,
            ends_alone: asked.ends_alone || self.ends_alone,
            music: asked.music.clone().or_else(|| self.music.as_ref().map(sound)),
            entry: self.entry.clone(),
            exit: self.exit.clone(),
            keys: asked.keys || self.keys,
            record: self.record.or(asked.record),
            longest: self.longest_s.map(Duration::from_secs),
            before: self.pre_flow.clone(),
            after: self.post_flow.clone(),
            ..asked.clone()
        }
    }
}

/// The form of a recording by its name.
mod format {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::ir::FileFormat;

    pub(super) fn serialize<S: Serializer>(of: &Option<FileFormat>, to: S) -> Result<S::Ok, S::Error> {
        of.map(FileFormat::name).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<FileFormat>, D::Error> {
        let name: Option<String> = Option::deserialize(from)?;
        Ok(name.as_deref().and_then(FileFormat::from_name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Profile {
        Profile {
            numbers: vec!["800".into(), "+49301234567".into()],
            pins: vec!["12".into()],
            moderator_pins: vec!["99".into()],
            moderators: vec!["alice".into()],
            most: Some(10),
            record: Some(FileFormat::Mp3),
            ..Profile::default()
        }
    }

    #[test]
    fn a_room_is_found_by_its_name_and_its_numbers() {
        let rooms: Rooms = [("board".to_owned(), board())].into_iter().collect();
        for named in ["board", "800", "+800", "49301234567", "+49301234567"] {
            assert_eq!(rooms.find(named).map(|(name, _)| name), Some("board"), "{named}");
        }
        assert!(rooms.find("801").is_none() && rooms.find("").is_none() && rooms.numbered("board").is_none());
        let text = serde_json::to_string(&rooms).expect("text");
        assert_eq!(serde_json::from_str::<Rooms>(&text).expect("rooms"), rooms);
    }

    #[test]
    fn what_a_flow_says_goes_before_and_limits_of_both_hold() {
        let asked = Conference { most: Some(4), ..Conference::default() };
        let bob = board().furnish("board", Some("bob"), &asked);
        assert_eq!((bob.pins.len(), bob.most, bob.moderator, bob.attempts), (2, Some(4), false, ATTEMPTS));
        let alice = board().furnish("board", Some("alice"), &asked);
        assert!(alice.pins.is_empty() && alice.moderator);
        let called = Conference { invited: true, ..Conference::default() };
        let dave = board().furnish("board", Some("dave"), &called);
        assert!(dave.pins.is_empty() && !dave.moderator);
        let own = Pin { digits: "7".into(), moderator: false };
        let asked = Conference { pins: vec![own.clone()], attempts: 5, ..Conference::default() };
        let carol = board().furnish("board", None, &asked);
        assert_eq!((carol.pins, carol.attempts, carol.record), (vec![own], 5, Some(FileFormat::Mp3)));
    }
}
