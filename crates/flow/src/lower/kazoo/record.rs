//! Modules that record: `record_call` in the background, `record_caller` in the foreground.

use std::time::Duration;

use serde_json::Value;

use super::media::KEYS;
use super::{Step, Walk};
use crate::ir::{
    Assign, Beginning, Edges, Expr, Fact, FileFormat, Keeping, NodeId, Op, Part, Record, Sides, Target,
    Template, Upload,
};
use crate::lower::Code;

/// How long is recorded if nothing is said.
const LIMIT: Duration = Duration::from_secs(3_600);
/// The shortest and the longest that may be said.
const LIMITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10_800));

/// The variable that pivot reports as `Recording-Url`.
pub(super) const URL: &str = "recording_url";

impl Walk<'_> {
    pub(super) fn record_call(&mut self, step: &Step<'_>) -> NodeId {
        self.record_as(step, "start")
    }

    /// `usual` is the action where none is named.
    pub(super) fn record_as(&mut self, step: &Step<'_>, usual: &str) -> NodeId {
        let action = step.data.text(&mut self.builder, "action").unwrap_or_else(|| usual.to_owned());
        match action.as_str() {
            "start" => {
                let record = Record { stop_keys: String::new(), beep: false, ..self.record(step, false) };
                self.recording(Op::RecordStart(record), step)
            }
            "stop" => self.onward(Op::RecordStop, step),
            "toggle" => {
                let record = Record { stop_keys: String::new(), beep: false, ..self.record(step, false) };
                self.recording(Op::RecordToggle(record), step)
            }
            "mask" => self.onward(Op::RecordMask(true), step),
            "unmask" => self.onward(Op::RecordMask(false), step),
            other => {
                let message = format!(
                    "unknown action `{other}`: expected `start`, `stop`, `toggle`, `mask` or `unmask`; the module is \
                     skipped"
                );
                self.report(Code::BadValue, &step.data.at("action"), message);
                self.onward(Op::Noop, step)
            }
        }
    }

    /// Any key ends it. The seed's example announces a beep, so there is one.
    pub(super) fn record_caller(&mut self, step: &Step<'_>) -> NodeId {
        let record = self.record(step, true);
        self.recording(Op::Record(record), step)
    }

    fn record(&mut self, step: &Step<'_>, answers: bool) -> Record {
        let limit = self.limit(step);
        let named = step.data.text(&mut self.builder, "format").filter(|format| !format.is_empty());
        let format = named.as_deref().map(FileFormat::from_name);
        if format == Some(None) {
            self.report(Code::BadValue, &step.data.at("format"), "expected mp3 or wav; a WAV file is made");
        }
        let format = format.flatten().unwrap_or_default();
        let name = step.data.text(&mut self.builder, "media_name").filter(|name| !name.is_empty());
        Record {
            upload: self.upload(step, format, name.as_deref()),
            name: name.map(Template::literal),
            limit: Some(limit),
            silence: None,
            stop_keys: KEYS.to_owned(),
            beep: answers,
            format,
            sides: if answers { Sides::Caller } else { Sides::Both },
            answers,
            keeping: if answers { Keeping::default() } else { self.keeping(step) },
        }
    }

    /// An hour, or 5 s to three hours.
    fn limit(&mut self, step: &Step<'_>) -> Duration {
        let (least, most) = LIMITS;
        let limit = step.data.seconds(&mut self.builder, "time_limit").unwrap_or(LIMIT);
        let taken = limit.clamp(least, most);
        if taken != limit {
            let message = format!("expected 5 to 10800 seconds; {} is taken", taken.as_secs());
            self.builder.report(Code::OutOfRange, &step.data.at("time_limit"), message);
        }
        taken
    }

    fn keeping(&mut self, step: &Step<'_>) -> Keeping {
        let builder = &mut self.builder;
        let answer = step.data.flag(builder, "record_on_answer").unwrap_or(false);
        let bridge = step.data.flag(builder, "record_on_bridge").unwrap_or(false);
        let notes = ["label", "origin"].into_iter().filter_map(|key| {
            let text = step.data.text(builder, key).filter(|text| !text.is_empty())?;
            Some((key.to_owned(), text))
        });
        let notes = notes.collect();
        let follows = step.data.flag(builder, "should_follow_transfer").unwrap_or(true);
        Keeping {
            // Whoever is connected with somebody was answered before.
            from: match (answer, bridge) {
                (_, true) => Beginning::Bridge,
                (true, false) => Beginning::Answer,
                (false, false) => Beginning::Now,
            },
            least: step.data.seconds(builder, "record_min_sec").unwrap_or_default(),
            rate: step.data.count(builder, "record_sample_rate").filter(|rate| *rate > 0),
            ends_at_transfer: !follows,
            fleeting: false,
            notes,
        }
    }

    /// `URL/call_recording_<Call-ID>.wav`, or the format's extension, or `media_name` in its place; a URL that ends in `key=`
    /// gets the file's name as that value, and a query stays behind it.
    fn upload(&mut self, step: &Step<'_>, format: FileFormat, name: Option<&str>) -> Option<Upload> {
        let url = step.data.text(&mut self.builder, "url").filter(|url| !url.is_empty())?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let message =
                format!("`{url}` cannot be sent to: expected http:// or https://; the file is kept here");
            self.report(Code::BadUrl, &step.data.at("url"), message);
            return None;
        }
        let method = step.data.text(&mut self.builder, "method").unwrap_or_else(|| "put".to_owned());
        let method = match method.to_ascii_uppercase() {
            method if method == "PUT" || method == "POST" => method,
            _ => {
                self.report(
                    Code::BadValue,
                    &step.data.at("method"),
                    format!("unknown method `{method}`: PUT is taken"),
                );
                "PUT".to_owned()
            }
        };
        let (start, query) = match url.split_once('?') {
            _ if url.ends_with('=') => (url, String::new()),
            Some((path, query)) => (format!("{}/", path.trim_end_matches('/')), format!("?{query}")),
            None => (format!("{}/", url.trim_end_matches('/')), String::new()),
        };
        let extension = format!(".{}", format.name());
        let url = match name {
            Some(name) => {
                let name = name.strip_suffix(&extension).unwrap_or(name);
                Template::literal(format!("{start}{}{extension}{query}", plain(name)))
            }
            None => Template(vec![
                Part::Literal(format!("{start}call_recording_")),
                Part::Value(Expr::Fact(Fact::SipCallId)),
                Part::Literal(format!("{extension}{query}")),
            ]),
        };
        Some(Upload { url, method })
    }

    /// The recording, and before it the note of where it will be sent.
    fn recording(&mut self, op: Op, step: &Step<'_>) -> NodeId {
        let (Op::RecordStart(Record { upload, .. })
        | Op::RecordToggle(Record { upload, .. })
        | Op::Record(Record { upload, .. })) = &op
        else {
            return self.onward(op, step);
        };
        let url = upload.as_ref().map(|upload| Expr::Template(upload.url.clone()));
        let record = self.onward(op, step);
        let Some(value) = url else { return record };
        let assign = Assign { path: vec![URL.to_owned()], value, computed: None, merge: false };
        self.add(Op::Set(vec![assign]), Edges::always(Target::Node(record)), step)
    }
}

/// A name as it may stand in a URL's path or query.
fn plain(name: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let each = |byte: u8| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(each).collect()
}

/// The id of the last recording, or undefined.
pub(super) fn last_recording(member: &str) -> Expr {
    let all = || Box::new(Expr::Fact(Fact::Recordings));
    let count = Expr::Member(all(), crate::ir::Access::Name("length".to_owned()));
    let one = Expr::Literal(Value::from(1));
    let last = Expr::Binary(crate::ir::Binary::Sub, Box::new(count), Box::new(one));
    let recording = Expr::Member(all(), crate::ir::Access::Index(Box::new(last)));
    Expr::Member(Box::new(recording), crate::ir::Access::Name(member.to_owned()))
}
