//! TCP, below TLS and WebSockets too: listening, the handshakes of what came in, connecting.
//! What a connection does then is in `serve.rs`.

use std::net::SocketAddr;
use std::time::Duration;

use sip::{Flow, Transport};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::alias::Peer;
use super::bytestream;
use super::limits::{Permit, Refusal};
use super::serve::{End, serve};
use super::udp::canonical;
use super::ways::Ways;
use super::ws::{self, Carrier};

/// Connections that the system may hold for us until we accept them.
const BACKLOG: i32 = 1_024;

/// Between two tries to accept when the system refuses.
const BACK_OFF: Duration = Duration::from_millis(100);

/// What the system keeps sending to a peer that acknowledges nothing, before it gives the connection up.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Binds a listener. An IPv6 wildcard serves IPv4 too unless it is to be `alone` in its family.
pub(super) fn listen(address: SocketAddr, alone: bool) -> std::io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(alone)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts until the shards are gone.
pub(super) async fn accept(listener: TcpListener, transport: Transport, ways: Ways) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ways.shards.gone() => return,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or the peer gave up already; the former is not mended by trying again at once.
                tracing::warn!(%error, %transport, "SIP accept");
                if timeout(BACK_OFF, ways.shards.gone()).await.is_ok() {
                    return;
                }
                continue;
            }
        };
        let remote = canonical(remote);
        let permit = match ways.gate.admit(remote.ip()) {
            Ok(permit) => permit,
            Err(refusal) => {
                ways.gate.complain(remote.ip(), refusal, &"a limit is reached");
                continue;
            }
        };
        let Ok(bound) = stream.local_addr().map(canonical) else { continue };
        prepare(&stream);
        let local = SocketAddr::new(ways.addresses.towards(remote.ip(), bound.ip()), bound.port());
        let flow = Flow { transport, local, remote };
        let ways = ways.clone();
        tokio::spawn(async move {
            if let End::Refused(refusal, why) = incoming(stream, flow, &ways, permit).await {
                ways.gate.complain(remote.ip(), refusal, &why);
            }
        });
    }
}

/// Does the handshakes that the transport has, and serves the stream.
async fn incoming(stream: TcpStream, flow: Flow, ways: &Ways, permit: Permit) -> End {
    let handshake = async {
        if !flow.transport.is_secure() {
            return Ok(Shaken::Plain(stream));
        }
        let server = ways.tls.server().ok_or("there is no certificate")?;
        let accepted = TlsAcceptor::from(server).accept(stream).await;
        accepted.map(|stream| Shaken::Secure(Box::new(stream))).map_err(|error| error.to_string())
    };
    match timeout(ways.times.handshake, handshake).await {
        Ok(Ok(Shaken::Plain(stream))) => established(stream, flow, ways, permit, Peer::default()).await,
        Ok(Ok(Shaken::Secure(stream))) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let peer = Peer { certificate: shown.map(|certificate| certificate.clone().into_owned()) };
            established(stream, flow, ways, permit, peer).await
        }
        Ok(Err(why)) => End::Refused(Refusal::Handshake, why),
        Err(_) => End::Refused(Refusal::Handshake, "the handshake took too long".to_owned()),
    }
}

/// A stream after the handshake of TLS, if there is one.
enum Shaken {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

async fn established<S: Carrier>(stream: S, flow: Flow, ways: &Ways, mut permit: Permit, peer: Peer) -> End {
    let (patience, home) = (ways.times.incoming(), (&ways.streams, &ways.shards));
    if !matches!(flow.transport, Transport::Ws | Transport::Wss) {
        permit.established();
        let (source, sink) = bytestream::split(stream);
        return serve(source, sink, ways.streams.add(flow), peer, patience, home).await;
    }
    match timeout(ways.times.handshake, ws::accept(stream, &ways.origins)).await {
        Ok(Ok((source, sink))) => {
            permit.established();
            serve(source, sink, ways.streams.add(flow), peer, patience, home).await
        }
        Ok(Err(error)) => End::Refused(Refusal::Handshake, error.to_string()),
        Err(_) => End::Refused(Refusal::Handshake, "the handshake took too long".to_owned()),
    }
}

/// Connects from `source`, if that is a certain one of our addresses.
pub(super) async fn connect(remote: SocketAddr, source: Option<SocketAddr>) -> std::io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source.filter(|source| !source.ip().is_unspecified()) {
        socket.bind(SocketAddr::new(source.ip(), 0))?;
    }
    let stream = socket.connect(remote).await?;
    prepare(&stream);
    Ok(stream)
}

fn prepare(stream: &TcpStream) {
    // SIP messages are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    // A peer that vanished is noticed when it acknowledges nothing, whatever it knows of keep-alives.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}
