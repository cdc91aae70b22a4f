//! Session descriptions, as far as a SIP media server needs them: reading and writing the text, and the offer/answer model.
//!
//! The text is `sdp-types`' work, behind [`Session`], which forgives what real phones get wrong.
//! [`negotiate`] is RFC 3264: which codec, which payload types, where to send, which way, and the answer that says so.
//! This crate knows neither SIP nor RTP and opens nothing.
//! What a peer sends cannot make it panic.
//!
//! ```
//! use sdp::negotiate::{self, Capabilities, Codec};
//!
//! let offer = sdp::Session::parse(b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n")?;
//! let ours = Capabilities {
//!     codecs: vec![Codec::new("PCMU", 0, 8_000), Codec::new("PCMA", 8, 8_000)],
//!     telephone_event: true,
//!     comfort_noise: true,
//!     encryption: Default::default(),
//!     address: "198.51.100.1".parse()?,
//!     rtp_port: 20_000,
//!     ptime: 20,
//!     session_id: 7,
//!     version: 1,
//! };
//! let negotiated = negotiate::answer(&offer, &ours)?;
//! assert_eq!(negotiated.audio.codec.name, "PCMA");
//! assert_eq!(negotiated.audio.remote, "192.0.2.7:4000".parse()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]
#![warn(missing_docs)]

mod attribute;
mod error;
pub mod negotiate;
mod opus;
mod parse;
mod session;

pub use attribute::Direction;
pub use error::{ParseError, Reject};
pub use opus::Opus;
pub use session::Session;
