//! Which fields a module has, to recognise a slip of the pen; an unknown field is told only if it looks like a known one.

use super::{Route, Step};
use crate::lower::{Dialect, nearest, reference};

/// The fields by module.
const FIELDS: &[(&str, &[&str])] = &[
    ("start", &["next"]),
    ("recording", &["next"]),
    ("musiconhold", &["class", "next"]),
    ("calleridmatch", &["match", "nomatch", "patterns"]),
    ("play", &["next", "sound"]),
    ("extension", &["announcement", "duration", "extensions", "noanswer", "ringtone"]),
    ("pressextension", &["duration", "next", "sound"]),
    ("dialbyextension", &["dial_duration", "next", "noanswer", "ringtone", "sound", "wait_duration"]),
    ("busy", &["duration"]),
    ("voicemail", &["mailboxes"]),
    ("conference", &["announcement", "music", "pin"]),
    ("trunk", &["uuid"]),
];

impl Route<'_> {
    /// Tells of a field that is probably another one, misspelt.
    pub(super) fn misspelt(&mut self, name: &str, step: &Step<'_>) {
        if reference::module(Dialect::Callroute, name).is_some() {
            return;
        }
        let Some((_, fields)) = FIELDS.iter().find(|(module, _)| *module == name) else { return };
        let keys: Vec<&str> =
            step.members.keys().filter(|key| !fields.contains(key) && *key != "module").collect();
        for key in keys {
            let absent = fields.iter().copied().filter(|field| step.members.get(field).is_none());
            if let Some(meant) = nearest(key, absent) {
                self.warn(&step.members.at(key), format!("`{name}` has no `{key}`; did you mean `{meant}`?"));
            }
        }
    }
}
