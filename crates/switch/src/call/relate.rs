//! How single members of a conference hear each other, as a flow wants it.

use std::time::Instant;

use flow::ir::Relate;
use flow::leg::Tag;

use super::run::Call;

impl Call {
    /// Lets one member hear another or not. A room is named as flows name it, or by its number; a member by its number in
    /// the room, its call, or whose phone it is.
    pub(super) fn relate(&mut self, now: Instant, tag: Tag, wanted: &Relate<String>) {
        let users = self.shared.users.load();
        let names = |named: &String| {
            let user = users.by_number(named).or_else(|| users.get(named));
            let known = user.into_iter().flat_map(|user| [Some(user.name.clone()), user.number.clone()]);
            [Some(named.clone())].into_iter().chain(known).flatten().collect::<Vec<String>>()
        };
        let flows = self.shared.flows.load();
        let room =
            flows.rooms().find(&wanted.conference).map_or(wanted.conference.as_str(), |(name, _)| name);
        let (one, other) = (names(&wanted.one), names(&wanted.other));
        let done = self.shared.conferences.relate(room, &one, &other, wanted.relation);
        if !done {
            let why = format!("{} and {} are not both in the conference {room}", wanted.one, wanted.other);
            self.record.timeline.note(now, why);
        }
        self.came(now, tag, Ok(if done { "done" } else { "none" }));
    }
}
