//! TwiML, the other form of a `pivot` answer: verbs in XML, one after the other.
//!
//! Read are Say, Play, Pause, Gather, Record, Dial (with Number, User, Device, Sip, Conference, Queue), Redirect, Hangup,
//! Reject, and Set with Variable.
//! Times are in seconds; addresses are seen from the document's own.

mod xml;

use std::time::Duration;

use self::xml::Element;
use super::pivot::{self, TIMEOUT};
use super::variable::CUSTOM;
use crate::ir::{
    Announced, Assign, Barge, Callee, Collect, Conference, Dial, Edges, Encoding, Expr, Fact, Feature, Fetch,
    FileFormat, Hangup, Identity, Install, Item, Lacking, Op, Outcome, Play, Pointer, Queue, Record, Repeat,
    Reply, Request, Shown, Sides, SpeechItem, Target, Template,
};
use crate::lower::{Builder, Code, Dialect, Lowered};

/// How long somebody who is dialled rings.
const RING: u64 = 30;

/// Lowers the TwiML document `text`, which came from the address `base`; `Err` says what cannot be read.
pub(crate) fn lower(text: &str, base: &str) -> Result<Lowered, String> {
    let root = xml::parse(text)?;
    if !root.name.eq_ignore_ascii_case("Response") {
        return Err(format!("expected <Response>, found <{}>", root.name));
    }
    let mut verbs = Verbs { builder: Builder::new(Dialect::Kazoo, Lacking::Fail), base };
    let entry = verbs.all(&root.children, Target::Return, &Pointer("/Response".into()));
    verbs.builder.program().entry = match entry {
        Target::Node(entry) => Some(entry),
        Target::Return | Target::Hangup => None,
    };
    Ok(verbs.builder.finish())
}

struct Verbs<'a> {
    builder: Builder,
    base: &'a str,
}

impl Verbs<'_> {
    /// Lowers from the last to the first, each before what follows it.
    fn all(&mut self, verbs: &[Element], next: Target, at: &Pointer) -> Target {
        verbs.iter().enumerate().rev().fold(next, |next, (index, verb)| {
            let at = at.child(format!("{}[{}]", verb.name, index + 1));
            self.verb(verb, next, &at)
        })
    }

    fn verb(&mut self, verb: &Element, next: Target, at: &Pointer) -> Target {
        let onward = Edges::always(next);
        match verb.name.to_ascii_lowercase().as_str() {
            "say" | "play" => match self.item(verb, at) {
                Some(item) => self.add(played(item, times(verb)), onward, at),
                None => next,
            },
            "pause" => {
                let millis = seconds(verb, "length").unwrap_or(Duration::from_secs(1)).as_millis() as u64;
                self.add(Op::Sleep(Expr::Literal(millis.into())), onward, at)
            }
            "hangup" => self.hangup(480, "normal", at),
            "reject" if verb.attribute("reason") == Some("busy") => self.hangup(486, "busy", at),
            "reject" => self.hangup(603, "rejected", at),
            "redirect" => self.ask(verb, verb.text(), at),
            "gather" => self.gather(verb, next, at),
            "record" => self.record(verb, next, at),
            "dial" => self.dial(verb, next, at),
            "set" => self.set(verb, onward, at),
            other => {
                let message = format!("the TwiML verb <{}> is not known here; it is passed over", verb.name);
                self.builder.report(Code::UnknownModule, at, message);
                self.add(Op::Residual(other.to_owned()), onward, at)
            }
        }
    }

    fn add(&mut self, op: Op, edges: Edges, at: &Pointer) -> Target {
        Target::Node(self.builder.add_with(op, edges, at))
    }

    fn hangup(&mut self, status: u16, cause: &str, at: &Pointer) -> Target {
        let hangup = Hangup { status, phrase: None, cause: cause.to_owned() };
        self.add(Op::Hangup(hangup), Edges::always(Target::Hangup), at)
    }

    fn item(&mut self, verb: &Element, at: &Pointer) -> Option<Item> {
        let text = verb.text();
        if text.is_empty() {
            self.builder.report(
                Code::MissingOption,
                at,
                format!("<{}> is empty; nothing is heard", verb.name),
            );
            return None;
        }
        if verb.name.eq_ignore_ascii_case("play") {
            return Some(Item::Sound(Template::literal(text)));
        }
        let voice = verb.attribute("voice").map(|voice| match voice {
            "man" => "male",
            "woman" | "alice" => "female",
            other => other,
        });
        let language = verb.attribute("language");
        let (voice, language) = (voice.map(Template::literal), language.map(Template::literal));
        Some(Item::Speech(SpeechItem { text: Template::literal(text), language, voice }))
    }

    /// Asks the server at `url`, or the one that this document came from, how to go on; a failure ends the call.
    fn ask(&mut self, verb: &Element, url: &str, at: &Pointer) -> Target {
        let url = if url.is_empty() { self.base } else { url };
        let get = verb.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("get"));
        let mut fields = pivot::parameters();
        for (name, value) in &mut fields {
            if name == "Digits" {
                *value = Expr::Fact(Fact::LastDigits);
            }
        }
        let encoding = match get {
            true => Encoding::Query { brackets: true },
            false => Encoding::Form { brackets: true },
        };
        let request = Request {
            method: Template::literal(if get { "GET" } else { "POST" }),
            url: Template::literal(url),
            fields,
            encoding,
            omit_empty: true,
            headers: Vec::new(),
            timeout: TIMEOUT,
            retries: 0,
        };
        let fetch = Fetch { request, reply: Reply::Program(Dialect::Kazoo), install: Install::Replace };
        self.add(Op::Fetch(fetch), Edges::always(Target::Hangup), at)
    }

    /// To the server with what was typed; on to the next verb with nothing.
    fn gather(&mut self, verb: &Element, next: Target, at: &Pointer) -> Target {
        let action = self.ask(verb, verb.attribute("action").unwrap_or_default(), at);
        let mut prompts = Vec::new();
        for (index, child) in verb.children.iter().enumerate() {
            let at = at.child(format!("{}[{}]", child.name, index + 1));
            match child.name.to_ascii_lowercase().as_str() {
                "say" | "play" => prompts.extend(self.item(child, &at)),
                "pause" => {
                    let length = seconds(child, "length").unwrap_or(Duration::from_secs(1));
                    prompts.push(Item::Silence(length));
                }
                _ => self.builder.report(
                    Code::UnknownModule,
                    &at,
                    "only Say, Play and Pause stand in <Gather>",
                ),
            }
        }
        let wait = seconds(verb, "timeout").unwrap_or(Duration::from_secs(5));
        let collect = Collect {
            max: verb.attribute("numDigits").and_then(|digits| digits.trim().parse().ok()),
            terminators: verb.attribute("finishOnKey").unwrap_or("#").to_owned(),
            ..Collect::new(prompts, wait)
        };
        let edges =
            Edges::always(action).case(Outcome::Timeout, next).case(Outcome::Key(String::new()), next);
        self.add(Op::Collect(collect), edges, at)
    }

    fn record(&mut self, verb: &Element, next: Target, at: &Pointer) -> Target {
        let after = match verb.attribute("action") {
            Some(action) => self.ask(verb, action, at),
            None => next,
        };
        let record = Record {
            name: None,
            limit: Some(seconds(verb, "maxLength").unwrap_or(Duration::from_secs(3_600))),
            silence: Some(seconds(verb, "timeout").unwrap_or(Duration::from_secs(5))),
            stop_keys: verb.attribute("finishOnKey").unwrap_or(super::media::KEYS).to_owned(),
            beep: verb.attribute("playBeep") != Some("false"),
            format: FileFormat::Wav,
            sides: Sides::Caller,
            keeping: Default::default(),
            upload: None,
            answers: true,
        };
        self.add(Op::Record(record), Edges::always(after), at)
    }

    fn dial(&mut self, verb: &Element, next: Target, at: &Pointer) -> Target {
        let after = match verb.attribute("action") {
            Some(action) => self.ask(verb, action, at),
            None => next,
        };
        let named = |name: &str| verb.children.iter().find(|child| child.name.eq_ignore_ascii_case(name));
        if let Some(room) = named("conference") {
            return self.add(Op::Conference(Box::new(conference(room))), Edges::always(after), at);
        }
        if let Some(queue) = named("queue") {
            let queue = Queue {
                id: Template::literal(queue.text()),
                priority: 0,
                timeout: None,
                service: None,
                exit_keys: None,
                wait: None,
            };
            return self.add(Op::Feature(Box::new(Feature::Queue(queue))), Edges::always(after), at);
        }
        let mut to = Vec::new();
        if !verb.text().is_empty() {
            to.push(number(verb.text()));
        }
        for child in verb.children.iter().filter(|child| !child.text().is_empty()) {
            let text = Template::literal(child.text());
            to.push(match child.name.to_ascii_lowercase().as_str() {
                "user" => Callee::User(text),
                "device" => Callee::Device(text),
                "sip" => Callee::Uri(text),
                _ => number(child.text()),
            });
        }
        if to.is_empty() {
            self.builder.report(Code::MissingOption, at, "<Dial> names nobody; it is passed over");
            return next;
        }
        let timeout = seconds(verb, "timeout").unwrap_or(Duration::from_secs(RING));
        let mut dial = Dial::new(to.into_iter().map(Into::into).collect(), timeout);
        dial.longest = seconds(verb, "timeLimit");
        if let Some(caller) = verb.attribute("callerId") {
            dial.identity =
                Identity { number: Shown::Given(Template::literal(caller)), ..Identity::default() };
        }
        self.add(Op::Dial(Box::new(dial)), Edges::always(after), at)
    }

    /// `<Set><Variable key="…" value="…"/></Set>`, which `pivot` sends as custom application variables.
    fn set(&mut self, verb: &Element, onward: Edges, at: &Pointer) -> Target {
        let assigns = verb.children.iter().filter_map(|child| {
            let name = child.attribute("key").or_else(|| child.attribute("name"))?;
            let value = child.attribute("value").unwrap_or_else(|| child.text());
            let path = vec![CUSTOM.to_owned(), name.to_owned()];
            Some(Assign { path, value: Expr::Literal(value.into()), computed: None, merge: false })
        });
        let assigns = assigns.collect();
        self.add(Op::Set(assigns), onward, at)
    }
}

/// A number inside if it is short, else one outside.
fn number(text: &str) -> Callee {
    let number = Template::literal(text);
    match text.starts_with('+') || text.len() > 6 {
        true => Callee::Trunk { name: None, number },
        false => Callee::Extension(number),
    }
}

fn conference(room: &Element) -> Conference {
    let is =
        |name: &str, word: &str| room.attribute(name).is_some_and(|value| value.eq_ignore_ascii_case(word));
    let beeps = !is("beep", "false");
    Conference {
        room: Template::literal(room.text()),
        welcome: Vec::new(),
        pins: Vec::new(),
        attempts: 1,
        moderator: false,
        muted: [is("muted", "true"); 2],
        deaf: [false; 2],
        most: room.attribute("maxParticipants").and_then(|most| most.trim().parse().ok()),
        closes: is("endConferenceOnExit", "true"),
        waits: is("startConferenceOnEnter", "false"),
        music: room.attribute("waitUrl").map(|url| Item::Sound(Template::literal(url))),
        entry: Announced::tone(beeps),
        exit: Announced::tone(beeps),
        ..Conference::default()
    }
}

fn played(item: Item, repeat: Repeat) -> Op {
    Op::Play(Play { items: vec![item], repeat, barge: Barge::None, consume: false, answers: true })
}

/// `loop`: once, so many times, or for ever with 0.
fn times(verb: &Element) -> Repeat {
    match verb.attribute("loop").and_then(|times| times.trim().parse().ok()) {
        None => Repeat::Times(1),
        Some(0) => Repeat::Forever,
        Some(times) => Repeat::Times(times),
    }
}

fn seconds(verb: &Element, name: &str) -> Option<Duration> {
    let seconds: f64 = verb.attribute(name)?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::verify;

    fn ops(text: &str) -> Vec<Op> {
        let lowered = lower(text, "http://flows.example/a").expect("TwiML");
        verify(&lowered.program).expect("a program that can run");
        lowered.program.nodes.into_iter().rev().map(|node| node.op).collect()
    }

    #[test]
    fn verbs_run_in_their_order() {
        let ops = ops("<Response><Say>Hi</Say><Pause length=\"2\"/><Reject reason=\"busy\"/></Response>");
        assert!(
            matches!(ops.as_slice(), [Op::Play(_), Op::Sleep(_), Op::Hangup(hangup)] if hangup.status == 486)
        );
    }

    #[test]
    fn defaults_are_those_of_the_document() {
        let gather = ops("<Response><Gather/></Response>");
        let [Op::Collect(collect), Op::Fetch(fetch)] = gather.as_slice() else { panic!("{gather:?}") };
        assert_eq!(
            (collect.first, collect.terminators.as_str(), collect.max),
            (Duration::from_secs(5), "#", None)
        );
        assert_eq!(fetch.request.url, Template::literal("http://flows.example/a"));
        let dial = ops("<Response><Dial callerId='5'>201<User>anna</User></Dial></Response>");
        let [Op::Dial(dial)] = dial.as_slice() else { panic!("{dial:?}") };
        assert_eq!((dial.to.len(), dial.timeout), (2, Duration::from_secs(30)));
    }

    #[test]
    fn unknown_verbs_are_told_and_other_documents_refused() {
        let lowered = lower("<Response><Fly/></Response>", "").expect("TwiML");
        assert_eq!(lowered.diagnostics.first().map(|said| said.code), Some(Code::UnknownModule));
        assert!(lower("<html></html>", "").is_err());
    }
}
