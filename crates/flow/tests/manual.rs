//! `docs/modules.md` is the reference as it is printed now.

use std::fs;
use std::path::Path;

use flow::manual::{self, Selection};

/// `UPDATE=1 cargo test -p flow --test manual` writes the page.
#[test]
fn the_page_of_modules_is_not_stale() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/modules.md");
    let is = manual::markdown(&Selection::of(None, None).expect("everything"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&page, &is).expect("a writable page");
    }
    let was = fs::read_to_string(&page).unwrap_or_default();
    let differs = was.lines().zip(is.lines()).position(|(was, is)| was != is);
    assert!(
        was == is,
        "docs/modules.md is stale from line {}: `UPDATE=1 cargo test -p flow --test manual` renews it",
        differs.unwrap_or_else(|| was.lines().count().min(is.lines().count())) + 1
    );
}
