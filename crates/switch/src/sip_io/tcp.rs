//! SIP over TCP: one task a connection, which cuts messages out of the stream and writes what the shard sends.
//!
//! Connections are limited in number; one that says nothing for too long and carries neither call nor registration is
//! closed, and so is one whose peer does not read. Answers go back on the connection that asked, for the shard knows it by its flow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sip::stream::{Frame, Framer, PONG};
use sip::{Flow, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::handle::Inbound;
use super::udp::canonical;
use crate::address::Addresses;

/// Messages waiting for a peer that reads slowly; more than this and its flow fails.
const OUT_QUEUE: usize = 64;
/// A peer that takes nothing for so long is gone.
const WRITE: Duration = Duration::from_secs(10);

/// Between two tries to accept when the system refuses.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Limits on connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time.
    pub(super) connections: usize,
    /// Silence after which one is closed.
    pub(super) idle: Duration,
}

/// Accepts until the shard is gone.
pub(super) async fn accept(
    listener: TcpListener,
    addresses: Arc<Addresses>,
    limits: Limits,
    shard: mpsc::Sender<Inbound>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shard.closed() => return,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or the peer gave up already; the former is not mended by trying again at once.
                tracing::warn!(%error, "SIP TCP accept");
                if timeout(BACK_OFF, shard.closed()).await.is_ok() {
                    return;
                }
                continue;
            }
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            metrics::counter!("offhook_sip_dropped_total", "why" => "too_many_connections").increment(1);
            continue;
        };
        let Ok(bound) = stream.local_addr().map(canonical) else { continue };
        let remote = canonical(remote);
        let ip = addresses.towards(remote.ip(), bound.ip());
        let flow = Flow { transport: Transport::Tcp, local: SocketAddr::new(ip, bound.port()), remote };
        let shard = shard.clone();
        tokio::spawn(async move {
            serve(stream, flow, limits.idle, &shard).await;
            // The shard is gone only when the switch is.
            let _ = shard.send(Inbound::Closed { flow }).await;
            drop(permit);
        });
    }
}

async fn serve(mut stream: TcpStream, flow: Flow, idle: Duration, shard: &mpsc::Sender<Inbound>) {
    // SIP messages are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let (out, mut queue) = mpsc::channel(OUT_QUEUE);
    if shard.send(Inbound::Opened { flow, out }).await.is_err() {
        return;
    }
    let mut input = Input { framer: Framer::default(), buffer: BytesMut::with_capacity(8 * 1024) };
    loop {
        tokio::select! {
            frame = timeout(idle, input.frame(&mut stream)) => match frame {
                Ok(Ok(Some(Frame::Message(bytes)))) => {
                    if shard.send(Inbound::Message { flow, bytes }).await.is_err() {
                        return;
                    }
                }
                // RFC 5626 §4.4.1: a ping is answered on the spot.
                Ok(Ok(Some(Frame::Ping))) => {
                    if !write(&mut stream, &Bytes::from_static(PONG)).await {
                        return;
                    }
                }
                Ok(Ok(None)) => return,
                Ok(Err(error)) => {
                    tracing::debug!(%error, from = %flow.remote, "a SIP TCP connection is closed");
                    return;
                }
                Err(_) if in_use(flow, shard).await => {}
                Err(_) => return,
            },
            message = queue.recv() => {
                let Some(message) = message else { return };
                if !write(&mut stream, &message).await {
                    return;
                }
            }
            () = shard.closed() => return,
        }
    }
}

/// What came on a connection and is not a whole message yet.
struct Input {
    framer: Framer,
    buffer: BytesMut,
}

/// Why a connection's input ended.
#[derive(Debug, thiserror::Error)]
enum InputError {
    #[error(transparent)]
    Read(#[from] std::io::Error),
    #[error(transparent)]
    Frame(#[from] sip::FrameError),
}

impl Input {
    /// The next whole message; `None` at the end. Bytes that do not complete one do not count as a sign of life, so that
    /// a connection cannot be held by a byte now and then. May be dropped and called again.
    async fn frame(&mut self, stream: &mut TcpStream) -> Result<Option<Frame>, InputError> {
        loop {
            if let Some(frame) = self.framer.next_frame()? {
                return Ok(Some(frame));
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
            self.framer.push(&self.buffer.split());
        }
    }
}

/// Whether a call or a registration needs the connection, however silent it is.
async fn in_use(flow: Flow, shard: &mpsc::Sender<Inbound>) -> bool {
    let (reply, answer) = oneshot::channel();
    shard.send(Inbound::Idle { flow, reply }).await.is_ok() && answer.await.unwrap_or(false)
}

async fn write(stream: &mut TcpStream, message: &Bytes) -> bool {
    matches!(timeout(WRITE, stream.write_all(message)).await, Ok(Ok(())))
}
