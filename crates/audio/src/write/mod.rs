//! Turning sound into files.
//!
//! Works on any writer; opening, naming and syncing files is the caller's.

pub mod wav;
