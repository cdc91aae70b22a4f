//! What can go wrong when something is looked up; what is wrong with a file is a [`crate::Problem`].

/// Why a sound's name leads to no sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoundError {
    /// The name is empty, absolute, or leaves the sounds directory.
    #[error("the sound's name {0:?} leaves the sounds directory: use a name or a relative path without `..`")]
    Outside(String),
    /// No file of that name, with or without an extension.
    #[error("no sound named {0:?} in the sounds directory")]
    Missing(String),
}
