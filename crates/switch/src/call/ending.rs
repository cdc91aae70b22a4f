//! A call's last line, everywhere it belongs.

use std::sync::Arc;
use std::time::Instant;

use flow::End;
use flow::trace::What;

use crate::book::{CallState, Record};
use crate::events::{Happening, wall_clock};
use crate::shared::Shared;

/// Writes a call's last line everywhere it belongs and moves it to the finished.
pub(super) fn close(shared: &Shared, record: &Arc<Record>, now: Instant, end: End) {
    let End { cause, by } = end;
    let duration = now.saturating_duration_since(record.timeline.began());
    record.timeline.ending();
    record.timeline.add(now, What::Ended { cause: cause.clone(), by: by.clone() });
    record.write(|about| {
        about.state = CallState::Ended { cause: cause.clone(), by: by.clone() };
        about.ended = Some(wall_clock());
    });
    metrics::counter!("offhook_calls_ended_total", "by" => by.clone()).increment(1);
    metrics::histogram!("offhook_call_seconds").record(duration.as_secs_f64());
    tracing::info!(cause, by, duration_s = format!("{:.1}", duration.as_secs_f64()), "call ended");
    shared.ends.add(now, record.id, super::cause::reason(&cause, record));
    shared.cdr.write(record);
    shared.bus.publish(record.id, Happening::Ended { cause, by, duration });
    shared.book.close(record.id);
}
