//! Where flows, numbers, users and sounds are kept.
//!
//! [`Directory::load`] reads a flows directory (or the demo embedded in the binary) into [`Flows`], an immutable table
//! that is swapped as a whole on reload.
//! It owns which flow a number leads to, and says what is wrong with a file by `file:line:column`.
//! It does not run flows, decode sounds or check passwords.
#![forbid(unsafe_code)]

mod conferences;
mod directory;
mod document;
mod dtmf;
mod error;
mod files;
mod flows;
mod network;
mod numbers;
mod problem;
mod settings;
mod sounds;
mod tables;
mod trunks;
mod users;

pub use directory::{Directory, Loaded};
pub use document::Document;
pub use dtmf::Dtmf;
pub use error::SoundError;
pub use files::{LONGEST_FILE, read_file};
pub use flows::{Flows, Route};
pub use network::{Network, NotANetwork};
pub use problem::Problem;
pub use settings::{NotSeated, Settings, Switching};
pub use sounds::{Sound, Sounds};
pub use trunks::{
    Account, CODECS, CallerIdPolicy, Form, IdentityHeader, Pattern, Plan, Signals, Trunk, Trunks,
};
pub use users::{
    CallerId, CallerIds, Device, Forwarding, Group, HotDesk, Order, Permission, User, Users, When,
};
