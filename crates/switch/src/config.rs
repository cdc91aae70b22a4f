//! What a switch is told at its start.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use store::{Sounds, Trunks};

use crate::codecs::Codecs;
use crate::http::HttpConfig;
use crate::sip_io::SipConfig;
use crate::speech;
use crate::spool::RecordingsConfig;
use crate::studio::WebSounds;

/// See the fields; the defaults are those of `offhook serve` without a configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// SIP sockets and timers.
    pub sip: SipConfig,
    /// Ports, workers, recordings' directory, media timeout.
    pub media: media::Config,
    /// The voice.
    pub speech: speech::Config,
    /// Requests of flows.
    pub http: HttpConfig,
    /// Our address as peers elsewhere see it, where that is not the local one (NAT, containers).
    pub advertise: Option<IpAddr>,
    /// Whether anonymous callers from other machines reach public numbers.
    pub allow_anonymous: bool,
    /// Whether callers on this machine need no account.
    pub trust_local: bool,
    /// Codecs and how they are used.
    pub codecs: Codecs,
    /// When what counts for finding out who answered, where a flow does not say; `beep` is how long a machine's greeting is
    /// followed.
    pub amd: audio::detect::Timings,
    /// The prompts' language where neither flow nor document names one; empty leaves it to the voice.
    pub language: String,
    /// The country whose network's signals (ringing, busy) are heard: one of [`COUNTRIES`](crate::COUNTRIES).
    pub country: String,
    /// The account that flows belong to, as they tell web servers.
    pub account: String,
    /// Sounds that come with the switch, below those of the flows.
    pub sounds: Sounds,
    /// Sounds on the web.
    pub web_sounds: WebSounds,
    /// Carriers and other switches.
    pub trunks: Trunks,
    /// Calls at a time.
    pub max_calls: usize,
    /// The longest a call may last.
    pub max_duration: Duration,
    /// Encoded prompts kept in memory, in bytes: 8,000 are a second.
    pub prompt_cache_bytes: usize,
    /// A list of prompts that is not ready by then fails.
    pub prompt_limit: Duration,
    /// The file to which a JSON line is appended for each call.
    pub cdr: Option<PathBuf>,
    /// What is done with recordings.
    pub recordings: RecordingsConfig,
    /// The file in which users' settings are kept that they change by phone. Default: none, they go with the switch.
    pub settings: Option<PathBuf>,
    /// A directory for a journal of each call. Default: none.
    pub journal: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            sip: SipConfig::default(),
            media: media::Config { recordings_dir: PathBuf::from("recordings"), ..media::Config::default() },
            speech: speech::Config::default(),
            http: HttpConfig::default(),
            advertise: None,
            allow_anonymous: false,
            trust_local: true,
            codecs: Codecs::default(),
            amd: crate::amd::usual(),
            language: String::new(),
            country: "us".to_owned(),
            account: String::new(),
            sounds: Sounds::built_in(),
            web_sounds: WebSounds::default(),
            trunks: Trunks::default(),
            // The default port range has 5,000 pairs.
            max_calls: 5_000,
            max_duration: Duration::from_secs(4 * 3600),
            prompt_cache_bytes: 128 << 20,
            prompt_limit: Duration::from_secs(15),
            cdr: None,
            recordings: RecordingsConfig::default(),
            settings: None,
            journal: None,
        }
    }
}
