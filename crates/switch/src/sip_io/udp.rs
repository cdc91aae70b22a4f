//! SIP over UDP: one socket, one receiving task.
//!
//! After each wake-up it takes what the socket holds, up to a batch, and hands it to the shard. Nothing is spawned a
//! packet. When the shard is behind, datagrams are dropped and counted: SIP over UDP repeats itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use sip::{Flow, Transport};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::handle::Inbound;
use crate::address::Addresses;

/// Datagrams taken per wake-up before others get their turn.
const BATCH: usize = 64;
/// Largest UDP payload there is.
const LARGEST: usize = 65_535;
/// Receive buffer asked of the system: a burst of a few thousand messages while the shard is busy.
const SOCKET_BUFFER: usize = 4 << 20;

/// A bound UDP socket for SIP.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<Arc<UdpSocket>> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
    // The system may give less; a smaller buffer only loses bursts earlier.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(Arc::new(UdpSocket::from_std(socket.into())?))
}

/// Receives until the shard is gone.
pub(super) async fn receive(
    socket: Arc<UdpSocket>,
    bound: SocketAddr,
    addresses: Arc<Addresses>,
    shard: mpsc::Sender<Inbound>,
) {
    let mut buffer = vec![0; LARGEST];
    while !shard.is_closed() {
        let readable = tokio::select! {
            readable = socket.readable() => readable,
            () = shard.closed() => return,
        };
        if let Err(error) = readable {
            tracing::warn!(%error, "the SIP UDP socket failed");
            return;
        }
        for _ in 0..BATCH {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, remote)) => {
                    // A copy of its own size: a call keeps parts of its INVITE, and must not keep a large buffer with it.
                    let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                    let remote = canonical(remote);
                    let local = SocketAddr::new(addresses.towards(remote.ip(), bound.ip()), bound.port());
                    let flow = Flow { transport: Transport::Udp, local, remote };
                    if shard.try_send(Inbound::Message { flow, bytes }).is_err() {
                        metrics::counter!("offhook_sip_dropped_total", "why" => "shard_behind").increment(1);
                    }
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
