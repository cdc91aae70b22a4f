//! The release binary against real phones, a real web server and a real file system.
//!
//! Each test starts a server of its own on ports of its own.
//! It asserts three things where they apply: what SIP said, what was heard, and what the call's timeline tells.

mod bridge;
mod callbacks;
mod carriers;
mod codecs;
mod demo;
mod dialling;
mod early;
mod failures;
mod flows;
mod heard;
mod load;
mod media;
mod network;
mod office;
mod operation;
mod origin;
mod party;
mod phones;
mod proxy;
mod readme;
mod recording;
mod records;
mod rooms;
mod secured;
mod signalling;
mod soak;
mod sound;
mod speech;
mod stars;
mod stream;
mod taken;
mod talk;
mod timers;
mod transports;
mod trunks;
mod watch;
mod wire;
