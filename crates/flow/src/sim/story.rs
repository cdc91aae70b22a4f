//! Tells a simulated call in sentences, with their times.

use std::{fmt::Write, time::Duration};

use jiff::Timestamp;

use super::transcript;
use crate::{
    engine::{Effect, Facts, HttpFailure, HttpReply, HttpRequest, Input},
    ir::{Callee, print},
    leg::{DialOutcome, Joining, LegCommand, LegEvent, Tag},
    trace::What,
};

/// Longest body of a request or reply that is shown, in characters.
const BODY: usize = 400;

/// Operations that show in what they do; the others have a line of their own.
const SEEN: &[&str] = &[
    "Say(",
    "Sound(",
    "Tone(",
    "Silence(",
    "Play(",
    "Noop",
    "Answer",
    "Hangup",
    "Fetch(",
    "Webhook(",
    "Subflow(",
    "Dial(",
    "Conference(",
    "Record",
    "Detect",
    "SendDigits(",
    "Echo",
];

/// The story so far.
#[derive(Debug, Default)]
pub(super) struct Story {
    text: String,
    /// Keys that were pressed and are not told yet.
    keys: Option<(Duration, String)>,
    /// Diallings that go on.
    dialling: Vec<Tag>,
    /// The body that came with the reply which is told next.
    body: String,
    flows: u32,
    recorded: Vec<String>,
    /// What is told last.
    end: Option<String>,
}

impl Story {
    /// Who calls, and when.
    pub(super) fn begin(&mut self, facts: &Facts, at: Timestamp) {
        let day = at.strftime("%Y-%m-%d %H:%M:%S UTC");
        if !facts.reference_type.is_empty() {
            let by = &facts.reference_type;
            return self.at(Duration::ZERO, &format!("The flow is set off by: {by}. It is {day}."));
        }
        let caller = match (facts.caller_name.as_str(), facts.caller_number.as_str()) {
            ("", "") => "Somebody who withholds the number".to_owned(),
            ("", number) => number.to_owned(),
            (name, number) => format!("{name} ({number})"),
        };
        let user = facts.user.iter().map(|user| format!(", the user {user},")).collect::<String>();
        self.at(Duration::ZERO, &format!("{caller}{user} calls {}. It is {day}.", facts.called_number));
    }

    /// A remark of the simulator itself.
    pub(super) fn remark(&mut self, text: &str) {
        self.under(&format!("! {text}"));
    }

    /// What other people do: `ring user ann`, `user bob answers`.
    pub(super) fn others(&mut self, now: Duration, words: &str) {
        let mut letters = words.chars();
        let sentence = match (words.strip_prefix("ring "), letters.next()) {
            (Some(who), _) => format!("It rings: {who}."),
            (None, Some(first)) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
            (None, None) => return,
        };
        self.at(now, &sentence);
    }

    /// The whole story, with its end.
    pub(super) fn finish(mut self) -> String {
        self.told();
        if let Some(end) = self.end.take() {
            let _ = writeln!(self.text, "\n{end}");
        }
        if !self.recorded.is_empty() {
            let _ = writeln!(self.text, "Recorded: {}.", self.recorded.join(", "));
        }
        self.text
    }

    /// What happens to the flow from outside.
    pub(super) fn input(&mut self, now: Duration, input: &Input) {
        match input {
            Input::Leg(tag, event) => self.event(now, *tag, event),
            Input::Http(_, reply) => self.body = body(reply),
            Input::Document(_, None) => self.at(now, "There is no such flow."),
            Input::Merge { value, .. } => {
                self.at(now, &format!("Somebody outside adds to the session data: {value}."))
            }
            Input::Start { .. } | Input::Document(_, Some(_)) | Input::Codes(..) | Input::Timeout => {}
        }
    }

    fn event(&mut self, now: Duration, tag: Tag, event: &LegEvent) {
        match event {
            LegEvent::Digit(key) => match &mut self.keys {
                Some((at, keys)) if *at == now => keys.push(*key),
                _ => {
                    self.told();
                    self.keys = Some((now, key.to_string()));
                }
            },
            LegEvent::Gone { .. } => self.at(now, "The caller hangs up."),
            LegEvent::Answered if self.dialling.contains(&tag) => {
                self.at(now, "Somebody answers and talks with the caller.");
            }
            LegEvent::Dialled { outcome, status } => {
                self.dialling.retain(|dialling| *dialling != tag);
                self.at(now, &dialled(*outcome, *status));
            }
            LegEvent::Detected(who) => self.at(now, &format!("It is made out who answered: {who:?}.")),
            LegEvent::Finished { word } => self.at(now, &format!("It is over: {word}.")),
            LegEvent::Left { how } => self.at(now, &format!("The caller leaves the room: {}.", how.word())),
            _ => {}
        }
    }

    /// What the flow does.
    pub(super) fn effect(&mut self, now: Duration, effect: &Effect, answered: bool) {
        match effect {
            Effect::Trace(what) => self.trace(now, what),
            Effect::Leg(tag, command) => {
                if let LegCommand::Dial(_) = command {
                    self.dialling.push(*tag);
                }
                if let Some(words) = asked(command, answered) {
                    self.at(now, &words);
                }
            }
            Effect::Http(_, request) => self.request(now, request),
            Effect::Document(_, id) => self.at(now, &format!("The flow looks for the flow “{id}”.")),
            Effect::Ended(_) => {}
        }
    }

    fn trace(&mut self, now: Duration, what: &What) {
        match what {
            What::Node { pointer, op } => {
                if !SEEN.iter().any(|start| op.starts_with(start)) {
                    self.under(&format!("· {op}  {pointer}"));
                }
            }
            What::Flow { dialect, document } => {
                self.flows += 1;
                // The first is what was asked for.
                if self.flows > 1 {
                    self.at(now, &format!("The call goes on with “{document}” ({dialect})."));
                }
            }
            What::Prompt { what } => self.at(now, &heard(what)),
            What::Collected { digits } if digits.is_empty() => self.at(now, "The flow has got no keys."),
            What::Collected { digits } => self.at(now, &format!("The flow has got “{digits}”.")),
            What::Http { status: 0, note, .. } => self.at(now, &format!("There is no reply: {note}.")),
            What::Http { status, latency_ms, .. } => {
                self.at(now, &format!("The server replies {status} after {latency_ms} ms."));
                let body = std::mem::take(&mut self.body);
                self.lines(&body);
            }
            What::Recorded { id, duration_ms } => {
                let length = print::time(Duration::from_millis(*duration_ms));
                self.at(now, &format!("The recording “{id}” ends after {length}."));
                self.recorded.push(format!("{id} ({length})"));
            }
            What::Note { text } => self.at(now, &format!("Note: {text}.")),
            What::Ended { cause, by } => {
                let who = match by.as_str() {
                    "caller" => "the caller hung up",
                    "flow" => "the flow ended it",
                    _ => "the server ended it",
                };
                self.end = Some(format!("The call lasted {}; {who} ({cause}).", clock(now)));
            }
            What::Digit { .. } | What::Sip { .. } | What::Media { .. } => {}
        }
    }

    fn request(&mut self, now: Duration, request: &HttpRequest) {
        let (url, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
        let how = if request.wait { "asks" } else { "tells" };
        self.at(now, &format!("The flow {how} {} {url}", request.method));
        self.fields(query);
        for (name, value) in &request.headers {
            self.under(&format!("{name}: {value}"));
        }
        let text = String::from_utf8_lossy(&request.body);
        let form = request.headers.iter().any(|(_, value)| value.starts_with("application/x-www-form"));
        if form { self.fields(&text) } else { self.lines(&cut(&text)) }
    }

    /// `a=1&b=%20`, a line each.
    fn fields(&mut self, pairs: &str) {
        for pair in pairs.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.under(&format!("{} = {}", decoded(name), decoded(value)));
        }
    }

    fn lines(&mut self, text: &str) {
        text.lines().filter(|line| !line.trim().is_empty()).for_each(|line| self.under(line));
    }

    /// Tells of the keys that were pressed.
    fn told(&mut self) {
        if let Some((at, keys)) = self.keys.take() {
            let words: Vec<String> = keys.chars().map(String::from).collect();
            self.line(Some(at), &format!("The caller presses {}.", words.join(" ")));
        }
    }

    pub(super) fn at(&mut self, now: Duration, words: &str) {
        self.told();
        self.line(Some(now), words);
    }

    fn under(&mut self, words: &str) {
        self.told();
        self.line(None, &format!("    {words}"));
    }

    fn line(&mut self, at: Option<Duration>, words: &str) {
        let at = at.map(clock).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{at:>6}  {}", words.replace(['\n', '\r'], " "));
    }
}

/// `1:02.3`
fn clock(at: Duration) -> String {
    let tenths = at.as_millis() / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

/// A prompt as the trace has it, in words.
fn heard(what: &str) -> String {
    let inside = |start: &str| what.strip_prefix(start)?.strip_suffix("\")");
    if let Some(text) = inside("Say(\"") {
        return format!("The flow says “{text}”");
    }
    if let Some(name) = inside("Sound(\"") {
        return format!("The flow plays “{name}”");
    }
    let inside = |start: &str| what.strip_prefix(start)?.strip_suffix(')');
    match (inside("Tone("), inside("Silence(")) {
        (Some(tone), _) => format!("The flow sounds a tone: {tone}."),
        (_, Some(length)) => format!("The flow is silent for {length}."),
        _ => format!("The flow plays {what}."),
    }
}

fn asked(command: &LegCommand, answered: bool) -> Option<String> {
    Some(match command {
        LegCommand::Answer => "The flow answers.".to_owned(),
        LegCommand::SendDigits { digits, .. } => format!("The flow sends the keys {digits}."),
        LegCommand::Mask(_, true) => "What is said now is not recorded.".to_owned(),
        LegCommand::Mask(_, false) => "The recording goes on.".to_owned(),
        LegCommand::Echo => "The caller hears what the caller says.".to_owned(),
        LegCommand::Dial(dial) => {
            let to: Vec<String> = dial.to.iter().map(|endpoint| callee(&endpoint.callee)).collect();
            format!("The flow calls {}, for {} at most.", to.join(" and "), print::time(dial.timeout))
        }
        LegCommand::Conference(Joining { room, .. }) => {
            let how = transcript::asked(command, answered)?;
            let rest = how.strip_prefix(&format!("join \"{room}\"")).unwrap_or_default();
            format!("The caller enters the room “{room}”{rest}.")
        }
        LegCommand::Record { name, .. } if name.is_empty() => "The flow begins to record.".to_owned(),
        LegCommand::Record { name, .. } => format!("The flow begins to record “{name}”."),
        LegCommand::Feature(_) => "The switch takes over.".to_owned(),
        LegCommand::Hangup { .. } if answered => "The flow hangs up.".to_owned(),
        LegCommand::Hangup { status, phrase, .. } => {
            let phrase = phrase.as_deref().map(|phrase| format!(" {phrase}")).unwrap_or_default();
            format!("The flow refuses the call: {status}{phrase}.")
        }
        other => format!("The flow: {}.", transcript::asked(other, answered)?),
    })
}

fn callee(to: &Callee<String>) -> String {
    match to {
        Callee::User(name) => format!("the user {name}"),
        other => other.to_string(),
    }
}

fn dialled(outcome: DialOutcome, status: u16) -> String {
    match outcome {
        DialOutcome::Answered => "The conversation is over.".to_owned(),
        DialOutcome::Busy => format!("The line is busy ({status})."),
        DialOutcome::NoAnswer => "Nobody answers in time.".to_owned(),
        DialOutcome::Rejected => format!("The call is declined ({status})."),
        DialOutcome::Unavailable => format!("Nobody can be reached there ({status})."),
        DialOutcome::Failed => format!("Calling fails ({status})."),
        DialOutcome::Cancelled => "The call is given up.".to_owned(),
    }
}

fn body(reply: &Result<HttpReply, HttpFailure>) -> String {
    reply.as_ref().map(|reply| cut(&String::from_utf8_lossy(&reply.body))).unwrap_or_default()
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(BODY).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Percent-encoding and `+` undone; what is no encoding stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = rest.clone().take(2).collect::<Vec<_>>();
        let value = std::str::from_utf8(&hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, value) {
            (b'%', Some(value)) if hex.len() == 2 => {
                bytes.push(value);
                rest.nth(1);
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
