//! The messages of RFC 4475, from `crates/sip/torture`, each with what becomes of it here.
//! Where the RFC leaves a choice, the comment says which one was taken.

use bytes::Bytes;
use sip::Event;

use crate::harness::*;

/// What becomes of a message.
#[derive(Debug, PartialEq)]
enum Fate {
    /// A call is offered.
    Call,
    /// It is answered with this status and phrase.
    Answer(&'static str),
    /// A response to nothing of ours: counted.
    Stray,
    /// No answer is possible: counted.
    Garbage,
}

use Fate::*;

const MESSAGES: &[(&str, Fate)] = &[
    // Valid messages, §3.1.1.
    // A tortuous INVITE, with a To tag of no dialog of ours.
    ("wsinv", Answer("481 Call/Transaction Does Not Exist")),
    ("intmeth", Answer("501 Not Implemented")),
    ("esc01", Call),
    ("escnull", Answer("401 Unauthorized")),
    // %47 is no G: the method is unknown.
    ("esc02", Answer("501 Not Implemented")),
    ("lwsdisp", Answer("200 OK")),
    ("longreq", Call),
    // In a datagram the second request is what comes after the body: ignored.
    ("dblreq", Answer("401 Unauthorized")),
    ("semiuri", Answer("200 OK")),
    ("transports", Answer("200 OK")),
    ("mpart01", Answer("405 Method Not Allowed")),
    ("unreason", Stray),
    ("noreason", Stray),
    // Invalid messages, §3.1.2.
    // Empty parameters in Via and Contact are read over; the Contact is good.
    ("badinv01", Call),
    ("clerr", Answer("400 Bad Content-Length: no more than the bytes that came Expected")),
    ("ncl", Answer("400 Bad Content-Length: a number Expected")),
    ("scalar02", Answer("400 Bad CSeq: a number below 2^31 Expected")),
    ("scalarlg", Garbage),
    ("quotbal", Answer("400 Bad To: a closing quote Expected")),
    ("ltgtruri", Answer("400 Bad Request: a Request-URI without spaces, quotes or brackets Expected")),
    ("lwsruri", Answer("400 Bad Request: a Request-URI without spaces, quotes or brackets Expected")),
    ("lwsstart", Answer("400 Bad Request: a Request-URI without spaces, quotes or brackets Expected")),
    ("trws", Answer("400 Bad Request: nothing after the version Expected")),
    // Headers in the Request-URI are ignored, as §3.1.2.11 allows.
    ("escruri", Call),
    // The Date is nothing we read.
    ("baddate", Call),
    // Refused before its Contact is looked at: no credentials.
    ("regbadct", Answer("401 Unauthorized")),
    // Space inside the brackets is read over, as §3.1.2.14 allows.
    ("badaspec", Answer("200 OK")),
    // Unquoted display names with a comma are read, as §3.1.2.15 allows.
    ("baddn", Answer("200 OK")),
    ("badvers", Answer("505 Version Not Supported")),
    ("mismatch01", Answer("400 Bad CSeq: the method of the request line Expected")),
    ("mismatch02", Answer("400 Bad CSeq: the method of the request line Expected")),
    ("bigcode", Garbage),
    // Transaction layer semantics, §3.2: a bare cookie counts as none.
    ("badbranch", Answer("200 OK")),
    // Application layer semantics, §3.3.
    // Nothing to repeat in an answer.
    ("insuf", Garbage),
    ("unkscm", Answer("416 Unsupported URI Scheme")),
    ("novelsc", Answer("416 Unsupported URI Scheme")),
    ("unksm2", Answer("401 Unauthorized")),
    ("bext01", Answer("420 Bad Extension")),
    ("invut", Answer("415 Unsupported Media Type")),
    ("regaut01", Answer("401 Unauthorized")),
    ("multi01", Answer("400 Bad From: one such header only Expected")),
    ("mcl01", Answer("400 Bad Content-Length: one such header only Expected")),
    // A second Via: misrouted.
    ("bcast", Stray),
    // We are where it was going.
    ("zeromf", Answer("200 OK")),
    ("cparam01", Answer("401 Unauthorized")),
    ("cparam02", Answer("401 Unauthorized")),
    ("regescrt", Answer("401 Unauthorized")),
    ("sdp01", Answer("406 Not Acceptable")),
    // §3.4: an RFC 2543 INVITE has no Contact, so its Request-URI cannot be reached back: refused.
    ("inv2543", Answer("400 Bad Contact: the header Expected")),
];

fn read(name: &str) -> Bytes {
    let path = format!("{}/torture/{name}.sip", env!("CARGO_MANIFEST_DIR"));
    Bytes::from(std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}")))
}

#[test]
fn every_torture_message_meets_its_fate() {
    for (name, fate) in MESSAGES {
        let mut b = Bench::new();
        b.hear_on(b.flow, read(name));
        let counters = b.endpoint.counters();
        let status = b.sent.last().map(|(_, t)| t.lines().next().unwrap()["SIP/2.0 ".len()..].to_owned());
        let call = b.events.iter().any(|e| matches!(e, Event::Invited { .. }));
        match fate {
            Call => {
                assert!(call && status.as_deref() == Some("100 Trying"), "{name}: {status:?} {counters:?}")
            }
            Answer(expected) => assert_eq!(status.as_deref(), Some(*expected), "{name}"),
            Stray => assert_eq!((counters.stray_responses, status), (1, None), "{name}"),
            Garbage => assert_eq!((counters.garbage, status), (1, None), "{name}"),
        }
    }
}

#[test]
fn every_torture_file_has_a_fate() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/torture");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap().trim_end_matches(".sip").to_owned())
        .collect();
    let mut named: Vec<&str> = MESSAGES.iter().map(|(name, _)| *name).collect();
    files.sort();
    named.sort();
    assert_eq!(files, named);
}

#[test]
fn the_tortuous_invite_is_read_to_the_last_header() {
    let mut b = Bench::new();
    b.hear_on(b.flow, read("wsinv"));
    let answer = b.sends(&["481"]).remove(0);
    assert_eq!(header(&answer, "CSeq").split_whitespace().collect::<Vec<_>>(), ["0009", "INVITE"]);
    assert!(header(&answer, "From").contains("J Rosenberg \\\\\\\""));
    assert_eq!(answer.matches("spindle.example.com").count(), 1);
    assert_eq!(answer.matches("192.168.255.111").count(), 1);

    b.hear_on(b.flow, read("esc01"));
    let Event::Invited { invite, .. } = b.events.remove(0) else { panic!() };
    assert_eq!(
        (invite.request_uri.user.as_str(), invite.to.user.as_str()),
        ("sips:user@example.com", "user")
    );
    assert_eq!(invite.from.user, "I have spaces");
}
