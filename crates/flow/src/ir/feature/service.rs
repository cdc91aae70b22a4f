//! Services: texts, transcripts, audio for other machines.

use std::time::Duration;

use super::{Side, Template};

/// By which way a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Channel {
    Sms,
    Mail,
    /// Into a conversation of messages.
    Chat,
    /// A notice to users of the account.
    Notice,
}

/// A text to somebody.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Message<T = Template> {
    pub by: Channel,
    pub from: Option<T>,
    pub to: Vec<T>,
    pub subject: Option<T>,
    /// The text, or the name of what it is made from.
    pub text: T,
    pub attachments: Vec<T>,
    /// Sent when the call is over.
    pub at_end: bool,
    /// Only if nobody answered the call and no message was left.
    pub if_missed: bool,
    /// The flow waits until it is sent.
    pub wait: bool,
}

impl<T> Message<T> {
    /// A text that is sent now, without waiting for what comes of it.
    pub fn new(by: Channel, to: Vec<T>, text: T) -> Message<T> {
        let (from, subject, attachments) = (None, None, Vec::new());
        Message { by, from, to, subject, text, attachments, at_end: false, if_missed: false, wait: false }
    }
}

/// Writing down what is said.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Transcribe<T = Template> {
    Start {
        language: Option<T>,
        provider: Option<T>,
        side: Side,
        /// A flow that runs when it is done.
        on_end: Option<T>,
    },
    Stop,
    /// The call's recordings.
    Recording {
        language: Option<T>,
        /// A flow that runs when each is done.
        on_end: Option<T>,
    },
}

/// Sending audio elsewhere.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Stream<T = Template> {
    Start {
        /// `host:port`, or a URL.
        to: T,
        /// `ulaw`, `alaw`, `slin16`, …
        format: T,
        listen: Side,
        speak: Side,
        /// `encapsulation`, `transport`, `connection_type`, `transport_data`, `data` where they are not the usual ones.
        settings: Vec<(String, T)>,
    },
    Stop,
}

/// Talking to a machine that understands.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Converse<T = Template> {
    /// `chatbot`, `assistant`, `team`, `summary`, `task`.
    pub kind: T,
    pub id: T,
    pub language: Option<T>,
    pub voice: Option<T>,
    pub longest: Option<Duration>,
    /// It goes on with the talk before.
    pub resume: bool,
    /// A flow that runs when it is done.
    pub on_end: Option<T>,
}
