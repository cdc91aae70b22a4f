//! PUBLISH: RFC 3903, what phones say of themselves.

use std::time::Duration;

use sip::Event;

use crate::harness::*;
use crate::proof::Ask;

const ME: &str = "sip:alice@192.0.2.1";
const KIND: &str = "Event: presence\r\nContent-Type: application/pidf+xml\r\n";

#[track_caller]
fn publish(b: &mut Bench, call: &str, headers: &str, body: &str, status: &str) -> String {
    Ask { headers, body, ..Ask::new("PUBLISH", ME, call) }.send(b, 1, &[status]).remove(0)
}

/// What the last event says counts now.
#[track_caller]
fn counts(b: &mut Bench) -> Option<String> {
    match b.events.remove(0) {
        Event::Published { user, body, .. } => {
            assert_eq!(user, "alice");
            body.map(|body| String::from_utf8(body.bytes.to_vec()).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_publication_is_made_refreshed_changed_and_removed_by_its_tag() {
    let mut b = Bench::new();
    let ok = publish(&mut b, "a", &format!("{KIND}Expires: 600\r\n"), "open", "200");
    assert_eq!(header(&ok, "Expires"), "600");
    assert_eq!(counts(&mut b).as_deref(), Some("open"));
    let first = header(&ok, "SIP-ETag").to_owned();
    let refresh = format!("Event: presence\r\nSIP-If-Match: {first}\r\nExpires: 900\r\n");
    let ok = publish(&mut b, "b", &refresh, "", "200");
    let second = header(&ok, "SIP-ETag").to_owned();
    assert_ne!(first, second);
    b.tells(&[]);
    publish(&mut b, "c", &refresh, "", "412");
    let ok = publish(&mut b, "d", &format!("{KIND}SIP-If-Match: {second}\r\n"), "closed", "200");
    assert_eq!(counts(&mut b).as_deref(), Some("closed"));
    let third = header(&ok, "SIP-ETag").to_owned();
    let remove = format!("Event: presence\r\nSIP-If-Match: {third}\r\nExpires: 0\r\n");
    assert_eq!(header(&publish(&mut b, "e", &remove, "", "200"), "Expires"), "0");
    assert_eq!(counts(&mut b), None);
    assert_eq!(b.endpoint.counts().publications, 0);
}

#[test]
fn of_two_phones_the_newest_word_counts_until_its_time_is_over() {
    let mut b = Bench::new();
    publish(&mut b, "a", &format!("{KIND}Expires: 600\r\n"), "desk", "200");
    publish(&mut b, "b", &format!("{KIND}Expires: 300\r\n"), "mobile", "200");
    assert_eq!((counts(&mut b).as_deref(), counts(&mut b).as_deref()), (Some("desk"), Some("mobile")));
    b.pass(Duration::from_secs(300));
    assert_eq!(counts(&mut b).as_deref(), Some("desk"));
    b.pass(Duration::from_secs(300));
    assert_eq!(counts(&mut b), None);
    assert_eq!((b.endpoint.counts().publications, b.endpoint.poll_timeout()), (0, None));
}

#[test]
fn what_cannot_be_published_is_refused_as_the_rfc_asks() {
    let mut b = Bench::new();
    let no = |headers: &str, call: &str, b: &mut Bench| {
        b.hear(&Ask { headers, ..Ask::new("PUBLISH", ME, call) }.text(1, ""));
        b.sent.pop().unwrap().1
    };
    let unknown = no("Event: dialog\r\n", "a", &mut b);
    assert!(unknown.starts_with("SIP/2.0 489") && header(&unknown, "Allow-Events") == "presence");
    assert!(no(KIND, "b", &mut b).starts_with("SIP/2.0 401"));
    publish(&mut b, "c", "Event: presence\r\n", "", "400");
    let html = "Event: presence\r\nContent-Type: text/html\r\n";
    assert_eq!(header(&publish(&mut b, "d", html, "<p>", "415"), "Accept"), "application/pidf+xml");
    publish(&mut b, "e", KIND, &"x".repeat(20_000), "413");
    assert_eq!(
        header(&publish(&mut b, "f", &format!("{KIND}Expires: 1\r\n"), "x", "423"), "Min-Expires"),
        "60"
    );
    publish(&mut b, "g", &format!("{KIND}SIP-If-Match: nothing\r\n"), "x", "412");
    publish(&mut b, "h", &format!("{KIND}SIP-If-Match: a\r\nSIP-If-Match: b\r\n"), "x", "400");
    Ask { headers: KIND, body: "x", user: "bob", ..Ask::new("PUBLISH", ME, "i") }.send(&mut b, 1, &["403"]);
    b.tells(&[]);
    assert_eq!(b.endpoint.counts().publications, 0);
}

#[test]
fn another_users_tag_opens_nothing() {
    let mut b = Bench::new();
    let tag = header(&publish(&mut b, "a", KIND, "open", "200"), "SIP-ETag").to_owned();
    let headers = format!("{KIND}SIP-If-Match: {tag}\r\n");
    let bobs = Ask { headers: &headers, body: "x", user: "bob", ..Ask::new("PUBLISH", "sip:bob@h", "b") };
    bobs.send(&mut b, 1, &["412"]);
}

#[test]
fn one_user_cannot_fill_the_memory_and_leaves_nothing() {
    let mut b = Bench::new();
    for n in 0..20 {
        publish(&mut b, &format!("c{n}"), KIND, &format!("{n}"), "200");
    }
    assert_eq!(b.endpoint.counts().publications, 8);
    b.events.clear();
    b.endpoint.set_users(vec![]);
    b.drain();
    assert_eq!(counts(&mut b), None);
    b.tells(&[]);
    assert_eq!(b.endpoint.counts().publications, 0);
}
