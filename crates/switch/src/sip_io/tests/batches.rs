//! Bursts of datagrams: all of them come, and answers leave in order.

use std::net::UdpSocket;

use super::*;
use crate::sip_io::udp::Outbox;

/// More than one system call takes.
const EACH: usize = 25;

async fn burst(host: &str, from: &str) {
    let mut rig = Rig::new(host);
    let port = rig.ways.sockets[0].address.port();
    let phones: Vec<UdpSocket> = (0..4).map(|_| UdpSocket::bind(any(from)).expect("a socket")).collect();
    for number in 0..EACH {
        for phone in &phones {
            let text = options("h", &format!(";n={number}"));
            phone.send_to(text.as_bytes(), (from, port)).expect("sent");
        }
    }
    let mut outbox = Outbox::new(&rig.ways.sockets);
    let mut failed = Vec::new();
    for _ in 0..EACH * phones.len() {
        let Inbound::Message { flow, bytes } = rig.next().await else { panic!("a message") };
        let bound = rig.ways.socket(&flow).expect("a socket");
        outbox.push(bound, flow, bytes, &mut failed);
    }
    assert!(!outbox.flush(&mut failed), "{failed:?}");
    let mut answer = [0; 500];
    for phone in &phones {
        phone.set_read_timeout(Some(LONG)).expect("a limit");
        for number in 0..EACH {
            let length = phone.recv(&mut answer).expect("an answer");
            assert_eq!(&answer[..length], options("h", &format!(";n={number}")).as_bytes());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_from_several_peers_is_received_whole_and_answered_in_order() {
    for (host, from) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1"), ("::", "::1")] {
        burst(host, from).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_that_cannot_go_fails_its_flow_and_no_other() {
    let rig = Rig::new("127.0.0.1");
    let phone = UdpSocket::bind(any("127.0.0.1")).expect("a socket");
    phone.set_read_timeout(Some(LONG)).expect("a limit");
    let Found::Flow(flow) = rig.ways.find(0, &hop(Transport::Udp, phone.local_addr().expect("an address")))
    else {
        panic!("a way")
    };
    let mut outbox = Outbox::new(&rig.ways.sockets);
    let mut failed = Vec::new();
    // Nothing larger than 65,507 bytes goes over IPv4.
    for bytes in [Bytes::from_static(b"one"), vec![0; 65_600].into(), Bytes::from_static(b"two")] {
        outbox.push(&rig.ways.sockets[0], flow, bytes, &mut failed);
    }
    assert!(outbox.flush(&mut failed));
    assert!(matches!(failed[..], [sip::Input::TransmitFailed { flow: of }] if of == flow), "{failed:?}");
    for word in [b"one", b"two"] {
        let mut got = [0; 9];
        assert_eq!(phone.recv(&mut got).expect("a datagram"), 3);
        assert_eq!(&got[..3], word);
    }
}
