//! Flow documents of each dialect, damaged as text and as JSON: read, lowered, checked, drawn no conclusions from.
//! Whatever a customer or a web server sends, the program is no larger than its document allows.

use fastrand::Rng;
use flow::lower::{self, Dialect};
use fuzz::{budget, json, memory};

/// Documents of a target where the environment says nothing; each costs as much as hundreds of messages.
const USUAL: u64 = 1_500;

/// Nodes that a byte of a document may come to, and what even the smallest may.
const NODES: (usize, usize) = (2, 200);

/// Bytes of memory that a byte of a document may cost while it is read, and what even the smallest may.
const MEMORY: (i64, i64) = (4_000, 8_000_000);

fn read(dialect: Dialect, text: &str) {
    // As a file of the store: with the place of each part, slips mended, and everything that can be said of it.
    let report = flow::check::text(Some(dialect), text);
    let _ = report.count(lower::Severity::Error);
    let Ok(document) = serde_json::from_str(text) else { return };
    for named in [Some(dialect), None] {
        // As the reply of a web server, and as a file whose dialect nobody names.
        let Ok(lowered) = lower::lower(named, &document) else { continue };
        let nodes = lowered.program.nodes.len();
        assert!(nodes <= NODES.1 + NODES.0 * text.len(), "{nodes} nodes of {} bytes", text.len());
        let _ = flow::ir::verify(&lowered.program);
        for node in &lowered.program.nodes {
            let _ = flow::ir::print::op(&node.op);
        }
    }
}

fn loader(target: &str, dialect: Dialect) {
    let corpus = json::corpus(dialect.name());
    // What is made once and kept: tables of modules, patterns.
    for text in &corpus {
        read(dialect, text);
    }
    let (mut rounds, mut kept) = (0, 0);
    budget::few(target, USUAL, |rng: &mut Rng| {
        let text = json::damaged(rng, &corpus);
        let ((), left, peak) = memory::of(|| read(dialect, &text));
        rounds += 1;
        kept += left;
        let most = MEMORY.1 + MEMORY.0 * text.len() as i64;
        assert!(peak < most, "{peak} bytes for {} bytes", text.len());
        assert!(kept < 1_000_000 + 10 * rounds, "{kept} bytes stay behind after {rounds} documents");
        1
    });
}

#[test]
fn kazoo() {
    loader("kazoo", Dialect::Kazoo);
}

#[test]
fn callroute() {
    loader("callroute", Dialect::Callroute);
}

#[test]
fn voipbin() {
    loader("voipbin", Dialect::Voipbin);
}

#[test]
fn voxology() {
    loader("voxology", Dialect::Voxology);
}
