//! SIP over UDP: the sockets, and a receiving task for each.
//!
//! After each wake-up a task takes what its socket holds, many datagrams a system call, and hands it to the shards. A shard's
//! [`Outbox`] sends likewise. Nothing is spawned a packet. When a shard is behind, datagrams are dropped and counted: SIP over UDP repeats itself.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::Bytes;
use media::datagrams::{self, Inbox};
use sip::{Flow, Input, Transport};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::stun;
use super::ways::Ways;

/// System calls per wake-up before others get their turn.
const CALLS: usize = 4;
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
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                full(1);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Sends datagrams in order. What the socket does not take at the moment is dropped and counted.
    fn send_all(&self, mail: &mut Vec<(Flow, Bytes)>, failed: &mut Vec<Input>) {
        let mut rest = mail.as_slice();
        while let Some((first, others)) = rest.split_first() {
            let sent = self.socket.try_io(Interest::WRITABLE, || {
                datagrams::send(self.socket.as_fd(), rest, |(flow, bytes)| {
                    (self.for_socket(flow.remote), bytes)
                })
            });
            match sent {
                // None is not what the system says without an error.
                Ok(sent) => rest = rest.get(sent.max(1)..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    full(rest.len());
                    break;
                }
                Err(error) => {
                    tracing::debug!(%error, to = %first.0.remote, "SIP UDP send");
                    failed.push(Input::TransmitFailed { flow: first.0 });
                    rest = others;
                }
            }
        }
        mail.clear();
    }

    /// The peer's address in the socket's family: an IPv6 socket speaks to IPv4 peers by their mapped address.
    fn for_socket(&self, remote: SocketAddr) -> SocketAddr {
        match (self.address, remote) {
            (SocketAddr::V6(_), SocketAddr::V4(v4)) => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
            _ => remote,
        }
    }
}

/// Counts datagrams that a socket did not take.
fn full(datagrams: usize) {
    metrics::counter!("offhook_sip_dropped_total", "why" => "send_buffer_full").increment(datagrams as u64);
}

/// What a shard has to send by each socket, in order, until it is [`Outbox::flush`]ed or a socket's part is full.
#[derive(Debug, Default)]
pub(super) struct Outbox(Vec<(Bound, Vec<(Flow, Bytes)>)>);

impl Outbox {
    /// For these sockets.
    pub(super) fn new(sockets: &[Bound]) -> Outbox {
        Outbox(sockets.iter().map(|bound| (bound.clone(), Vec::with_capacity(datagrams::BATCH))).collect())
    }

    /// Puts a datagram behind the others of its socket. What met an error goes to `failed`.
    pub(super) fn push(&mut self, bound: &Bound, flow: Flow, bytes: Bytes, failed: &mut Vec<Input>) {
        let part = self.0.iter_mut().find(|(socket, _)| socket.address == bound.address);
        let Some((bound, mail)) = part else { return };
        mail.push((flow, bytes));
        if mail.len() == datagrams::BATCH {
            bound.send_all(mail, failed);
        }
    }

    /// Sends what there is, and says whether something failed.
    pub(super) fn flush(&mut self, failed: &mut Vec<Input>) -> bool {
        for (bound, mail) in &mut self.0 {
            if !mail.is_empty() {
                bound.send_all(mail, failed);
            }
        }
        !failed.is_empty()
    }
}

/// Receives until the shards are gone.
pub(super) async fn receive(bound: Bound, ways: Ways) {
    let mut inbox = Inbox::new();
    loop {
        let readable = tokio::select! {
            readable = bound.socket.readable() => readable,
            () = ways.shards.gone() => return,
        };
        if let Err(error) = readable {
            tracing::warn!(%error, "the SIP UDP socket failed");
            return;
        }
        for _ in 0..CALLS {
            let socket = &bound.socket;
            match socket.try_io(Interest::READABLE, || inbox.receive(socket.as_fd())) {
                Ok(_) => inbox.iter().for_each(|(remote, datagram)| take(&bound, &ways, remote, datagram)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // ICMP errors of earlier sends are reported here; the socket goes on.
                Err(error) => {
                    tracing::debug!(%error, "SIP UDP receive");
                    metrics::counter!("offhook_sip_dropped_total", "why" => "receive_error").increment(1);
                }
            }
        }
    }
}

/// Hands a datagram to its shard, or answers it if it is for STUN.
fn take(bound: &Bound, ways: &Ways, remote: SocketAddr, datagram: &[u8]) {
    let remote = canonical(remote);
    if let Some(answer) = stun::answer(datagram, remote) {
        // Lost ones are asked for again.
        let _ = bound.send(remote, &answer);
        return;
    }
    // A copy of its own size: a call keeps parts of its INVITE, and must not keep a large buffer with it.
    let bytes = Bytes::copy_from_slice(datagram);
    let ip = ways.addresses.towards(remote.ip(), bound.address.ip());
    let local = SocketAddr::new(ip, bound.address.port());
    ways.shards.datagram(Flow { transport: Transport::Udp, local, remote }, bytes);
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
