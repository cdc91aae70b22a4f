//! Calling others: whom, in which order, what both sides hear and see meanwhile.
//!
//! `T` is a [`Template`] in a program and a `String` in what a leg is asked for, with every variable filled in.

use std::time::Duration;

use super::Template;

/// Whom to call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Callee<T = Template> {
    /// A user, at every phone of its own.
    User(T),
    /// One phone, by its name.
    Device(T),
    /// All members of a group.
    Group(T),
    /// Whatever a short number inside means.
    Extension(T),
    /// A call centre agent, where it says it is.
    Agent(T),
    /// A number, by way of a trunk.
    Trunk {
        /// The trunk; `None` for any that takes the number.
        name: Option<T>,
        /// The number.
        number: T,
    },
    /// A SIP URI.
    Uri(T),
    /// Whoever has this number as a caller id of its own.
    Shows {
        /// The number.
        number: T,
        /// Of this class: `internal`, `external`, `emergency`.
        class: &'static str,
        /// Only `user`s or only `device`s; empty for both.
        kind: &'static str,
    },
}

impl<T> Callee<T> {
    /// The same callee in other words.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Callee<U> {
        match self {
            Callee::User(name) => Callee::User(f(name)),
            Callee::Device(name) => Callee::Device(f(name)),
            Callee::Group(name) => Callee::Group(f(name)),
            Callee::Extension(number) => Callee::Extension(f(number)),
            Callee::Agent(name) => Callee::Agent(f(name)),
            Callee::Trunk { name, number } => {
                Callee::Trunk { name: name.as_ref().map(&mut f), number: f(number) }
            }
            Callee::Uri(uri) => Callee::Uri(f(uri)),
            Callee::Shows { number, class, kind } => Callee::Shows { number: f(number), class, kind },
        }
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Callee<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Callee::User(name) => write!(f, "user {name}"),
            Callee::Device(name) => write!(f, "device {name}"),
            Callee::Group(name) => write!(f, "group {name}"),
            Callee::Extension(number) => write!(f, "extension {number}"),
            Callee::Agent(name) => write!(f, "agent {name}"),
            Callee::Trunk { name: Some(name), number } => write!(f, "{number} by {name}"),
            Callee::Trunk { name: None, number } => write!(f, "{number}"),
            Callee::Uri(uri) => write!(f, "{uri}"),
            Callee::Shows { number, class, kind: "" } => write!(f, "whose {class} number is {number}"),
            Callee::Shows { number, class, kind } => write!(f, "the {kind} whose {class} number is {number}"),
        }
    }
}

/// One of those who are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint<T = Template> {
    /// Who.
    pub callee: Callee<T>,
    /// It rings so much later than the first; a limit of its own counts from there.
    pub delay: Duration,
    /// How long it rings at most; `None` for as long as the whole.
    pub timeout: Option<Duration>,
    /// 1..=100, for [`Order::Weighted`].
    pub weight: u32,
    /// Who answers here must press this key to take the call, whatever [`Dial::confirm`] says.
    pub confirm: Option<char>,
}

impl<T> From<Callee<T>> for Endpoint<T> {
    /// Rings at once, for as long as the whole.
    fn from(callee: Callee<T>) -> Endpoint<T> {
        Endpoint { callee, delay: Duration::ZERO, timeout: None, weight: 1, confirm: None }
    }
}

/// In which order several ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All at once, each after its delay.
    #[default]
    Together,
    /// One after the other.
    InTurn,
    /// One after the other, in a random order that prefers heavier ones.
    Weighted,
}

/// Who the callee sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<T = Template> {
    /// The number.
    pub number: Shown<T>,
    /// The name; [`Shown::Called`] is the called number's name.
    pub name: Shown<T>,
    /// Put before the name, such as the flow's name.
    pub prefix: Option<T>,
    /// What is withheld (RFC 3323).
    pub withheld: Withheld,
    /// What was withheld before stays so.
    pub still: bool,
}

impl<T> Default for Identity<T> {
    /// As the flow's caller is now.
    fn default() -> Identity<T> {
        Identity {
            number: Shown::Caller,
            name: Shown::Caller,
            prefix: None,
            withheld: Withheld::Nothing,
            still: false,
        }
    }
}

/// Where a number or name that the callee sees is taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shown<T = Template> {
    /// The caller's.
    #[default]
    Caller,
    /// The one that was called.
    Called,
    /// The one of this class of the calling user or account: `internal`, `external`, `emergency`.
    Class(&'static str),
    /// This one; an empty one is none.
    Given(T),
}

/// What of a caller's identity is withheld.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Withheld {
    /// Nothing.
    #[default]
    Nothing,
    /// What the caller withheld, and nothing else.
    AsCaller,
    /// The name.
    Name,
    /// The number.
    Number,
    /// Both.
    Both,
}

/// What the caller hears before somebody answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Meanwhile<T = Template> {
    /// Early media of the callee if there is any, else ringing.
    #[default]
    Pass,
    /// Ringing, whatever the callee sends.
    Ringing,
    /// This sound, tone or playlist, whatever the callee sends.
    Sound(T),
}

/// How a call to a number outside is carried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carriage<T = Template> {
    /// Only by the account's own trunks.
    pub own: bool,
    /// By the trunks of this account.
    pub account: Option<T>,
    /// The number is not brought into the international form first.
    pub as_written: bool,
    /// The host of From; `None` for the trunk's.
    pub realm: Option<T>,
    /// From is written in the trunk's form.
    pub formed: bool,
    /// The trunk is told whose call it is.
    pub tells_account: bool,
    /// The kind of call that the trunk must carry: `audio`, `video`.
    pub kind: Option<T>,
    /// What the caller may not dial may be dialled all the same.
    pub unrestricted: bool,
}

impl<T> Carriage<T> {
    /// The same in other words.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Carriage<U> {
        Carriage {
            own: self.own,
            account: self.account.as_ref().map(&mut f),
            as_written: self.as_written,
            realm: self.realm.as_ref().map(&mut f),
            formed: self.formed,
            tells_account: self.tells_account,
            kind: self.kind.as_ref().map(f),
            unrestricted: self.unrestricted,
        }
    }
}

/// Calling others and connecting whoever answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial<T = Template> {
    /// Whom.
    pub to: Vec<Endpoint<T>>,
    /// In which order.
    pub order: Order,
    /// How long it may ring in one round.
    pub timeout: Duration,
    /// How often all are tried.
    pub rounds: u32,
    /// Who the callee sees.
    pub identity: Identity<T>,
    /// Who callees outside see, if somebody else than those inside do.
    pub outside: Option<Identity<T>>,
    /// What the caller hears until then.
    pub meanwhile: Meanwhile<T>,
    /// A sound that the callee hears before being connected.
    pub announcement: Option<T>,
    /// The callee must press this key to take the call.
    pub confirm: Option<char>,
    /// `Alert-Info`, by which phones choose how they ring.
    pub alert: Option<T>,
    /// More SIP headers.
    pub headers: Vec<(String, T)>,
    /// Words by which a trunk is chosen (Kazoo's flags).
    pub flags: Vec<T>,
    /// How calls to numbers outside are carried.
    pub carriage: Carriage<T>,
    /// The user part of the address that a phone is called by; `None` for the one it registered.
    pub request_user: Option<T>,
    /// The callee's phone is asked to answer by itself.
    pub auto_answer: bool,
    /// A phone that is in a call is asked to answer all the same.
    pub barge: bool,
    /// The caller's own phones ring too.
    pub own_phones: bool,
    /// Where users have their calls forwarded to is followed.
    pub follow_forward: bool,
    /// One who rejects ends it for all.
    pub one_rejects_all: bool,
    /// The longest conversation; `None` for no limit of its own.
    pub longest: Option<Duration>,
    /// A failure ends a call that is not answered yet with the status that the callee gave.
    pub relay: bool,
    /// An unanswered call is answered first.
    pub answers: bool,
}

impl<T> Dial<T> {
    /// All of `to` at once, for `timeout`, once, with the caller's identity and the callee's early media.
    pub fn new(to: Vec<Endpoint<T>>, timeout: Duration) -> Dial<T> {
        Dial {
            to,
            order: Order::default(),
            timeout,
            rounds: 1,
            identity: Identity::default(),
            outside: None,
            meanwhile: Meanwhile::Pass,
            announcement: None,
            confirm: None,
            alert: None,
            headers: Vec::new(),
            flags: Vec::new(),
            carriage: Carriage {
                own: false,
                account: None,
                as_written: false,
                realm: None,
                formed: false,
                tells_account: false,
                kind: None,
                unrestricted: false,
            },
            request_user: None,
            auto_answer: false,
            barge: false,
            own_phones: false,
            follow_forward: true,
            one_rejects_all: false,
            longest: None,
            relay: false,
            answers: false,
        }
    }

    /// The same in other words.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Dial<U> {
        Dial {
            to: endpoints(&self.to, &mut f),
            order: self.order,
            timeout: self.timeout,
            rounds: self.rounds,
            identity: self.identity.map(&mut f),
            outside: self.outside.as_ref().map(|identity| identity.map(&mut f)),
            meanwhile: match &self.meanwhile {
                Meanwhile::Pass => Meanwhile::Pass,
                Meanwhile::Ringing => Meanwhile::Ringing,
                Meanwhile::Sound(sound) => Meanwhile::Sound(f(sound)),
            },
            announcement: self.announcement.as_ref().map(&mut f),
            confirm: self.confirm,
            alert: self.alert.as_ref().map(&mut f),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), f(value))).collect(),
            flags: self.flags.iter().map(&mut f).collect(),
            carriage: self.carriage.map(&mut f),
            request_user: self.request_user.as_ref().map(&mut f),
            auto_answer: self.auto_answer,
            barge: self.barge,
            own_phones: self.own_phones,
            follow_forward: self.follow_forward,
            one_rejects_all: self.one_rejects_all,
            longest: self.longest,
            relay: self.relay,
            answers: self.answers,
        }
    }
}

impl<T> Identity<T> {
    /// The same in other words.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Identity<U> {
        let mut shown = |shown: &Shown<T>| match shown {
            Shown::Caller => Shown::Caller,
            Shown::Called => Shown::Called,
            Shown::Class(class) => Shown::Class(class),
            Shown::Given(text) => Shown::Given(f(text)),
        };
        let (number, name) = (shown(&self.number), shown(&self.name));
        let prefix = self.prefix.as_ref().map(f);
        Identity { number, name, prefix, withheld: self.withheld, still: self.still }
    }
}

/// The same endpoints in other words.
pub(super) fn endpoints<T, U>(of: &[Endpoint<T>], mut f: impl FnMut(&T) -> U) -> Vec<Endpoint<U>> {
    let one = |endpoint: &Endpoint<T>| Endpoint {
        callee: endpoint.callee.map(&mut f),
        delay: endpoint.delay,
        timeout: endpoint.timeout,
        weight: endpoint.weight,
        confirm: endpoint.confirm,
    };
    of.iter().map(one).collect()
}
