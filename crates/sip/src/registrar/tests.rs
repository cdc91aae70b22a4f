//! Tests of the registrar by itself, without credentials: what is kept, replaced, refused and forgotten.

use super::*;
use crate::flow::Transport;
use crate::random::Random;
use bytes::Bytes;

struct Fixture {
    registrar: Registrar,
    now: Instant,
}

fn flow(port: u16) -> Flow {
    Flow {
        transport: Transport::Tcp,
        local: "192.0.2.9:5060".parse().unwrap(),
        remote: std::net::SocketAddr::from(([198, 51, 100, 7], port)),
    }
}

fn fixture() -> Fixture {
    let registrar = Registrar::new(
        Duration::from_secs(60),
        Duration::from_secs(3600),
        Duration::from_secs(7200),
        Seeded::new(&mut Random::new(1)),
    );
    Fixture { registrar, now: Instant::now() }
}

impl Fixture {
    fn ask(&mut self, call_id: &str, cseq: u32, headers: &str) -> Result<usize, Refusal> {
        let text = format!(
            "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{headers}\r\n"
        );
        let message = Message::parse(Bytes::from(text)).unwrap();
        let core = message.core().unwrap();
        self.registrar.register(self.now, "a", &message, &core, flow(4000)).map(|(events, _)| events.len())
    }

    fn holds(&self, expected: &[&str]) {
        let lines: Vec<String> = self.registrar.of_user("a").map(|b| b.line(self.now)).collect();
        assert_eq!(lines, expected);
        assert_eq!(self.registrar.len(), expected.len());
    }
}

#[test]
fn contacts_are_added_refreshed_and_removed_with_their_own_times() {
    let mut f = fixture();
    f.ask(
        "c",
        1,
        "Contact: <sip:a@x>;expires=100;q=0.5, <sip:a@y>\r\nExpires: 200\r\nm: sip:a@z;expires=99999\r\n",
    )
    .unwrap();
    f.holds(&["<sip:a@x>;q=0.5;expires=100", "<sip:a@y>;expires=200", "<sip:a@z>;expires=7200"]);
    f.ask("c", 2, "Contact: <sip:a@Y>;expires=0, <sip:a@x>\r\n").unwrap();
    f.holds(&["<sip:a@z>;expires=7200", "<sip:a@x>;expires=3600"]);
    assert_eq!(f.ask("c", 3, ""), Ok(0));
    f.ask("d", 1, "Contact: *\r\nExpires: 0\r\n").unwrap();
    f.holds(&[]);
    assert_eq!(f.registrar.next(), None);
}

#[test]
fn a_refused_registration_changes_nothing() {
    let mut f = fixture();
    f.ask("c", 5, "Contact: <sip:a@x>\r\n").unwrap();
    let bad = |expected| Refusal::Bad(ParseError { at: 0, header: Some("Contact"), expected });
    let brief = Refusal::TooBrief { least: Duration::from_secs(60) };
    for (call_id, cseq, headers, refusal) in [
        ("c", 5, "Contact: <sip:a@x>;expires=0\r\n", Refusal::OutOfOrder),
        ("c", 4, "Contact: *\r\nExpires: 0\r\n", Refusal::OutOfOrder),
        ("c", 6, "Contact: <sip:a@new>, <sip:a@x>;expires=59\r\n", brief),
        ("c", 6, "Contact: *, <sip:a@x>\r\nExpires: 0\r\n", bad("* alone and Expires 0")),
        ("c", 6, "Contact: *\r\n", bad("* alone and Expires 0")),
        ("c", 6, "Contact: <sip:a@new>, <sip:\r\n", bad("a > after the URI")),
    ] {
        assert_eq!(f.ask(call_id, cseq, headers), Err(refusal), "{headers}");
        f.holds(&["<sip:a@x>;expires=3600"]);
    }
    // Another Call-ID is a restarted phone: its numbers start anew.
    f.ask("d", 1, "Contact: <sip:a@x>;expires=0\r\n").unwrap();
    f.holds(&[]);
}

#[test]
fn an_instance_replaces_itself_whatever_its_address() {
    let mut f = fixture();
    let at = |port: u16, id: u8| {
        format!("Contact: <sip:a@10.0.0.1:{port}>;+sip.instance=\"<urn:uuid:F00>\";reg-id={id}\r\n")
    };
    f.ask("c", 1, &at(5060, 1)).unwrap();
    f.ask("d", 1, &at(5061, 1)).unwrap();
    f.ask("e", 1, &at(5062, 2)).unwrap();
    let contacts: Vec<&str> = f.registrar.bindings().map(|b| b.contact.as_str()).collect();
    assert_eq!(contacts, ["sip:a@10.0.0.1:5061", "sip:a@10.0.0.1:5062"]);
}

#[test]
fn bindings_end_with_their_time_their_stream_or_the_limit() {
    let mut f = fixture();
    f.ask(
        "c",
        1,
        "Contact: <sip:a@x>;expires=60, <sip:a@y>;expires=60, <sip:a@z>;expires=90\r\nPath: <sip:p;lr>\r\n",
    )
    .unwrap();
    assert_eq!(f.registrar.bindings().next().unwrap().path, ["<sip:p;lr>"]);
    assert_eq!(f.registrar.expire(f.now + Duration::from_secs(59)), []);
    assert_eq!(f.registrar.expire(f.now + Duration::from_secs(60)).len(), 2);
    assert_eq!(f.registrar.closed(&flow(4001)), []);
    assert_eq!(f.registrar.closed(&flow(4000)).len(), 1);
    assert_eq!((f.registrar.len(), f.registrar.next()), (0, None));
    f.ask("k", 1, "Contact: <sip:a@k>\r\n").unwrap();
    assert_eq!(f.registrar.keep(|user| user == "a"), []);
    assert_eq!(f.registrar.keep(|user| user == "b").len(), 1);
    assert_eq!((f.registrar.len(), f.registrar.next()), (0, None));
    for i in 0..20 {
        f.ask("c", 2 + i, &format!("Contact: <sip:a@h{i}>;expires={}\r\n", 100 + i)).unwrap();
    }
    assert_eq!(f.registrar.len(), MOST);
    assert_eq!(f.registrar.bindings().next().unwrap().contact, "sip:a@h10");
}
