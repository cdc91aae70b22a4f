//! SIP over UDP: the sockets, and a receiving task for each.
//!
//! After each wake-up a task takes what its socket holds, up to a batch, and hands it to the shards. Nothing is spawned a
//! packet. When a shard is behind, datagrams are dropped and counted: SIP over UDP repeats itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use sip::{Flow, Transport};
use tokio::net::UdpSocket;

use super::stun;
use super::ways::Ways;

/// Datagrams taken per wake-up before others get their turn.
const BATCH: usize = 64;
/// Largest UDP payload there is.
const LARGEST: usize = 65_535;
/// Receive buffer asked of the system: a burst of a few thousand messages while the shard is busy.
const SOCKET_BUFFER: usize = 4 << 20;

/// A bound socket.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    socket: Arc<UdpSocket>,
    /// Its address, perhaps a wildcard.
    pub(super) address: SocketAddr,
}

impl Bound {
    /// Binds a socket. An IPv6 wildcard serves IPv4 too unless it is to be `alone` in its family.
    pub(super) fn new(address: SocketAddr, alone: bool) -> std::io::Result<Bound> {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
        // The system may give less; a smaller buffer only loses bursts earlier.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        if address.is_ipv6() {
            socket.set_only_v6(alone)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let socket = Arc::new(UdpSocket::from_std(socket.into())?);
        let address = socket.local_addr()?;
        Ok(Bound { socket, address })
    }

    /// Sends a datagram, or drops it if the socket takes no more at the moment. An error is one of the way there.
    pub(super) fn send(&self, remote: SocketAddr, bytes: &[u8]) -> std::io::Result<()> {
        match self.socket.try_send_to(bytes, self.for_socket(remote)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                metrics::counter!("offhook_sip_dropped_total", "why" => "send_buffer_full").increment(1);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The peer's address in the socket's family: an IPv6 socket speaks to IPv4 peers by their mapped address.
    fn for_socket(&self, remote: SocketAddr) -> SocketAddr {
        match (self.address, remote) {
            (SocketAddr::V6(_), SocketAddr::V4(v4)) => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
            _ => remote,
        }
    }
}

/// Receives until the shards are gone.
pub(super) async fn receive(bound: Bound, ways: Ways) {
    let mut buffer = vec![0; LARGEST];
    loop {
        let readable = tokio::select! {
            readable = bound.socket.readable() => readable,
            () = ways.shards.gone() => return,
        };
        if let Err(error) = readable {
            tracing::warn!(%error, "the SIP UDP socket failed");
            return;
        }
        for _ in 0..BATCH {
            match bound.socket.try_recv_from(&mut buffer) {
                Ok((length, remote)) => {
                    let datagram = buffer.get(..length).unwrap_or_default();
                    let remote = canonical(remote);
                    if let Some(answer) = stun::answer(datagram, remote) {
                        // Lost ones are asked for again.
                        let _ = bound.send(remote, &answer);
                        continue;
                    }
                    // A copy of its own size: a call keeps parts of its INVITE, and must not keep a large buffer with it.
                    let bytes = Bytes::copy_from_slice(datagram);
                    let ip = ways.addresses.towards(remote.ip(), bound.address.ip());
                    let local = SocketAddr::new(ip, bound.address.port());
                    ways.shards.datagram(Flow { transport: Transport::Udp, local, remote }, bytes);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                // ICMP errors of earlier sends are reported here; the socket goes on.
                Err(error) => {
                    tracing::debug!(%error, "SIP UDP receive");
                    metrics::counter!("offhook_sip_dropped_total", "why" => "receive_error").increment(1);
                }
            }
        }
    }
}

/// An IPv4 peer on an IPv6 socket by its IPv4 address.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(v4.into(), address.port()),
            None => address,
        },
        IpAddr::V4(_) => address,
    }
}
