//! SIP on real sockets: transports around [`shard`]s, each of which owns a sans-IO endpoint.
//!
//! ```text
//! udp, tcp ──→ shards ──→ shard ──→ ways ──→ udp, streams
//! ```
//!
//! What comes goes to a shard ([`shards`]); what a shard sends goes by [`ways`] to a socket or to one of the open
//! [`streams`], each of which is served by a task of its own ([`serve`]). [`limits`] decides who may connect.

mod alias;
mod bytestream;
mod handle;
mod limits;
mod serve;
mod shard;
mod shards;
mod streams;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod ways;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sip::{Endpoint, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use handle::Registration;
pub(crate) use handle::{Admission, Command, Invitation, Reception, ShardHandle};

use crate::address::Addresses;
use crate::call::run::pause;
use crate::error::StartError;

/// How long the address that faces a peer is taken to stay the same.
const ROUTES: Duration = Duration::from_secs(10);

/// For the answer to a ping of ours (RFC 5626 §4.4.1).
const PONG: Duration = Duration::from_secs(10);

/// How the switch speaks SIP.
#[derive(Clone, Debug)]
pub struct SipConfig {
    /// The UDP sockets' addresses; port 0 takes any. `[::]` serves IPv4 too unless it is listed for the same port.
    pub udp: Vec<SocketAddr>,
    /// The TCP listeners' addresses, likewise.
    pub tcp: Vec<SocketAddr>,
    /// The digest realm.
    pub realm: String,
    /// The Server and User-Agent headers.
    pub user_agent: String,
    /// Connections at a time that came in.
    pub connections: usize,
    /// Of these, from one peer: an IPv4 address, or the /64 network of an IPv6 address.
    pub connections_per_peer: usize,
    /// A connection must be made, and its handshakes done, in this time.
    pub handshake: Duration,
    /// A connection that came in must bring its first whole message in this time.
    pub first_message: Duration,
    /// A connection that says nothing for so long and carries neither a call nor a registration is closed.
    /// Phones ping every 30 s or register every few minutes.
    pub idle: Duration,
    /// Between two pings on connections that we opened (RFC 5626 §4.4.1).
    pub ping: Duration,
    /// The transaction layer's base times.
    pub timers: sip::Timers,
}

impl Default for SipConfig {
    fn default() -> SipConfig {
        let any = SocketAddr::from(([0, 0, 0, 0], 5060));
        SipConfig {
            udp: vec![any],
            tcp: vec![any],
            realm: "offhook".to_owned(),
            user_agent: concat!("offhook/", env!("CARGO_PKG_VERSION")).to_owned(),
            connections: 10_000,
            connections_per_peer: 100,
            handshake: Duration::from_secs(10),
            first_message: Duration::from_secs(30),
            idle: Duration::from_secs(600),
            ping: Duration::from_secs(30),
            timers: sip::Timers::default(),
        }
    }
}

/// SIP at work: its tasks, and where it listens.
pub(crate) struct SipIo {
    pub(crate) listening: Vec<(Transport, SocketAddr)>,
    tasks: Vec<JoinHandle<()>>,
}

impl SipIo {
    /// Binds the sockets and starts the shards and the transports.
    pub(crate) async fn start(
        config: &SipConfig,
        addresses: &Arc<Addresses>,
        commands: mpsc::UnboundedReceiver<Command>,
        users: Vec<sip::User>,
        reception: Reception,
    ) -> Result<SipIo, StartError> {
        let mut sockets = Vec::new();
        for (address, alone) in with_company(&config.udp) {
            let bound = udp::Bound::new(address, alone);
            sockets.push(bound.map_err(|source| StartError::Listen { transport: "UDP", address, source })?);
        }
        let mut listeners = Vec::new();
        for (address, alone) in with_company(&config.tcp) {
            // With any port for both, the same one is wanted: phones assume it.
            let udp = sockets.iter().find(|bound| address.port() == 0 && bound.address.ip() == address.ip());
            let same = udp.and_then(|bound| tcp::listen(bound.address, alone).ok());
            let listener = match same {
                Some(listener) => Ok(listener),
                None => tcp::listen(address, alone),
            };
            let listen = |source| StartError::Listen { transport: "TCP", address, source };
            let listener = listener.map_err(listen)?;
            let bound = listener.local_addr().map_err(listen)?;
            listeners.push((Transport::Tcp, bound, listener));
        }
        let (shards, queues) = shards::Shards::new(1);
        let ways = ways::Ways::new(ways::Parts {
            shards,
            streams: streams::Streams::default(),
            gate: limits::Gate::new(limits::Limits {
                connections: config.connections,
                per_peer: config.connections_per_peer,
            }),
            addresses: addresses.clone(),
            times: ways::Times {
                handshake: config.handshake,
                first: config.first_message,
                idle: config.idle,
                ping: config.ping,
                pong: PONG,
            },
            sockets: sockets.clone(),
            listening: listeners.iter().map(|(transport, bound, _)| (*transport, *bound)).collect(),
        });
        let listening = sockets.iter().map(|bound| (Transport::Udp, bound.address));
        let listening = listening.chain(ways.listening.iter().copied()).collect();
        let mut io = SipIo { listening, tasks: Vec::new() };
        for bound in sockets {
            io.tasks.push(tokio::spawn(udp::receive(bound, ways.clone())));
        }
        for (transport, _, listener) in listeners {
            io.tasks.push(tokio::spawn(tcp::accept(listener, transport, ways.clone())));
        }
        let routes = addresses.clone();
        io.tasks.push(tokio::spawn(async move {
            loop {
                pause(ROUTES).await;
                routes.forget();
            }
        }));
        let mut endpoint = Endpoint::new(sip::Config {
            realm: config.realm.clone(),
            user_agent: config.user_agent.clone(),
            timers: config.timers,
            // The standard library's hasher keys are the system's own randomness.
            seed: RandomState::new().build_hasher().finish(),
            ..sip::Config::default()
        });
        endpoint.set_users(users);
        let shard = shard::Shard::new(0, endpoint, ways, reception);
        if let Some(queue) = queues.into_iter().next() {
            io.tasks.push(tokio::spawn(shard.run(queue, commands)));
        }
        Ok(io)
    }

    /// Where a transport is listened for first.
    pub(crate) fn address(&self, transport: Transport) -> Option<SocketAddr> {
        self.listening.iter().find(|(of, _)| *of == transport).map(|(_, address)| *address)
    }

    /// Ends the tasks at once; what was to be said must have been said.
    pub(crate) fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Drop for SipIo {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Addresses, each with whether it must leave IPv4 to another of the same port.
fn with_company(addresses: &[SocketAddr]) -> impl Iterator<Item = (SocketAddr, bool)> {
    let alone = |address: &SocketAddr| {
        let rival = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
        !address.ip().is_unspecified() || addresses.iter().any(rival)
    };
    addresses.iter().map(move |address| (*address, alone(address)))
}
