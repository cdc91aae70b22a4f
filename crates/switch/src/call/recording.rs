//! Recordings of a leg: when they begin, what they are called, what of them is kept.
//!
//! The media engine writes the file; it is whole before anything here touches it. Where it goes is the spool's affair.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use audio::Rate;
use flow::ir::{Beginning, FileFormat, Keeping, Sides};
use flow::leg::Tag;
use jiff::Timestamp;

use super::CallId;
use crate::book::{Pauses, Record, RecordingState, RecordingView};
use crate::events::wall_clock;
use crate::shared::Shared;
use crate::spool::{self, Destination, End, Fleeting};

/// What of a customer's name goes into a file's.
const NAME: usize = 64;
/// The rates that all formats have, in samples a second.
const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// What a flow wants recorded.
pub(super) struct Order {
    pub(super) name: String,
    pub(super) limit: Option<Duration>,
    pub(super) silence: Option<Duration>,
    pub(super) format: FileFormat,
    pub(super) sides: Sides,
    pub(super) keys: String,
    pub(super) upload: Option<(String, String)>,
    pub(super) keeping: Keeping,
}

/// An order whose time has not come.
pub(super) struct Pending {
    pub(super) tag: Tag,
    pub(super) order: Order,
    /// It is to begin with silence in place of what is heard.
    pub(super) masked: bool,
}

/// A recording that runs.
#[derive(Clone, Debug)]
pub(crate) struct Ongoing {
    pub(crate) id: String,
    /// A shorter one is thrown away.
    pub(crate) least: Duration,
    /// It goes on in the call that its leg is transferred to.
    pub(crate) follows: bool,
    /// The flow that runs when it is over.
    pub(crate) after: Option<String>,
    /// Where it will be sent first.
    pub(crate) to: Option<String>,
    /// What keeps its file, if it is needed for a moment only.
    pub(crate) fleeting: Option<Arc<Fleeting>>,
}

/// What became of a recording that ended well.
pub(super) enum Kept {
    Yes,
    /// It is thrown away, for this reason.
    No(String),
}

impl Order {
    /// The same for the media engine. With `stereo`, both sides have a channel each.
    pub(super) fn recording(&self, path: PathBuf, stereo: bool) -> media::Recording {
        media::Recording {
            format: match self.format {
                FileFormat::Wav => media::Format::Wav,
                FileFormat::Mp3 => media::Format::Mp3 { kbps: None },
                FileFormat::Ogg => media::Format::Opus { bitrate: None },
            },
            sides: match self.sides {
                Sides::Caller => media::Sides::Heard,
                Sides::Both if stereo => media::Sides::Stereo,
                Sides::Both => media::Sides::Mixed,
            },
            limit: self.limit,
            silence: self.silence,
            keys: media::Keys::of(&self.keys),
            rate: self.keeping.rate.map(nearest),
            ..media::Recording::new(path)
        }
    }

    /// Whether its time has come. Nothing is recorded before there is audio; a recording does not make any begin.
    pub(super) fn may_begin(&self, audio: bool, answered: bool, bridged: bool) -> bool {
        audio
            && match self.keeping.from {
                Beginning::Now => true,
                Beginning::Answer => answered,
                Beginning::Bridge => bridged,
            }
    }

    /// What of it is known while it runs. One of the caller alone belongs to the flow that waits for it.
    pub(super) fn ongoing(&self, id: &str, after: Option<String>) -> Ongoing {
        let follows = self.sides == Sides::Both && !self.keeping.ends_at_transfer;
        Ongoing { id: id.to_owned(), least: self.keeping.least, follows, after, to: None, fleeting: None }
    }
}

/// The rate next to the one asked for.
fn nearest(rate: u32) -> Rate {
    Rate(RATES.into_iter().min_by_key(|known| known.abs_diff(rate)).unwrap_or(RATES[0]))
}

/// A recording's id: the customer's name as far as it can be a file's, the moment, the call's id and a number, so that no
/// recording overwrites another: calls' names come again after some time.
pub(super) fn id(name: &str, at: Timestamp, call: CallId, number: u32) -> String {
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' })
        .take(NAME)
        .collect();
    let rest = format!("{}-{call}-{number}", at.strftime("%Y%m%dT%H%M%S"));
    if clean.is_empty() { rest } else { format!("{clean}-{rest}") }
}

/// The file of a recording, in the recordings' directory.
pub(crate) fn file(id: &str, format: FileFormat) -> PathBuf {
    PathBuf::from(format!("{id}.{}", format.name()))
}

/// The media type of a recording's file, by its extension.
pub(crate) fn media_type(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Wav => "audio/wav",
        FileFormat::Mp3 => "audio/mpeg",
        // RFC 7845 §9.
        FileFormat::Ogg => "audio/ogg; codecs=opus",
    }
}

/// The format of the file of this name.
pub(crate) fn format(file: &Path) -> Option<FileFormat> {
    FileFormat::from_name(file.extension()?.to_str()?)
}

/// Notes that a recording began.
pub(super) fn begun(
    shared: &Shared,
    record: &Record,
    ongoing: Ongoing,
    at: Timestamp,
    order: Order,
) -> Ongoing {
    let mut letter = letter(record, &ongoing.id, at, order.format);
    if order.keeping.fleeting {
        let fleeting = Fleeting::new(shared.spool.clone(), &ongoing.id, record.id);
        shared.spool.begun(spool::Order { fleeting: true, ..letter });
        return Ongoing { fleeting: Some(Arc::new(fleeting)), ..ongoing };
    }
    letter.name = order.name;
    letter.notes = order.keeping.notes;
    record.add_recording(view(&letter, at));
    shared.cdr.alive(record);
    if let Some((method, url)) = order.upload {
        letter.add(Destination::Web { method, url });
    }
    let to = shared.spool.begun(letter);
    Ongoing { to, ..ongoing }
}

/// The order of a recording that begins in this call.
pub(crate) fn letter(record: &Record, id: &str, at: Timestamp, format: FileFormat) -> spool::Order {
    let about = record.summary();
    spool::Order {
        id: id.to_owned(),
        fleeting: false,
        file: file(id, format).display().to_string(),
        name: String::new(),
        calls: vec![record.id.to_string()],
        sip_call_id: about.sip_call_id,
        caller: about.caller,
        called: about.called,
        begun: at.to_string(),
        over: None,
        end: None,
        again: None,
        dropped: false,
        notes: Vec::new(),
        parcels: Vec::new(),
    }
}

/// What a call's page says of a recording that begins.
pub(crate) fn view(letter: &spool::Order, at: Timestamp) -> RecordingView {
    RecordingView {
        id: letter.id.clone(),
        file: letter.file.clone(),
        began: at,
        seconds: None,
        pauses: Pauses::default(),
        notes: letter.notes.clone(),
        state: RecordingState::Recording,
    }
}

/// What a page says of a recording that is over, and complete.
pub(crate) fn complete(view: &mut RecordingView, seconds: f64, here: &Path, to: Option<&str>) {
    view.seconds = Some(seconds);
    let here = here.join(&view.file).display().to_string();
    view.state = match to {
        Some(to) => RecordingState::Waiting { to: to.to_owned(), here },
        None => RecordingState::Saved { place: here },
    };
}

/// What a page says of a recording that broke off.
pub(crate) fn broken(view: &mut RecordingView, why: &str, here: &Path) {
    let here = here.join(&view.file).display().to_string();
    view.state = RecordingState::Failed { why: why.to_owned(), here };
}

/// A length in seconds, to the millisecond.
pub(crate) fn seconds(length: Duration) -> f64 {
    (length.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// Notes that a recording is complete; the spool sends it on its way.
pub(super) fn finished(
    shared: &Arc<Shared>,
    record: &Arc<Record>,
    ongoing: &Ongoing,
    length: Duration,
) -> Kept {
    let id = &ongoing.id;
    if ongoing.fleeting.is_some() {
        return Kept::Yes;
    }
    let seconds = seconds(length);
    record.write_recording(id, |view| view.pauses.change(None, moment()));
    if length < ongoing.least {
        let why = format!("{id} is thrown away: {seconds} s, where the least is {}", ongoing.least.as_secs());
        record.write_recording(id, |view| {
            view.seconds = Some(seconds);
            view.state = RecordingState::Discarded { why: why.clone() };
        });
        shared.spool.over(id, record.id, End::Short { seconds, why: why.clone() });
        return Kept::No(why);
    }
    metrics::counter!("offhook_recordings_total").increment(1);
    tracing::info!(recording = id, seconds, "recorded");
    record.write_recording(id, |view| complete(view, seconds, &shared.recordings_dir, ongoing.to.as_deref()));
    shared.spool.over(id, record.id, End::Complete(seconds));
    Kept::Yes
}

/// Notes that a recording broke off; what there is of it goes where it would have gone.
pub(super) fn failed(shared: &Shared, record: &Record, ongoing: &Ongoing, why: &str) {
    let id = ongoing.id.as_str();
    if ongoing.fleeting.is_some() {
        return;
    }
    record.write_recording(id, |view| {
        view.pauses.change(None, moment());
        broken(view, why, &shared.recordings_dir);
    });
    tracing::warn!(recording = id, why, "a recording failed");
    metrics::counter!("offhook_recordings_failed_total").increment(1);
    shared.spool.over(id, record.id, End::Broken(why.to_owned()));
}

/// Notes that a recording could not even begin.
pub(super) fn unbegun(shared: &Shared, record: &Record, id: &str, why: &str) {
    record.drop_recording(id);
    shared.spool.over(id, record.id, End::Discarded(why.to_owned()));
}

/// The moment, for a recording's name.
pub(super) fn moment() -> Timestamp {
    wall_clock()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customers_name_cannot_leave_the_directory() {
        let call: CallId = "00ff10".parse().unwrap();
        let at: Timestamp = "2026-03-01T10:20:30Z".parse().unwrap();
        assert_eq!(id("", at, call, 2), "20260301T102030-call-00ff10-2");
        assert_eq!(id("../../etc/passwd", at, call, 1), "______etc_passwd-20260301T102030-call-00ff10-1");
        assert_eq!(id("greeting", at, call, 1), "greeting-20260301T102030-call-00ff10-1");
    }

    #[test]
    fn a_rate_that_no_format_has_becomes_the_next_one() {
        let rates = [(8_000, 8_000), (11_025, 12_000), (16_000, 16_000), (44_100, 48_000), (1, 8_000)];
        for (asked, taken) in rates {
            assert_eq!(nearest(asked), Rate(taken), "{asked}");
        }
    }

    #[test]
    fn a_recording_waits_for_the_moment_that_its_author_names() {
        let order = |from| Order {
            name: String::new(),
            limit: None,
            silence: None,
            format: FileFormat::Wav,
            sides: Sides::Both,
            keys: String::new(),
            upload: None,
            keeping: Keeping { from, ..Keeping::default() },
        };
        let (now, answer, bridge) =
            (order(Beginning::Now), order(Beginning::Answer), order(Beginning::Bridge));
        assert!(!now.may_begin(false, false, false) && now.may_begin(true, false, false));
        assert!(!answer.may_begin(true, false, false) && answer.may_begin(true, true, false));
        assert!(!bridge.may_begin(true, true, false) && bridge.may_begin(true, true, true));
    }
}
