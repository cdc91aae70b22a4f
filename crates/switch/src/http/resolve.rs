//! Names of web servers, looked up and judged: the addresses that were judged are the ones connected to, so a name that
//! means something else a moment later gains nothing.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::guard::Guard;

/// Names looked up at a time. Each holds a thread of tokio's pool of 512, which prompts need as well.
const LOOKUPS: usize = 64;

/// Looks a name up; the port of the addresses means nothing.
pub(super) type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync>;

/// The system's resolver, without the addresses that flows may not talk to.
pub(super) struct GuardedDns {
    guard: Arc<Guard>,
    lookup: Lookup,
    room: Arc<Semaphore>,
}

impl GuardedDns {
    /// One that asks as `lookup` does, or the system.
    pub(super) fn new(guard: Arc<Guard>, lookup: Option<Lookup>) -> GuardedDns {
        let system: Lookup = Arc::new(|name| {
            Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) })
        });
        GuardedDns { guard, lookup: lookup.unwrap_or(system), room: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, lookup, room) = (self.guard.clone(), self.lookup.clone(), self.room.clone());
        Box::pin(async move {
            let permit = room.acquire_owned().await?;
            // A task of its own: a lookup that nobody waits for any more still holds its thread, and so its place.
            let found = tokio::spawn(async move {
                let _permit = permit;
                lookup(name.as_str().to_owned()).await
            });
            let (mut open, mut refused) = (Vec::new(), None);
            for address in found.await?? {
                match guard.judge(address.ip(), None) {
                    Ok(()) => open.push(address),
                    Err(why) => refused = refused.or(Some(why)),
                }
            }
            match refused.filter(|_| open.is_empty()) {
                Some(why) => Err(why.into()),
                None => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}
