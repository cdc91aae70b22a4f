//! Header values made up from grammar, in a message that is right otherwise, into every typed header.
//! What is written of the identity headers is read back as it was.

use bytes::Bytes;
use fastrand::Rng;
use fuzz::{budget, corpus, grammar, memory, mutate};
use sip::{Asserted, Message, Party};

/// Headers with a structure of their own.
const NAMES: &[&str] = &[
    "Via",
    "From",
    "To",
    "Contact",
    "Route",
    "Record-Route",
    "Path",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Privacy",
    "Diversion",
    "History-Info",
    "Referred-By",
    "Refer-To",
    "Replaces",
    "Reason",
    "Authorization",
    "WWW-Authenticate",
    "Session-Expires",
    "Min-SE",
    "RAck",
    "RSeq",
    "CSeq",
    "Require",
    "Supported",
    "Event",
    "Subscription-State",
    "Content-Type",
    "Content-Disposition",
    "Expires",
    "Retry-After",
    "Max-Forwards",
    "Call-ID",
    "X-Anything",
];

fn made_up(rng: &mut Rng) -> Vec<u8> {
    let mut extra = String::new();
    for _ in 0..rng.usize(1..6) {
        extra.push_str(&format!("{}: {}\r\n", NAMES[rng.usize(..NAMES.len())], grammar::values(rng)));
    }
    let mut text = corpus::request("INVITE", &extra, corpus::DESCRIPTION);
    // Now and then in the place of what must be there once.
    if rng.u8(..3) == 0 {
        let name = ["Via: ", "From: ", "To: ", "Contact: "][rng.usize(..4)];
        if let Some(at) = text.find(&format!("\r\n{name}")) {
            let end = at + 2 + text[at + 2..].find("\r\n").unwrap_or(0);
            text.replace_range(at + 2..end, &format!("{name}{}", grammar::values(rng)));
        }
    }
    text.into_bytes()
}

#[test]
fn headers() {
    let corpus = corpus::messages();
    let mut addresses = 0;
    budget::run("headers", |rng| {
        let mut bytes = made_up(rng);
        if rng.u8(..4) == 0 {
            bytes = mutate::strike(rng, &corpus, bytes, 1);
        }
        let length = bytes.len() as i64;
        let kept = Bytes::from(bytes);
        // Made here: the first clone of a buffer allocates its count.
        let message = kept.clone();
        let (found, left, peak) = memory::of(|| read(message));
        assert_eq!(left, 0, "something stays behind");
        assert!(peak <= 32_768 + 64 * length, "{peak} bytes for a message of {length}");
        addresses += found;
        1
    });
    assert!(addresses > 0, "the grammar makes no address");
}

fn read(bytes: Bytes) -> usize {
    let Ok(message) = Message::parse(bytes) else { return 0 };
    let asserted = Asserted::of(&message);
    let lines = asserted.headers();
    let text: String = lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let again =
        Message::parse(Bytes::from(format!("INVITE sip:a@b SIP/2.0\r\n{text}\r\n"))).expect("ours is read");
    assert_eq!(again.problem(), None, "{text}");
    assert_eq!(Asserted::of(&again).headers(), lines, "{text}");
    for party in asserted.p_asserted.iter().chain(&asserted.p_preferred) {
        party_of(party);
    }
    sip::probe::headers(&message)
}

fn party_of(party: &Party) {
    let number = party.number();
    assert!(number.is_none_or(|n| n.chars().all(|c| c.is_ascii_digit() || "+*#".contains(c))));
    let _ = (party.is_tel(), party.is_anonymous(), party.param("phone-context"));
    let named = Party::phone(&party.user, &party.host).named(party.display.as_deref().unwrap_or(""));
    let text = named.to_string();
    assert!(!text.bytes().any(|b| b < b' '), "{text:?}");
}
