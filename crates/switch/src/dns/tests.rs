//! The resolver against a name server of the test's own: what comes back, what is missing, what is silent.

use std::net::{IpAddr, Ipv4Addr};

use hickory_resolver::proto::op::{Message, MessageType};
use hickory_resolver::proto::rr::Record as Wire;
use hickory_resolver::proto::rr::rdata::{A, CNAME, NAPTR, SOA, SRV};
use tokio::net::UdpSocket;

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// What the zone holds; `None` keeps silent.
fn zone(of: &str, kind: RecordType) -> Option<Vec<Wire>> {
    let record = |ttl, data| Wire::from_rdata(name(of), ttl, data);
    Some(match (of, kind) {
        ("silent.test.", _) => return None,
        ("gw.test.", RecordType::A) => vec![
            record(30, RData::A(A(Ipv4Addr::new(192, 0, 2, 1)))),
            record(60, RData::A(A(Ipv4Addr::new(192, 0, 2, 2)))),
        ],
        ("alias.test.", RecordType::A) => vec![
            record(60, RData::CNAME(CNAME(name("gw.test.")))),
            Wire::from_rdata(name("gw.test."), 30, RData::A(A(Ipv4Addr::new(192, 0, 2, 1)))),
        ],
        ("_sip._udp.test.", RecordType::SRV) => {
            vec![record(60, RData::SRV(SRV::new(10, 20, 5070, name("gw.test."))))]
        }
        ("test.", RecordType::NAPTR) => {
            let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
            let naptr = NAPTR::new(1, 2, bytes("s"), bytes("SIP+D2U"), bytes(""), name("_sip._udp.test."));
            vec![record(60, RData::NAPTR(naptr))]
        }
        _ => Vec::new(),
    })
}

/// Serves the zone; returns where.
async fn server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let mut message = Message::from_vec(&buffer[..length]).unwrap();
            let query = message.queries[0].clone();
            let asked = query.name().to_ascii().to_ascii_lowercase();
            let Some(answers) = zone(&asked, query.query_type()) else { continue };
            message.metadata.message_type = MessageType::Response;
            message.metadata.recursion_available = true;
            if asked == "broken.test." {
                message.metadata.response_code = ResponseCode::ServFail;
            } else if answers.is_empty() {
                message.metadata.response_code = ResponseCode::NXDomain;
                let soa = SOA::new(name("ns.test."), name("x.test."), 1, 2, 3, 4, 77);
                message.authorities.push(Wire::from_rdata(name("test."), 77, RData::SOA(soa)));
            }
            message.answers.extend(answers);
            socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
        }
    });
    address
}

async fn ask(kind: Kind, name: &str) -> Answer {
    let dns = Dns::new(&[server().await]).unwrap();
    dns.ask(&Query { name: name.into(), kind }).await
}

fn data(answer: Answer) -> Vec<Data> {
    let Answer::Records(records) = answer else { panic!("{answer:?}") };
    records.into_iter().map(|record| record.data).collect()
}

fn address(last: u8) -> Data {
    Data::Address(IpAddr::from([192, 0, 2, last]))
}

#[tokio::test]
async fn records_of_every_kind_come_back() {
    let answer = ask(Kind::A, "gw.test").await;
    let Answer::Records(records) = &answer else { panic!("{answer:?}") };
    assert!(records.iter().all(|record| record.ttl <= Duration::from_secs(60)));
    assert_eq!(data(answer), [address(1), address(2)]);
    let found = data(ask(Kind::A, "alias.test").await);
    assert!(found.contains(&address(1)), "{found:?}");
    let srv = Data::Srv { priority: 10, weight: 20, port: 5070, target: "gw.test.".into() };
    assert_eq!(data(ask(Kind::Srv, "_sip._udp.test").await), [srv]);
    let naptr = Data::Naptr {
        order: 1,
        preference: 2,
        flags: "s".into(),
        service: "SIP+D2U".into(),
        replacement: "_sip._udp.test.".into(),
    };
    assert_eq!(data(ask(Kind::Naptr, "test").await), [naptr]);
}

#[tokio::test]
async fn what_does_not_exist_says_for_how_long() {
    assert_eq!(ask(Kind::A, "nothing.test").await, Answer::Nothing { ttl: Duration::from_secs(77) });
}

#[tokio::test]
async fn failure_and_silence_are_failures_in_good_time() {
    let (broken, silent, bad) = tokio::join!(
        ask(Kind::A, "broken.test"),
        timeout(LIMIT * 2, ask(Kind::A, "silent.test")),
        ask(Kind::A, "..")
    );
    assert_eq!((broken, silent, bad), (Answer::Failure, Ok(Answer::Failure), Answer::Failure));
}

#[tokio::test]
async fn the_hosts_file_is_read() {
    let local = data(ask(Kind::A, "localhost").await);
    assert_eq!(local, [Data::Address(Ipv4Addr::LOCALHOST.into())]);
}
