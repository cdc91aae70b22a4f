//! The configuration: embedded defaults, then a TOML file, then environment variables `OFFHOOK_SECTION__KEY`.
//!
//! [`Config`] is checked as a whole before anything starts: every mistake is named with its file and line or its
//! variable, and the nearest setting there is.
//! It does not open, create or resolve anything that the settings name.

mod print;
mod read;
mod settings;
mod value;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store::{Problem, Users};
use switch::{ClientCertificates, KeyFiles, Network, TlsConfig};

use read::{Origin, Read};
use value::Value;

/// What the server runs with.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) sip: Sip,
    pub(crate) http: SocketAddr,
    pub(crate) rtp: Rtp,
    pub(crate) codecs: switch::Codecs,
    pub(crate) amd: switch::AmdTimings,
    /// Whose network's signals are heard.
    pub(crate) country: String,
    /// A flows directory; `None` for the demo in the binary.
    pub(crate) flows: Option<PathBuf>,
    pub(crate) account: String,
    pub(crate) web: Web,
    pub(crate) calls: Calls,
    pub(crate) recordings: switch::RecordingsConfig,
    pub(crate) speech: Speech,
    /// Where the demo's callback server answers, if it is to run.
    pub(crate) callback_server: Option<SocketAddr>,
    pub(crate) log: Log,
    pub(crate) users: Users,
}

#[derive(Clone, Debug)]
pub(crate) struct Sip {
    /// `sip.bind` and `sip.port`.
    pub(crate) address: SocketAddr,
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) tcp: Vec<SocketAddr>,
    pub(crate) tls: Vec<SocketAddr>,
    pub(crate) ws: Vec<SocketAddr>,
    pub(crate) wss: Vec<SocketAddr>,
    pub(crate) origins: Vec<String>,
    pub(crate) certificates: TlsConfig,
    pub(crate) shards: u8,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_peer: usize,
    pub(crate) handshake: Duration,
    pub(crate) first_message: Duration,
    pub(crate) idle: Duration,
    pub(crate) ping: Duration,
    pub(crate) advertise: Option<IpAddr>,
    pub(crate) nameservers: Vec<SocketAddr>,
    pub(crate) realm: String,
    pub(crate) allow_anonymous: bool,
    pub(crate) trust_local: bool,
    /// Zero leaves session timers to the peers.
    pub(crate) session_expires: Duration,
    pub(crate) min_se: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Rtp {
    pub(crate) ports: RangeInclusive<u16>,
    /// 0 for one a core.
    pub(crate) workers: usize,
    pub(crate) dscp: Option<u8>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) io: media::IoMode,
    pub(crate) priority: media::Priority,
    /// Each worker stays on one core.
    pub(crate) pin: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Calls {
    pub(crate) max: usize,
    pub(crate) max_duration: Duration,
    /// The file of call records, if they are kept.
    pub(crate) records: Option<PathBuf>,
    /// The directory of journals, if they are kept.
    pub(crate) journal: Option<PathBuf>,
    pub(crate) drain: Duration,
}

/// Web servers that flows talk to.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    pub(crate) allowed: Vec<Network>,
    pub(crate) denied: Vec<Network>,
    pub(crate) signing_key: Option<String>,
    pub(crate) last_good: Duration,
    /// Bytes of sounds that are kept, and of the largest.
    pub(crate) sounds: u64,
    pub(crate) sound: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Speech {
    pub(crate) provider: Provider,
    pub(crate) language: String,
    pub(crate) voice: String,
    pub(crate) timeout: Duration,
    /// Bytes of spoken texts that are kept; 0 for none.
    pub(crate) cache: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    Espeak,
    OpenAi { url: String, model: String, key: String },
}

#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) directives: String,
    pub(crate) json: bool,
}

/// A configuration and where it came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    read: Read,
}

impl Loaded {
    /// Reads `path`, or `offhook.toml` here if there is one, and the environment.
    ///
    /// The error lists all problems; a file that was asked for and cannot be read is one.
    pub(crate) fn load(path: Option<&Path>) -> Result<Loaded, Vec<Problem>> {
        let found = path.map(Path::to_owned).or_else(|| {
            let here = PathBuf::from("offhook.toml");
            here.is_file().then_some(here)
        });
        let text = match &found {
            Some(file) => Some(std::fs::read_to_string(file).map_err(|error| {
                vec![Problem::file(
                    file.display().to_string(),
                    format!("cannot read the configuration: {error}"),
                )]
            })?),
            None => None,
        };
        let name = found.as_ref().map(|file| file.display().to_string());
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let read = Read::new(name.as_deref().zip(text.as_deref()), environment);
        if read.problems.is_empty() { Ok(Loaded { file: found, read }) } else { Err(read.problems) }
    }

    /// The checked values.
    pub(crate) fn config(&self) -> Config {
        self.read.config()
    }

    /// All settings with their effective values as a TOML file with comments.
    pub(crate) fn print(&self) -> String {
        print::print(&self.read)
    }
}

impl Read {
    fn config(&self) -> Config {
        let address = |bind: &str, port: &str| SocketAddr::new(self.address(bind), self.number(port) as u16);
        let seconds = |key: &str| Duration::from_secs(self.number(key));
        let provider = match self.text("speech.provider") {
            "openai" => Provider::OpenAi {
                url: self.text("speech.openai_url").to_owned(),
                model: self.text("speech.openai_model").to_owned(),
                key: self.text("speech.openai_key").to_owned(),
            },
            _ => Provider::Espeak,
        };
        let path =
            |key: &str| Some(PathBuf::from(self.text(key))).filter(|path| !path.as_os_str().is_empty());
        // The demo's flows name the default address. Whoever sets another, or names it himself, means it for his own.
        let own_callback = self.values["demo.callback_server"].1 != Origin::Default;
        let callback_server = self.text("demo.callback_server").parse().ok();
        Config {
            data_dir: PathBuf::from(self.text("data_dir")),
            sip: Sip {
                address: address("sip.bind", "sip.port"),
                udp: self.sockets("sip.udp", Some(address("sip.bind", "sip.port"))),
                tcp: self.sockets("sip.tcp", Some(address("sip.bind", "sip.port"))),
                tls: self.sockets("sip.tls", None),
                ws: self.sockets("sip.ws", None),
                wss: self.sockets("sip.wss", None),
                origins: value::list(self.text("sip.ws_origins")).map(str::to_owned).collect(),
                certificates: self.certificates(),
                shards: self.number("sip.shards") as u8,
                max_connections: self.number("sip.max_connections") as usize,
                max_connections_per_peer: self.number("sip.max_connections_per_peer") as usize,
                handshake: seconds("sip.handshake_s"),
                first_message: seconds("sip.first_message_s"),
                idle: seconds("sip.idle_s"),
                ping: seconds("sip.ping_s"),
                advertise: self.text("sip.advertise").parse().ok(),
                nameservers: self.sockets("sip.nameserver", None),
                realm: self.text("sip.realm").to_owned(),
                allow_anonymous: self.flag("sip.allow_anonymous"),
                trust_local: self.flag("sip.trust_local"),
                session_expires: seconds("sip.session_expires"),
                min_se: seconds("sip.min_se"),
            },
            http: address("http.bind", "http.port"),
            rtp: Rtp {
                ports: value::ports(self.text("rtp.ports")).unwrap_or(20_000..=29_999),
                workers: self.number("rtp.workers") as usize,
                dscp: Some(self.number("rtp.dscp") as u8).filter(|dscp| *dscp != 0),
                timeout: Some(seconds("rtp.timeout_s")).filter(|timeout| !timeout.is_zero()),
                io: match self.text("media.io") {
                    "uring" => media::IoMode::Uring,
                    "poll" => media::IoMode::Poll,
                    _ => media::IoMode::Auto,
                },
                priority: match self.text("media.priority") {
                    "realtime" => media::Priority::Realtime,
                    "normal" => media::Priority::Normal,
                    _ => media::Priority::Nice,
                },
                pin: self.flag("media.pin"),
            },
            codecs: self.codecs(),
            amd: self.timings(),
            country: self.text("media.country").to_owned(),
            flows: path("flows.directory"),
            account: self.text("flows.account").to_owned(),
            web: Web {
                allowed: value::networks(self.text("flows.allowed_networks")).unwrap_or_default(),
                denied: value::networks(self.text("flows.denied_networks")).unwrap_or_default(),
                signing_key: Some(self.text("flows.signing_key").to_owned()).filter(|key| !key.is_empty()),
                last_good: seconds("flows.last_good_s"),
                sounds: self.number("flows.sounds_mb") << 20,
                sound: self.number("flows.sound_mb") << 20,
            },
            calls: Calls {
                max: self.number("calls.max") as usize,
                max_duration: seconds("calls.max_duration_s"),
                records: path("calls.records"),
                journal: path("calls.journal"),
                drain: seconds("calls.drain_s"),
            },
            recordings: self.recordings(),
            speech: Speech {
                provider,
                language: self.text("speech.language").to_owned(),
                voice: self.text("speech.voice").to_owned(),
                timeout: seconds("speech.timeout_s"),
                cache: self.number("speech.cache_mb") << 20,
            },
            callback_server: callback_server.filter(|_| own_callback || path("flows.directory").is_none()),
            log: Log {
                directives: self.text("log.level").to_owned(),
                json: self.text("log.format") == "json",
            },
            users: self.users.clone(),
        }
    }

    fn timings(&self) -> switch::AmdTimings {
        let ms = |key: &str| Duration::from_millis(self.number(&format!("media.amd.{key}_ms")));
        switch::AmdTimings {
            initial_silence: ms("initial_silence"),
            greeting: ms("greeting"),
            after_greeting_silence: ms("after_greeting_silence"),
            total: ms("total"),
            min_word: ms("min_word"),
            between_words: ms("between_words"),
            max_words: self.number("media.amd.max_words") as u32,
            max_word: ms("max_word"),
            beep: Some(ms("beep")),
            greeting_end: ms("greeting_end"),
        }
    }

    fn codecs(&self) -> switch::Codecs {
        let rate = |key: &str| switch::Rate(self.number(key) as u32);
        let usual = switch::Codecs::default();
        switch::Codecs {
            order: value::list(self.text("media.codecs")).filter_map(switch::codec_named).collect(),
            opus: switch::OpusSettings {
                bitrate: Some(self.number("media.opus_bitrate") as u32).filter(|bits| *bits != 0),
                fec: self.flag("media.opus_fec"),
                dtx: self.flag("media.opus_dtx"),
                complexity: self.number("media.opus_complexity") as u8,
                ..usual.opus
            },
            opus_rate: rate("media.opus_rate"),
            comfort_noise: match self.text("media.comfort_noise") {
                "off" => switch::ComfortNoise::Off,
                "sent" => switch::ComfortNoise::Sent,
                _ => switch::ComfortNoise::Heard,
            },
            encryption: self.encryption(),
            ptime_ms: self.number("media.ptime_ms") as u32 / 10 * 10,
            inband_dtmf: match self.text("media.inband_dtmf") {
                "always" => switch::InbandDtmf::Always,
                "never" => switch::InbandDtmf::Never,
                _ => switch::InbandDtmf::Auto,
            },
            dtmf: usual.dtmf,
        }
    }

    fn recordings(&self) -> switch::RecordingsConfig {
        let text = |key: &str| self.text(key).to_owned();
        let bucket = switch::Bucket {
            endpoint: Some(text("recordings.s3_endpoint")).filter(|endpoint| !endpoint.is_empty()),
            name: text("recordings.s3_bucket"),
            region: text("recordings.s3_region"),
            prefix: text("recordings.s3_prefix"),
            key_id: text("recordings.s3_key_id"),
            secret: text("recordings.s3_secret"),
        };
        switch::RecordingsConfig {
            stereo: self.flag("recordings.stereo"),
            longest_wait: Duration::from_secs(self.number("recordings.longest_wait_s")),
            give_up: Duration::from_secs(self.number("recordings.give_up_s")),
            bucket: Some(bucket).filter(|bucket| !bucket.name.is_empty()),
            keep: self.flag("recordings.keep"),
            ..switch::RecordingsConfig::default()
        }
    }

    fn encryption(&self) -> switch::Encryption {
        let policy = match self.text("media.encryption") {
            "off" => switch::Policy::Off,
            "preferred" => switch::Policy::Preferred,
            "required" => switch::Policy::Required,
            _ => switch::Policy::Offered,
        };
        let keying = match self.text("media.encryption_keys") {
            "dtls" => switch::Keying::Dtls,
            _ => switch::Keying::Sdes,
        };
        switch::Encryption::new(policy, keying)
    }

    fn certificates(&self) -> TlsConfig {
        let file = |key: &str| Some(self.text(key)).filter(|file| !file.is_empty()).map(PathBuf::from);
        let pairs = value::list(self.text("sip.tls_certificate")).zip(value::list(self.text("sip.tls_key")));
        TlsConfig {
            certificates: pairs
                .map(|(chain, key)| KeyFiles { chain: PathBuf::from(chain), key: PathBuf::from(key) })
                .collect(),
            clients: match self.text("sip.tls_client_certificates") {
                "asked" => ClientCertificates::Asked,
                "required" => ClientCertificates::Required,
                _ => ClientCertificates::Off,
            },
            client_ca: file("sip.tls_client_ca"),
            ca: file("sip.tls_ca"),
            trust_anybody: !self.flag("sip.tls_verify"),
        }
    }

    /// Where to listen; `usual` where the setting says nothing.
    fn sockets(&self, key: &str, usual: Option<SocketAddr>) -> Vec<SocketAddr> {
        match self.text(key) {
            "" => usual.into_iter().collect(),
            text => value::sockets(text).unwrap_or_default(),
        }
    }

    // Every key has a checked value of its kind; the tests ask for all of them.

    fn value(&self, key: &str) -> &Value {
        &self.values.get(key).expect("a key of the table").0
    }

    fn text(&self, key: &str) -> &str {
        match self.value(key) {
            Value::Text(text) => text,
            other => panic!("{key} is text, not {other:?}"),
        }
    }

    fn number(&self, key: &str) -> u64 {
        match self.value(key) {
            Value::Number(number) => *number,
            other => panic!("{key} is a number, not {other:?}"),
        }
    }

    fn flag(&self, key: &str) -> bool {
        match self.value(key) {
            Value::Flag(flag) => *flag,
            other => panic!("{key} is a flag, not {other:?}"),
        }
    }

    fn address(&self, key: &str) -> IpAddr {
        self.text(key).parse().expect("a checked address")
    }
}
