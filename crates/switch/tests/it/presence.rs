//! What users watch of each other and write to each other, over a real socket: lamps, presence, mailboxes, texts.

use std::time::{Duration, Instant};

use crate::rig::{LONG, Rig};
use serde_json::json;
use store::{Document, Flows, Permission, User, Users};
use testkit::ua::desk::{Desk, Manner};
use testkit::ua::digest::answer as credentials;
use testkit::ua::{Message, Offer, Phone};

/// A rig with alice (who has the number 201) and bob.
fn start() -> Rig {
    let echo = json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]});
    let rig = Rig::start(&[]);
    let users: Users =
        [User::new("alice", "secret").numbered("201"), User::new("bob", "hidden")].into_iter().collect();
    // Not public, so that callers say who they are.
    let mut flows = Flows::new();
    flows.add(Document::read("echo.json", None, echo).expect("a flow"));
    assert!(flows.number("1001", "echo.json", false));
    for (number, status) in [("1002", "confirmed"), ("1003", "terminated")] {
        let data = json!({ "presence_id": "open", "status": status });
        let lamp = json!({ "module": "manual_presence", "data": data });
        flows.add(Document::read(number, None, lamp).expect("a flow"));
        assert!(flows.number(number, number, false));
    }
    let park = json!({ "module": "park", "data": { "slot": "70", "default_presence_type": "confirmed" } });
    flows.add(Document::read("1004", None, park).expect("a flow"));
    assert!(flows.number("1004", "1004", false));
    rig.switch().reload(flows, &users, &store::Trunks::default());
    rig
}

/// The next message that `wanted` wants; requests on the way are answered 200.
fn next(phone: &Phone, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
    let deadline = Instant::now() + LONG;
    while Instant::now() < deadline {
        let Some(message) = phone.receive(Duration::from_millis(200)).expect("a socket") else { continue };
        if message.method().is_some() {
            phone.send_raw(message.reply("200 OK", "").as_bytes()).expect("sent");
        }
        if wanted(&message) {
            return message;
        }
    }
    panic!("no {what} came");
}

/// Bob asks for something with his password; the final answer.
fn ask(rig: &Rig, phone: &Phone, method: &str, user: &str, headers: &str, body: &str) -> Message {
    ask_by(rig, phone, "hidden", method, user, (headers, body))
}

fn ask_by(
    rig: &Rig,
    phone: &Phone,
    password: &str,
    method: &str,
    user: &str,
    (headers, body): (&str, &str),
) -> Message {
    let (server, local) = (rig.address(), phone.address());
    let uri = format!("sip:{user}@{server}");
    let call_id = format!("{:x}@rig", fastrand::u64(..));
    let contact = match headers.contains("Contact:") {
        true => String::new(),
        false => format!("Contact: <sip:bob@{local}>\r\n"),
    };
    let mut proof = String::new();
    for cseq in 1..=2 {
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{call_id}{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: \"Bob\" <sip:bob@{server}>;tag=b\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n{contact}{headers}{proof}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        phone.send_raw(text.as_bytes()).expect("sent");
        let cseq = format!("{cseq} {method}");
        let answer = next(phone, method, |m| {
            m.status().is_some_and(|s| s >= 200)
                && m.header("call-id") == Some(&call_id)
                && m.header("cseq") == Some(&cseq)
        });
        let (header, challenge) = match answer.status() {
            Some(401) => ("Authorization", answer.header("www-authenticate")),
            Some(407) => ("Proxy-Authorization", answer.header("proxy-authenticate")),
            _ => return answer,
        };
        let value = credentials(challenge.expect("a challenge"), method, &uri, "bob", password);
        proof = format!("{header}: {}\r\n", value.expect("an algorithm we know"));
    }
    panic!("{method} is challenged again and again");
}

fn notify(phone: &Phone, parts: &[&str]) -> Message {
    next(phone, "NOTIFY", |m| m.method() == Some("NOTIFY") && parts.iter().all(|part| m.body.contains(part)))
}

#[test]
fn a_lamp_follows_the_calls_of_a_user() {
    let rig = start();
    let bob = rig.phone("bob");
    let ok = ask(&rig, &bob, "SUBSCRIBE", "201", "Event: dialog\r\nExpires: 300\r\n", "");
    assert_eq!((ok.status(), ok.header("expires")), (Some(200), Some("300")));
    let first = notify(&bob, &["version=\"0\"", "state=\"full\""]);
    assert_eq!(first.header("subscription-state"), Some("active;expires=300"));
    assert!(!first.body.contains("<dialog "));
    let mut alice = Phone::new(rig.address(), "alice", Some("secret")).expect("a phone");
    let call = alice.call("1001", Offer::Early, LONG).expect("a call");
    notify(&bob, &["direction=\"initiator\"", "<state>confirmed</state>", "sip:1001@"]);
    call.hang_up().expect("an end");
    notify(&bob, &["<state>terminated</state>"]);
    rig.nothing_left();
}

/// Bob's wish to have what the document says that rings, as phones ask for it (RFC 4235 §4.1.1, RFC 3891).
fn replaces(document: &str) -> Option<String> {
    let value = |name: &str| {
        let (_, rest) = document.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let (id, local, remote) = (value("call-id")?, value("local-tag")?, value("remote-tag")?);
    Some(format!("Replaces: {id};to-tag={local};from-tag={remote};early-only\r\n"))
}

/// Alice and bob as ever, who may do this, and dave, who has 204.
/// Bob watches dave.
fn with_dave(rig: &Rig, bob_may: &[Permission]) -> Phone {
    let bob = User { may: bob_may.iter().copied().collect(), ..User::new("bob", "hidden").numbered("202") };
    let other = |(name, number): (&str, &str)| User::new(name, "secret").numbered(number);
    let mut users: Users = [("alice", "201"), ("dave", "204")].into_iter().map(other).collect();
    users.insert(bob);
    rig.switch().reload(Flows::new(), &users, &store::Trunks::default());
    let watching = rig.phone("bob");
    assert_eq!(ask(rig, &watching, "SUBSCRIBE", "204", "Event: dialog\r\n", "").status(), Some(200));
    watching
}

/// Phones of alice, bob and dave, with a tone each, and alice's call that rings at dave's.
fn ringing_dave(rig: &Rig) -> (Desk, Desk, Desk, usize) {
    let (alice, dave) = (rig.desk("alice", 440, Manner::Ring), rig.desk("dave", 800, Manner::Ring));
    let bob = Desk::new(rig.address(), "bob", "hidden", 1_200, Manner::Ring).expect("a phone");
    assert_eq!(bob.registered(), Some(200));
    let call = alice.call("204");
    (alice, bob, dave, call)
}

#[test]
fn a_lamp_of_who_may_pick_up_names_the_call_and_a_phone_takes_it_by_that() {
    let rig = start();
    let watching = with_dave(&rig, &[Permission::Pickup]);
    let (alice, bob, dave, call) = ringing_dave(&rig);
    let rings = notify(&watching, &["<state>early</state>", "direction=\"recipient\""]);
    let wanted = replaces(&rings.body).unwrap_or_else(|| panic!("no call is named: {}", rings.body));
    assert!(wanted.contains(&dave.line(0, |line| line.call_id.clone())), "{wanted}");
    let taken = bob.call_with("204", &wanted, true);
    assert!(bob.up(taken) && alice.up(call) && dave.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, 1_200) && bob.hears_tone(taken, 440), "{:?}", rig.traces());
    bob.hang_up(taken);
    assert!(alice.over(call));
    // What is answered is not taken by who wants what rings.
    dave.behave(Manner::Answer(Duration::ZERO));
    let call = alice.call("204");
    let talks = notify(&watching, &["<state>confirmed</state>"]);
    let late = bob.call_with("204", &replaces(&talks.body).expect("a call"), true);
    assert!(bob.over(late) && bob.line(late, |line| line.status) == Some(486), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, 800), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn who_may_not_pick_up_is_not_told_how_calls_are_named_and_takes_none() {
    let rig = start();
    let watching = with_dave(&rig, &[Permission::Outside]);
    let (alice, bob, dave, call) = ringing_dave(&rig);
    let rings = notify(&watching, &["<state>early</state>"]);
    assert_eq!(replaces(&rings.body), None, "{}", rings.body);
    // He has it from elsewhere.
    let taken = bob.call_with("204", &dave.line(0, |line| line.replaces()), true);
    assert!(bob.over(taken) && bob.line(taken, |line| line.status) == Some(403), "{:?}", rig.traces());
    dave.answer(0);
    assert!(alice.up(call) && alice.hears_tone(call, 800), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn of_two_slots_with_one_lamp_the_first_that_is_empty_leaves_it_lit() {
    let rig = start();
    let mut flows = Flows::new();
    for (number, slot) in [("1004", "70"), ("1005", "71")] {
        let data = json!({ "slot": slot, "default_presence_type": "confirmed", "presence_id": "lot" });
        let park = json!({ "module": "park", "data": data });
        flows.add(Document::read(number, None, park).expect("a flow"));
        assert!(flows.number(number, number, true));
    }
    rig.switch().reload(flows, &Rig::people(), &store::Trunks::default());
    let bob = rig.phone("bob");
    assert_eq!(
        ask_by(&rig, &bob, "secret", "SUBSCRIBE", "lot", ("Event: dialog\r\n", "")).status(),
        Some(200)
    );
    let (one, two) = (rig.desk("alice", 440, Manner::Ring), rig.desk("carol", 800, Manner::Ring));
    let first = one.call("1004");
    notify(&bob, &["<state>confirmed</state>"]);
    let second = two.call("1005");
    notify(&bob, &["<state>confirmed</state>"]);
    assert!(one.up(first) && two.up(second));
    one.hang_up(first);
    rig.wait("the first to be gone", || rig.counts().parked == 1);
    let left = notify(&bob, &["dialog-info"]);
    assert!(left.body.contains("<state>confirmed</state>"), "{}", left.body);
    two.hang_up(second);
    let none = notify(&bob, &["dialog-info"]);
    assert!(!none.body.contains("<state>confirmed</state>"), "{}", none.body);
    rig.nothing_left();
}

#[test]
fn presence_is_what_phones_do_until_they_say_it_themselves() {
    let rig = start();
    let bob = rig.phone("bob");
    let ok = ask(&rig, &bob, "SUBSCRIBE", "bob", "Event: presence\r\n", "");
    assert_eq!(ok.status(), Some(200));
    notify(&bob, &["<basic>closed</basic>"]);
    let mut phone = Phone::new(rig.address(), "bob", Some("hidden")).expect("a phone");
    assert_eq!(phone.register(300).expect("an answer"), 200);
    notify(&bob, &["<basic>open</basic>"]);
    let kind = "Event: presence\r\nContent-Type: application/pidf+xml\r\n";
    let ok = ask(&rig, &bob, "PUBLISH", "bob", kind, "<presence>lunch</presence>");
    assert!(ok.header("sip-etag").is_some());
    notify(&bob, &["lunch"]);
}

#[test]
fn a_mailbox_is_empty_and_its_owners() {
    let rig = start();
    let bob = rig.phone("bob");
    let event = "Event: message-summary\r\nAccept: application/simple-message-summary\r\n";
    assert_eq!(ask(&rig, &bob, "SUBSCRIBE", "bob", event, "").status(), Some(200));
    notify(&bob, &["Messages-Waiting: no", "Voice-Message: 0/0 (0/0)"]);
    assert_eq!(ask(&rig, &bob, "SUBSCRIBE", "alice", event, "").status(), Some(403));
    assert_eq!(ask(&rig, &bob, "SUBSCRIBE", "nobody", event, "").status(), Some(404));
    let none = ask(&rig, &bob, "SUBSCRIBE", "bob", "Event: conference\r\n", "");
    assert_eq!(none.status(), Some(489));
}

#[test]
fn a_text_reaches_the_phones_of_a_user_or_its_sender_hears_why_not() {
    let rig = start();
    let bob = rig.phone("bob");
    let kind = "Content-Type: text/plain\r\n";
    assert_eq!(ask(&rig, &bob, "MESSAGE", "nobody", kind, "hi").status(), Some(404));
    assert_eq!(ask(&rig, &bob, "MESSAGE", "alice", kind, "hi").status(), Some(480));
    let mut alice = Phone::new(rig.address(), "alice", Some("secret")).expect("a phone");
    assert_eq!(alice.register(300).expect("an answer"), 200);
    let reader =
        std::thread::spawn(move || next(&alice, "MESSAGE", |message| message.method() == Some("MESSAGE")));
    assert_eq!(ask(&rig, &bob, "MESSAGE", "201", kind, "hi alice").status(), Some(200));
    let text = reader.join().expect("a text");
    assert_eq!((text.body.as_str(), text.header("content-type")), ("hi alice", Some("text/plain")));
    assert!(text.header("from").is_some_and(|from| from.starts_with("\"Bob\" <sip:bob@")));
}

#[test]
fn a_lamp_follows_the_calls_to_a_user_whatever_his_phone_calls_itself() {
    let rig = start();
    let bob = rig.phone("bob");
    assert_eq!(ask(&rig, &bob, "SUBSCRIBE", "bob", "Event: dialog\r\n", "").status(), Some(200));
    notify(&bob, &["version=\"0\""]);
    let contact = format!("Contact: <sip:x-0x5581@{}>\r\nExpires: 300\r\n", bob.address());
    assert_eq!(ask(&rig, &bob, "REGISTER", "bob", &contact, "").status(), Some(200));
    let mut alice = Phone::new(rig.address(), "alice", Some("secret")).expect("a phone");
    let caller = std::thread::spawn(move || alice.call("bob", Offer::Early, LONG).is_ok());
    let invite = next(&bob, "INVITE", |message| message.method() == Some("INVITE"));
    assert!(invite.start.contains("sip:x-0x5581@"), "{invite:?}");
    assert!(invite.header("to").is_some_and(|to| to.contains("sip:bob@")), "{invite:?}");
    notify(&bob, &["direction=\"recipient\""]);
    // What he answers has no description.
    assert!(!caller.join().expect("an end"));
}

#[test]
fn a_flow_lights_a_lamp_that_is_nobodys() {
    let rig = start();
    let bob = rig.phone("bob");
    let ok = ask(&rig, &bob, "SUBSCRIBE", "open", "Event: dialog\r\nExpires: 300\r\n", "");
    assert_eq!(ok.status(), Some(200));
    assert!(!notify(&bob, &["version=\"0\""]).body.contains("<dialog "));
    let mut alice = Phone::new(rig.address(), "alice", Some("secret")).expect("a phone");
    let status = alice.call("1002", Offer::Early, LONG).map(|_| ());
    notify(&bob, &["<state>confirmed</state>"]);
    let status = (status, alice.call("1003", Offer::Early, LONG).map(|_| ()));
    assert!(!notify(&bob, &["version=\"2\""]).body.contains("<dialog "), "{status:?}");
    rig.nothing_left();
}

#[test]
fn the_lamp_of_a_slot_shows_that_somebody_is_parked_there() {
    let rig = start();
    let bob = rig.phone("bob");
    let ok = ask(&rig, &bob, "SUBSCRIBE", "70", "Event: dialog\r\nExpires: 300\r\n", "");
    assert_eq!(ok.status(), Some(200));
    assert!(!notify(&bob, &["version=\"0\""]).body.contains("<dialog "));
    let mut alice = Phone::new(rig.address(), "alice", Some("secret")).expect("a phone");
    let call = alice.call("1004", Offer::Early, LONG).expect("a call");
    notify(&bob, &["<state>confirmed</state>"]);
    call.hang_up().expect("an end");
    assert!(!notify(&bob, &["version=\"2\""]).body.contains("<dialog "));
    rig.nothing_left();
}
