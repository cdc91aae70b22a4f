//! One try to get a recording to one place, and its line in the timelines of the calls that it is of.

use std::path::Path;
use std::sync::Arc;

use flow::trace::What;

use super::bucket::Store;
use super::order::{Destination, Order};
use super::web::{self, Try};
use crate::book::Record;
use crate::events::monotonic;
use crate::shared::Shared;

/// A call that the recording is of, if it can still be looked up. Names of calls come again after a restart.
pub(super) fn page(shared: &Shared, call: &str, id: &str) -> Option<Arc<Record>> {
    let record = shared.book.record(call.parse().ok()?)?;
    record.recording(id).is_some().then_some(record)
}

/// One try, which the call's timeline has a line of.
pub(super) async fn attempt(
    shared: &Shared,
    store: Option<&Store>,
    order: &Order,
    to: &Destination,
    file: &Path,
) -> Try {
    let began = monotonic();
    let (method, url, status, came) = match (to, store) {
        (Destination::Web { method, url }, _) => {
            let (status, came) = web::send(&shared.http, order, (method, url), file).await;
            (method.clone(), url.clone(), status, came)
        }
        (Destination::Bucket { key }, Some(store)) => {
            let came = store.send(key, file).await;
            let status = if matches!(came, Try::Sent(_)) { 200 } else { 0 };
            ("PUT".to_owned(), key.clone(), status, came)
        }
        (Destination::Bucket { .. }, None) => {
            return Try::Never("no bucket is configured any more".to_owned());
        }
    };
    let now = monotonic();
    let latency_ms = now.saturating_duration_since(began).as_millis() as u64;
    let note = match &came {
        Try::Sent(place) => format!("upload of a recording: {place}"),
        Try::Later(why, _) => format!("upload of a recording, to be tried again: {why}"),
        Try::Never(why) => format!("upload of a recording: {why}"),
    };
    for call in &order.calls {
        if let Some(record) = page(shared, call, &order.id) {
            let (method, url, note) = (method.clone(), url.clone(), note.clone());
            record.timeline.add(now, What::Http { method, url, status, latency_ms, note });
        }
    }
    came
}
