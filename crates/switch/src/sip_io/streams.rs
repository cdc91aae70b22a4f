//! The open streams: which there are, how to write to them, and what a request may use them for.
//!
//! Every shard writes to every stream. A stream is known by its flow; one that we opened, or whose peer proved to be
//! the one at an address (RFC 5923), is also known by its [`Target`]. Nothing here reads or opens a socket.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::Bytes;
use sip::{Flow, Hop, Transport};
use tokio::sync::{mpsc, oneshot};

/// Messages waiting for a peer that reads slowly; with more than this it is closed.
const OUT_QUEUE: usize = 64;

/// What requests are sent to: an address, and for TLS whom its certificate must name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) name: Option<String>,
}

impl Target {
    pub(super) fn of(hop: &Hop) -> Target {
        // Without TLS there is nothing that could tell two names at one address apart.
        let name = hop.name.as_ref().filter(|_| hop.transport.is_secure());
        Target {
            transport: hop.transport,
            remote: hop.remote,
            name: name.map(|name| name.to_ascii_lowercase()),
        }
    }
}

/// Who asked for a way: a shard, and in what words.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) shard: usize,
    pub(super) hop: Hop,
}

/// What there is for a target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// This stream.
    Open(Flow),
    /// One that is being opened; who asked will be told.
    Awaited,
    /// None: whoever was told so opens it.
    Wanted,
}

/// A stream's own end of the table.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) flow: Flow,
    /// Tells it from an earlier one with the same flow.
    pub(super) id: u64,
    /// What the shards send.
    pub(super) queue: mpsc::Receiver<Bytes>,
    /// For what the stream says itself: keep-alives.
    pub(super) out: mpsc::Sender<Bytes>,
    /// Ready when the stream is to end.
    pub(super) close: oneshot::Receiver<Closing>,
}

/// Why a stream is told to end; an error stands for its replacement by another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Closing {
    /// Its peer does not read.
    Slow,
}

#[derive(Debug)]
struct Open {
    id: u64,
    out: mpsc::Sender<Bytes>,
    close: Option<oneshot::Sender<Closing>>,
    targets: Vec<Target>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<Flow, Open>,
    targets: HashMap<Target, Flow>,
    asked: HashMap<Target, Vec<Asked>>,
    last: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<Table>);

impl Streams {
    /// A stream is there. One that was known by the same flow is gone: its peer uses the port again.
    pub(super) fn add(&self, flow: Flow) -> Stream {
        let (out, queue) = mpsc::channel(OUT_QUEUE);
        let (close, closing) = oneshot::channel();
        let mut table = crate::lock(&self.0);
        table.last += 1;
        let id = table.last;
        let open = Open { id, out: out.clone(), close: Some(close), targets: Vec::new() };
        if let Some(old) = table.open.insert(flow, open) {
            table.targets.retain(|target, _| !old.targets.contains(target));
        }
        Stream { flow, id, queue, out, close: closing }
    }

    /// The stream has ended; `false` if another took its place, so that nobody is to be told.
    pub(super) fn remove(&self, stream: &Stream) -> bool {
        let mut table = crate::lock(&self.0);
        if table.open.get(&stream.flow).is_none_or(|open| open.id != stream.id) {
            return false;
        }
        if let Some(open) = table.open.remove(&stream.flow) {
            for target in &open.targets {
                if table.targets.get(target) == Some(&stream.flow) {
                    table.targets.remove(target);
                }
            }
        }
        true
    }

    /// From now on requests to `target` may use the stream, unless there is another for it.
    pub(super) fn lead(&self, flow: &Flow, id: u64, target: Target) {
        let mut table = crate::lock(&self.0);
        let Table { open, targets, .. } = &mut *table;
        if let Some(open) = open.get_mut(flow).filter(|open| open.id == id)
            && !open.targets.contains(&target)
        {
            targets.entry(target.clone()).or_insert(*flow);
            open.targets.push(target);
        }
    }

    /// Queues bytes; `false` if there is no such stream, or its peer does not read.
    pub(super) fn send(&self, flow: &Flow, bytes: Bytes) -> bool {
        let mut table = crate::lock(&self.0);
        let Some(open) = table.open.get_mut(flow) else { return false };
        match open.out.try_send(bytes) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                if let Some(close) = open.close.take() {
                    // It may be ending by itself.
                    let _ = close.send(Closing::Slow);
                }
                false
            }
        }
    }

    /// Whether the flow is taken.
    pub(super) fn holds(&self, flow: &Flow) -> bool {
        crate::lock(&self.0).open.contains_key(flow)
    }

    /// The way to a hop.
    pub(super) fn way(&self, asked: Asked) -> Way {
        let target = Target::of(&asked.hop);
        let mut table = crate::lock(&self.0);
        if let Some(flow) = table.targets.get(&target) {
            return Way::Open(*flow);
        }
        let waiting = table.asked.entry(target).or_default();
        waiting.push(asked);
        if waiting.len() == 1 { Way::Wanted } else { Way::Awaited }
    }

    /// Those who wait for the way to a target that is open now, or cannot be opened.
    pub(super) fn answered(&self, target: &Target) -> Vec<Asked> {
        crate::lock(&self.0).asked.remove(target).unwrap_or_default()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        crate::lock(&self.0).open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(port: u16) -> Flow {
        Flow {
            transport: Transport::Tcp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([192, 0, 2, 2], port).into(),
        }
    }

    fn hop(port: u16) -> Hop {
        Hop { transport: Transport::Tcp, remote: flow(port).remote, name: Some("b.example".into()) }
    }

    fn ask(streams: &Streams, shard: usize) -> Way {
        streams.way(Asked { shard, hop: hop(5060) })
    }

    #[test]
    fn a_way_is_opened_once_for_all_who_ask_and_used_again() {
        let streams = Streams::default();
        assert_eq!(ask(&streams, 0), Way::Wanted);
        assert_eq!(ask(&streams, 1), Way::Awaited);
        let stream = streams.add(flow(5060));
        streams.lead(&stream.flow, stream.id, Target::of(&hop(5060)));
        let told = streams.answered(&Target::of(&hop(5060)));
        assert_eq!(told.iter().map(|asked| asked.shard).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(ask(&streams, 0), Way::Open(flow(5060)));
        assert!(streams.remove(&stream));
        assert_eq!(ask(&streams, 0), Way::Wanted);
    }

    #[test]
    fn a_name_counts_where_a_certificate_is_to_show_it() {
        let tls = |name: &str| Hop { transport: Transport::Tls, name: Some(name.into()), ..hop(5061) };
        assert_ne!(Target::of(&tls("a.example")), Target::of(&tls("b.example")));
        assert_eq!(Target::of(&tls("A.example")), Target::of(&tls("a.example")));
        assert_eq!(Target::of(&hop(5060)), Target::of(&Hop { name: None, ..hop(5060) }));
    }

    #[test]
    fn a_stream_that_took_a_port_again_is_not_ended_by_the_end_of_the_first() {
        let streams = Streams::default();
        let old = streams.add(flow(40_000));
        let mut new = streams.add(flow(40_000));
        assert!(!streams.remove(&old));
        assert!(streams.send(&flow(40_000), Bytes::from_static(b"x")));
        assert_eq!(new.queue.try_recv().ok(), Some(Bytes::from_static(b"x")));
        assert!(streams.remove(&new));
        assert!(!streams.send(&flow(40_000), Bytes::new()));
    }

    #[test]
    fn a_peer_that_does_not_read_is_told_to_go() {
        let streams = Streams::default();
        let mut stream = streams.add(flow(40_000));
        let sent = (0..OUT_QUEUE + 9).filter(|_| streams.send(&flow(40_000), Bytes::new())).count();
        assert_eq!(sent, OUT_QUEUE);
        assert!(matches!(stream.close.try_recv(), Ok(Closing::Slow)));
    }
}
