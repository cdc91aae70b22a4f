//! Load of our own making: many calls or registrations a second at a real server, and what they cost it.
//!
//! Messages are made of templates and read by a few string searches, so that one core drives what another one serves.

pub mod calls;
pub mod cost;
pub mod delay;
pub mod floor;
pub mod party;
pub mod registrations;
pub mod rtp_floor;
pub mod soak;
mod sockets;
pub mod streams;
mod text;
