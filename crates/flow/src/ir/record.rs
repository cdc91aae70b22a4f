//! Recording: whose voice, for how long, in which form, and where it goes.

use std::time::Duration;

use super::Template;

/// Recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its name for the customer; `None` for one made from the call's id.
    pub name: Option<Template>,
    /// Longest; `None` for no limit.
    pub limit: Option<Duration>,
    /// Ends after so much silence; `None` for never.
    pub silence: Option<Duration>,
    /// Keys that end it; empty for none.
    pub stop_keys: String,
    /// A beep first.
    pub beep: bool,
    /// The form of its file.
    pub format: FileFormat,
    /// Whose voice.
    pub sides: Sides,
    /// Where to send the file; kept locally in any case.
    pub upload: Option<Upload>,
    /// As [`Play::answers`](super::Play::answers).
    pub answers: bool,
    /// When it begins, and whether it is kept.
    pub keeping: Keeping,
}

/// When a recording begins, and what of it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// When it begins.
    pub from: Beginning,
    /// A shorter one is thrown away.
    pub least: Duration,
    /// Samples a second; `None` for as many as are heard.
    pub rate: Option<u32>,
    /// It ends when the call is transferred.
    pub ends_at_transfer: bool,
    /// It is needed in this call only: it is no part of what the call's records name, goes nowhere, and is gone with the
    /// leg.
    pub fleeting: bool,
    /// What its author calls it, and where it says that it comes from; kept with it.
    pub notes: Vec<(String, String)>,
}

/// When a recording begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beginning {
    /// Now.
    #[default]
    Now,
    /// When the call is answered.
    Answer,
    /// When the caller is connected with somebody.
    Bridge,
}

/// The form of a recording's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileFormat {
    /// WAV.
    #[default]
    Wav,
    /// MP3.
    Mp3,
    /// Ogg Opus.
    Ogg,
}

impl FileFormat {
    /// All that there are.
    pub const ALL: [FileFormat; 3] = [FileFormat::Wav, FileFormat::Mp3, FileFormat::Ogg];

    /// The format of this name in the dialects' documents.
    pub fn from_name(name: &str) -> Option<FileFormat> {
        FileFormat::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name))
    }

    /// Its name, which is its files' extension too.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Wav => "wav",
            FileFormat::Mp3 => "mp3",
            FileFormat::Ogg => "ogg",
        }
    }
}

/// Whose voice is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// The caller's.
    Caller,
    /// The caller's and what the caller hears, in one channel.
    Both,
}

/// Where a recording goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// The address.
    pub url: Template,
    /// `PUT` or `POST`.
    pub method: String,
}
