//! The same work wanted by many at once is done once.
//!
//! Whoever comes first works, whoever comes meanwhile waits for the result.
//! If the first gives up or fails, the next in line works instead.
//! Nothing is remembered once the last of them has gone; remembering is a cache's work.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

type Flights<T> = Mutex<HashMap<String, Arc<OnceCell<T>>>>;

pub(super) struct Once<T> {
    flights: Flights<T>,
}

impl<T> Default for Once<T> {
    fn default() -> Once<T> {
        Once { flights: Mutex::default() }
    }
}

impl<T: Clone> Once<T> {
    /// The result of `work`, or of someone else's work under the same key.
    pub(super) async fn get<E, F>(&self, key: String, work: impl FnOnce() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let cell = lock(&self.flights).entry(key.clone()).or_default().clone();
        let seat = Seat { flights: &self.flights, key, cell };
        seat.cell.get_or_try_init(work).await.cloned()
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.flights).is_empty()
    }
}

/// A place in the queue; the last one to leave it takes the entry away, also when dropped in the middle.
struct Seat<'a, T> {
    flights: &'a Flights<T>,
    key: String,
    cell: Arc<OnceCell<T>>,
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut flights = lock(self.flights);
        // Clones are made under the lock only, so two are the map's and ours.
        if Arc::strong_count(&self.cell) == 2 {
            flights.remove(&self.key);
        }
    }
}

/// Nothing is left half done under this lock.
fn lock<T>(flights: &Flights<T>) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<T>>>> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}
