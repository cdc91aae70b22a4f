//! `docs/places.md` is what the switch obeys now.

use std::fs;
use std::path::Path;

use flow::manual::{self, Selection};

/// `UPDATE=1 cargo test -p switch --test it -- places` writes the page.
#[test]
fn the_page_of_what_runs_where_is_what_the_switch_obeys() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/places.md");
    let is = manual::places(&Selection::of(None, None).expect("everything"), switch::obeys);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&page, &is).expect("a writable page");
    }
    let was = fs::read_to_string(&page).unwrap_or_default();
    let differs = was.lines().zip(is.lines()).find(|(was, is)| was != is);
    assert!(
        was == is,
        "docs/places.md is stale; `UPDATE=1 cargo test -p switch --test it -- places` renews it: {differs:?}"
    );
}
