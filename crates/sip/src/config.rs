//! What an endpoint is told at construction, and the users whose digest it checks.
//! Plain data: nothing here reads a file or a clock.

use std::time::Duration;

use crate::auth::Algorithm;
use crate::locate::Preferences;

/// How an [`crate::Endpoint`] behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// The digest realm of our challenges.
    pub realm: String,
    /// The value of our `Server` and `User-Agent` headers.
    pub user_agent: String,
    /// The three base times of the transaction layer.
    pub timers: Timers,
    /// A registration asking for less is answered 423 with this in Min-Expires.
    pub min_expires: Duration,
    /// What a registration gets that asks for nothing.
    pub default_expires: Duration,
    /// What a registration gets at most.
    pub max_expires: Duration,
    /// How long a phone of RFC 5626 may be silent on its stream: it is told so, and pings a little more often.
    pub flow_timer: Duration,
    /// How long a call lives without a refresh (RFC 4028 §4), where the peer has no wish of its own. Zero: calls live
    /// until they end, unless the peer wants otherwise.
    pub session_expires: Duration,
    /// The shortest such time we agree to: less is answered 422. RFC 4028 §4 allows no less than 90 s.
    pub min_se: Duration,
    /// Seeds every tag, branch, Call-ID and nonce: equal seeds and inputs give equal bytes.
    pub seed: u64,
    /// Which of `shards` endpoints this one is, from 0: those share a server's sockets (see [`crate::glance::shard`]).
    pub shard: u8,
    /// How many endpoints there are.
    pub shards: u8,
    /// The digest algorithms offered, most wanted first (RFC 8760 §2.4).
    pub algorithms: Vec<Algorithm>,
    /// Whether challenges offer `qop=auth-int` beside `auth`, so that phones may protect bodies too. Gateways that
    /// mend bodies on the way (ALGs) break it, so it is for networks without them.
    pub protects_bodies: bool,
    /// With more transactions than this, requests are forgotten once they are answered, calls excepted: answers are no
    /// longer repeated then, but a flood neither fills the memory nor makes us send a victim each refusal ten times.
    pub crowd: usize,
    /// How long a hop may say nothing before the next one is tried, if there is one (RFC 3263 §4.3).
    pub target_limit: Duration,
    /// Which servers locating may lead to.
    pub locate: Preferences,
    /// How long a hop that failed is tried after all others.
    pub avoid_for: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            realm: "offhook".into(),
            user_agent: "offhook".into(),
            timers: Timers::default(),
            min_expires: Duration::from_secs(60),
            // RFC 3261 §10.2: one hour is the suggestion when nothing is asked for.
            default_expires: Duration::from_secs(3600),
            // Linphone asks for up to a year; a day keeps dead bindings from piling up.
            max_expires: Duration::from_secs(86_400),
            // RFC 5626 §4.4.1: what phones do on streams without being told.
            flow_timer: Duration::from_secs(120),
            // RFC 4028 §4: half an hour is the suggestion.
            session_expires: Duration::from_secs(1800),
            min_se: Duration::from_secs(90),
            seed: 0,
            shard: 0,
            shards: 1,
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            protects_bodies: false,
            // A transaction lives for 32 s over UDP, and a call of one prompt has two: 1,250 calls a second.
            crowd: 80_000,
            // Four copies of a request over UDP: at 0, 0.5, 1.5 and 3.5 s.
            target_limit: Duration::from_secs(4),
            locate: Preferences::default(),
            avoid_for: Duration::from_secs(60),
        }
    }
}

/// The base times of RFC 3261 §17.1.1.1; every other timer is a multiple of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The estimated round trip.
    pub t1: Duration,
    /// The longest pause between retransmissions of a non-INVITE request and of a response to INVITE.
    pub t2: Duration,
    /// How long a message may live in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Timers { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timers {
    /// 64·T1: timers B, F, H, J, L and M, and how long an unacknowledged 2xx is repeated.
    pub fn give_up(&self) -> Duration {
        self.t1 * 64
    }
}

/// Someone who may register and call with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The digest user name and the user part of the address of record.
    pub name: String,
    /// The digest secret.
    pub password: String,
}
