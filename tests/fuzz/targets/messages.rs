//! Damaged messages into the reader and, if they can be read, into every typed header.

use bytes::Bytes;
use fuzz::{budget, corpus, memory, mutate};
use sip::glance::Glance;
use sip::{Asserted, Message};

#[test]
fn messages() {
    let corpus = corpus::messages();
    budget::run("messages", |rng| {
        let bytes = mutate::mutated(rng, &corpus);
        let length = bytes.len() as i64;
        let kept = Bytes::from(bytes);
        // Made here: the first clone of a buffer allocates its count.
        let message = kept.clone();
        let ((), left, peak) = memory::of(|| read(message));
        assert_eq!(left, 0, "something stays behind");
        assert!(peak <= 16_384 + 64 * length, "{peak} bytes for a message of {length}");
        1
    });
}

/// Reads all there is; what is only glanced at must be what is read.
fn read(bytes: Bytes) {
    let glance = Glance::of(&bytes);
    let _ = (glance.branch(), glance.alias());
    let Ok(message) = Message::parse(bytes.clone()) else { return };
    assert!(message.method().is_some() != message.status().is_some(), "a request or a response");
    sip::probe::headers(&message);
    let asserted = Asserted::of(&message);
    let _ = (asserted.caller(), asserted.is_anonymous());
}
