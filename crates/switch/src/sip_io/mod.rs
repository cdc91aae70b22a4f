//! SIP on real sockets: UDP and TCP transports around one [`shard`], which owns the sans-IO endpoint.
//!
//! One shard serves all; with several, the transports would choose by Call-ID and nothing else would change.

mod handle;
mod shard;
mod tcp;
mod udp;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sip::Endpoint;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use handle::Registration;
pub(crate) use handle::{Admission, Command, Invitation, Reception, ShardHandle};

use crate::address::Addresses;
use crate::call::run::pause;
use crate::error::StartError;

/// Messages between the transports and the shard. At 900 calls a second and 7 messages a call this is half a second.
const INBOUND: usize = 4_096;

/// How long the address that faces a peer is taken to stay the same.
const ROUTES: Duration = Duration::from_secs(10);

/// How the switch speaks SIP.
#[derive(Clone, Debug)]
pub struct SipConfig {
    /// The UDP socket's address; port 0 takes any.
    pub udp: Option<SocketAddr>,
    /// The TCP listener's address; port 0 takes any.
    pub tcp: Option<SocketAddr>,
    /// The digest realm.
    pub realm: String,
    /// The Server and User-Agent headers.
    pub user_agent: String,
    /// A TCP connection that says nothing for so long is closed. Phones ping every 30 s or register every few minutes.
    pub tcp_idle: Duration,
    /// TCP connections at a time.
    pub tcp_connections: usize,
    /// The transaction layer's base times.
    pub timers: sip::Timers,
}

impl Default for SipConfig {
    fn default() -> SipConfig {
        SipConfig {
            udp: Some(SocketAddr::from(([0, 0, 0, 0], 5060))),
            tcp: Some(SocketAddr::from(([0, 0, 0, 0], 5060))),
            realm: "offhook".to_owned(),
            user_agent: concat!("offhook/", env!("CARGO_PKG_VERSION")).to_owned(),
            tcp_idle: Duration::from_secs(600),
            tcp_connections: 1_000,
            timers: sip::Timers::default(),
        }
    }
}

/// SIP at work: its tasks, and where it listens.
pub(crate) struct SipIo {
    pub(crate) udp: Option<SocketAddr>,
    pub(crate) tcp: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl SipIo {
    /// Binds the sockets and starts the shard and the transports.
    pub(crate) async fn start(
        config: &SipConfig,
        addresses: &Arc<Addresses>,
        commands: mpsc::UnboundedReceiver<Command>,
        users: Vec<sip::User>,
        reception: Reception,
    ) -> Result<SipIo, StartError> {
        let (inbound, queue) = mpsc::channel(INBOUND);
        let mut io = SipIo { udp: None, tcp: None, tasks: Vec::new() };
        let mut socket = None;
        if let Some(address) = config.udp {
            let listen = |source| StartError::Listen { transport: "UDP", address, source };
            let bound = udp::bind(address).map_err(listen)?;
            let local = bound.local_addr().map_err(listen)?;
            io.udp = Some(local);
            let receive = udp::receive(bound.clone(), local, addresses.clone(), inbound.clone());
            io.tasks.push(tokio::spawn(receive));
            socket = Some(bound);
        }
        if let Some(address) = config.tcp {
            let listen = |source| StartError::Listen { transport: "TCP", address, source };
            // With any port for both, the same one is wanted: phones assume it.
            let same = match (address.port(), io.udp) {
                (0, Some(udp)) => TcpListener::bind((address.ip(), udp.port())).await.ok(),
                _ => None,
            };
            let listener = match same {
                Some(listener) => listener,
                None => TcpListener::bind(address).await.map_err(listen)?,
            };
            io.tcp = Some(listener.local_addr().map_err(listen)?);
            let limits = tcp::Limits { connections: config.tcp_connections, idle: config.tcp_idle };
            io.tasks.push(tokio::spawn(tcp::accept(listener, addresses.clone(), limits, inbound.clone())));
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
        let shard = shard::Shard::new(endpoint, socket, reception, addresses.clone());
        io.tasks.push(tokio::spawn(shard.run(queue, commands)));
        Ok(io)
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
