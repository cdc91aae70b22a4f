//! Locating servers: RFC 3263, from a URI over DNS to the hops in their order, with all that DNS may do wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use sip::locate::{Answer, Data, Kind, Query, Record};
use sip::{Input, Next, Request, Transport};

use crate::harness::*;

/// A zone in lines such as `gw.example.com A 60 192.0.2.1`.
pub(crate) struct Zone(BTreeMap<(String, String), Vec<Record>>);

impl Zone {
    pub(crate) fn new(lines: &str) -> Self {
        let mut zone = BTreeMap::new();
        for line in lines.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, kind, ttl, rest @ ..] = words.as_slice() else { panic!("{line}") };
            let number = |at: usize| rest[at].parse().unwrap();
            let (kinds, data): (&[&str], Data) = match *kind {
                "A" | "AAAA" => (&[*kind], Data::Address(rest[0].parse().unwrap())),
                "CNAME" => (&["A", "AAAA", "SRV", "NAPTR"], Data::Alias(rest[0].into())),
                "SRV" => {
                    let target = rest[3].to_owned();
                    (&["SRV"], Data::Srv { priority: number(0), weight: number(1), port: number(2), target })
                }
                "NAPTR" => (
                    &["NAPTR"],
                    Data::Naptr {
                        order: number(0),
                        preference: number(1),
                        flags: rest[2].into(),
                        service: rest[3].into(),
                        replacement: rest[4].into(),
                    },
                ),
                other => panic!("{other}"),
            };
            let record = Record { ttl: Duration::from_secs(ttl.parse().unwrap()), data };
            for kind in kinds {
                zone.entry((name.to_string(), kind.to_string()))
                    .or_insert_with(Vec::new)
                    .push(record.clone());
            }
        }
        Zone(zone)
    }

    pub(crate) fn answer(&self, query: &Query) -> Answer {
        let text = query.to_string();
        let (kind, name) = text.split_once(' ').unwrap();
        match self.0.get(&(name.to_owned(), kind.to_owned())) {
            Some(records) => Answer::Records(records.clone()),
            None => Answer::Nothing { ttl: Duration::from_secs(60) },
        }
    }
}

/// Answers questions until none is open; returns them in the order they came.
pub(crate) fn serve(b: &mut Bench, zone: &Zone) -> Vec<String> {
    let mut asked = Vec::new();
    while !b.queries.is_empty() {
        let query = b.queries.remove(0);
        asked.push(query.to_string());
        let answer = zone.answer(&query);
        b.endpoint.handle(b.now, Input::Found { query, answer });
        b.drain();
    }
    asked
}

pub(crate) fn options(uri: &str) -> Request {
    Request {
        method: sip::Known::Options,
        next: Next::Uri(uri.into()),
        target: "sip:x".into(),
        from: "sip:us@192.0.2.1".into(),
        to: "sip:x".into(),
        user: None,
        headers: Vec::new(),
        body: None,
        credentials: None,
    }
}

fn ask(b: &mut Bench, uri: &str) {
    b.endpoint.request(b.now, options(uri));
    b.drain();
}

/// The hops a URI leads to when each of them fails, and what was asked on the way.
fn hops(b: &mut Bench, uri: &str, zone: &Zone) -> (Vec<String>, Vec<String>) {
    ask(b, uri);
    let (mut hops, mut asked) = (Vec::new(), serve(b, zone));
    while !b.connects.is_empty() {
        let hop = b.connects.remove(0);
        hops.push(format!("{} {}", hop.transport, hop.remote));
        b.endpoint.handle(b.now, Input::Unreachable { hop });
        b.drain();
        asked.extend(serve(b, zone));
    }
    b.tells(&["responded 503 by nobody"]);
    (hops, asked)
}

#[track_caller]
fn check(uri: &str, zone: &str, expected: &[&str]) {
    let mut b = Bench::new();
    let (hops, asked) = hops(&mut b, uri, &Zone::new(zone));
    assert_eq!(hops, expected, "{uri}: {asked:?}");
    b.is_clean();
}

const ADDRESSES: &str = "
    a.example.com A 60 192.0.2.1
    b.example.com A 60 192.0.2.2
    example.com A 60 192.0.2.9
    example.com AAAA 60 2001:db8::9
";

#[test]
fn naptr_leads_to_srv_and_srv_to_addresses() {
    let zone = "
        example.com NAPTR 60 20 10 s SIP+D2T _sip._tcp.example.com
        example.com NAPTR 60 10 20 S SIPS+D2T _sips._tcp.example.com
        example.com NAPTR 60 10 10 s SIP+D2U udp.other.example
        example.com NAPTR 60 5 5 s SIP+D2S sctp.example.com
        example.com NAPTR 60 5 5 u E2U+sip !^.*$!sip:x@y!
        udp.other.example SRV 60 20 0 5070 b.example.com
        udp.other.example SRV 60 10 0 5060 a.example.com.
        _sip._tcp.example.com SRV 60 1 0 5060 a.example.com
        _sips._tcp.example.com SRV 60 1 0 5061 b.example.com
    ";
    let zone = format!("{zone}{ADDRESSES}");
    check(
        "sip:bob@Example.COM",
        &zone,
        &["UDP 192.0.2.1:5060", "UDP 192.0.2.2:5070", "TLS 192.0.2.2:5061", "TCP 192.0.2.1:5060"],
    );
    // Only TLS will do for a sips URI.
    check("sips:bob@example.com", &zone, &["TLS 192.0.2.2:5061"]);
}

#[test]
fn a_port_or_a_transport_in_the_uri_saves_questions() {
    let mut b = Bench::new();
    let zone = Zone::new(&format!("_sip._tcp.example.com SRV 60 1 0 5080 a.example.com\n{ADDRESSES}"));
    let (found, asked) = hops(&mut b, "sip:example.com:5090", &zone);
    assert_eq!(found, ["UDP 192.0.2.9:5090", "UDP [2001:db8::9]:5090"]);
    assert_eq!(asked, ["A example.com", "AAAA example.com"]);
    let (found, asked) = hops(&mut b, "sip:example.com;transport=tcp", &zone);
    assert_eq!(found, ["TCP 192.0.2.1:5080"]);
    assert_eq!(asked, ["SRV _sip._tcp.example.com", "A a.example.com", "AAAA a.example.com"]);
}

#[test]
fn without_naptr_srv_is_asked_for_each_transport_and_without_srv_the_host() {
    let mut b = Bench::new();
    let zone = Zone::new(&format!("_sips._tcp.example.com SRV 60 1 0 5061 b.example.com\n{ADDRESSES}"));
    let (found, asked) = hops(&mut b, "sip:example.com", &zone);
    assert_eq!(found, ["TLS 192.0.2.2:5061"]);
    let services = ["SRV _sip._udp.example.com", "SRV _sip._tcp.example.com", "SRV _sips._tcp.example.com"];
    assert_eq!((asked[0].as_str(), &asked[1..4]), ("NAPTR example.com", &services.map(String::from)[..]));
    check("sip:example.com", ADDRESSES, &["UDP 192.0.2.9:5060", "UDP [2001:db8::9]:5060"]);
    check("sips:example.com", ADDRESSES, &["TLS 192.0.2.9:5061", "TLS [2001:db8::9]:5061"]);
    check("sip:nobody.example.com", ADDRESSES, &[]);
}

#[test]
fn a_service_that_is_not_offered_is_not_looked_for_elsewhere() {
    check(
        "sip:example.com;transport=tcp",
        &format!("_sip._tcp.example.com SRV 60 0 0 0 .\n{ADDRESSES}"),
        &[],
    );
}

#[test]
fn aliases_are_followed_and_circles_end() {
    let zone = "
        x.example.com CNAME 60 y.example.com
        y.example.com CNAME 60 a.example.com
        loop.example.com CNAME 60 pool.example.com
        pool.example.com CNAME 60 loop.example.com
        n.example.com NAPTR 60 1 1 s SIP+D2U n.example.com
    ";
    let zone = format!("{zone}{ADDRESSES}");
    check("sip:x.example.com:5060", &zone, &["UDP 192.0.2.1:5060"]);
    check("sip:loop.example.com", &zone, &[]);
    check("sip:n.example.com", &zone, &[]);
}

#[test]
fn garbage_is_harmless() {
    let wide: String =
        (0..200).map(|n| format!("wide.example.com A 60 10.0.{}.{}\n", n / 100, n % 100 + 1)).collect();
    let zone = format!(
        "bad.example.com NAPTR 60 1 1 s SIP+D2U ..
        bad.example.com SRV 60 1 1 5060 a.example.com
        _sip._udp.bad.example.com SRV 60 1 1 0 a.example.com
        _sip._udp.bad.example.com SRV 60 1 1 5060 a..b
        _sip._udp.bad.example.com SRV 60 1 1 5060 -!-
        _sip._tcp.bad.example.com SRV 60 1 1 5060 192.0.2.77
        _sip._tcp.bad.example.com SRV 60 1 1 5060 zero.example.com
        zero.example.com A 60 0.0.0.0
        zero.example.com A 60 239.1.1.1
        {wide}"
    );
    check("sip:bad.example.com", &zone, &["TCP 192.0.2.77:5060"]);
    let mut b = Bench::new();
    let (found, _) = hops(&mut b, "sip:wide.example.com:5060", &Zone::new(&zone));
    assert_eq!(found.len(), 32, "more records of one answer are not looked at");
    // What nobody asked is not taken.
    let query = Query { name: "a.example.com".into(), kind: Kind::A };
    let answer = Zone::new(ADDRESSES).answer(&query);
    b.endpoint.handle(b.now, Input::Found { query, answer });
    ask(&mut b, "sip:a.example.com:5060");
    assert_eq!(b.queries.len(), 2);
}

#[test]
fn answers_are_kept_for_their_time_and_absence_too() {
    let mut b = Bench::new();
    let zone = Zone::new("short.example.com A 30 192.0.2.1\nonce.example.com A 0 192.0.2.3");
    let count = |b: &mut Bench, uri: &str| hops(b, uri, &zone).1.len();
    assert_eq!(count(&mut b, "sip:short.example.com:5060"), 2);
    b.pass(Duration::from_secs(29));
    assert_eq!(count(&mut b, "sip:short.example.com:5060"), 0);
    b.pass(Duration::from_secs(1));
    assert_eq!(count(&mut b, "sip:short.example.com:5060"), 1, "its A again, its missing AAAA not");
    assert_eq!(count(&mut b, "sip:once.example.com:5060"), 2);
    assert_eq!(count(&mut b, "sip:once.example.com:5060"), 1, "no time to live is no keeping");
}

#[test]
fn one_question_is_asked_once_for_all_who_want_to_know() {
    let mut b = Bench::new();
    for _ in 0..3 {
        ask(&mut b, "sip:a.example.com:5060");
    }
    assert_eq!(b.queries.len(), 2);
    serve(&mut b, &Zone::new(ADDRESSES));
    // One hop, too, is opened once for all.
    b.opens("UDP 192.0.2.1:5060 (a.example.com)", true);
    b.sends(&["OPTIONS", "OPTIONS", "OPTIONS"]);
    b.pass(Duration::from_secs(40));
    b.sent.clear();
    b.events.clear();
    b.is_clean();
}

#[test]
fn a_failing_or_silent_dns_ends_the_search() {
    let mut b = Bench::new();
    ask(&mut b, "sip:example.com");
    let query = b.queries.remove(0);
    b.endpoint.handle(b.now, Input::Found { query, answer: Answer::Failure });
    b.drain();
    assert_eq!(b.queries.len(), 3, "a server that fails at NAPTR may know SRV");
    b.pass(Duration::from_secs(60));
    b.tells(&["responded 503 by nobody"]);
    b.is_clean();
}

#[test]
fn the_first_address_is_enough_to_begin() {
    let mut b = Bench::new();
    ask(&mut b, "sip:example.com:5060");
    let query = b.queries.remove(0);
    let answer = Zone::new(ADDRESSES).answer(&query);
    b.endpoint.handle(b.now, Input::Found { query, answer });
    b.drain();
    b.opens("UDP 192.0.2.9:5060 (example.com)", true);
    let options = b.sends(&["OPTIONS"]).remove(0);
    b.hear(&response(&options, "200 OK", "t", "", ""));
    b.tells(&["responded 200"]);
    b.is_clean();
}

#[test]
fn a_websocket_server_is_found_by_naptr() {
    let zone = format!(
        "example.com NAPTR 60 1 1 s SIPS+D2W _sips._ws.example.com\n_sips._ws.example.com SRV 60 1 1 443 a.example.com\n{ADDRESSES}"
    );
    check("sip:example.com", &zone, &["WSS 192.0.2.1:443"]);
    assert_eq!(Transport::Wss.default_port(), 443);
}
