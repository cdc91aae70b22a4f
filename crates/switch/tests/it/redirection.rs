//! Phones that send calls elsewhere by themselves (302), and how far they get.

use std::net::UdpSocket;
use std::time::Duration;

use crate::rig::{LONG, Rig};
use serde_json::json;
use store::{Forwarding, Permission, User};
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// Alice and carol; bob's phone sends calls to `contacts`, of which `@` means our own address.
fn sends_to(rig: &Rig, contacts: &str) -> (Desk, Desk, Desk) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    let carol = rig.desk("carol", C, SOON);
    bob.redirect(302, &contacts.replace('@', &format!("@{}", rig.address())));
    (alice, bob, carol)
}

fn status(rig: &Rig, desk: &Desk, number: &str) -> Option<u16> {
    let call = desk.call(number);
    assert!(desk.over(call), "{:?}", rig.traces());
    rig.finished();
    desk.line(call, |line| line.status)
}

fn said(desk: &Desk, line: LineId, header: &str) -> Option<String> {
    desk.line(line, |line| line.invite.clone()).and_then(|invite| invite.header(header).map(str::to_owned))
}

fn traces(rig: &Rig) -> String {
    rig.traces().concat()
}

/// Replaces bob by one that is made of him.
fn bob_is(rig: &Rig, change: impl FnOnce(User) -> User, trunks: &str) {
    let mut users = Rig::people();
    let bob = users.get("bob").cloned().expect("bob");
    users.insert(change(bob));
    std::fs::write(rig.dir.path().join("trunks.toml"), trunks).expect("written");
    let trunks = store::Directory::load(Some(rig.dir.path())).expect("readable").trunks;
    let _inside = rig.runtime.enter();
    rig.switch().reload(store::Flows::new(), &users, &trunks);
}

#[test]
fn a_phone_sends_a_call_to_another_user_who_sees_the_caller_and_where_it_was_before() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol) = sends_to(&rig, "<sip:203@>");
    for status in [302, 301] {
        bob.redirect(status, &format!("<sip:203@{}>", rig.address()));
        let (call, line) = (alice.call("202"), usize::from(status == 301));
        assert!(alice.up(call) && carol.up(line), "{:?}", rig.traces());
        assert!(alice.hears_tone(call, C) && carol.hears_tone(line, A), "{:?}", rig.traces());
        let (from, diversion) = (said(&carol, line, "from"), said(&carol, line, "diversion"));
        assert!(from.as_deref().is_some_and(|from| from.contains("sip:alice@")), "{from:?}");
        let diversion = diversion.expect("a Diversion");
        assert!(diversion.contains("sip:202@") && diversion.contains("deflection"), "{diversion}");
        alice.hang_up(call);
        assert!(carol.over(line));
        rig.finished();
    }
    rig.nothing_left();
}

#[test]
fn of_several_contacts_the_next_is_tried_unless_a_person_has_refused() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol) = sends_to(&rig, "<sip:203@>;q=0.4, <sip:204@>;q=0.9");
    // Nobody is at dave's.
    let call = alice.call("202");
    assert!(alice.up(call) && carol.up(0), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    let dave = rig.desk("dave", 1_600, Manner::Refuse(486));
    assert_eq!(status(&rig, &alice, "202"), Some(486), "{:?}", rig.traces());
    assert!(dave.over(0) && carol.wait(|lines| lines.len() == 1), "{:?}", rig.traces());
    assert!(bob.wait(|lines| lines.len() == 2));
    rig.nothing_left();
}

#[test]
fn the_users_other_phones_ring_on_beside_it() {
    let rig = Rig::start(&[]);
    let (alice, _bob, carol) = sends_to(&rig, "<sip:203@>");
    carol.behave(Manner::Ring);
    let other = rig.desk("bob", 1_600, Manner::Ring);
    let call = alice.call("202");
    assert!(carol.wait(|lines| !lines.is_empty()) && other.wait(|lines| !lines.is_empty()));
    other.answer(0);
    assert!(alice.up(call) && carol.over(0) && alice.hears_tone(call, 1_600), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn phones_that_send_calls_to_each_other_end_in_a_refusal() {
    let rig = Rig::start(&[]);
    let (alice, bob, carol) = sends_to(&rig, "<sip:203@>");
    carol.redirect(302, &format!("<sip:202@{}>", rig.address()));
    assert_eq!(status(&rig, &alice, "202"), Some(480), "{:?}", rig.traces());
    assert!(bob.wait(|lines| lines.len() == 1) && carol.wait(|lines| lines.len() == 1));
    assert!(traces(&rig).contains("in a circle"), "{:?}", rig.traces());
    rig.nothing_left();
}

#[test]
fn a_phone_sends_calls_out_by_trunks_only_and_only_for_whom_may_call_there() {
    let (rig, trunk) = (Rig::start(&[]), UdpSocket::bind("127.0.0.2:0").expect("a socket"));
    trunk.set_read_timeout(Some(LONG)).expect("a socket");
    let stranger = UdpSocket::bind("127.0.0.3:0").expect("a socket");
    let there = stranger.local_addr().expect("an address");
    let text =
        format!("[acme]\nserver = \"{}\"\nnumbers = ['^\\+']\n", trunk.local_addr().expect("an address"));
    bob_is(&rig, |bob| bob, &text);
    let (alice, bob, _carol) = sends_to(&rig, &format!("<sip:+4722334455{}>", "@"));
    bob.redirect(302, &format!("<sip:+4722334455@{there}>"));
    let call = alice.call("202");
    let mut buffer = [0; 8_192];
    let mut received = || {
        let length = trunk.recv(&mut buffer).expect("an INVITE");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    // Whether it is there is asked first.
    let invite = std::iter::repeat_with(&mut received).find(|message| message.starts_with("INVITE"));
    let invite = invite.expect("an INVITE");
    assert!(invite.starts_with("INVITE sip:+4722334455@127.0.0.2"), "{invite}");
    assert!(invite.to_lowercase().contains("deflection"), "{invite}");
    alice.hang_up(call);
    rig.finished();
    // A user of ours is not meant by who is elsewhere, and nobody else is called there.
    for contact in [format!("<sip:203@{there}>"), format!("<sip:anybody@{there}>")] {
        bob.redirect(302, &contact);
        assert_eq!(status(&rig, &alice, "202"), Some(480), "{contact}: {:?}", rig.traces());
    }
    bob_is(&rig, |bob| User { may: [Permission::Pickup].into_iter().collect(), ..bob }, &text);
    bob.redirect(302, &format!("<sip:+4722334455@{}>", rig.address()));
    assert_eq!(status(&rig, &alice, "202"), Some(480), "{:?}", rig.traces());
    assert!(traces(&rig).contains("leads nowhere"), "{:?}", rig.traces());
    stranger.set_nonblocking(true).expect("a socket");
    assert!(stranger.recv(&mut buffer).is_err(), "nobody was called there");
}

#[test]
fn where_the_user_or_the_dialling_wants_none_a_phone_sends_no_call_elsewhere() {
    let rig = Rig::start(&[]);
    let (alice, _bob, carol) = sends_to(&rig, "<sip:203@>");
    rig.dials(json!({ "module": "user", "data": { "id": "bob" } }), |dial| dial.follow_forward = false);
    assert_eq!(status(&rig, &alice, "700"), Some(480), "{:?}", rig.traces());
    let forward = Forwarding { by_phone: false, ..Forwarding::default() };
    bob_is(&rig, |bob| User { forward, ..bob }, "");
    assert_eq!(status(&rig, &alice, "202"), Some(480), "{:?}", rig.traces());
    assert!(carol.wait(<[_]>::is_empty), "{:?}", rig.traces());
    rig.nothing_left();
}
