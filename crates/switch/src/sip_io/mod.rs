//! SIP on real sockets: transports around [`shard`]s, each of which owns a sans-IO endpoint.
//!
//! ```text
//! udp, tcp (tls, ws) ──→ shards ──→ shard ──→ ways ──→ udp, streams
//! ```
//!
//! What comes goes to a shard ([`shards`]); what a shard sends goes by [`ways`] to a socket or to one of the open
//! [`streams`], each of which is served by a task of its own ([`serve`]). [`limits`] decides who may connect.

mod alias;
mod bytestream;
mod certificate;
mod failures;
mod handle;
mod limits;
mod serve;
mod shard;
mod shards;
mod streams;
mod stun;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod udp;
mod ways;
mod ws;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sip::locate::Families;
use sip::{Endpoint, Transport};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) use failures::Failures;
pub use handle::Registration;
pub(crate) use handle::{Admission, Command, Invitation, Owner, Phone, Reception, ShardHandle};
pub use tls::{ClientCertificates, KeyFiles, TlsConfig, TlsError};

use crate::address::Addresses;
use crate::call::run::pause;
use crate::dns::Dns;
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
    /// The TLS listeners' addresses, likewise; they need a certificate.
    pub tls: Vec<SocketAddr>,
    /// The WebSocket listeners' addresses, likewise.
    pub ws: Vec<SocketAddr>,
    /// The secure WebSocket listeners' addresses, likewise; they need a certificate.
    pub wss: Vec<SocketAddr>,
    /// Certificates.
    pub certificates: TlsConfig,
    /// Pages that WebSockets may be opened from, as browsers' Origin headers name them; none for all.
    pub origins: Vec<String>,
    /// Endpoints, each on a task of its own: one is enough for some thousand calls a second.
    pub shards: u8,
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
    /// Name servers to ask for other servers; none for those of the machine.
    pub nameservers: Vec<SocketAddr>,
    /// The transaction layer's base times.
    pub timers: sip::Timers,
    /// How long a call lives without a refresh (RFC 4028); zero leaves that to the peers.
    pub session_expires: Duration,
    /// The shortest such time that is agreed to.
    pub min_se: Duration,
}

impl Default for SipConfig {
    fn default() -> SipConfig {
        let any = SocketAddr::from(([0, 0, 0, 0], 5060));
        SipConfig {
            udp: vec![any],
            tcp: vec![any],
            tls: Vec::new(),
            ws: Vec::new(),
            wss: Vec::new(),
            certificates: TlsConfig::default(),
            origins: Vec::new(),
            shards: 1,
            realm: "offhook".to_owned(),
            user_agent: concat!("offhook/", env!("CARGO_PKG_VERSION")).to_owned(),
            connections: 10_000,
            connections_per_peer: 100,
            handshake: Duration::from_secs(10),
            first_message: Duration::from_secs(30),
            idle: Duration::from_secs(600),
            ping: Duration::from_secs(30),
            nameservers: Vec::new(),
            timers: sip::Timers::default(),
            session_expires: Duration::from_secs(1800),
            min_se: Duration::from_secs(90),
        }
    }
}

/// SIP at work: its tasks, and where it listens.
pub(crate) struct SipIo {
    pub(crate) listening: Vec<(Transport, SocketAddr)>,
    tls: Arc<tls::Tls>,
    tasks: Vec<JoinHandle<()>>,
}

impl SipIo {
    /// Binds the sockets and starts the transports, and a shard for each queue of commands.
    pub(crate) async fn start(
        config: &SipConfig,
        addresses: &Arc<Addresses>,
        commands: Vec<mpsc::UnboundedReceiver<Command>>,
        users: &[sip::User],
        reception: Reception,
    ) -> Result<SipIo, StartError> {
        let mut sockets = Vec::new();
        for (address, alone) in with_company(&config.udp) {
            let bound = udp::Bound::new(address, alone);
            sockets.push(bound.map_err(|source| StartError::Listen { transport: "UDP", address, source })?);
        }
        let streams = [
            (Transport::Tcp, &config.tcp),
            (Transport::Tls, &config.tls),
            (Transport::Ws, &config.ws),
            (Transport::Wss, &config.wss),
        ];
        let mut listeners = Vec::new();
        for (transport, addresses) in streams {
            for (address, alone) in with_company(addresses) {
                // With any port for UDP and TCP, the same one is wanted: phones assume it.
                let twin = |bound: &&udp::Bound| {
                    transport == Transport::Tcp && address.port() == 0 && bound.address.ip() == address.ip()
                };
                let same = sockets.iter().find(twin).and_then(|twin| tcp::listen(twin.address, alone).ok());
                let listener = match same {
                    Some(listener) => Ok(listener),
                    None => tcp::listen(address, alone),
                };
                let listen = |source| StartError::Listen { transport: transport.name(), address, source };
                let listener = listener.map_err(listen)?;
                let bound = listener.local_addr().map_err(listen)?;
                listeners.push((transport, bound, listener));
            }
        }
        let tls = tls::Tls::new(config.certificates.clone())?;
        if tls.server().is_none() && listeners.iter().any(|(transport, ..)| transport.is_secure()) {
            return Err(TlsError::NothingToShow.into());
        }
        let (shards, queues) = shards::Shards::new(commands.len().min(255) as u8);
        let ways = ways::Ways::new(ways::Parts {
            shards,
            streams: streams::Streams::default(),
            gate: limits::Gate::new(limits::Limits {
                connections: config.connections,
                per_peer: config.connections_per_peer,
            }),
            addresses: addresses.clone(),
            dns: Dns::new(&config.nameservers)?,
            times: ways::Times {
                handshake: config.handshake,
                first: config.first_message,
                idle: config.idle,
                ping: config.ping,
                pong: PONG,
            },
            tls: tls.clone(),
            origins: config.origins.clone(),
            sockets: sockets.clone(),
            listening: listeners.iter().map(|(transport, bound, _)| (*transport, *bound)).collect(),
        });
        let listening = sockets.iter().map(|bound| (Transport::Udp, bound.address));
        let listening = listening.chain(ways.listening.iter().copied()).collect();
        let mut io = SipIo { listening, tls: tls.clone(), tasks: Vec::new() };
        if !config.certificates.certificates.is_empty() || config.certificates.ca.is_some() {
            io.tasks.push(tokio::spawn(tls.watch()));
        }
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
        for (number, (queue, commands)) in queues.into_iter().zip(commands).enumerate() {
            let mut endpoint = Endpoint::new(sip::Config {
                realm: config.realm.clone(),
                user_agent: config.user_agent.clone(),
                session_expires: config.session_expires,
                min_se: config.min_se,
                timers: config.timers,
                // The standard library's hasher keys are the system's own randomness.
                seed: RandomState::new().build_hasher().finish(),
                shard: number as u8,
                shards: config.shards,
                locate: sip::locate::Preferences { families: families(&io.listening), ..Default::default() },
                ..sip::Config::default()
            });
            endpoint.set_users(users.to_vec());
            let shard = shard::Shard::new(number, endpoint, ways.clone(), reception.clone());
            io.tasks.push(tokio::spawn(shard.run(queue, commands)));
        }
        Ok(io)
    }

    /// Where a transport is listened for first.
    pub(crate) fn address(&self, transport: Transport) -> Option<SocketAddr> {
        self.listening.iter().find(|(of, _)| *of == transport).map(|(_, address)| *address)
    }

    /// Reads the certificates again; connections there are keep theirs.
    pub(crate) fn reload_certificates(&self) {
        self.tls.reload();
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

/// The addresses that can be sent to from these.
fn families(listening: &[(Transport, SocketAddr)]) -> Families {
    let has = |v4: bool| listening.iter().any(|(_, address)| address.is_ipv4() == v4);
    let wild = listening.iter().any(|(_, address)| address.is_ipv6() && address.ip().is_unspecified());
    match (has(true) || wild, has(false)) {
        (_, false) => Families::V4,
        (false, true) => Families::V6,
        (true, true) => Families::V4First,
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
