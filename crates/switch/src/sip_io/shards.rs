//! The way from the transports to the shards.
//!
//! Each message goes to one shard; the end of a stream is told to all, and each is asked whether it needs one.

use std::sync::Arc;

use bytes::Bytes;
use sip::locate::{Answer, Query};
use sip::{Flow, Hop};
use tokio::sync::{mpsc, oneshot};

use super::handle::Inbound;

/// Messages between the transports and a shard. At 900 calls a second and 7 messages a call this is half a second.
const INBOUND: usize = 4_096;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Shards(Arc<[mpsc::Sender<Inbound>]>);

/// The shards are gone: the switch is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Shards {
    /// The way to `count` shards, and each shard's end of it.
    pub(super) fn new(count: u8) -> (Shards, Vec<mpsc::Receiver<Inbound>>) {
        let (senders, queues): (Vec<_>, Vec<_>) = (0..count.max(1)).map(|_| mpsc::channel(INBOUND)).unzip();
        (Shards(senders.into()), queues)
    }

    /// Hands a message over, when its shard has room.
    pub(super) async fn message(&self, flow: Flow, bytes: Bytes) -> Result<(), Gone> {
        let shard = self.of(&bytes);
        shard.send(Inbound::Message { flow, bytes }).await.map_err(|_| Gone)
    }

    /// Hands a datagram over, or drops it if its shard is behind: SIP over UDP repeats itself.
    pub(super) fn datagram(&self, flow: Flow, bytes: Bytes) {
        if self.of(&bytes).try_send(Inbound::Message { flow, bytes }).is_err() {
            metrics::counter!("offhook_sip_dropped_total", "why" => "shard_behind").increment(1);
        }
    }

    /// Tells all that a stream is gone.
    pub(super) async fn closed(&self, flow: Flow) {
        for shard in &*self.0 {
            // A shard is gone only when the switch is.
            let _ = shard.send(Inbound::Closed { flow }).await;
        }
    }

    /// Whether a call or a registration needs the stream, however silent it is.
    pub(super) async fn need(&self, flow: Flow) -> bool {
        for shard in &*self.0 {
            let (reply, answer) = oneshot::channel();
            if shard.send(Inbound::Idle { flow, reply }).await.is_ok() && answer.await.unwrap_or(false) {
                return true;
            }
        }
        false
    }

    /// Answers a shard that asked for a way.
    pub(super) async fn answer(&self, shard: usize, hop: Hop, flow: Option<Flow>) {
        if let Some(shard) = self.0.get(shard) {
            let _ = shard.send(Inbound::Way { hop, flow }).await;
        }
    }

    /// Answers a shard that asked DNS.
    pub(super) async fn found(&self, shard: usize, query: Query, answer: Answer) {
        if let Some(shard) = self.0.get(shard) {
            let _ = shard.send(Inbound::Found { query, answer }).await;
        }
    }

    /// Waits until they are gone.
    pub(super) async fn gone(&self) {
        match self.0.first() {
            Some(first) => first.closed().await,
            None => std::future::pending().await,
        }
    }

    /// The shard of a message.
    fn of(&self, message: &Bytes) -> &mpsc::Sender<Inbound> {
        // `new` makes from one to 255, and the number is one of theirs.
        &self.0[usize::from(sip::glance::shard(message, self.0.len() as u8))]
    }
}
