//! Rooms, as an operation names them.

use std::ops::Range;

use super::{Item, NodeId, Template};

/// Talking in a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conference {
    /// Whoever names the same room meets there.
    pub room: Template,
    /// Heard before the room is entered.
    pub welcome: Vec<Item>,
    /// What is asked for first; empty for nothing.
    pub pins: Vec<Pin>,
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
    /// Members wait until a moderator is inside.
    pub waits: bool,
    /// Heard while nobody else is there.
    pub music: Option<Item>,
    /// A tone tells the others who comes.
    pub entry_tone: bool,
    /// A tone tells the others who goes.
    pub exit_tone: bool,
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
