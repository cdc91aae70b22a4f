//! Expressions: the one tree that every dialect's conditions, assignments and variables become.
//!
//! Values are JSON values plus "undefined", which `eval` represents as `None`.
//! Arithmetic and comparison follow ECMAScript's loose rules, because Voxology promises them and the other dialects
//! use too little to tell the difference.

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A constant.
    Literal(serde_json::Value),
    /// A variable of the flow, by its first name: `rating`, `sessionData`, `Provider name`.
    Variable(String),
    /// Something the engine knows of the call.
    Fact(Fact),
    /// `of.name` or `of[index]`.
    Member(Box<Expr>, Access),
    /// `-x`, `+x`, `!x`.
    Unary(Unary, Box<Expr>),
    /// `a + b`, `a == b`, `a && b`.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `condition ? yes : no`.
    Ternary(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `[a, b]`.
    Array(Vec<Expr>),
    /// `{ "name": a }`; members that are undefined are left out.
    Object(Vec<(String, Expr)>),
    /// A method of a value or a function of the language: `text.indexOf("a")`, `new Date().setUTCHours(9, 0)`.
    /// The receiver is `None` for a constructor or a plain function.
    Call(Option<Box<Expr>>, String, Vec<Expr>),
    /// Text with expressions in it.
    Template(super::Template),
}

/// How a member is named.
#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    /// `.name`
    Name(String),
    /// `[expression]`
    Index(Box<Expr>),
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unary {
    Not,
    Minus,
    Plus,
}

/// Operators with two operands; `Eq`/`Ne` are loose, `Same`/`NotSame` are `===`/`!==`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Binary {
    Or,
    And,
    Eq,
    Ne,
    Same,
    NotSame,
    Lt,
    Le,
    Gt,
    Ge,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// What the engine knows of a call; the dialects' native names (`$callerNo`, `${voipbin.call.source.target}`,
/// pivot's `From`) are parsed into these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// The call's id, `call-7f3a…`.
    CallId,
    /// The SIP Call-ID of the leg.
    SipCallId,
    /// `inbound` or `outbound`.
    Direction,
    /// The caller's number (the user part of From or the asserted identity).
    CallerNumber,
    /// The caller's display name.
    CallerName,
    /// The host of the caller's address.
    CallerDomain,
    /// The number that was dialled.
    CalledNumber,
    /// The display name of To.
    CalledName,
    /// The host of the dialled address.
    CalledDomain,
    /// The name of the registered user who calls, or undefined.
    User,
    /// The country of the caller's number, two letters of ISO 3166-1; undefined if the digits do not tell.
    CallerCountry,
    /// The country of the dialled number.
    CalledCountry,
    /// The caller's network address, without port.
    CallerAddress,
    /// The account that the flow belongs to.
    AccountId,
    /// The flow document's id (its name in the store).
    FlowId,
    /// A word for the leg's state: `ringing`, `progressing`, `hangup`.
    Status,
    /// Whether the call was answered, also when it is over.
    Answered,
    /// How the call ended, in a word (`hangup`, `cancelled`, `busy`, …); undefined while it lasts.
    EndCause,
    /// What answering-machine detection said: `live_person`, `machine`, `unknown`; undefined before it ran.
    Detection,
    /// Start of the call, milliseconds since 1970 (UTC).
    StartMillis,
    /// Start of the call, ISO 8601 with milliseconds and `Z`.
    StartIso,
    /// Now, milliseconds since 1970 (UTC).
    NowMillis,
    /// Now, ISO 8601 with milliseconds and `Z`.
    NowIso,
    /// End of the call, ISO 8601; undefined while it lasts.
    EndIso,
    /// Milliseconds since the start of the call.
    Elapsed,
    /// The digits of the last collect, as a string; empty before the first.
    LastDigits,
    /// The last key that was typed ahead and not used yet, as a string; undefined when there is none.
    AheadKey,
    /// Every collect so far: an object of name to digits (`default` when unnamed).
    Collections,
    /// Every collect since the last fetch, in order: `[{ "name": …, "digits": … }]`.
    KeyPresses,
    /// Every recording so far: `[{ "name": …, "id": … }]`.
    Recordings,
    /// The form of the last recording's file: `wav`, `mp3`, `ogg`; undefined before the first.
    RecordedFormat,
    /// The length of the last recording in whole seconds; undefined before the first.
    RecordedSeconds,
    /// All variables that the flow has set, as an object.
    Variables,
    /// The language set for prompts, such as `en-US`.
    Language,
    /// Who hung up: `caller`, `flow`, `server`; undefined while the call lasts.
    HangupBy,
    /// How many flows of the chain are complete (VoIPBIN).
    CompleteCount,
    /// The id of this flow of the chain: the call's, then the same with `.1`, `.2` (VoIPBIN).
    RunId,
    /// The id of the flow before it in the chain; empty for none (VoIPBIN).
    PriorRunId,
    /// What set the flow off: `call`, `message`, `api`.
    ReferenceType,
    /// The id of what set the flow off.
    ReferenceId,
    /// The call that began this one; empty for none.
    MasterCallId,
    /// The capture group that the dialled number matched (Kazoo), or undefined.
    CaptureGroup,
    /// Every named group of that pattern, as an object of name to text.
    CaptureGroups,
    /// What the groups of the star code's pattern found, as a list of texts; undefined outside of star codes.
    Captures,
    /// All digits of the star code; undefined outside of star codes.
    Collected,
}
