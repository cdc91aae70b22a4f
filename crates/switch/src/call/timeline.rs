//! What one call lived through, written down while it lives.
//!
//! Shared by the call's task, the SIP shard (messages in short) and what outlives the call (uploads).
//! Kept packed ([`packed`]): it is written for every call, stays as long as the call lives, and is read of few.

mod packed;

use std::sync::Mutex;
use std::time::Instant;

use flow::trace::{Entry, What};

/// Entries kept; a flow that loops all day must not fill the memory. The first and the last are worth the most, and the
/// end of a call always fits because of [`ROOM_FOR_THE_END`].
const LIMIT: usize = 4_000;
/// Entries that only the last ones may use: BYE, Released, Ended.
const ROOM_FOR_THE_END: usize = 50;

/// A call's entries in order.
#[derive(Debug)]
pub(crate) struct Timeline {
    began: Instant,
    /// The call's, since the SIP shard writes here too.
    span: tracing::Span,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    bytes: Vec<u8>,
    count: usize,
    dropped: u64,
    ending: bool,
    /// How many there were when the call finished; a few may follow.
    finished: Option<usize>,
}

impl Timeline {
    pub(crate) fn new(began: Instant, span: tracing::Span) -> Timeline {
        Timeline { began, span, entries: Mutex::new(Entries::default()) }
    }

    /// Writes down `what`, and logs it at debug level.
    pub(crate) fn add(&self, now: Instant, what: What) {
        let entry = Entry::new(now.saturating_duration_since(self.began), what);
        tracing::debug!(target: "switch::trace", parent: &self.span, "{entry}");
        let mut entries = crate::lock(&self.entries);
        let limit = if entries.ending { LIMIT } else { LIMIT - ROOM_FOR_THE_END };
        if entries.count < limit {
            packed::write(&mut entries.bytes, &entry);
            entries.count += 1;
        } else {
            entries.dropped += 1;
        }
    }

    /// [`What::Note`].
    pub(crate) fn note(&self, now: Instant, text: impl Into<String>) {
        self.add(now, What::Note { text: text.into() });
    }

    /// [`What::Media`].
    pub(crate) fn media(&self, now: Instant, note: impl Into<String>) {
        self.add(now, What::Media { note: note.into() });
    }

    /// The call is ending: what comes now may use the room kept for it.
    pub(crate) fn ending(&self) {
        crate::lock(&self.entries).ending = true;
    }

    /// The call is over. How many entries it had when this was first said.
    pub(crate) fn finish(&self) -> usize {
        let mut entries = crate::lock(&self.entries);
        if entries.finished.is_none() {
            entries.bytes.shrink_to_fit();
            entries.finished = Some(entries.count);
        }
        entries.finished.unwrap_or_default()
    }

    /// All entries in the order of their time, and a note on those that found no room.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entries = crate::lock(&self.entries);
        let mut list = packed::read(&entries.bytes);
        list.sort_by_key(|entry| entry.at_ms);
        if entries.dropped > 0 {
            let at_ms = list.last().map_or(0, |last| last.at_ms);
            let text = format!("{} entries more found no room", entries.dropped);
            list.push(Entry { at_ms, what: What::Note { text } });
        }
        list
    }

    /// When the call began.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_never_stops_talking_keeps_its_beginning_and_its_end() {
        let now = Instant::now();
        let timeline = Timeline::new(now, tracing::Span::none());
        for n in 0..5_000 {
            timeline.note(now, n.to_string());
        }
        timeline.ending();
        timeline.add(now, What::Ended { cause: "hangup".into(), by: "caller".into() });
        let entries = timeline.entries();
        assert!(entries.len() <= LIMIT + 1);
        assert!(entries.iter().any(|entry| matches!(entry.what, What::Ended { .. })));
        assert!(
            matches!(&entries.last().map(|e| e.what.clone()), Some(What::Note { text }) if text.contains("1050"))
        );
    }
}
