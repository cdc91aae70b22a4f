//! Streams and ways on real sockets, with a test in the place of the shard.

mod tls;
mod ws;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::{Flow, Hop, Transport};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::handle::Inbound;
use super::limits::{Gate, Limits};
use super::shards::Shards;
use super::streams::Streams;
use super::tls::{Tls, TlsConfig};
use super::udp::Bound;
use super::ways::{Found, Parts, Sent, Times, Ways};
use super::{tcp, udp};
use crate::address::Addresses;

/// Longest that anything here may take on a busy machine.
const LONG: Duration = Duration::from_secs(10);

const OPTIONS: &str =
    "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP HOST;branch=z9hG4bK1PARAMS\r\nCall-ID: c\r\n\r\n";

fn any(host: &str) -> SocketAddr {
    SocketAddr::new(host.parse().expect("an address"), 0)
}

/// A switch's transports: UDP and one kind of streams at `host`, and the queue of the shard that is not there.
struct Rig {
    ways: Ways,
    queue: mpsc::Receiver<Inbound>,
}

/// What a test changes of a rig.
struct Plan {
    transport: Transport,
    times: Times,
    limits: Limits,
    tls: TlsConfig,
    origins: Vec<String>,
}

impl Rig {
    fn new(host: &str) -> Rig {
        Rig::with(host, |_| {})
    }

    fn with(host: &str, change: impl FnOnce(&mut Plan)) -> Rig {
        let (shards, mut queues) = Shards::new(1);
        let socket = Bound::new(any(host), false).expect("a socket");
        let listener = tcp::listen(any(host), false).expect("a listener");
        let mut plan = Plan {
            transport: Transport::Tcp,
            times: Times { handshake: LONG, first: LONG, idle: LONG, ping: LONG, pong: LONG },
            limits: Limits { connections: 1_000, per_peer: 1_000 },
            tls: TlsConfig::default(),
            origins: Vec::new(),
        };
        change(&mut plan);
        let ways = Ways::new(Parts {
            shards,
            streams: Streams::default(),
            gate: Gate::new(plan.limits),
            dns: crate::dns::Dns::new(&[]).unwrap(),
            addresses: Arc::new(Addresses::new(None)),
            times: plan.times,
            listening: vec![(plan.transport, listener.local_addr().expect("an address"))],
            sockets: vec![socket.clone()],
            tls: Tls::new(plan.tls).expect("certificates"),
            origins: plan.origins,
        });
        tokio::spawn(udp::receive(socket, ways.clone()));
        tokio::spawn(tcp::accept(listener, plan.transport, ways.clone()));
        Rig { ways, queue: queues.remove(0) }
    }

    /// Where streams are listened for.
    fn tcp(&self) -> SocketAddr {
        self.ways.listening[0].1
    }

    /// A phone's connection.
    fn dial(&self) -> TcpStream {
        let to = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), self.tcp().port());
        let stream = TcpStream::connect(to).expect("a connection");
        stream.set_read_timeout(Some(LONG)).expect("a limit");
        stream
    }

    async fn next(&mut self) -> Inbound {
        timeout(LONG, self.queue.recv()).await.expect("in time").expect("an input")
    }

    async fn message(&mut self) -> Flow {
        match self.next().await {
            Inbound::Message { flow, .. } => flow,
            other => panic!("expected a message, not {other:?}"),
        }
    }

    async fn closed(&mut self) -> Flow {
        match self.next().await {
            Inbound::Closed { flow } => flow,
            other => panic!("expected the end of a stream, not {other:?}"),
        }
    }

    async fn way(&mut self) -> Option<Flow> {
        match self.next().await {
            Inbound::Way { flow, .. } => flow,
            other => panic!("expected a way, not {other:?}"),
        }
    }
}

fn hop(transport: Transport, remote: SocketAddr) -> Hop {
    Hop { transport, remote, name: None }
}

fn options(host: &str, params: &str) -> String {
    OPTIONS.replace("HOST", host).replace("PARAMS", params)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_opened_once_and_named_by_the_port_where_we_listen() {
    let mut rig = Rig::new("127.0.0.1");
    let peer = tokio::net::TcpListener::bind(any("127.0.0.1")).await.expect("a listener");
    let hop = hop(Transport::Tcp, peer.local_addr().expect("an address"));
    assert_eq!(rig.ways.find(0, &hop), Found::Later);
    let again = rig.ways.find(0, &hop);
    let flow = rig.way().await.expect("a way");
    match again {
        Found::Later => assert_eq!(rig.way().await, Some(flow)),
        // It was open by then.
        found => assert_eq!(found, Found::Flow(flow)),
    }
    assert_eq!((flow.local, flow.remote), (rig.tcp(), hop.remote));
    assert_eq!(rig.ways.find(0, &hop), Found::Flow(flow), "used again");
    assert_eq!(rig.ways.send(flow, Bytes::from_static(b"hello")), Sent::Yes);
    let (mut stream, _) = peer.accept().await.expect("the connection");
    let mut text = [0; 5];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut text).await.expect("bytes");
    assert_eq!(&text, b"hello");
    drop(stream);
    assert_eq!(rig.closed().await, flow);
    assert_eq!(rig.ways.send(flow, Bytes::from_static(b"hello")), Sent::No);
    assert_eq!(rig.ways.find(0, &hop), Found::Later, "opened anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_there_is_no_way() {
    let mut rig = Rig::new("127.0.0.1");
    let gone = tokio::net::TcpListener::bind(any("127.0.0.1")).await.expect("a listener");
    let hop = hop(Transport::Tcp, gone.local_addr().expect("an address"));
    drop(gone);
    assert_eq!(rig.ways.find(0, &hop), Found::Later);
    assert_eq!(rig.way().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_goes_by_the_socket_of_its_family() {
    let rig = Rig::new("127.0.0.1");
    let four = hop(Transport::Udp, "127.0.0.1:9".parse().expect("an address"));
    let Found::Flow(flow) = rig.ways.find(0, &four) else { panic!("a way") };
    assert_eq!(flow.local, rig.ways.sockets[0].address);
    let six = hop(Transport::Udp, "[::1]:9".parse().expect("an address"));
    assert_eq!(rig.ways.find(0, &six), Found::Nowhere);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_of_ipv6_serves_both_families() {
    let mut rig = Rig::new("::");
    let port = rig.ways.sockets[0].address.port();
    for host in ["127.0.0.1", "::1"] {
        let phone = std::net::UdpSocket::bind(any(host)).expect("a socket");
        phone.set_read_timeout(Some(LONG)).expect("a limit");
        let local = phone.local_addr().expect("an address");
        phone.send_to(options("h", "").as_bytes(), (host, port)).expect("sent");
        let flow = rig.message().await;
        assert_eq!((flow.local, flow.remote), (SocketAddr::new(local.ip(), port), local));
        assert_eq!(rig.ways.send(flow, Bytes::from_static(b"back")), Sent::Yes);
        assert_eq!(phone.recv(&mut [0; 9]).expect("an answer"), 4);
        let stream = TcpStream::connect((host, rig.tcp().port())).expect("a connection");
        (&stream).write_all(options("h", "").as_bytes()).expect("sent");
        assert_eq!(rig.message().await.remote, stream.local_addr().expect("an address"));
        drop(stream);
        rig.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_may_offer_its_connection_for_requests_to_its_own_address_only() {
    let mut rig = Rig::new("127.0.0.1");
    let mut phone = rig.dial();
    let there = |host: &str| hop(Transport::Tcp, host.parse().expect("an address"));
    for (via, params) in [("127.0.0.1:5071", ";alias"), ("127.0.0.2:5072", ";alias"), ("127.0.0.1:5073", "")]
    {
        phone.write_all(options(via, params).as_bytes()).expect("sent");
        rig.message().await;
    }
    let flow =
        Flow { transport: Transport::Tcp, local: rig.tcp(), remote: phone.local_addr().expect("an address") };
    assert_eq!(rig.ways.find(0, &there("127.0.0.1:5071")), Found::Flow(flow));
    assert_eq!(rig.ways.find(0, &there("127.0.0.2:5072")), Found::Later);
    assert_eq!(rig.ways.find(0, &there("127.0.0.1:5073")), Found::Later);
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_are_answered_and_do_not_stand_for_a_first_message() {
    let mut rig = Rig::with("127.0.0.1", |plan| plan.times.first = Duration::from_millis(500));
    let mut phone = rig.dial();
    let mut pong = [0; 2];
    for _ in 0..3 {
        phone.write_all(b"\r\n\r\n").expect("sent");
        phone.read_exact(&mut pong).expect("a pong");
        assert_eq!(&pong, b"\r\n");
    }
    assert_eq!(phone.read(&mut pong).expect("the end"), 0);
    assert_eq!(rig.closed().await.remote, phone.local_addr().expect("an address"));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_a_peer_may_have_are_closed_at_once() {
    let rig = Rig::with("127.0.0.1", |plan| plan.limits.per_peer = 2);
    let mut phones = [rig.dial(), rig.dial(), rig.dial()];
    assert_eq!(phones[2].read(&mut [0; 2]).expect("the end"), 0);
    for phone in &mut phones[..2] {
        phone.write_all(b"\r\n\r\n").expect("sent");
        assert_eq!(phone.read(&mut [0; 2]).expect("a pong"), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_is_cut_off() {
    let mut rig = Rig::new("127.0.0.1");
    let mut phone = rig.dial();
    phone.write_all(options("h", "").as_bytes()).expect("sent");
    let flow = rig.message().await;
    let large = Bytes::from(vec![b'x'; 60_000]);
    // The system's buffers take some megabytes first.
    while rig.ways.send(flow, large.clone()) == Sent::Yes {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.closed().await, flow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_answered_pings_and_no_longer_does_is_gone() {
    let mut rig = Rig::with("127.0.0.1", |plan| {
        (plan.times.ping, plan.times.pong) = (Duration::from_millis(50), Duration::from_millis(200));
    });
    let peer = std::net::TcpListener::bind(any("127.0.0.1")).expect("a listener");
    let hop = hop(Transport::Tcp, peer.local_addr().expect("an address"));
    assert_eq!(rig.ways.find(0, &hop), Found::Later);
    let flow = rig.way().await.expect("a way");
    let (mut stream, _) = peer.accept().expect("the connection");
    let mut ping = [0; 4];
    stream.read_exact(&mut ping).expect("a ping");
    assert_eq!(&ping, b"\r\n\r\n");
    stream.write_all(b"\r\n").expect("a pong");
    assert_eq!(rig.closed().await, flow);
}
