//! What a leg says: silence, prompts, or what it hears.

mod playlist;

pub(crate) use playlist::{Filled, Playlist, is_law};

/// What a leg says now. Keys being sent stand before it; see `tx`.
#[derive(Debug)]
pub(crate) enum Source {
    Silence,
    Prompts(Playlist),
    Echo { tag: u64 },
}

impl Source {
    /// Of the command that it obeys.
    pub(crate) fn tag(&self) -> Option<u64> {
        match self {
            Source::Silence => None,
            Source::Prompts(list) => Some(list.tag),
            Source::Echo { tag } => Some(*tag),
        }
    }
}
