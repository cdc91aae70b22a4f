//! Operations: what a node does.
//!
//! Each has one file in `action/`. Durations are already in their own type, whatever unit the dialect used.

use std::time::Duration;

use super::{Conference, Dial, Expr, Feature, Fetch, Hours, Identity, Record, Subflow, Template, Webhook};

/// What a node does, with everything it needs to do it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Op {
    /// Nothing; a label, or a container that only has edges.
    Noop,
    /// Answer the call. → `Done`, `Failed(Unsupported)`
    Answer,
    /// End the call. Does not continue.
    Hangup(Hangup),
    /// Play, say, beep. → `Done`, `Key(digit)` if a key stopped it, `Failed(Prompt)`
    Play(Play),
    /// Begin to play and go on. → `Done`
    PlayBehind(Play),
    /// Gather keys, with prompts. → `Done` or `Key(digits)` by `by_value`, `Timeout`, `Failed(Prompt)`
    Collect(Collect),
    /// Kazoo's auto-attendant. → `Key(digits)`, `Timeout`, `Key("max_retries")`; enters the flow of a number that it
    /// hunted down and goes on at `Done`
    Menu(Menu),
    /// Send keys to the far end (RFC 4733). → `Done`, `Failed(Unsupported)`
    SendDigits(SendDigits),
    /// Call others and connect whoever answers. → `Done` after the conversation; otherwise the first of these that has an
    /// edge: `Key` of the cause's name (`USER_BUSY`), `Failed(Status(486))`, `Key` of a
    /// [`DialOutcome`](crate::leg::DialOutcome)'s word; `Failed(Unsupported)`
    Dial(Box<Dial>),
    /// How the caller is shown to whom is dialled from here on. → `Done`
    Identify(Identity),
    /// `Alert-Info` for whom is dialled from here on; empty for none. → `Done`
    Alert(Template),
    /// Go on with what a number means, as if it had been called. Enters it, or → `Failed(Missing)`
    Number(Template),
    /// Something that the switch does beyond this leg. → `Done`, `Key` of its word, `Failed(Unavailable)`
    Feature(Box<Feature>),
    /// Find out who answered. → `Key` of a [`Detection`](crate::leg::Detection)'s word, `Failed(Unsupported)`
    Detect(Detect),
    /// Begin to find out who answered and go on; a machine is hung up on, if there is a word on that. → `Done`
    DetectBehind { detect: Detect, hangup: Option<Hangup> },
    /// Talk with others in a room. → `Done` after leaving; `Key("full")`, `Key("locked")`, `Key("pin")` if the member was not let in,
    /// `Failed(Unsupported)`
    Conference(Box<Conference>),
    /// Forget the keys typed ahead. → `Done`
    FlushDigits,
    /// Wait; silence is sent. → `Done`
    Sleep(Expr),
    /// Wait until the far end hangs up.
    WaitForHangup,
    /// Wait until somebody outside changes a variable ([`Input::Merge`](crate::engine::Input::Merge)); a change since the
    /// last fetch counts. Only where somebody is asked when a program is used up; else until the far end hangs up. → `Done`
    WaitForChange,
    /// Send back what comes. `None` lasts until hang-up. → `Done`
    Echo(Option<Duration>),
    /// Record the caller, in the foreground. → `Done`, `Failed(Recording)`
    Record(Record),
    /// Start a recording in the background. → `Done`, `Failed(Recording)`
    RecordStart(Record),
    /// Stop the background recording. → `Done`
    RecordStop,
    /// Stop the background recording if one runs, start it otherwise. → `Done`, `Failed(Recording)`
    RecordToggle(Record),
    /// Put silence in place of what is recorded (`true`), or go on recording. → `Done`
    RecordMask(bool),
    /// Assign variables, in order. → `Done`
    Set(Vec<Assign>),
    /// A question. → `Yes`, `No`
    If(Condition),
    /// Branch on a text. → `Key(value)`
    Branch(Branch),
    /// A jump that is allowed so many times in a call; `None` for without limit. → `Yes` (jump), `No` (used up)
    Jump(Option<u32>),
    /// A jump to a named node of a program further down the return stack; the runs above that one end.
    /// → `Yes`, whose edge is `Return`; `No` when no program there has the name
    Leave(String),
    /// Evaluate an array or object and point the loop `slot` at its start. → `Done`
    EachStart { slot: u32, over: Expr },
    /// Assign the next element of loop `slot` to `value` (and its index or name to `key`). → `Yes`, `No` (no more)
    EachNext { slot: u32, value: String, key: String },
    /// Calendar rules in order; the first that is active now. → `Key(rule id)`, `No`
    Hours(Hours),
    /// Ask an HTTP server for a program. Enters it: no outcome; or → `Failed(Http)`
    Fetch(Fetch),
    /// Run another document of the store. Enters it, or → `Failed(Missing)`
    Subflow(Subflow),
    /// Tell an HTTP server something. → `Done`, `Failed(Http)` only if `wait`
    Webhook(Webhook),
    /// Prompts' language and voice from here on. → `Done`
    Language(Template),
    /// A feature that offhook knows by name and does not run here. → `Failed(Unavailable)`, with a trace line
    Unavailable { feature: String },
    /// A construct that no lowering knows. → `Done`, counted
    Residual(String),
}

impl Op {
    /// Where what runs beside this operation begins.
    pub fn beside(&self) -> Option<super::NodeId> {
        match self {
            Op::Conference(conference) => conference.inside.as_ref().map(|section| section.entry),
            _ => None,
        }
    }
}

/// How a call is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hangup {
    /// The final SIP status if the call was not answered yet (400..=699).
    pub status: u16,
    /// The reason phrase, if not the usual one.
    pub phrase: Option<String>,
    /// A short word for traces and CDRs: `normal`, `busy`, `rejected`.
    pub cause: String,
}

/// One thing to be heard.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Item {
    /// Text for a voice.
    Speech(SpeechItem),
    /// A sound by name, path or URL.
    Sound(Template),
    /// A tone.
    Tone(Tone),
    /// Silence. Evaluates to milliseconds.
    Silence(Duration),
}

/// Text for a voice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpeechItem {
    /// Plain text or SSML (it is SSML if it starts with `<speak`).
    pub text: Template,
    /// `en-US`; `None` for the flow's or the configuration's.
    pub language: Option<Template>,
    /// `male`, `female`, `neutral`, or a provider's own voice name.
    pub voice: Option<Template>,
}

impl SpeechItem {
    /// Words of the switch itself, which are English.
    pub(crate) fn english(text: impl Into<String>) -> SpeechItem {
        let text = Template::literal(text);
        SpeechItem { text, language: Some(Template::literal("en-US")), ..SpeechItem::default() }
    }
}

/// A tone with its cadence: sounded together, `on` then `off`, for `total`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tone {
    /// Frequencies in hertz, sounded together.
    pub hertz: Vec<u16>,
    /// Sounding part of the cadence.
    pub on: Duration,
    /// Silent part; zero for a steady tone.
    pub off: Duration,
    /// How long in all.
    pub total: Duration,
}

/// How often something is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// So many times in all; zero is nothing.
    Times(u32),
    /// Until stopped.
    Forever,
}

/// Which keys stop a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barge {
    /// None; keys pressed meanwhile stay typed ahead.
    None,
    /// Any key.
    Any,
    /// Any of these.
    Keys(String),
}

/// Playing prompts.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    /// What to play, in order.
    pub items: Vec<Item>,
    /// How often the whole list.
    pub repeat: Repeat,
    /// Which keys stop it.
    pub barge: Barge,
    /// Whether the key that stopped it is taken off the typed-ahead keys.
    pub consume: bool,
    /// Whether an unanswered call is answered first; otherwise it is early media (183).
    pub answers: bool,
}

/// When the timer for the first key starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerStart {
    /// When the prompts are over.
    PromptEnd,
    /// When the node is entered.
    Entry,
}

/// What happens to keys that were pressed before the node was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeAhead {
    /// All count, as far as they are wanted, except a terminator with nothing before it; the rest is dropped (Kazoo).
    All,
    /// Only the last one counts (VoIPBIN).
    Last,
    /// None counts; they are dropped.
    Drop,
}

/// Gathering keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Collect {
    /// Played while gathering; the first key stops them.
    pub prompts: Vec<Item>,
    /// As [`Play::answers`].
    pub answers: bool,
    /// Most keys; `None` for no limit.
    pub max: Option<u32>,
    /// Keys that end it.
    pub terminators: String,
    /// Whether the terminator is part of the result.
    pub keep_terminator: bool,
    /// Time for the first key.
    pub first: Duration,
    /// Time between keys.
    pub between: Duration,
    /// Time in all, counted from `timer`; `None` for no such limit.
    pub total: Option<Duration>,
    /// When `first` (and `total`) start.
    pub timer: TimerStart,
    /// What was typed ahead.
    pub ahead: TypeAhead,
    /// The name under which the digits are kept in `Fact::Collections`.
    pub name: Option<Template>,
    /// Variables that receive the digits.
    pub into: Vec<String>,
    /// `true`: the outcome is `Key(digits)`, and `Timeout` when no key came.
    /// `false`: it is `Done` in both cases.
    pub by_value: bool,
}

/// Kazoo's `menu`.
#[derive(Clone, Debug, PartialEq)]
pub struct Menu {
    /// One round of prompt and keys; `by_value` is set.
    pub gather: Collect,
    /// Rounds in all.
    pub retries: u32,
    /// Digits that no child has are looked up among the numbers of the store.
    pub hunt: Option<Hunt>,
    /// Typed, it lets the caller record a greeting.
    pub record: Option<Box<RecordPin>>,
    /// Played before the flow of a number that was hunted down.
    pub transfer: Vec<Item>,
    /// Played after a key that leads nowhere.
    pub invalid: Vec<Item>,
    /// Played when the rounds are used up.
    pub exit: Vec<Item>,
}

/// Recording a menu's greeting from within the menu.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordPin {
    /// What is typed for it.
    pub pin: String,
    /// Callers who are no users may do it too.
    pub anyone: bool,
    /// The recording.
    pub record: Record,
}

/// Which extensions a menu may hunt for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunt {
    /// A regular expression that a number must match, if there is one.
    pub allow: Option<String>,
    /// A regular expression that it must not match, if there is one.
    pub deny: Option<String>,
}

impl Collect {
    /// Gathers keys up to `#`, which is dropped, waiting `patience` for each from the prompts' end on, keys typed ahead
    /// among them; the call is answered, and what was typed is the outcome.
    pub fn new(prompts: Vec<Item>, patience: Duration) -> Collect {
        Collect {
            prompts,
            answers: true,
            max: None,
            terminators: "#".to_owned(),
            keep_terminator: false,
            first: patience,
            between: patience,
            total: None,
            timer: TimerStart::PromptEnd,
            ahead: TypeAhead::All,
            name: None,
            into: Vec::new(),
            by_value: true,
        }
    }
}

/// Sending keys.
#[derive(Clone, Debug, PartialEq)]
pub struct SendDigits {
    /// `0-9A-D*#`, and `w` for half a second's, `W` for a second's pause.
    pub digits: Template,
    /// Each key.
    pub duration: Duration,
    /// Between keys.
    pub gap: Duration,
}

/// Finding out who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detect {
    /// After a machine was made out: wait for its beep or for the end of its greeting.
    pub follows: bool,
    /// An unanswered call is answered first.
    pub answers: bool,
    /// When what counts.
    pub timings: Box<Timings>,
}

/// When what counts for finding out who answered; what is not said here is as the server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Nobody says anything for so long: unknown.
    pub initial_silence: Option<Duration>,
    /// Who talks longer is a machine.
    pub greeting: Option<Duration>,
    /// Who said less and is silent for so long is a person.
    pub after_greeting_silence: Option<Duration>,
    /// Undecided until then: unknown.
    pub total: Option<Duration>,
    /// A shorter sound is no word.
    pub min_word: Option<Duration>,
    /// A shorter pause does not end a word.
    pub between_words: Option<Duration>,
    /// Who says more words is a machine.
    pub max_words: Option<u32>,
    /// A longer word is a machine's.
    pub max_word: Option<Duration>,
    /// How long a machine's greeting is followed.
    pub beep: Option<Duration>,
    /// So much silence ends a machine's greeting that does not beep.
    pub greeting_end: Option<Duration>,
}

impl Timings {
    /// [`Timings::total`] of a server that is not told otherwise.
    pub const TOTAL: Duration = Duration::from_secs(5);

    /// [`Timings::beep`] of a server that is not told otherwise.
    pub const BEEP: Duration = Duration::from_secs(60);

    /// The longest that any server or document may say of [`Timings::total`] and of [`Timings::beep`].
    pub const LONGEST: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(600));
}

/// One assignment.
#[derive(Clone, Debug, PartialEq)]
pub struct Assign {
    /// The path, `["sessionData", "count"]`; missing objects on the way are made.
    pub path: Vec<String>,
    /// One more step of the path, whose name is evaluated (VoIPBIN's `key` made of variables).
    pub computed: Option<Template>,
    /// The value; undefined removes the variable.
    pub value: Expr,
    /// An object is merged into the object that is there, member by member, instead of replacing it.
    pub merge: bool,
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Whether the expression is truthy.
    Expr(Expr),
    /// Whether any pattern is found in the text (unanchored); `withheld` words are matched as whole words.
    Matches {
        /// What is searched.
        text: Expr,
        /// Regular expressions; one that does not compile matches nothing and was diagnosed at load.
        patterns: Vec<String>,
    },
    /// A comparison of calendar fields with now (UTC); each field given must pass. VoIPBIN's `condition_datetime`.
    Clock {
        /// The comparison: now `op` field.
        op: Compare,
        /// Minute, hour, day of month, month.
        fields: [Option<u32>; 4],
        /// Days of the week, 0 = Sunday; empty for any.
        weekdays: Vec<u32>,
    },
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Branching on a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The text.
    pub on: Expr,
    /// A variable (or `None`) that is emptied afterwards. VoIPBIN.
    pub reset: Option<String>,
    /// Typed-ahead keys are dropped too.
    pub flush: bool,
}
