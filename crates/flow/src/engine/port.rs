//! What a machine and its running action share: the call's state, what arrived, what is to be done.
//!
//! The machine writes inputs into it and takes effects out of it; the action, through [`Cx`](super::Cx), the other
//! way round. It sits behind a mutex that nobody ever waits for, only so that an action may hold it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Effect, End, Facts, HttpFailure, HttpReply, HttpRequest, Settings,
    frame::{Frame, Installation},
    lanes::Lanes,
    store::{HISTORY, Store},
    talk::{StarCodes, Talk},
};
use crate::{
    ir::{FileFormat, Hangup, NodeId, Program, Side, Target},
    journal::snapshot::Used,
    leg::{Detection, LegCommand, LegEvent, Need, Tag},
    trace::What,
};

/// Keys kept typed ahead; nobody presses more before a flow asks.
pub(super) const KEYS: usize = 100;

/// Time for what a flow does after its call: telling servers, with their time limits and retries.
const AFTER_CALL: Duration = Duration::from_secs(120);

/// The state of the call's leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LegState {
    /// There is none: the flow runs for a message or an API trigger.
    Absent,
    /// Not answered yet.
    Ringing,
    /// Answered.
    Answered,
    /// It is over.
    Gone,
}

/// Something that came for a tag.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Leg(LegEvent),
    Http(Result<HttpReply, HttpFailure>),
    Document(Option<Arc<Program>>),
    /// A variable was changed from outside.
    Changed,
}

/// A key that was pressed and not used yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pressed {
    /// Counts up from 1 in a call.
    pub serial: u64,
    /// `0-9`, `*`, `#`, `A-D`.
    pub key: char,
}

/// A recording that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct OpenRecording {
    pub tag: Tag,
    pub name: String,
    /// Keys that end it while other nodes run; the foreground's node looks for its own.
    pub stop_keys: String,
    pub format: FileFormat,
}

#[derive(Clone, Debug)]
struct OpenHttp {
    tag: Tag,
    method: String,
    url: String,
    began: Duration,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Port {
    /// Now, since the machine's first input.
    pub now: Duration,
    /// When the call began.
    pub began: Duration,
    pub at: Timestamp,
    pub leg: LegState,
    /// When the leg was gone.
    pub over: Option<Duration>,
    /// How the call ended.
    pub end: Option<End>,
    /// The leg is gone and had been answered.
    pub answered: bool,
    /// The leg is gone and `on_gone` is running: waits do not fail any more.
    pub after: bool,
    /// Flows of the chain that are over (VoIPBIN).
    pub completed: u32,
    pub facts: Facts,
    pub settings: Settings,
    pub store: Store,
    pub frames: Vec<Frame>,
    pub keys: VecDeque<Pressed>,
    pub key_serial: u64,
    /// A program was asked for already.
    pub fetched: bool,
    /// A collect was filled before its terminator came: if it is the next key, within this time, it is no new input.
    pub late_terminator: Option<(String, Duration)>,
    pub recordings: Vec<OpenRecording>,
    pub install: Option<Box<Installation>>,
    /// Somebody is asked when a program is used up.
    pub asks: bool,
    /// A variable was changed from outside, and nobody was told of it yet.
    pub changed: bool,
    watch: Option<Tag>,
    /// Where the run goes on when the running action is over, whatever its edges say.
    pub detour: Option<Target>,
    /// The node that a document was run before, how deep it is, and the conference that it enters now.
    pub entering: Option<(usize, NodeId, String)>,
    /// Nodes so far, all programs together.
    pub entered: u32,
    /// Who answered is being found out behind other nodes; with a word on how a machine is hung up on.
    pub detecting: Option<(Tag, Option<Hangup>)>,
    /// The call is to be ended, whatever runs.
    pub interrupt: Option<Hangup>,
    /// Nodes so far, those of asides and of after the call too.
    pub admitted: u32,
    /// Nodes since time last passed in a wait that was worth it.
    pub nodes: u32,
    pub effects: VecDeque<Effect>,
    /// The conversation that the running action waits for.
    pub talk: Option<Box<Talk>>,
    /// Star codes beside those of the programs that run.
    pub star_codes: StarCodes,
    /// What arrives for the running action, and for what runs beside it.
    pub lanes: Lanes,
    /// Keys that the running action took, for a snapshot.
    pub taken: Vec<Pressed>,
    /// Keys that a node had taken when its run was interrupted.
    pub again: Vec<Pressed>,
    /// Keys gathered that the running action told a server of, for a snapshot.
    pub told: Vec<Value>,
    /// The programs of this run and where they came from, for a snapshot.
    pub known: Vec<(Arc<Program>, Used)>,
    last_tag: u64,
    /// The tag of the last HTTP request.
    last_request: u64,
    http: Vec<OpenHttp>,
}

impl Port {
    /// A port before the call.
    pub(crate) fn new(facts: Facts, settings: Settings) -> Port {
        Port {
            now: Duration::ZERO,
            began: Duration::ZERO,
            at: Timestamp::UNIX_EPOCH,
            leg: LegState::Absent,
            over: None,
            end: None,
            answered: false,
            after: false,
            completed: 0,
            facts,
            settings,
            store: Store::default(),
            frames: Vec::new(),
            keys: VecDeque::new(),
            key_serial: 0,
            fetched: false,
            late_terminator: None,
            recordings: Vec::new(),
            install: None,
            asks: false,
            changed: false,
            watch: None,
            detour: None,
            entering: None,
            entered: 0,
            admitted: 0,
            detecting: None,
            interrupt: None,
            nodes: 0,
            effects: VecDeque::new(),
            talk: None,
            star_codes: StarCodes::default(),
            lanes: Lanes::default(),
            taken: Vec::new(),
            again: Vec::new(),
            told: Vec::new(),
            known: Vec::new(),
            last_tag: 0,
            last_request: 0,
            http: Vec::new(),
        }
    }

    /// The call begins now.
    pub(crate) fn begin(&mut self, at: Timestamp, media: bool) {
        self.began = self.now;
        self.at = at;
        if media && self.leg != LegState::Gone {
            self.leg = LegState::Ringing;
        }
    }

    /// Until when a run may go on without its call.
    pub(crate) fn after_call_limit(&self) -> Option<Duration> {
        self.over.filter(|_| self.after).map(|over| over + AFTER_CALL)
    }

    /// Adds a line to the call's timeline.
    pub(crate) fn trace(&mut self, what: What) {
        self.effects.push_back(Effect::Trace(what));
    }

    /// Adds a remark to the call's timeline.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.trace(What::Note { text: text.into() });
    }

    /// The address of the running program; empty if it was not fetched.
    pub(crate) fn base(&self) -> &str {
        self.frames.last().map_or("", |frame| frame.base.as_str())
    }

    /// Whether the leg has this capability now.
    pub(crate) fn supports(&self, need: Need) -> bool {
        match need {
            Need::Call | Need::Media => self.leg_is_up(),
        }
    }

    /// Whether there is a leg that has not ended.
    pub(crate) fn leg_is_up(&self) -> bool {
        matches!(self.leg, LegState::Ringing | LegState::Answered)
    }

    /// Since the call began, up to its end.
    pub(crate) fn elapsed(&self) -> Duration {
        self.over.unwrap_or(self.now).saturating_sub(self.began)
    }

    /// A tag of its own; what comes for it is kept for the running action.
    pub(crate) fn tag(&mut self) -> Tag {
        self.last_tag += 1;
        let tag = Tag(self.last_tag);
        self.lanes.own().live.push(tag);
        tag
    }

    /// Asks the leg for something.
    pub(crate) fn command(&mut self, command: LegCommand) -> Tag {
        let tag = self.tag();
        // No event follows these two, and there is nothing to stop.
        if !matches!(command, LegCommand::Hangup { .. } | LegCommand::Mask(..)) {
            self.lanes.own().asked.push(tag);
        }
        self.effects.push_back(Effect::Leg(tag, command));
        tag
    }

    /// Stops what was started under `tag`.
    pub(crate) fn stop(&mut self, tag: Tag) {
        let own = self.tag();
        self.effects.push_back(Effect::Leg(own, LegCommand::Stop(tag)));
    }

    /// Sends a request.
    pub(crate) fn request(&mut self, request: HttpRequest) -> Tag {
        let tag = self.tag();
        let (method, url, began) = (request.method.clone(), request.url.clone(), self.now);
        self.last_request = tag.0;
        self.http.reserve_exact(1);
        self.http.push(OpenHttp { tag, method, url, began });
        self.effects.push_back(Effect::Http(tag, request));
        tag
    }

    /// Takes what came for `tag` to the running action, if that waits for it, and to the books in any case.
    pub(crate) fn deliver(&mut self, tag: Tag, reply: Reply) {
        match &reply {
            Reply::Leg(LegEvent::Digit(key)) => return self.pressed(*key),
            // Heard by the star codes of a conversation, and by nobody else.
            Reply::Leg(LegEvent::PeerDigit(key)) => {
                self.talk_key(Side::Peer, *key);
                return;
            }
            Reply::Leg(LegEvent::Gone { cause }) => {
                let cause = cause.clone();
                return self.gone(&cause);
            }
            Reply::Leg(LegEvent::Recorded { id, duration }) => self.recorded(tag, id, *duration),
            Reply::Leg(LegEvent::Failed { why, .. }) => {
                let before = self.recordings.len();
                self.recordings.retain(|open| open.tag != tag);
                if self.lanes.await_it(tag) || self.recordings.len() < before {
                    self.note(why.clone());
                }
            }
            Reply::Leg(LegEvent::Detected(found)) => self.detected(tag, *found),
            Reply::Leg(_) | Reply::Document(_) | Reply::Changed => {}
            Reply::Http(outcome) => self.exchanged(tag, outcome),
        }
        self.lanes.deliver(tag, reply);
    }

    /// Merges `value` into a variable from outside.
    pub(crate) fn merge(&mut self, variable: &str, value: Value) {
        if !self.store.assign(&[variable.to_owned()], Some(value), true) {
            return self.note(format!("what {variable} was to become is too large and was not kept"));
        }
        self.note(format!("{variable} was changed from outside"));
        self.changed = true;
        self.tell_of_change();
    }

    /// The running action wants to hear of changes from outside, and of one that nobody was told of yet.
    pub(crate) fn watch(&mut self) {
        self.watch = Some(self.tag());
        self.tell_of_change();
    }

    fn tell_of_change(&mut self) {
        if let Some(tag) = self.watch.filter(|_| self.changed && self.asks) {
            self.lanes.deliver(tag, Reply::Changed);
        }
    }

    /// Lets the running action hear what comes for a command that an earlier one gave.
    pub(crate) fn adopt(&mut self, tag: Tag) {
        self.lanes.own().live.push(tag);
    }

    /// Remembers where a program came from, and forgets those that nobody uses any more.
    pub(super) fn learn(&mut self, program: &Arc<Program>, name: &str, base: &str) {
        self.known.retain(|(known, _)| Arc::strong_count(known) > 1);
        if self.known.iter().any(|(known, _)| Arc::ptr_eq(known, program)) {
            return;
        }
        let name = name.to_owned();
        let used = match base {
            "" => Used::Stored(name),
            _ => Used::Fetched { name, tag: self.last_request },
        };
        self.known.reserve_exact(1);
        self.known.push((program.clone(), used));
    }

    /// The last tag that was given out.
    pub(super) fn last_tag(&self) -> u64 {
        self.last_tag
    }

    /// Tags go on after `last`.
    pub(super) fn begin_tags(&mut self, last: u64) {
        self.last_tag = last;
    }

    /// The running action is over: what still comes for it is late.
    pub(crate) fn forget(&mut self) {
        self.lanes = Lanes::default();
        self.taken.clear();
        self.again.clear();
        self.told.clear();
        self.talk = None;
    }

    fn pressed(&mut self, key: char) {
        if !self.leg_is_up() {
            return;
        }
        self.trace(What::Digit { key });
        let ended = self.recordings.iter().filter(|open| open.stop_keys.contains(key)).map(|open| open.tag);
        for tag in ended.collect::<Vec<_>>() {
            self.stop(tag);
        }
        if let Some((terminators, until)) = self.late_terminator.take()
            && self.now <= until
            && terminators.contains(key)
        {
            return;
        }
        if self.talk_key(Side::Own, key) {
            return;
        }
        self.key_serial += 1;
        if self.keys.len() < KEYS {
            self.keys.push_back(Pressed { serial: self.key_serial, key });
        }
    }

    fn gone(&mut self, cause: &str) {
        if self.leg == LegState::Gone {
            return;
        }
        let by = match cause {
            "hangup" | "cancelled" => "caller",
            _ => "server",
        };
        self.close(End { cause: cause.to_owned(), by: by.to_owned() });
    }

    /// The leg is gone, one way or the other.
    pub(crate) fn close(&mut self, end: End) {
        self.answered = self.leg == LegState::Answered;
        self.leg = LegState::Gone;
        self.over = Some(self.now);
        self.trace(What::Ended { cause: end.cause.clone(), by: end.by.clone() });
        self.end = Some(end);
    }

    /// Behind other nodes it was found out who answered.
    fn detected(&mut self, tag: Tag, found: Detection) {
        if self.detecting.as_ref().is_none_or(|(of, _)| *of != tag) {
            return;
        }
        let hangup = self.detecting.take().and_then(|(_, hangup)| hangup);
        self.store.detection = Some(found.word());
        self.note(format!("answered by: {}", found.word()));
        if found.kind() == Detection::Machine {
            self.interrupt = hangup;
        }
    }

    fn recorded(&mut self, tag: Tag, id: &str, duration: Duration) {
        let Some(at) = self.recordings.iter().position(|open| open.tag == tag) else { return };
        let open = self.recordings.remove(at);
        if self.store.recordings.len() >= HISTORY {
            self.store.recordings.remove(0);
        }
        self.store.recordings.push(json!({"name": open.name, "id": id}));
        self.store.recorded = Some(duration);
        self.store.recorded_format = Some(open.format.name());
        self.trace(What::Recorded { id: id.to_owned(), duration_ms: duration.as_millis() as u64 });
    }

    fn exchanged(&mut self, tag: Tag, outcome: &Result<HttpReply, HttpFailure>) {
        let Some(at) = self.http.iter().position(|open| open.tag == tag) else { return };
        let OpenHttp { method, url, began, .. } = self.http.remove(at);
        let (status, note) = match outcome {
            Ok(reply) => (reply.status, reply.note.clone()),
            Err(failure) => (0, failure.why.clone()),
        };
        let latency_ms = self.now.saturating_sub(began).as_millis() as u64;
        self.trace(What::Http { method, url, status, latency_ms, note });
    }
}
