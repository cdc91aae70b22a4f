//! Drives fuzz targets as ordinary tests: a seeded generator, mutations of a corpus, a budget, and memory counted.
//!
//! `cargo test -p fuzz` gives each target a fixed number of inputs. More of them, in the release profile:
//!
//! ```text
//! FUZZ_INPUTS=10000000 cargo test --release -p fuzz                    # ten million each
//! FUZZ_SECONDS=60 FUZZ_SEED=7 cargo test --release -p fuzz messages    # a minute of one target, other inputs
//! FUZZ_CASE=0x1234 cargo test -p fuzz messages                         # the one case that a failure named
//! ```

pub mod budget;
pub mod corpus;
pub mod grammar;
pub mod json;
pub mod memory;
pub mod mutate;
