//! Rooms, as an operation names them.

use std::{ops::Range, time::Duration};

use super::{Announced, FileFormat, Item, NodeId, Template};

/// Talking in a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conference {
    /// Whoever names the same room meets there.
    pub room: Template,
    /// Heard before the room is entered.
    pub welcome: Vec<Item>,
    /// The caller typed the room's name; one that is not known is asked for again, where any are known.
    pub typed: bool,
    /// What is asked for first; empty for nothing.
    pub pins: Vec<Pin>,
    /// Who comes was called by the room, which asks him for nothing.
    pub invited: bool,
    /// Who types nothing is let in too; the PINs only tell who leads.
    pub open: bool,
    /// How often a PIN may be typed.
    pub attempts: u32,
    /// The member leads the room, whatever PIN it typed.
    pub moderator: bool,
    /// The others do not hear members without the lead; moderators.
    pub muted: [bool; 2],
    /// Members without the lead do not hear the others; moderators.
    pub deaf: [bool; 2],
    /// Most members; `None` for no such limit.
    pub most: Option<u32>,
    /// The room is closed when this member leaves.
    pub closes: bool,
    /// The room is closed when the last member leaves that leads it.
    pub ends_with_lead: bool,
    /// The room is closed when somebody leaves and one is left in it.
    pub ends_alone: bool,
    /// Members wait until a moderator is inside.
    pub waits: bool,
    /// Heard while nobody else is there.
    pub music: Option<Item>,
    /// What the others hear when the member comes.
    pub entry: Announced,
    /// What the others hear when the member goes.
    pub exit: Announced,
    /// The member has keys: `1` and `3` to be heard quieter and louder, `2` as usual, `4`, `6` and `5` to hear so, `*1` not to
    /// be heard, `*2` not to hear, `*3` how many are there, `#` to leave; who leads the
    /// room also `*4` to lock it, `*5` to mute all others, `*6` to send out who came last, `*7` to record, `*0`, a number
    /// and `#` to add somebody.
    pub keys: bool,
    /// All that is said in the room is recorded from when somebody is inside.
    pub record: Option<FileFormat>,
    /// The room is closed when it has been there for so long.
    pub longest: Option<Duration>,
    /// The document that runs before the room is entered, and comes back.
    pub before: Option<String>,
    /// The document that runs when the member has left the room, if it is still there.
    pub after: Option<String>,
    /// Done while the member is inside, from the moment it came in; what is not done when it leaves is given up.
    pub inside: Option<Section>,
}

/// Nodes that are run beside an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Where they begin; a `Return` ends them.
    pub entry: NodeId,
    /// Which nodes are run beside it; an edge to another one ends the operation and is followed then.
    pub nodes: Range<u32>,
}

/// A number that opens a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// What is typed.
    pub digits: String,
    /// Who types it leads the room.
    pub moderator: bool,
}
