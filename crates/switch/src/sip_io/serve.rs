//! The life of one stream, whatever carries it: reads frames for the shards, writes what they send, keeps it alive.
//!
//! It ends when its peer ends it, sends what is no SIP, says nothing for too long while neither a call nor a
//! registration uses it, or does not read. Reading and writing go on beside each other.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sip::stream::{Frame, PING, PONG};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::alias::Peer;
use super::limits::Refusal;
use super::shards::{Gone, Shards};
use super::streams::{Stream, Streams};
use crate::call::run::pause;

/// A peer that takes nothing for so long is gone.
const WRITE: Duration = Duration::from_secs(10);

/// Names that one stream may lead to.
const ALIASES: usize = 4;

/// Where frames come from.
pub(super) trait Source: Send {
    /// The next frame; `None` at the end. May be dropped and called again. If `pong` is set when bytes have come, a line
    /// end alone among them answers a ping of ours.
    fn frame(&mut self, pong: &AtomicBool) -> impl Future<Output = Result<Option<Frame>, ReadError>> + Send;
}

/// Where messages go.
pub(super) trait Sink: Send {
    /// Writes all of it.
    fn write(&mut self, message: Bytes) -> impl Future<Output = Result<(), ReadError>> + Send;
}

/// Why a stream's bytes ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Frame(#[from] sip::FrameError),
    #[error(transparent)]
    WebSocket(Box<tokio_tungstenite::tungstenite::Error>),
}

/// How patient one is with a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Until the first whole message; none for a stream that we opened.
    pub(super) first: Option<Duration>,
    /// Silence after which one asks whether anybody needs it.
    pub(super) idle: Duration,
    /// Between two pings of ours; none for a stream that the peer opened, and keeps alive.
    pub(super) ping: Option<Duration>,
    /// A peer that answers pings has so long for it (RFC 5626 §4.4.1).
    pub(super) pong: Duration,
}

/// Why a stream ended.
#[derive(Debug)]
pub(super) enum End {
    /// The peer closed it, the network did, or nobody needs it.
    Ordinary,
    /// It is to be counted and told.
    Refused(Refusal, String),
}

/// Serves a stream until it ends, and takes it out of the table.
pub(super) async fn serve(
    mut source: impl Source,
    mut sink: impl Sink,
    mut stream: Stream,
    peer: Peer,
    patience: Patience,
    (streams, shards): (&Streams, &Shards),
) -> End {
    let life = Life::default();
    let (flow, id, out) = (stream.flow, stream.id, stream.out.clone());
    let end = {
        let (queue, close) = (&mut stream.queue, &mut stream.close);
        let read = async {
            let mut first = patience.first;
            let mut aliases = 0;
            loop {
                let frame = match timeout(first.unwrap_or(patience.idle), life.frame(&mut source)).await {
                    Ok(frame) => frame,
                    Err(_) if first.is_some() => {
                        return End::Refused(Refusal::Silent, "no message came".to_owned());
                    }
                    Err(_) if shards.need(flow).await => continue,
                    Err(_) => return End::Ordinary,
                };
                match frame {
                    Ok(Some(Frame::Message(bytes))) => {
                        first = None;
                        if aliases < ALIASES
                            && let Some(target) = peer.proved(&flow, &bytes)
                        {
                            aliases += 1;
                            streams.lead(&flow, id, target);
                        }
                        if shards.message(flow, bytes).await == Err(Gone) {
                            return End::Ordinary;
                        }
                    }
                    // RFC 5626 §4.4.1: a ping is answered on the spot. A peer that only pings has no room for answers.
                    Ok(Some(Frame::Ping)) => {
                        if out.try_send(Bytes::from_static(PONG)).is_err() {
                            return End::Refused(Refusal::Slow, "it pings and does not read".to_owned());
                        }
                    }
                    Ok(Some(Frame::Pong)) => {}
                    Ok(None) => return End::Ordinary,
                    Err(ReadError::Io(error)) => {
                        // Peers that do not close TLS in order end here too.
                        tracing::debug!(%error, %flow, "a SIP stream broke");
                        return End::Ordinary;
                    }
                    Err(error) => return End::Refused(Refusal::Garbage, error.to_string()),
                }
            }
        };
        let write = async {
            while let Some(message) = queue.recv().await {
                match timeout(WRITE, sink.write(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return End::Ordinary,
                    Err(_) => return End::Refused(Refusal::Slow, "it takes nothing".to_owned()),
                }
            }
            End::Ordinary
        };
        let alive = life.keep(patience, &out);
        let (read, write, alive) = (pin!(read), pin!(write), pin!(alive));
        tokio::select! {
            end = read => end,
            end = write => end,
            end = alive => end,
            closing = close => match closing {
                Ok(_) => End::Refused(Refusal::Slow, "too many messages wait for it".to_owned()),
                Err(_) => End::Ordinary,
            },
            () = shards.gone() => End::Ordinary,
        }
    };
    if streams.remove(&stream) {
        shards.closed(flow).await;
    }
    end
}

/// Signs of life.
#[derive(Debug, Default)]
struct Life {
    /// Something came since the last ping.
    heard: AtomicBool,
    /// A ping of ours waits for its answer.
    pinged: AtomicBool,
    /// The peer has answered a ping: from then on it must.
    answers: AtomicBool,
}

impl Life {
    /// The next frame but pongs: those alone do not make a stream one that somebody needs.
    async fn frame(&self, source: &mut impl Source) -> Result<Option<Frame>, ReadError> {
        loop {
            let frame = source.frame(&self.pinged).await;
            self.heard.store(true, Ordering::Relaxed);
            match frame {
                Ok(Some(Frame::Pong)) => self.answers.store(true, Ordering::Relaxed),
                other => return other,
            }
        }
    }

    /// Pings until a peer that used to answer does not. Peers that know nothing of RFC 5626 never answer and lose nothing.
    async fn keep(&self, patience: Patience, out: &mpsc::Sender<Bytes>) -> End {
        let Some(every) = patience.ping else { return std::future::pending().await };
        loop {
            // Between 80 and 100 % of the time, so that not all go at once (RFC 5626 §4.4.1).
            pause(every.mul_f64(0.8 + fastrand::f64() * 0.2)).await;
            self.heard.store(false, Ordering::Relaxed);
            self.pinged.store(true, Ordering::Relaxed);
            if out.try_send(Bytes::from_static(PING)).is_err() {
                return End::Refused(Refusal::Slow, "it does not read".to_owned());
            }
            pause(patience.pong).await;
            if self.answers.load(Ordering::Relaxed) && !self.heard.load(Ordering::Relaxed) {
                tracing::info!("the peer of a SIP stream no longer answers pings");
                return End::Ordinary;
            }
        }
    }
}
