//! What can go wrong where the caller can act on it.

use std::io;

/// An error of the media engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no certificate for handshakes.
    #[error("no certificate for DTLS: {0}")]
    Certificate(String),
    /// Every RTP port of the range is taken or resting. A caller answers 503 with Retry-After.
    #[error("no free RTP port in the range")]
    NoPorts,
    /// The worker's command queue is full, or no worker has room for another leg.
    #[error("the media worker is busy")]
    Busy,
    /// The leg is gone.
    #[error("no such leg")]
    NoLeg,
    /// No such room, or nobody in it.
    #[error("no such room, or nobody in it")]
    NoRoom,
    /// Rooms do not mix at this rate.
    #[error("a room mixes at 8, 16, 24 or 48 kHz, not at {0}")]
    Rate(audio::Rate),
    /// A prompt is not in the form that is needed.
    #[error("a prompt is needed as {name} at {rate}", name = .0.name(), rate = .0.rate())]
    Form(audio::codec::Codec),
    /// A worker thread could not be started.
    #[error("a media thread could not be started")]
    Thread(#[source] io::Error),
    /// The configuration leaves no usable port pair.
    #[error("the RTP port range {0}-{1} holds no even port with its odd neighbour")]
    PortRange(u16, u16),
    /// The leg's codec cannot do that.
    #[error("{0}")]
    Codec(#[from] audio::codec::CodecError),
    /// The engine was stopped.
    #[error("the media engine is stopped")]
    Stopped,
}

/// Why there is no prompt.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// Its sound cannot be read.
    #[error("{0}")]
    Read(#[from] audio::ReadError),
    /// There is no encoder to be had.
    #[error("{0}")]
    Codec(#[from] audio::codec::CodecError),
}
