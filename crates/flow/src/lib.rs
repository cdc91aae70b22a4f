//! The callflow interpreter: four dialects, one representation, one engine.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod ir;
pub mod leg;
pub mod lower;
pub mod trace;
