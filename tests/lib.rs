//! What the tests of the whole share: where the repository is, the server under test, and the real peers.

pub mod load;
pub mod peers;
pub mod server;
pub mod wait;
pub mod web;

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is below the root").to_path_buf()
}
