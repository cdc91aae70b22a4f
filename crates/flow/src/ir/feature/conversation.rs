//! What is done in a conversation beside talking: holding, hearing something, who hears whom.

use super::{Side, Template};

/// Whether a party is put on hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Holding {
    #[default]
    Hold,
    Release,
    /// Hold if not held, else go on.
    Toggle,
}

/// Holding.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold<T = Template> {
    /// What is done.
    pub how: Holding,
    /// The key that ends it; `None` for a second command.
    pub release: Option<char>,
    /// What the one on hold hears.
    pub music: Option<T>,
    /// What the one who holds hears.
    pub own_music: Option<T>,
}

/// Something that is heard beside a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Announce<T = Template> {
    /// What is heard.
    pub what: Announcement<T>,
    /// By whom.
    pub side: Side,
}

/// What is heard.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Announcement<T = Template> {
    /// A sound by name, path or URL.
    Sound(T),
    /// Text for a voice.
    Speech { text: T, language: Option<T>, voice: Option<T> },
}

/// How one member of a conference hears another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Relation {
    /// As usual.
    #[default]
    Clear,
    /// The one does not hear the other.
    Deaf,
    /// The one is not heard by the other.
    Mute,
}

/// Two members of a conference.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Relate<T = Template> {
    pub conference: T,
    pub one: T,
    pub other: T,
    pub relation: Relation,
}
