//! `conference`, and `room` of the wild: whoever comes by the same module of the same flow meets in one room.

use super::{Route, Step};
use crate::ir::{Conference, Edges, Expr, Fact, Item, Op, Part, Pin, Template};
use crate::lower::Code;

/// How often the PIN may be typed.
const ATTEMPTS: u32 = 10;

impl Route<'_> {
    /// The module ends the route; one that has a `next` all the same goes on there.
    pub(super) fn conference(&mut self, step: &Step<'_>) {
        let mut text = |key: &str| step.members.text(&mut self.builder, key).filter(|text| !text.is_empty());
        let pin = text("pin");
        let sound = |name: String| Item::Sound(Template::literal(name));
        let (music, announcement) = (text("music").map(sound), text("announcement").map(sound));
        let named = ["uuid", "name", "room"].into_iter().find_map(text);
        if let Some(pin) = &pin
            && !pin.bytes().all(|digit| digit.is_ascii_digit())
        {
            let message = format!("a PIN has digits only, and `{pin}` cannot be typed");
            self.builder.report(Code::BadValue, &step.members.at("pin"), message);
        }
        let room = match named {
            Some(name) => Template::literal(name),
            None => Template(vec![Part::Value(Expr::Fact(Fact::FlowId)), Part::Literal(step.at.to_string())]),
        };
        let conference = Conference {
            room,
            welcome: announcement.into_iter().collect(),
            pins: pin.into_iter().map(|digits| Pin { digits, moderator: false }).collect(),
            attempts: ATTEMPTS,
            music,
            ..Conference::default()
        };
        let next = self.or_end(&step.members, "next");
        self.put(step, Op::Conference(Box::new(conference)), Edges::always(next));
    }
}
