//! Locating a server: RFC 3263. From a URI to the addresses a request for it may go to, in order.
//!
//! `target.rs` reads what the URI fixes; `search.rs` walks the answers known and says which hop is next.

mod search;
mod target;

pub(crate) use self::search::{Search, Step};
