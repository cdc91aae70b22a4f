//! Users and their phones: who rings, who is shown, where calls go instead.

use std::net::UdpSocket;
use std::time::Duration;

use crate::rig::{LONG, Rig, end, trace};
use serde_json::{Value, json};
use store::{CallerId, CallerIds, Device, Document, Flows, Forwarding, Group, Trunks, User, Users};
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_100;
const SOON: Manner = Manner::Answer(Duration::from_millis(100));

/// A switch with these users and flows, all public.
fn start(users: Vec<User>, flows: &[(&str, Value)]) -> Rig {
    let rig = Rig::start(&[]);
    let mut users: Users = users.into_iter().collect();
    let members = ["alice", "bob"].map(str::to_owned).to_vec();
    users.insert_group(Group { members, number: Some("600".into()), ..Group::new("sales") });
    reload(&rig, &users, flows, &Trunks::default());
    rig
}

fn reload(rig: &Rig, users: &Users, flows: &[(&str, Value)], trunks: &Trunks) {
    let mut table = Flows::new();
    for (number, source) in flows {
        let id = format!("{number}.json");
        table.add(Document::read(id.as_str(), None, source.clone()).expect("a flow"));
        assert!(table.number(*number, &id, true));
    }
    let _inside = rig.runtime.enter();
    rig.switch().reload(table, users, trunks);
}

fn user(name: &str, number: &str) -> User {
    User::new(name, "secret").numbered(number)
}

fn forwarding(name: &str, number: &str, forward: Forwarding) -> User {
    User { forward, ..user(name, number) }
}

/// The value of a header of the INVITE that began a line.
fn said(desk: &Desk, line: LineId, header: &str) -> Option<String> {
    desk.line(line, |line| line.invite.clone()).and_then(|invite| invite.header(header).map(str::to_owned))
}

/// The status that a caller comes to.
fn refused(rig: &Rig, desk: &Desk, number: &str) -> Option<u16> {
    let call = desk.call(number);
    assert!(desk.over(call), "{:?}", rig.traces());
    rig.finished();
    desk.line(call, |line| line.status)
}

#[test]
fn a_user_rings_at_all_its_phones_and_each_of_them_is_shown_as_the_user() {
    let alice = User {
        devices: vec![Device::new("alice-mobile", "secret"), Device::new("alice-lab", "secret")],
        display_name: Some("Alice Smith".into()),
        ..user("alice", "201")
    };
    let rig = start(vec![alice, user("bob", "202")], &[]);
    let bob = rig.desk("bob", B, SOON);
    let (own, mobile) = (rig.desk("alice", A, Manner::Ring), rig.desk("alice-mobile", C, SOON));
    let call = bob.call("201");
    assert!(bob.up(call) && mobile.up(0) && own.over(0), "{:?}", rig.traces());
    assert!(bob.hears_tone(call, C) && mobile.hears_tone(0, B), "{:?}", rig.traces());
    bob.hang_up(call);
    rig.finished();
    let call = mobile.call("202");
    assert!(mobile.up(call) && bob.up(1), "{:?}", rig.traces());
    let from = said(&bob, 1, "from").expect("a From");
    assert!(from.starts_with("\"Alice Smith\" <sip:201@"), "{from}");
    mobile.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_flow_calls_one_phone_of_a_user_by_its_name_or_id_and_users_by_theirs() {
    let lab = Device { id: Some("d3".into()), ..Device::new("alice-lab", "secret") };
    let alice = User { devices: vec![lab], id: Some("a1".into()), ..user("alice", "201") };
    let flow = |module: &str, id: &str| json!({ "module": module, "data": { "id": id, "timeout": 5 } });
    let shows = json!({ "module": "route_to_cid", "data": { "cid_types": ["external"] } });
    let external = CallerId { number: Some("704".into()), name: None };
    let caller_ids = CallerIds { external, ..CallerIds::default() };
    let bob = User { caller_ids, ..user("bob", "202") };
    let flows = [
        ("701", flow("device", "d3")),
        ("702", flow("device", "alice-lab")),
        ("703", flow("user", "a1")),
        ("704", shows),
        ("705", flow("device", "alice")),
    ];
    let rig = start(vec![alice, bob], &flows);
    let caller = rig.desk("bob", B, SOON);
    let (own, lab) = (rig.desk("alice", A, Manner::Ring), rig.desk("alice-lab", C, Manner::Refuse(486)));
    for (number, rung) in [("701", (0, 1)), ("702", (0, 2)), ("703", (1, 3)), ("705", (2, 3))] {
        let call = caller.call(number);
        assert!(lab.wait(|lines| lines.len() == rung.1), "{number}: {:?}", rig.traces());
        if rung.0 > 0 {
            assert!(own.wait(|lines| lines.len() == rung.0), "{number}: {:?}", rig.traces());
        }
        caller.hang_up(call);
        assert!(caller.over(call));
        rig.finished();
    }
    assert!(own.wait(|lines| lines.len() == 2), "only for the user, and for itself: {:?}", rig.traces());
    assert!(lab.wait(|lines| lines.len() == 3), "not for the other phone: {:?}", rig.traces());
    // Whoever has the dialled number as a caller id.
    let call = lab.call("704");
    assert!(lab.up(call) && caller.wait(|lines| lines.len() == 5), "{:?}", rig.traces());
    lab.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_users_phones_ring_one_after_the_other_where_the_flow_has_it_so_and_forwarding_follows_the_last() {
    let after = Duration::from_secs(1);
    let forward = Forwarding { no_answer: Some("203".into()), after, ..Forwarding::default() };
    let devices = vec![Device::new("alice-mobile", "secret")];
    let alice = User { devices, forward, ..user("alice", "201") };
    let flow = json!({ "module": "user", "data": { "id": "alice", "strategy": "single" } });
    let rig = start(vec![alice, user("bob", "202"), user("carol", "203")], &[("701", flow)]);
    let (bob, carol) = (rig.desk("bob", B, SOON), rig.desk("carol", C, SOON));
    let (own, mobile) = (rig.desk("alice", A, Manner::Ring), rig.desk("alice-mobile", 1_600, Manner::Ring));
    let call = bob.call("701");
    assert!(own.wait(|lines| !lines.is_empty()) && mobile.wait(<[_]>::is_empty), "{:?}", rig.traces());
    assert!(own.over(0) && mobile.wait(|lines| !lines.is_empty()), "{:?}", rig.traces());
    assert!(carol.wait(<[_]>::is_empty), "not before the last: {:?}", rig.traces());
    assert!(mobile.over(0) && carol.up(0) && bob.up(call), "{:?}", rig.traces());
    assert!(bob.hears_tone(call, C), "{:?}", rig.traces());
    bob.hang_up(call);
    rig.finished();
    // The first is busy, and the second answers.
    own.behave(Manner::Refuse(486));
    mobile.behave(SOON);
    let call = bob.call("701");
    assert!(own.over(1) && mobile.up(1) && bob.up(call) && bob.hears_tone(call, 1_600), "{:?}", rig.traces());
    bob.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn calls_go_where_the_user_has_them_forwarded_in_each_case() {
    let to_carol = Some("203".to_owned());
    let always = Forwarding { always: to_carol.clone(), ..Forwarding::default() };
    let busy = Forwarding { busy: to_carol.clone(), ..Forwarding::default() };
    let unreachable = Forwarding { unreachable: to_carol.clone(), ..Forwarding::default() };
    let after = Duration::from_secs(1);
    let no_answer = Forwarding { no_answer: to_carol, after, ..Forwarding::default() };
    for (forward, manner, reason) in [
        (always, Some(SOON), "unconditional"),
        (busy.clone(), Some(Manner::Refuse(486)), "user-busy"),
        (busy, Some(Manner::Refuse(603)), "user-busy"),
        (no_answer, Some(Manner::Ring), "no-answer"),
        (unreachable, None, "unavailable"),
    ] {
        let rig =
            start(vec![user("alice", "201"), forwarding("bob", "202", forward), user("carol", "203")], &[]);
        let (alice, carol) = (rig.desk("alice", A, SOON), rig.desk("carol", C, SOON));
        let bob = manner.map(|manner| rig.desk("bob", B, manner));
        let call = alice.call("202");
        assert!(alice.up(call) && carol.up(0), "{reason}: {:?}", rig.traces());
        assert!(alice.hears_tone(call, C) && carol.hears_tone(0, A), "{reason}: {:?}", rig.traces());
        let (from, diversion) = (said(&carol, 0, "from"), said(&carol, 0, "diversion"));
        assert!(from.as_deref().is_some_and(|from| from.contains("sip:alice@")), "{reason}: {from:?}");
        let diversion = diversion.expect("a Diversion");
        assert!(diversion.contains("sip:202@") && diversion.contains(reason), "{diversion}");
        if let Some(bob) = bob.filter(|_| reason == "unconditional") {
            assert!(bob.wait(<[_]>::is_empty), "{reason}: {:?}", rig.traces());
        }
        alice.hang_up(call);
        rig.finished();
        rig.nothing_left();
    }
}

#[test]
fn who_forwards_may_be_shown_himself_and_his_own_phones_may_ring_too() {
    let forward = Forwarding {
        always: Some("carol".into()),
        keep_caller_id: false,
        ring_too: true,
        ..Forwarding::default()
    };
    let bob = User { display_name: Some("Bob".into()), ..forwarding("bob", "202", forward) };
    let rig = start(vec![user("alice", "201"), bob, user("carol", "203")], &[]);
    let (alice, carol) = (rig.desk("alice", A, SOON), rig.desk("carol", C, Manner::Ring));
    let bob = rig.desk("bob", B, Manner::Ring);
    let call = alice.call("202");
    assert!(carol.wait(|lines| lines.len() == 1) && bob.wait(|lines| lines.len() == 1), "{:?}", rig.traces());
    let from = said(&carol, 0, "from").expect("a From");
    assert!(from.starts_with("\"Bob\" <sip:202@"), "{from}");
    bob.answer(0);
    assert!(alice.up(call) && carol.over(0) && alice.hears_tone(call, B), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn forwarding_in_circles_ends_at_the_last_who_is_not_passed_twice() {
    let to = |number: &str| Forwarding { always: Some(number.into()), ..Forwarding::default() };
    let rig = start(
        vec![
            user("dave", "204"),
            forwarding("alice", "201", to("202")),
            forwarding("bob", "202", to("203")),
            forwarding("carol", "203", to("201")),
        ],
        &[],
    );
    let dave = rig.desk("dave", A, SOON);
    assert_eq!(refused(&rig, &dave, "201"), Some(480), "nobody is there");
    let carol = rig.desk("carol", C, SOON);
    let call = dave.call("201");
    assert!(dave.up(call) && carol.up(0), "{:?}", rig.traces());
    dave.hang_up(call);
    assert!(trace(&rig.finished()).contains("forwards in a circle"), "{:?}", rig.traces());
    rig.nothing_left();
}

#[test]
fn a_group_may_be_left_out_of_forwarding() {
    let forward = Forwarding { always: Some("203".into()), direct_only: true, ..Forwarding::default() };
    let rig = start(vec![user("alice", "201"), forwarding("bob", "202", forward), user("carol", "203")], &[]);
    let (carol, bob) = (rig.desk("carol", C, SOON), rig.desk("bob", B, SOON));
    let alice = rig.desk("alice", A, SOON);
    let call = alice.call("600");
    assert!(alice.up(call) && bob.up(0), "the group's: {:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    let call = alice.call("202");
    assert!(alice.up(call) && carol.up(0), "his own: {:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn who_does_not_want_to_be_disturbed_is_busy_and_the_flow_goes_on_at_its_edge() {
    let code = |code: &str| json!({ "module": "response", "data": { "code": code } });
    let flow = json!({ "module": "user", "data": { "id": "bob", "timeout": 5 },
        "children": { "USER_BUSY": code("410"), "_": code("411") } });
    let bob = User { do_not_disturb: true, ..user("bob", "202") };
    let rig = start(vec![user("alice", "201"), bob, user("carol", "203")], &[("700", flow)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    assert_eq!(refused(&rig, &alice, "202"), Some(486));
    assert_eq!(refused(&rig, &alice, "700"), Some(410));
    assert!(bob.wait(<[_]>::is_empty));
    assert_eq!(end(&rig.finished()).1, "flow");
    rig.nothing_left();
}

#[test]
fn without_call_waiting_one_who_talks_is_busy() {
    let bob = User { call_waiting: false, ..user("bob", "202") };
    let rig = start(vec![user("alice", "201"), bob, user("carol", "203")], &[]);
    let (alice, bob, carol) =
        (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON), rig.desk("carol", C, SOON));
    let first = alice.call("202");
    assert!(alice.up(first) && bob.up(0), "{:?}", rig.traces());
    let second = carol.call("202");
    assert!(carol.over(second), "{:?}", rig.traces());
    assert_eq!(carol.line(second, |line| line.status), Some(486));
    alice.hang_up(first);
    assert!(bob.over(0));
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    // He who calls himself is in a call as well.
    let own = bob.call("203");
    assert!(bob.up(own) && carol.up(1), "{:?}", rig.traces());
    let third = alice.call("202");
    assert!(alice.over(third));
    assert_eq!(alice.line(third, |line| line.status), Some(486));
    bob.hang_up(own);
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    let again = alice.call("202");
    assert!(alice.up(again), "{:?}", rig.traces());
    alice.hang_up(again);
    rig.finished();
    rig.nothing_left();
}

/// A carrier at 127.0.0.2 that refuses each call with 486; the INVITEs it got.
struct Carrier {
    socket: UdpSocket,
}

impl Carrier {
    fn new() -> Carrier {
        let socket = UdpSocket::bind("127.0.0.2:0").expect("a socket");
        socket.set_read_timeout(Some(LONG)).expect("a time");
        Carrier { socket }
    }

    fn trunk(&self, more: &str) -> Trunks {
        let home = tempfile::tempdir().expect("a directory");
        let server = self.socket.local_addr().expect("an address");
        let text = format!("[acme]\nserver = \"{server}\"\nping = 0\nnumbers = ['^\\+', '^112$']\n{more}");
        std::fs::write(home.path().join("trunks.toml"), text).expect("written");
        store::Directory::load(Some(home.path())).expect("readable").trunks
    }

    /// The next INVITE, which is refused.
    fn invite(&self) -> testkit::ua::Message {
        let mut buffer = [0; 8192];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).expect("a packet");
            let Some(message) = testkit::ua::Message::parse(&buffer[..length]) else { continue };
            if message.method() == Some("INVITE") {
                let reply = message.reply("486 Busy Here", "");
                self.socket.send_to(reply.as_bytes(), from).expect("sent");
                return message;
            }
        }
    }
}

#[test]
fn a_user_is_shown_outside_by_its_external_number_and_to_emergency_services_by_where_it_is() {
    let id = |number: &str| CallerId { number: Some(number.into()), name: None };
    let caller_ids =
        CallerIds { external: id("+4721000201"), emergency: id("+4721000000"), internal: id("2201") };
    let alice = User { caller_ids, display_name: Some("Alice".into()), ..user("alice", "201") };
    let forward = Forwarding { always: Some("+4799".into()), ..Forwarding::default() };
    let hides = Forwarding { always: Some("+4798".into()), keep_caller_id: false, ..Forwarding::default() };
    let carol_ids = CallerIds { external: id("+4721000203"), ..CallerIds::default() };
    let carol = User { caller_ids: carol_ids, ..forwarding("carol", "203", hides) };
    let users: Users =
        [alice, user("dave", "204"), forwarding("bob", "202", forward), carol].into_iter().collect();
    let rig = Rig::start(&[]);
    let carrier = Carrier::new();
    reload(&rig, &users, &[], &carrier.trunk(""));
    let (alice, dave) = (rig.desk("alice", A, SOON), rig.desk("dave", B, SOON));
    for (number, shown) in [
        ("+4722334455", "\"Alice\" <sip:+4721000201@"),
        ("112", "\"Alice\" <sip:+4721000000@"),
        // Who is forwarded stays who he is.
        ("202", "\"Alice\" <sip:+4721000201@"),
        ("203", "<sip:+4721000203@"),
    ] {
        let call = alice.call(number);
        let invite = carrier.invite();
        let (from, asserted) = (invite.header("from"), invite.header("p-asserted-identity"));
        assert!(from.is_some_and(|from| from.starts_with(shown)), "{number}: {from:?}");
        assert!(asserted.is_some_and(|asserted| asserted.starts_with(shown)), "{number}: {asserted:?}");
        let diversion = invite.header("diversion").map(str::to_owned);
        assert_eq!(diversion.is_some(), number.starts_with("20"), "{number}: {diversion:?}");
        assert!(alice.over(call), "{:?}", rig.traces());
        rig.finished();
    }
    let call = alice.call("204");
    assert!(alice.up(call) && dave.up(0), "{:?}", rig.traces());
    let from = said(&dave, 0, "from").expect("a From");
    assert!(from.starts_with("\"Alice\" <sip:2201@"), "{from}");
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}

#[test]
fn who_may_not_dial_outside_reaches_users_only() {
    let alice = User { may: [].into(), ..user("alice", "201") };
    let forward = Forwarding { always: Some("+4799".into()), ..Forwarding::default() };
    let bob = User { may: [].into(), ..forwarding("bob", "202", forward) };
    let users: Users = [alice, bob].into_iter().collect();
    let rig = Rig::start(&[]);
    let carrier = Carrier::new();
    reload(&rig, &users, &[], &carrier.trunk(""));
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    assert_eq!(refused(&rig, &alice, "+4722334455"), Some(403));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0), "his calls do not go outside either: {:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    // Help is there for everybody.
    let call = alice.call("112");
    assert!(carrier.invite().start.contains("112"));
    assert!(alice.over(call));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn who_forwards_to_a_flows_number_has_the_caller_go_on_there() {
    let echo = json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]});
    let forward = Forwarding { busy: Some("9196".into()), ..Forwarding::default() };
    let rig = start(vec![user("alice", "201"), forwarding("bob", "202", forward)], &[("9196", echo)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Refuse(486)));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.over(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, A), "her own echo: {:?}", rig.traces());
    alice.hang_up(call);
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    rig.nothing_left();
}

#[test]
fn who_answers_a_forwarded_call_takes_it_by_a_key_where_the_user_wants_that() {
    let forward = Forwarding { always: Some("203".into()), confirm: true, ..Forwarding::default() };
    let rig = start(vec![user("alice", "201"), forwarding("bob", "202", forward), user("carol", "203")], &[]);
    let (alice, carol) = (rig.desk("alice", A, SOON), rig.desk("carol", C, SOON));
    let call = alice.call("202");
    assert!(carol.up(0), "{:?}", rig.traces());
    rig.wait("the question", || rig.traces().concat().contains("hears what is asked: 1"));
    assert!(alice.line(call, |line| line.status != Some(200)), "{:?}", rig.traces());
    carol.press(0, "1");
    assert!(alice.up(call) && alice.hears_tone(call, C) && carol.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    rig.finished();
    rig.nothing_left();
}
