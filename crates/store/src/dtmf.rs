//! The way in which keys go to a far end: a word of trunks, users and devices.

use serde::Deserialize;

/// By what keys leave for a far end that a flow presses for it, or that its other party has pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Dtmf {
    /// As telephone-events where the far end takes them, else as tones in the sound.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// As telephone-events (RFC 4733), or not at all.
    #[serde(rename = "rfc4733")]
    Events,
    /// By SIP INFO with `application/dtmf-relay`, one after the other.
    #[serde(rename = "info")]
    Info,
    /// As tones in the sound; our descriptions do not name telephone-events, and its keys are heard in the sound.
    #[serde(rename = "inband")]
    Inband,
}
