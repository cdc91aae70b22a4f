//! Every setting there is: its key, what it accepts, its default and what it is for.
//!
//! Reading, checking, environment overrides, `offhook config print` and the hints in errors all follow this one table.

use Kind::{
    Address, Choice, Codecs, Directives, Flag, List, Networks, Number, OptionalAddress, OptionalSocket,
    Ports, Secret, Sockets, Text,
};

/// What a setting accepts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// Text that is not shown.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A whole number between these, both included.
    Number(u64, u64),
    /// An IP address.
    Address,
    /// An IP address or nothing.
    OptionalAddress,
    /// `ADDRESS:PORT` or nothing.
    OptionalSocket,
    /// `ADDRESS:PORT, ADDRESS:PORT`, `off`, or nothing.
    Sockets,
    /// Texts with commas between them, or an array of texts.
    List,
    /// Names of codecs with commas between them, or an array of them; at least one.
    Codecs,
    /// `FIRST-LAST`, at least two ports.
    Ports,
    /// `NETWORK, NETWORK`, or nothing.
    Networks,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Log directives such as `info,switch=debug`.
    Directives,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// `section.key`, where a section may be in another one; without a section it stands at the top of the file.
    pub(super) key: &'static str,
    /// What it accepts.
    pub(super) kind: Kind,
    /// Its default, as it is written in TOML.
    pub(super) default: &'static str,
    /// What it is for, in one or two lines.
    pub(super) about: &'static str,
}

impl Setting {
    /// The section and the key in it.
    pub(super) fn split(&self) -> (&'static str, &'static str) {
        self.key.rsplit_once('.').unwrap_or(("", self.key))
    }

    /// The environment variable that overrides it.
    pub(super) fn variable(&self) -> String {
        format!("OFFHOOK_{}", self.key.replace('.', "__").to_uppercase())
    }
}

const fn setting(key: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Setting {
    Setting { key, kind, default, about }
}

/// A day in seconds.
const DAY: u64 = 86_400;

/// All settings, in the order in which `config print` shows them; `[users]` comes after them.
pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "data_dir",
        Text,
        "\"offhook-data\"",
        "Where recordings, the speech cache, what users change by phone (settings.json) and the demo's passwords are kept.",
    ),
    setting("sip.bind", Address, "\"0.0.0.0\"", "The address on which phones are listened to."),
    setting("sip.port", Number(0, 65_535), "5060", "UDP and TCP. 0 takes a free one."),
    setting(
        "sip.udp",
        Sockets,
        "\"\"",
        "Where SIP over UDP is listened for, if not at sip.bind and sip.port: addresses with ports, commas between them.\n\"[::]:5060\" serves IPv4 too. \"off\": nowhere.",
    ),
    setting("sip.tcp", Sockets, "\"\"", "The same for TCP."),
    setting("sip.tls", Sockets, "\"\"", "The same for TLS, which needs a certificate. Empty: nowhere."),
    setting("sip.ws", Sockets, "\"\"", "The same for WebSockets (RFC 7118). Empty: nowhere."),
    setting(
        "sip.wss",
        Sockets,
        "\"\"",
        "The same for secure WebSockets, which need a certificate. Empty: nowhere.",
    ),
    setting(
        "sip.ws_origins",
        List,
        "\"\"",
        "Web pages that may open WebSockets, such as \"https://phone.example\". Empty: all.",
    ),
    setting(
        "sip.tls_certificate",
        List,
        "\"\"",
        "PEM files of certificates with their chains; of several, the name asked for chooses, else the first is shown.\nThey are read again when they change, and at SIGHUP.",
    ),
    setting("sip.tls_key", List, "\"\"", "PEM files of their keys, in the same order."),
    setting(
        "sip.tls_client_certificates",
        Choice(&["off", "asked", "required"]),
        "\"off\"",
        "Whether TLS clients must show a certificate signed by sip.tls_client_ca.",
    ),
    setting("sip.tls_client_ca", Text, "\"\"", "A PEM file of those who sign clients' certificates."),
    setting(
        "sip.tls_ca",
        Text,
        "\"\"",
        "A PEM file of those who sign servers' certificates, besides those that the system trusts.",
    ),
    setting(
        "sip.tls_verify",
        Flag,
        "true",
        "Whether the certificates of servers that we connect to must be valid and have their names (RFC 5922).",
    ),
    setting(
        "sip.shards",
        Number(1, 64),
        "1",
        "Tasks that do the signalling; calls are spread over them by Call-ID. One serves some thousand calls a second.",
    ),
    setting(
        "sip.max_connections",
        Number(1, 1_000_000),
        "10000",
        "Connections at once; more are closed, and so are new ones while a quarter is in unfinished handshakes.",
    ),
    setting(
        "sip.max_connections_per_peer",
        Number(1, 1_000_000),
        "100",
        "The same for one IPv4 address or one /64 network of IPv6.",
    ),
    setting(
        "sip.handshake_s",
        Number(1, 300),
        "10",
        "How long connecting, TLS and WebSocket handshakes may take, each.",
    ),
    setting(
        "sip.first_message_s",
        Number(1, 3600),
        "30",
        "A connection that brings no whole message for so long is closed.",
    ),
    setting(
        "sip.idle_s",
        Number(1, 7 * DAY),
        "600",
        "A connection that is silent for so long, and that neither a call nor a registration uses, is closed.",
    ),
    setting(
        "sip.ping_s",
        Number(1, 3600),
        "30",
        "How often connections that we opened are pinged (RFC 5626); a peer that used to answer and does not is gone.",
    ),
    setting(
        "sip.advertise",
        OptionalAddress,
        "\"\"",
        "The address told to phones in Contact and SDP, for a server behind NAT.\nEmpty: the address that faces the phone.",
    ),
    setting(
        "sip.nameserver",
        Sockets,
        "\"\"",
        "Name servers to ask where SIP servers are, such as \"192.0.2.53:53\". Empty: those of the machine.",
    ),
    setting(
        "sip.realm",
        Text,
        "\"offhook\"",
        "The digest realm; phones show it when they ask for a password.",
    ),
    setting(
        "sip.allow_anonymous",
        Flag,
        "false",
        "Lets callers who are not registered reach public numbers from anywhere, not only from this machine.",
    ),
    setting(
        "sip.trust_local",
        Flag,
        "true",
        "Lets callers on this machine reach users and public numbers without an account.\nfalse: they are asked like everybody else, as behind a proxy on this machine, through which all the world comes.",
    ),
    setting(
        "sip.session_expires",
        Number(0, DAY),
        "1800",
        "Seconds a call may live without a sign of life of the far end (session timer).\n0: only where the far end asks for one.",
    ),
    setting(
        "sip.min_se",
        Number(10, DAY),
        "90",
        "The fewest such seconds a far end may ask for; RFC 4028 wants no fewer than 90.",
    ),
    setting(
        "http.bind",
        Address,
        "\"127.0.0.1\"",
        "The address of the API; it has no passwords yet, so keep it on loopback.",
    ),
    setting("http.port", Number(0, 65_535), "8080", "TCP. 0 takes a free one."),
    setting("rtp.ports", Ports, "\"20000-29999\"", "UDP ports for audio; a call takes two."),
    setting("rtp.workers", Number(0, 256), "0", "Threads that carry audio. 0: one a core."),
    setting(
        "rtp.dscp",
        Number(0, 63),
        "46",
        "Differentiated services mark of the packets sent; 46 is expedited forwarding, 0 none.",
    ),
    setting(
        "rtp.timeout_s",
        Number(0, DAY),
        "30",
        "A call without any audio from the phone for so long is ended. 0: never.",
    ),
    setting(
        "media.codecs",
        Codecs,
        "\"opus, G722, PCMU, PCMA\"",
        "opus, G722, PCMU, PCMA, L16/16000, L16/8000: those that are offered and taken, most wanted first.\nIn an answer the caller's order counts.",
    ),
    setting(
        "media.ptime_ms",
        Number(10, 60),
        "20",
        "Milliseconds a packet, where the other end does not say.",
    ),
    setting(
        "media.comfort_noise",
        Choice(&["off", "heard", "sent"]),
        "\"heard\"",
        "Silence told by a description of its noise (RFC 3389) to ends that agree. heard: theirs is understood, ours is sent as\npackets; sent: ours too, five times a second where a leg has nothing to say, which costs next to nothing, but some\nphones take it for a dead line and some recorders cut it out; off: our descriptions do not name it.",
    ),
    setting(
        "media.country",
        Choice(switch::COUNTRIES),
        "\"us\"",
        "Whose network's signals are heard: ringing, busy, congestion and the dial tone (ITU-T E.180), by ISO 3166 code.\nFlows name others by tone://busy;country=de.",
    ),
    setting(
        "media.encryption",
        Choice(&["off", "offered", "preferred", "required"]),
        "\"offered\"",
        "SRTP. offered: where the other end offers it; preferred: our own offers have it as a wish (RFC 8643);\nrequired: nothing else is offered or taken; off: it is refused.",
    ),
    setting(
        "media.encryption_keys",
        Choice(&["sdes", "dtls"]),
        "\"sdes\"",
        "Where the keys are in our own offers: sdes, in the SIP message, which should go by TLS then (RFC 4568);\ndtls, in a handshake between the ports of the audio (RFC 5764). Offers of others may have either.",
    ),
    setting(
        "media.inband_dtmf",
        Choice(&["auto", "always", "never"]),
        "\"auto\"",
        "Whether keys are listened for in the sound. auto: of phones without telephone-events (RFC 4733).",
    ),
    setting(
        "media.opus_rate",
        Number(8_000, 48_000),
        "16000",
        "Samples a second of legs with Opus: 8000, 12000, 16000, 24000 or 48000. Beside a narrowband party it is 8000.",
    ),
    setting(
        "media.opus_bitrate",
        Number(0, 510_000),
        "0",
        "Bits a second that Opus has at most, 6000 or more. 0: what suits the rate.",
    ),
    setting("media.opus_complexity", Number(0, 10), "5", "0 is cheap, 10 is good."),
    setting(
        "media.opus_fec",
        Flag,
        "true",
        "Whether Opus packets hold a coarse copy of the one before, where the other end makes use of it.",
    ),
    setting(
        "media.opus_dtx",
        Flag,
        "false",
        "Whether Opus sends nothing in silence, where the other end wants that.",
    ),
    setting(
        "media.io",
        Choice(&["auto", "uring", "poll"]),
        "\"auto\"",
        "How audio packets are received and sent. uring: many with a system call (io_uring), where the system permits it;\npoll: one with a system call; auto: uring, or without a warning poll.",
    ),
    setting(
        "media.priority",
        Choice(&["nice", "realtime", "normal"]),
        "\"nice\"",
        "How the threads that carry audio stand to all others. nice: -10; realtime: SCHED_FIFO, for machines that do nothing\nelse; both take CAP_SYS_NICE, without which it is as with normal.",
    ),
    setting("media.pin", Flag, "false", "Whether each thread that carries audio stays on one core."),
    setting(
        "media.amd.initial_silence_ms",
        Number(100, 60_000),
        "2500",
        "Who answered: nobody says anything for so long, and nobody can tell. Flows may say otherwise (docs/detectors.md).",
    ),
    setting(
        "media.amd.greeting_ms",
        Number(100, 60_000),
        "2200",
        "Who talks longer, pauses between words included, is a machine.",
    ),
    setting(
        "media.amd.after_greeting_silence_ms",
        Number(100, 60_000),
        "800",
        "Who said less and then waits so long is a person.",
    ),
    setting("media.amd.total_ms", Number(500, 120_000), "5000", "Undecided until then: nobody can tell."),
    setting("media.amd.min_word_ms", Number(20, 2_000), "100", "A shorter sound is no word."),
    setting("media.amd.between_words_ms", Number(20, 2_000), "50", "A shorter pause does not end a word."),
    setting("media.amd.max_words", Number(1, 100), "8", "Who says more words is a machine."),
    setting(
        "media.amd.max_word_ms",
        Number(200, 60_000),
        "5000",
        "A longer word is music or a hum, and a machine.",
    ),
    setting(
        "media.amd.beep_ms",
        Number(1_000, 600_000),
        "60000",
        "How long a machine's greeting is followed, where its beep or its end is waited for.",
    ),
    setting(
        "media.amd.greeting_end_ms",
        Number(200, 30_000),
        "2000",
        "So much silence ends a machine's greeting that does not beep.",
    ),
    setting(
        "flows.directory",
        Text,
        "\"\"",
        "A directory with numbers.toml and flow documents, perhaps with users.toml and trunks.toml. Empty: the demo in the binary.",
    ),
    setting(
        "flows.account",
        Text,
        "\"offhook\"",
        "The account that flows belong to, as web servers are told: Kazoo's Account-ID, Voxology's app_id.",
    ),
    setting(
        "flows.allowed_networks",
        Networks,
        "\"\"",
        "Networks whose web servers flows may talk to besides public addresses, such as \"127.0.0.1, 10.0.0.0/8\".",
    ),
    setting(
        "flows.denied_networks",
        Networks,
        "\"169.254.0.0/16, fe80::/10\"",
        "Networks whose web servers flows may not talk to, whatever flows.allowed_networks says.",
    ),
    setting(
        "flows.signing_key",
        Secret,
        "\"\"",
        "What flows' requests are signed with, in the header X-Offhook-Signature. Empty: they are not.",
    ),
    setting(
        "flows.last_good_s",
        Number(0, 30 * DAY),
        "0",
        "How old the answer may be that stands in when a web server fails to say what a call begins with. 0: none does.",
    ),
    setting(
        "flows.sounds_mb",
        Number(1, 1_000_000),
        "512",
        "Sounds from web servers that are kept in data_dir until the next start, in megabytes.",
    ),
    setting(
        "flows.sound_mb",
        Number(1, 1_000_000),
        "128",
        "The largest sound that is fetched from a web server, in megabytes, and no more than flows.sounds_mb.",
    ),
    setting("calls.max", Number(1, 1_000_000), "5000", "Calls at once; more are refused with 503."),
    setting("calls.max_duration_s", Number(1, 7 * DAY), "14400", "The longest a call may last."),
    setting(
        "calls.records",
        Text,
        "\"\"",
        "A file to which a JSON line is appended for each call that ended, synced within a second. It may be renamed at any\nmoment. Empty: none.",
    ),
    setting(
        "calls.journal",
        Text,
        "\"\"",
        "A directory for a file a call with all that its flow was told, for `offhook replay`. Empty: none.\nThe files hold keys that callers press and what web servers say of them.",
    ),
    setting(
        "calls.drain_s",
        Number(0, DAY),
        "30",
        "How long a stop waits for calls to end by themselves before it says BYE.",
    ),
    setting(
        "recordings.stereo",
        Flag,
        "false",
        "Whether a recording of both parties has a channel for each, the caller's on the left, and not one for both.",
    ),
    setting(
        "recordings.longest_wait_s",
        Number(1, DAY),
        "600",
        "A recording that its server does not take is sent again after 2 s, 4 s and so on, up to this.",
    ),
    setting(
        "recordings.give_up_s",
        Number(1, 365 * DAY),
        "259200",
        "A recording that could not be sent for so long after its end stays here.",
    ),
    setting(
        "recordings.s3_bucket",
        Text,
        "\"\"",
        "An S3-compatible bucket in which every recording is stored besides data_dir. Empty: none.",
    ),
    setting(
        "recordings.s3_endpoint",
        Text,
        "\"\"",
        "The bucket's server, such as \"https://s3.example\". Empty: Amazon's.",
    ),
    setting("recordings.s3_region", Text, "\"us-east-1\"", "The bucket's region."),
    setting(
        "recordings.s3_prefix",
        Text,
        "\"\"",
        "What the names of recordings begin with there, such as \"calls/\".",
    ),
    setting("recordings.s3_key_id", Text, "\"\"", "The id of the key that opens the bucket."),
    setting("recordings.s3_secret", Secret, "\"\"", "The key."),
    setting(
        "recordings.keep",
        Flag,
        "true",
        "Whether a recording stays in data_dir when it is in the bucket and wherever else it was to be sent.",
    ),
    setting(
        "speech.provider",
        Choice(&["espeak", "openai"]),
        "\"espeak\"",
        "Who speaks: espeak-ng on this machine, or an OpenAI-compatible HTTP server.",
    ),
    setting("speech.language", Text, "\"en-US\"", "For flows that name none."),
    setting(
        "speech.voice",
        Text,
        "\"\"",
        "`male`, `female`, or the provider's own name of a voice. Empty: its default.",
    ),
    setting(
        "speech.timeout_s",
        Number(1, 300),
        "10",
        "A prompt that is not ready by then takes the flow's error edge.",
    ),
    setting(
        "speech.cache_mb",
        Number(0, 1_000_000),
        "256",
        "Spoken texts kept in data_dir, in megabytes. 0: none.",
    ),
    setting(
        "speech.openai_url",
        Text,
        "\"http://127.0.0.1:8000/v1/audio/speech\"",
        "The speech endpoint of the second provider.",
    ),
    setting("speech.openai_model", Text, "\"tts-1\"", "The model asked for."),
    setting("speech.openai_key", Secret, "\"\"", "Sent as a bearer token if not empty."),
    setting(
        "demo.callback_server",
        OptionalSocket,
        "\"127.0.0.1:8090\"",
        "Where the web server of number 1101 answers while the demo's own flows are used. Empty: it is not started.",
    ),
    setting(
        "log.level",
        Directives,
        "\"info\"",
        "`error`, `warn`, `info`, `debug`, or directives such as `info,switch=debug`. RUST_LOG goes before it.",
    ),
    setting(
        "log.format",
        Choice(&["human", "json"]),
        "\"human\"",
        "How log lines are written to standard error.",
    ),
];

/// The setting of this key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The names of the sections, `users` among them.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<&str> =
        SETTINGS.iter().map(|setting| setting.split().0).filter(|name| !name.is_empty()).collect();
    names.dedup();
    names.into_iter().chain(["users"])
}
