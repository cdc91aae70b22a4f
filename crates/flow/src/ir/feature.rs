//! What a switch does for a flow beyond the caller's own leg: other people, other calls, services.
//!
//! `T` is a [`Template`] in a program and a `String` in what a leg is asked for, as in [`super::Dial`].
//! Each comes back with one word, which is its outcome; `done` is [`Outcome::Done`](super::Outcome::Done).

mod conversation;
mod map;
mod service;

pub use conversation::*;
pub use service::*;

use std::{sync::Arc, time::Duration};

use super::{Callee, Endpoint, Identity, Program, Template, dial::endpoints};

/// Something that the switch does for a flow.
#[derive(Clone, Debug, PartialEq)]
pub enum Feature<T = Template> {
    /// Begin another call, which goes its own way. → `done` at once
    Originate(Originate<T>),
    /// Speak to several phones, which answer by themselves. → `done` when the page is over
    Page(Page<T>),
    /// Put the caller into a slot, or take out who is there. → `done` after the conversation with whoever took the caller
    /// out, and when the one who does so has the other to talk to: its call ends with that; `too_high`, `empty`,
    /// `occupied`, `callback` when nobody took the caller and the parker was called back in vain
    Park(Park<T>),
    /// Call the caller back when somebody who is busy has time again. → `done`, `none`
    Camp(Callee<T>),
    /// Take a call that rings somewhere else, or that is answered there. → `done` when it has the call, and its own ends
    /// with that; `none`, `forbidden`
    Pickup(Pickup<T>),
    /// Hear a conversation, and perhaps speak in it. → `done` when that is over, `none`, `forbidden`
    Listen(Listen<T>),
    /// Connect one party with somebody else. → `done`, `failed`
    Transfer(Transfer<T>),
    /// What becomes of the caller when the next conversation is over. → `done`
    AfterBridge(AfterBridge<T>),
    /// A flow of the store that runs without a call whenever a recording that this call makes from here on is over; empty
    /// for none. → `done`
    AfterRecording(T),
    /// Wait until somebody outside lets the flow go on. → `done`
    Block,
    /// How another call ended. → `normal`, `failed`, `busy`, `cancel`, `timeout`, `noanswer`, `dialout`, `amd`; `done` when
    /// it has not ended, or nobody knows it
    CauseOf(T),
    /// Put the other party on hold, or let both talk again. → `done`; with a key that ends it when that was pressed
    Hold(Hold<T>),
    /// The music that is heard on hold from here on. → `done`
    HoldMusic(T),
    /// Do not let one party be heard, or let it be heard again. → `done`
    Mute(Mute),
    /// Change how a party sounds: `gain` in steps of -4..=4, `pitch`, `tempo`. → `done`
    Sound(Vec<(String, T)>),
    /// Let a party of a conversation hear something beside it. → `done` when it was heard
    Announce(Announce<T>),
    /// Stop what a party of a conversation hears beside it. → `done`
    Break(Side),
    /// Let one member of a conference hear another or not. → `done`, `none`
    Relate(Relate<T>),
    /// The same, as the other party of the conversation asks for it: its own side is the caller's other one.
    ForPeer(Box<Feature<T>>),
    /// Move this conversation to these phones; `None` means the other ones of the user who asks. → `done`, `failed`
    Move(Option<Callee<T>>),
    /// Wait for an agent. → `done` after the conversation; `timeout`, `full`, `empty`, `exit` (by key), `failed`
    Queue(Queue<T>),
    /// An agent comes, goes, rests. → `done`, `failed`
    Agent(Agent<T>),
    /// Leave a message. → `done`, `operator` (0 was pressed), `full`, `none` (no such box)
    Leave(Leave<T>),
    /// Listen to messages. → `done`, `none`, `pin`
    Mailbox(Mailbox<T>),
    /// Receive a fax. → `done`, `failed`
    Fax {
        /// Whose it is, or the box it goes to.
        owner: Option<T>,
        /// T.38 wanted or not; `None` for as the far end wants.
        t38: Option<bool>,
    },
    /// Listen for a fax machine's tone for so long. → `fax`, `voice`
    FaxDetect(Duration),
    /// Change something about a user or a phone. → `done`, after a toggle `on` or `off`, `none` (nobody to change), `pin`
    Setting(Setting<T>),
    /// Show a lamp. → `done`
    Presence {
        /// Whose lamp.
        id: T,
        /// What it shows.
        lamp: Lamp,
    },
    /// Send a text to somebody. → `done`, `failed` if it waits
    Message(Message<T>),
    /// Write down what is said, from here on or no more. → `done`
    Transcribe(Transcribe<T>),
    /// Send the audio to another machine as it comes, or no more. → `done`
    Stream(Stream<T>),
    /// Talk to a machine that understands. → `done`
    Converse(Converse<T>),
    /// Dial by name. → `done` after the conversation, `exit`
    Directory(T),
    /// Tell another system: Kazoo's `edr` and `function`. → `done`
    Event {
        /// `edr`, `function`.
        kind: &'static str,
        /// Its id or name.
        id: T,
        /// What it is told, as JSON text.
        data: Option<T>,
    },
    /// Ask how likely a caller is a robot, of 0..=10. → the highest of `steps` that is not above it, else `done`
    Score {
        /// The asker.
        user: T,
        /// Its secret.
        password: T,
        /// In any order.
        steps: Vec<u32>,
    },
    /// How long callers waited in a queue on average. → the highest of `steps` that is not above it, else `done`
    WaitTime {
        /// The queue.
        queue: T,
        /// Of those who came within so long; `None` for all of today.
        window: Option<Duration>,
        /// Seconds, in any order.
        steps: Vec<u32>,
    },
}

/// Another call.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Originate<T = Template> {
    /// Whom; each is a call of its own.
    pub to: Vec<Callee<T>>,
    pub identity: Identity<T>,
    /// What it runs.
    pub runs: Runs<T>,
    /// It runs when the phone rings, not when it is answered.
    pub early: bool,
    /// It is hung up with this call.
    pub chained: bool,
    /// How long it may ring.
    pub timeout: Duration,
    /// The longest call; `None` for no limit of its own.
    pub longest: Option<Duration>,
    /// Variables that it has from the start, as JSON text of an object.
    pub session: Option<T>,
}

/// What another call runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Runs<T = Template> {
    /// A document of the store.
    Flow(T),
    /// A program that stands in this document.
    Program(Arc<Program>),
    /// What this number runs.
    Number(T),
}

/// Speaking to several phones.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Page<T = Template> {
    pub to: Vec<Endpoint<T>>,
    /// They are heard too.
    pub two_way: bool,
    pub timeout: Duration,
    /// Phones that are in a call are paged too.
    pub barge: bool,
}

/// What is done at a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parking {
    /// Put the caller in.
    Park,
    /// Put the caller into exactly this slot.
    Direct,
    /// Take out who is there.
    Retrieve,
    /// Take out who is there, else put the caller in.
    Auto,
}

/// Parking.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Park<T = Template> {
    pub how: Parking,
    /// The slot; `None` or empty for the first that is free.
    pub slot: Option<T>,
    /// The highest slot.
    pub most: Option<u32>,
    /// How a slot is that nothing else is said of.
    pub usual: Slot<T>,
    /// How others are, by their number.
    pub slots: Vec<(String, Slot<T>)>,
}

/// A slot to park at.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot<T = Template> {
    /// After so long the parker's phone rings; `None` for two minutes.
    pub ringback: Option<Duration>,
    /// How long it rings then; `None` for half a minute.
    pub callback: Option<Duration>,
    /// Whose lamp shows that the slot is taken; `None` for the slot's own.
    pub presence: Option<T>,
    /// What the lamp shows then; `None` for [`Lamp::Ringing`].
    pub lamp: Option<Lamp>,
}

impl<T> Default for Slot<T> {
    /// With the usual times and the slot's own lamp.
    fn default() -> Slot<T> {
        Slot { ringback: None, callback: None, presence: None, lamp: None }
    }
}

/// Taking a call from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Pickup<T = Template> {
    /// Whose.
    pub of: Callee<T>,
    /// One that is answered already is taken too.
    pub answered: bool,
    /// Who may; `None` for every user that may pick up.
    pub approved: Option<Callee<T>>,
}

/// How much of a conversation one takes part in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listening {
    /// Hears it.
    #[default]
    Silent,
    /// Is heard by the one party.
    Whisper,
    /// Is heard by both.
    Barge,
}

/// Hearing a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen<T = Template> {
    /// Whose.
    pub to: Callee<T>,
    /// Only if that one is among these.
    pub within: Option<Callee<T>>,
    /// Who may; `None` for every user that may listen.
    pub approved: Option<Callee<T>>,
    /// Heard or not.
    pub how: Listening,
}

/// A side of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Side {
    /// The one who asked for it.
    #[default]
    Own,
    Peer,
    Both,
}

/// Connecting somebody with somebody else.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Transfer<T = Template> {
    pub to: T,
    /// The one who transfers speaks with the target first.
    pub attended: bool,
    /// Who is transferred.
    pub side: Side,
    /// Keys that end an attended transfer, before the target answers and after it.
    pub takeback: String,
    /// How long the target rings.
    pub timeout: Duration,
    pub ringback: Option<T>,
    pub music: Option<T>,
}

/// What becomes of the caller after a conversation.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum AfterBridge<T = Template> {
    Hangup,
    Park,
    Transfer(T),
}

/// Muting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Mute {
    pub on: bool,
    pub side: Side,
}

/// Waiting for an agent.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Queue<T = Template> {
    pub id: T,
    /// Higher ones come first.
    pub priority: u32,
    /// Longest wait; `None` for the queue's own.
    pub timeout: Option<Duration>,
    /// Longest conversation; `None` for the queue's own.
    pub service: Option<Duration>,
    /// Keys that leave the queue; `None` for the queue's own.
    pub exit_keys: Option<String>,
    /// Run again and again while waiting; `None` for the queue's own.
    pub wait: Option<Arc<Program>>,
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AgentChange {
    Login,
    Logout,
    /// For so long; `None` until it resumes.
    Pause(Option<Duration>),
    Resume,
}

/// An agent comes, goes, rests.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent<T = Template> {
    /// The agent; `None` for the caller.
    pub agent: Option<T>,
    /// In this queue; `None` for all of its queues.
    pub queue: Option<T>,
    /// What it does.
    pub change: AgentChange,
}

/// Leaving a message.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Leave<T = Template> {
    /// The message is put into each of these boxes; none, or an empty one, means the caller types one.
    pub boxes: Vec<T>,
    pub longest: Option<Duration>,
    pub skip_greeting: bool,
    pub skip_instructions: bool,
    /// Owners who call themselves are let listen instead.
    pub check_if_owner: bool,
    /// Time between keys where the caller types.
    pub between: Duration,
}

/// Listening to messages.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Mailbox<T = Template> {
    /// The box; `None` or empty asks for its number.
    pub id: Option<T>,
    /// The caller's only box is taken without asking.
    pub single: bool,
    /// The box of the caller's number is taken without asking.
    pub by_caller: bool,
    pub between: Duration,
}

/// What of a user's is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum What {
    Forward,
    DoNotDisturb,
    CallWaiting,
    HotDesk,
    /// Whether calls to a ring group ring there.
    RingGroup,
    /// Calendar rules forced on or off.
    Hours,
}

/// How it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    On,
    Off,
    Toggle,
    /// A new value.
    Update,
    /// Back to what the calendar or the default says.
    Reset,
    /// The caller is asked.
    Menu,
    /// Use it: ring where a hot desk's user is.
    Follow,
}

/// Changing something about a user or a phone.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Setting<T = Template> {
    pub what: What,
    pub change: Change,
    /// Whose, or which; `None` for the caller's.
    pub id: Option<T>,
    /// The new value: a number to forward to.
    pub value: Option<T>,
    /// `user`, `device`, `account`.
    pub scope: &'static str,
}

/// What a lamp shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Lamp {
    Idle,
    Ringing,
    Busy,
}
