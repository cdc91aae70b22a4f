//! SIP for offhook: messages, transactions, dialogs, calls, digest and a registrar, without a socket, thread or clock.
//!
//! An [`Endpoint`] is given inputs with the time they came and asked what it wants done:
//!
//! ```
//! use std::time::Instant;
//! use sip::{Config, Endpoint, Flow, Input, Output, Transport};
//!
//! let mut endpoint = Endpoint::new(Config::default());
//! let flow = Flow {
//!     transport: Transport::Udp,
//!     local: "192.0.2.1:5060".parse().unwrap(),
//!     remote: "192.0.2.2:5060".parse().unwrap(),
//! };
//! let options = "OPTIONS sip:192.0.2.1 SIP/2.0\r\n\
//!     Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n\
//!     From: <sip:a@192.0.2.2>;tag=1\r\nTo: <sip:192.0.2.1>\r\n\
//!     Call-ID: 1@192.0.2.2\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
//! endpoint.handle(Instant::now(), Input::Message { flow, bytes: options.into() });
//! let mut sent = Vec::new();
//! while let Some(output) = endpoint.poll_output() {
//!     if let Output::Transmit { summary, .. } = output {
//!         sent.push(summary.to_string());
//!     }
//! }
//! assert_eq!(sent, ["200 OK (OPTIONS)"]);
//! ```
//!
//! The caller sends what is transmitted, tells calls about events, and comes back with [`Input::Timeout`] when
//! [`Endpoint::poll_timeout`] says so. Everything random draws from one seed, so a run can be repeated byte for byte.
//! Bodies are bytes: this crate does not know SDP, only that an offer is owed an answer.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod auth;
mod body;
mod call;
mod config;
mod counters;
mod dialog;
mod endpoint;
mod error;
mod event;
pub mod event_package;
mod flow;
pub mod glance;
pub mod locate;
mod message;
#[doc(hidden)]
pub mod probe;
mod publication;
mod random;
mod reason;
mod registrar;
mod registration;
mod request;
mod session;
pub mod stream;
mod subscription;
mod texting;
mod timer;
mod transaction;
mod way;

pub use auth::Algorithm;
pub use body::Body;
pub use call::{Contact, Credentials, Identity, Invite, InviteFacts, Offer, Party};
pub use config::{Config, Timers, User};
pub use counters::{Counters, Counts};
pub use endpoint::{Endpoint, SessionView};
pub use error::{FrameError, ParseError, WrongPhase};
pub use event::{Ended, Event, Input, Output, SessionId, Summary};
pub use flow::{Flow, Hop, Next, Transport};
pub use message::identity::{
    Asserted, Diversion, Hidden, History, Privacy, RemoteParty, Retarget, Side, Wanted, Why,
};
pub use message::{Known, Message, Method, phrase};
pub use reason::{Cause, Reason};
pub use registrar::Binding;
pub use registration::{Registration, RegistrationId, RegistrationState, Trouble};
pub use request::{Request, RequestId, Response};
pub use session::{Refer, ReferId, Replaces};
pub use subscription::{NoSubscription, Package, SubscribeFacts, SubscriptionId, Termination, Unsubscribed};
pub use texting::{TextFacts, TextId};
