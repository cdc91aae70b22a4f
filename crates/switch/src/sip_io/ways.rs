//! The ways out: which socket or stream a flow is, and how one is opened to where there is none yet.
//!
//! Shards send by it without waiting. Opening takes place in tasks of its own, with a time limit, once for all who ask.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::ServerName;
use sip::locate::Query;
use sip::{Flow, Hop, Transport};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::alias::Peer;
use super::bytestream;
use super::limits::Gate;
use super::serve::{End, Patience, serve};
use super::shards::Shards;
use super::streams::{Asked, Stream, Streams, Target, Way};
use super::tcp;
use super::tls::Tls;
use super::udp::Bound;
use super::ws;
use crate::address::Addresses;
use crate::dns::Dns;

/// Waiting times of streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For a handshake of any kind.
    pub(super) handshake: Duration,
    /// For the first whole message on a stream that came in.
    pub(super) first: Duration,
    /// Silence after which a stream that nobody needs is closed.
    pub(super) idle: Duration,
    /// Between two pings on streams that we opened.
    pub(super) ping: Duration,
    /// For the answer to one.
    pub(super) pong: Duration,
}

impl Times {
    /// With a stream that came in.
    pub(super) fn incoming(self) -> Patience {
        Patience { first: Some(self.first.min(self.idle)), idle: self.idle, ping: None, pong: self.pong }
    }

    /// With a stream that we opened.
    fn outgoing(self) -> Patience {
        Patience { first: None, idle: self.idle, ping: Some(self.ping), pong: self.pong }
    }
}

/// See the module. A clone is another handle.
#[derive(Clone)]
pub(super) struct Ways(Arc<Parts>);

pub(super) struct Parts {
    pub(super) shards: Shards,
    pub(super) streams: Streams,
    pub(super) gate: Arc<Gate>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) dns: Dns,
    pub(super) times: Times,
    pub(super) tls: Arc<Tls>,
    /// Pages that WebSockets may be opened from; none for all.
    pub(super) origins: Vec<String>,
    /// The UDP sockets.
    pub(super) sockets: Vec<Bound>,
    /// Where streams are listened for.
    pub(super) listening: Vec<(Transport, SocketAddr)>,
}

impl std::ops::Deref for Ways {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What there is for a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This way.
    Flow(Flow),
    /// None: no socket of ours gets there.
    Nowhere,
    /// One is being opened; the shard is told.
    Later,
}

/// What became of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// They are on their way, or lost as datagrams may be.
    Yes,
    /// There is no way.
    No,
}

impl Ways {
    pub(super) fn new(parts: Parts) -> Ways {
        Ways(Arc::new(parts))
    }

    /// Sends without waiting.
    pub(super) fn send(&self, flow: Flow, bytes: Bytes) -> Sent {
        let sent = match flow.transport {
            Transport::Udp => match self.socket(&flow).map(|bound| bound.send(flow.remote, &bytes)) {
                Some(Ok(())) => true,
                Some(Err(error)) => {
                    tracing::debug!(%error, to = %flow.remote, "SIP UDP send");
                    false
                }
                None => false,
            },
            _ => self.streams.send(&flow, bytes),
        };
        if sent { Sent::Yes } else { Sent::No }
    }

    /// Finds the way to a hop, or begins to open it.
    pub(super) fn find(&self, shard: usize, hop: &Hop) -> Found {
        if hop.transport == Transport::Udp {
            let bound = best(self.sockets.iter().map(|bound| bound.address), hop.remote);
            return bound.map_or(Found::Nowhere, |bound| Found::Flow(self.flow(hop, bound)));
        }
        match self.streams.way(Asked { shard, hop: hop.clone() }) {
            Way::Open(flow) => Found::Flow(flow),
            Way::Awaited => Found::Later,
            Way::Wanted => {
                let (ways, hop) = (self.clone(), hop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = ways.open(hop) => {}
                        () = ways.shards.gone() => {}
                    }
                });
                Found::Later
            }
        }
    }

    /// Asks DNS for a shard, which is told what it says.
    pub(super) fn ask(&self, shard: usize, query: Query) {
        let ways = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                answer = ways.dns.ask(&query) => ways.shards.found(shard, query, answer).await,
                () = ways.shards.gone() => {}
            }
        });
    }

    /// Opens a stream, tells those who wait, and serves it.
    async fn open(&self, hop: Hop) {
        let source = self.listener(&hop);
        let why = match timeout(self.times.handshake, self.connect(&hop, source)).await {
            Ok(Ok(opened)) => return self.run(&hop, source, opened).await,
            Ok(Err(why)) => why,
            Err(_) => "it took too long".to_owned(),
        };
        tracing::info!(%hop, why, "cannot connect");
        self.answer(&Target::of(&hop), None).await;
    }

    /// Connects and does the handshakes that the transport has.
    async fn connect(&self, hop: &Hop, source: Option<SocketAddr>) -> Result<Opened, String> {
        let tell = |error: &dyn std::fmt::Display| error.to_string();
        let stream = tcp::connect(hop.remote, source).await.map_err(|error| tell(&error))?;
        let local = stream.local_addr().map_err(|error| tell(&error))?;
        let carrier = match hop.transport {
            Transport::Tcp => Carriage::Tcp(stream),
            Transport::Ws => Carriage::Ws(ws::connect(stream, hop).await.map_err(|error| tell(&error))?),
            Transport::Tls | Transport::Wss => {
                let stream = self.secure(stream, hop).await?;
                match hop.transport {
                    Transport::Wss => {
                        Carriage::Wss(ws::connect(stream, hop).await.map_err(|error| tell(&error))?)
                    }
                    _ => Carriage::Tls(Box::new(stream)),
                }
            }
            _ => return Err("this transport has no streams".to_owned()),
        };
        Ok(Opened { local, carrier })
    }

    async fn secure(&self, stream: TcpStream, hop: &Hop) -> Result<TlsStream<TcpStream>, String> {
        let tls = self.tls.clone();
        // The first time the system's trusted certificates are read.
        let client = tokio::task::spawn_blocking(move || tls.client());
        let client = client.await.map_err(|error| error.to_string())??;
        let name = match &hop.name {
            Some(name) => ServerName::try_from(name.clone()).map_err(|error| error.to_string())?,
            None => ServerName::from(hop.remote.ip()),
        };
        TlsConnector::from(client).connect(name, stream).await.map_err(|error| error.to_string())
    }

    /// Serves a stream that was opened, once those who wait for it are told.
    async fn run(&self, hop: &Hop, source: Option<SocketAddr>, opened: Opened) {
        let entry = self.enter(hop, source, opened.local);
        let (flow, target) = (entry.flow, Target::of(hop));
        self.streams.lead(&flow, entry.id, target.clone());
        self.answer(&target, Some(flow)).await;
        let (peer, patience, home) = (Peer::default(), self.times.outgoing(), (&self.streams, &self.shards));
        let end = match opened.carrier {
            Carriage::Tcp(stream) => {
                let (source, sink) = bytestream::split(stream);
                serve(source, sink, entry, peer, patience, home).await
            }
            Carriage::Tls(stream) => {
                let (source, sink) = bytestream::split(stream);
                serve(source, sink, entry, peer, patience, home).await
            }
            Carriage::Ws((source, sink)) => serve(source, sink, entry, peer, patience, home).await,
            Carriage::Wss((source, sink)) => serve(source, sink, entry, peer, patience, home).await,
        };
        if let End::Refused(refusal, why) = end {
            self.gate.complain(flow.remote.ip(), refusal, &why);
        }
    }

    /// Takes a new stream into the table. Its flow names the port where we listen: the peer's answers and requests reach us
    /// there when the stream is gone. If another stream has that name already, the port is the stream's own.
    fn enter(&self, hop: &Hop, source: Option<SocketAddr>, local: SocketAddr) -> Stream {
        let flow = self.flow(hop, source.unwrap_or(local));
        let flow = if self.streams.holds(&flow) { self.flow(hop, local) } else { flow };
        self.streams.add(flow)
    }

    async fn answer(&self, target: &Target, flow: Option<Flow>) {
        for asked in self.streams.answered(target) {
            self.shards.answer(asked.shard, asked.hop, flow).await;
        }
    }

    /// The flow from one of our sockets to a hop.
    fn flow(&self, hop: &Hop, bound: SocketAddr) -> Flow {
        let ip = self.addresses.towards(hop.remote.ip(), bound.ip());
        Flow { transport: hop.transport, local: SocketAddr::new(ip, bound.port()), remote: hop.remote }
    }

    /// Where we listen for the transport of a hop in its family.
    fn listener(&self, hop: &Hop) -> Option<SocketAddr> {
        let same = self.listening.iter().filter(|(transport, _)| *transport == hop.transport);
        best(same.map(|(_, address)| *address), hop.remote)
    }

    /// The UDP socket of a flow: the one of its port, and of its address where several have that.
    fn socket(&self, flow: &Flow) -> Option<&Bound> {
        let fits = |bound: &&Bound| serves(bound.address, flow.remote);
        let port = |bound: &&Bound| bound.address.port() == flow.local.port();
        let all = || self.sockets.iter().filter(fits);
        all()
            .find(|bound| bound.address == flow.local)
            .or_else(|| all().filter(port).find(|bound| bound.address.is_ipv4() == flow.remote.is_ipv4()))
            .or_else(|| all().find(port))
    }
}

/// A stream that was opened, and our end of it.
struct Opened {
    local: SocketAddr,
    carrier: Carriage,
}

/// What carries frames after all handshakes.
enum Carriage {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Ws((ws::Reader<TcpStream>, ws::Writer<TcpStream>)),
    Wss((ws::Reader<TlsStream<TcpStream>>, ws::Writer<TlsStream<TcpStream>>)),
}

/// Whether a socket bound there can send to `remote`.
fn serves(bound: SocketAddr, remote: SocketAddr) -> bool {
    bound.is_ipv4() == remote.is_ipv4() || (bound.ip().is_unspecified() && bound.is_ipv6())
}

/// The first of our sockets that can send to `remote`, one of its own family before others.
fn best(bound: impl Iterator<Item = SocketAddr> + Clone, remote: SocketAddr) -> Option<SocketAddr> {
    let same = |address: &SocketAddr| address.is_ipv4() == remote.is_ipv4();
    bound.clone().find(same).or_else(|| bound.clone().find(|address| serves(*address, remote)))
}
