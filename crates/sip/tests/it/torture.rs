//! The messages of RFC 4475 and RFC 5118, from `crates/sip/torture`, each with what becomes of it here.
//! They are as the RFCs print them; only where RFC 5118 prints a Content-Length that is not its body's, it is the body's.
//! Where an RFC leaves a choice, the comment says which one was taken.

use bytes::Bytes;
use sip::stream::{Frame, Framer};
use sip::{Event, Transport, User};

use crate::digest::credentials_for;
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

const RFC4475: &[(&str, Fate)] = &[
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
    ("mpart01", Answer("407 Proxy Authentication Required")),
    ("unreason", Stray),
    ("noreason", Stray),
    // Invalid messages, §3.1.2.
    ("badinv01", Answer("400 Bad Via: SIP/2.0 Expected")),
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
    ("regbadct", Answer("400 Bad Contact: brackets around a URI with headers Expected")),
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
    ("insuf", Answer("400 Bad From: the header Expected")),
    ("unkscm", Answer("416 Unsupported URI Scheme")),
    ("novelsc", Answer("416 Unsupported URI Scheme")),
    ("unksm2", Answer("400 Bad To: a SIP URI Expected")),
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

const RFC5118: &[(&str, Fate)] = &[
    ("ipv6-good", Answer("401 Unauthorized")),
    ("ipv6-bad", Answer("400 Bad Request-URI: a port Expected")),
    ("port-ambiguous", Answer("401 Unauthorized")),
    ("port-unambiguous", Answer("401 Unauthorized")),
    // To no dialog of ours.
    ("via-received-param-with-delim", Answer("481 Call/Transaction Does Not Exist")),
    ("via-received-param-no-delim", Answer("200 OK")),
    ("ipv6-in-sdp", Call),
    ("mult-ip-in-header", Answer("481 Call/Transaction Does Not Exist")),
    ("mult-ip-in-sdp", Call),
    ("ipv4-mapped-ipv6", Call),
    // §4.10: the third colon that RFC 3261's grammar asks for is to be tolerated.
    ("ipv6-bug-abnf-3-colons", Answer("200 OK")),
    ("ipv6-correct-abnf-2-colons", Answer("200 OK")),
];

fn read(name: &str) -> Bytes {
    let path = format!("{}/torture/{name}.sip", env!("CARGO_MANIFEST_DIR"));
    Bytes::from(std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}")))
}

fn read_text(name: &str) -> String {
    String::from_utf8(read(name).to_vec()).unwrap()
}

#[track_caller]
fn meet(messages: &[(&str, Fate)], transport: Transport) {
    for (name, fate) in messages {
        let mut b = Bench::over(transport);
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
        assert_eq!(call, *fate == Call, "{name}");
        for (session, _) in b.events.iter().filter_map(|e| match e {
            Event::Invited { session, invite } => Some((*session, invite)),
            _ => None,
        }) {
            b.endpoint.reject(b.now, session, 486, None, vec![]).unwrap();
        }
        b.drain();
        b.pass(std::time::Duration::from_secs(200));
        let counts = b.endpoint.counts();
        assert_eq!((counts.transactions, counts.sessions, counts.bindings), (0, 0, 0), "{name}");
    }
}

#[test]
fn every_message_of_rfc_4475_meets_its_fate() {
    meet(RFC4475, Transport::Udp);
    meet(RFC4475, Transport::Tcp);
}

#[test]
fn every_message_of_rfc_5118_meets_its_fate() {
    meet(RFC5118, Transport::Udp);
    meet(RFC5118, Transport::Tcp);
}

#[test]
fn every_torture_file_has_a_fate() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/torture");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap().trim_end_matches(".sip").to_owned())
        .collect();
    let mut named: Vec<&str> = RFC4475.iter().chain(RFC5118).map(|(name, _)| *name).collect();
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

/// A peer of RFC 3261 gets with each refusal what it needs to do better.
#[test]
fn refusals_say_what_would_be_accepted() {
    let refused = |name: &str| {
        let mut b = Bench::new();
        b.hear_on(b.flow, read(name));
        b.sent.remove(0).1
    };
    assert!(header(&refused("intmeth"), "Allow").contains("INVITE"));
    assert!(header(&refused("esc02"), "Allow").contains("INVITE"));
    assert!(header(&refused("mpart01"), "Proxy-Authenticate").starts_with("Digest "));
    let answer = refused("bext01");
    assert!(
        answer.contains("nothingSupportsThis") && answer.contains("nothingSupportsThisEither"),
        "{answer}"
    );
    let mut b = Bench::new();
    b.hear_on(b.flow, read("invut"));
    assert_eq!(header(&b.sent.last().unwrap().1, "Accept"), "application/sdp");
    assert!(header(&refused("regaut01"), "WWW-Authenticate").starts_with("Digest "));
    // What is missing in a request cannot stand in its answer; what is there does.
    let answer = refused("insuf");
    assert_eq!((find(&answer, "To"), header(&answer, "CSeq")), (None, "193942 INVITE"));
}

/// On a stream one message follows the other, and a body that has not come yet is waited for.
#[test]
fn on_a_stream_two_requests_are_two_and_a_short_body_is_awaited() {
    let frames = |name: &str| {
        let mut framer = Framer::default();
        framer.push(&read(name));
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = framer.next_frame() {
            frames.push(frame);
        }
        frames
    };
    let both = frames("dblreq");
    let mut b = Bench::over(Transport::Tcp);
    for frame in both {
        if let Frame::Message(bytes) = frame {
            b.hear_on(b.flow, bytes);
        }
    }
    let starts: Vec<&str> = b.sent.iter().map(|(_, text)| text.lines().next().unwrap()).collect();
    // The INVITE's Contact is missing.
    assert_eq!(starts, ["SIP/2.0 401 Unauthorized", "SIP/2.0 400 Bad Contact: the header Expected"]);
    assert!(frames("clerr").is_empty());
    let mut framer = Framer::default();
    framer.push(&read("ncl"));
    assert!(framer.next_frame().is_err(), "a stream that cannot be cut any more is closed");
}

/// §3.3.11 to §3.3.14 are about what a registrar keeps, so they are asked for again with credentials.
#[test]
fn contacts_are_kept_as_they_were_given() {
    let check = |name: &str, user: &str, kept: &str| {
        let mut b = Bench::new();
        b.endpoint.set_users(vec![User { name: user.into(), password: "secret".into() }]);
        let text = read_text(name);
        b.hear(&text);
        let refusal = b.sends(&["401"]).remove(0);
        let line = credentials_for(
            "sip:example.com",
            header(&refusal, "WWW-Authenticate"),
            "REGISTER",
            user,
            "secret",
            1,
        );
        let again = text.replace("\r\nVia:", &format!("\r\nAuthorization: {line}\r\nVia:"));
        b.hear(&again.replace("branch=z9hG4bKkdjuw", "branch=z9hG4bKagain"));
        let answer = b.sends(&["200"]).remove(0);
        let contacts: Vec<&str> = answer.lines().filter_map(|l| l.strip_prefix("Contact: ")).collect();
        assert_eq!(contacts.len(), 1, "{answer}");
        assert!(contacts[0].starts_with(kept), "{name}: {contacts:?}");
    };
    // The parameter is the header's in one and the URI's in the other.
    check("cparam01", "watson", "<sip:+19725552222@gw1.example.net>;");
    check("cparam02", "watson", "<sip:+19725552222@gw1.example.net;unknownparam>;");
    check("regescrt", "user", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;");
}

/// Two users whose names have a NUL in them are told apart from those without.
#[test]
fn an_escaped_nul_is_part_of_a_name() {
    let mut b = Bench::new();
    b.endpoint.set_users(vec![User { name: "null-\0-null".into(), password: "secret".into() }]);
    let text = read_text("escnull");
    b.hear(&text);
    let refusal = b.sends(&["401"]).remove(0);
    let line = credentials_for(
        "sip:example.com",
        header(&refusal, "WWW-Authenticate"),
        "REGISTER",
        "null-",
        "secret",
        1,
    );
    let again = text.replace("\r\nVia:", &format!("\r\nAuthorization: {line}\r\nVia:"));
    b.hear(&again.replace("kdjuw", "again"));
    b.sends(&["401"]);
}

#[test]
fn addresses_of_ipv6_are_read_with_and_without_a_port() {
    let mut b = Bench::new();
    b.hear_on(b.flow, read("ipv6-in-sdp"));
    let Event::Invited { invite, .. } = b.events.remove(0) else { panic!() };
    assert_eq!(
        (invite.request_uri.user.as_str(), invite.request_uri.host.as_str()),
        ("user", "[2001:db8::10]")
    );
    assert_eq!(invite.contact, "sip:caller@[2001:db8::20]");
    assert!(invite.offer.is_some());

    let mut b = Bench::new();
    b.hear_on(b.flow, read("mult-ip-in-header"));
    let answer = b.sends(&["481"]).remove(0);
    let vias: Vec<&str> = answer.lines().filter(|l| l.starts_with("Via: ")).collect();
    assert_eq!(vias.len(), 3);
    assert!(vias[0].starts_with("Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111"));
    assert!(vias[2].ends_with("[2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200"));

    // Whatever stood in `received` is replaced by where the request came from.
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let mut b = Bench::new();
        b.hear_on(b.flow, read(name));
        let via = header(&b.sent[0].1, "Via").to_owned();
        assert!(via.contains(";branch=z9hG4bKas3") && via.ends_with(";received=198.51.100.7"), "{via}");
    }
}
