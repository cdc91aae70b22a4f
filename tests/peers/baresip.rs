//! baresip without a sound card: driven over its control port, hears into a WAV file.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use audio::{Pcm, Rate};
use serde_json::{Value, json};

use super::process::Process;
use crate::server::free_port;
use crate::wait;

/// The module of a codec.
fn module_of(codec: &str) -> &'static str {
    match codec {
        "opus" => "opus",
        "G722" => "g722",
        "L16" => "l16",
        _ => "g711",
    }
}

/// A codec as an account names it.
fn named(codec: &str) -> &'static str {
    match codec {
        "opus" => "opus/48000/1",
        "G722" => "G722/16000/1",
        "L16" => "L16/16000/1",
        "PCMA" => "PCMA/8000/1",
        _ => "PCMU/8000/1",
    }
}

/// A running baresip with one account.
pub struct Baresip {
    process: Process,
    control: TcpStream,
    unread: Vec<u8>,
    folder: tempfile::TempDir,
}

impl Baresip {
    /// Starts baresip with `user`'s account at `server`; it registers if `register`.
    /// It answers every call at once, and sends the sound of `talks`, a WAV file that should outlast the call (baresip hangs up at its end).
    pub fn start(server: &str, user: &str, password: &str, register: bool, talks: &Path) -> Baresip {
        Baresip::with(server, user, password, register, talks, "auto", &["PCMU", "PCMA"])
    }

    /// The same with a registered user who answers by hand ([`Baresip::accept`]).
    pub fn by_hand(server: &str, user: &str, password: &str, talks: &Path) -> Baresip {
        Baresip::with(server, user, password, true, talks, "manual", &["PCMU", "PCMA"])
    }

    /// One that answers by hand and encrypts: `srtp-mand` has keys in its descriptions, `dtls_srtp` shakes hands.
    pub fn encrypting(server: &str, user: &str, password: &str, talks: &Path, how: &str) -> Baresip {
        let answers = format!("manual;mediaenc={how}");
        Baresip::with(server, user, password, true, talks, &answers, &["PCMU", "PCMA"])
    }

    /// A registered one that answers at once and speaks these codecs, most wanted first: `opus`, `G722`, `L16`, `PCMU`, `PCMA`.
    /// Its sound must have the rate of the one that is agreed on.
    pub fn speaking(server: &str, user: &str, password: &str, talks: &Path, codecs: &[&str]) -> Baresip {
        Baresip::with(server, user, password, true, talks, "auto", codecs)
    }

    fn with(
        server: &str,
        user: &str,
        password: &str,
        register: bool,
        talks: &Path,
        answers: &str,
        codecs: &[&str],
    ) -> Baresip {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().display().to_string();
        let (sip, control, rtp) = (free_port(), free_port(), free_port());
        let rtp = rtp & !1;
        let modules: String = ["opus", "g722", "l16", "g711"]
            .into_iter()
            .filter(|module| codecs.iter().any(|codec| module_of(codec) == *module))
            .map(|module| format!("module {module}.so\n"))
            .collect();
        let order: Vec<&str> = codecs.iter().map(|codec| named(codec)).collect();
        fs::write(
            folder.path().join("config"),
            format!(
                "sip_listen 127.0.0.1:{sip}\nrtp_ports {rtp}-{}\naudio_source aufile,{}\nsnd_path {path}\n\
                 opus_stereo no\nopus_sprop_stereo no\nopus_bitrate 32000\n\
                 module_path /usr/lib/baresip/modules\n{modules}module aufile.so\nmodule sndfile.so\n\
                 module ctrl_tcp.so\nmodule srtp.so\nmodule dtls_srtp.so\nmodule_app account.so\nmodule_app menu.so\nctrl_tcp_listen 127.0.0.1:{control}\n",
                // The next port that somebody is given is eight higher.
                rtp + 7,
                talks.display(),
            ),
        )
        .expect("a config file");
        let interval = if register { 600 } else { 0 };
        fs::write(
            folder.path().join("accounts"),
            format!(
                "<sip:{user}@{server}>;auth_user={user};auth_pass={password};regint={interval};answermode={answers};audio_codecs={}\n",
                order.join(",")
            ),
        )
        .expect("an accounts file");
        let process = Process::start(
            "baresip",
            Command::new("stdbuf").args(["-oL", "baresip", "-s", "-f"]).arg(folder.path()),
        );
        let control = wait::until("baresip's control port", Duration::from_secs(10), || {
            TcpStream::connect(("127.0.0.1", control)).ok()
        });
        control.set_read_timeout(Some(Duration::from_millis(50))).expect("a time limit can be set");
        Baresip { process, control, unread: Vec::new(), folder }
    }

    /// Runs a command of baresip's, such as `dial`.
    pub fn command(&mut self, command: &str, params: &str) {
        let message = json!({ "command": command, "params": params, "token": "t" }).to_string();
        let frame = format!("{}:{message},", message.len());
        self.control.write_all(frame.as_bytes()).expect("baresip listens");
    }

    /// Waits for a line of its log.
    pub fn wait_for_line(&mut self, text: &str, limit: Duration) {
        self.process.wait_for(text, 0, limit);
    }

    /// The messages that it sent and got so far, with its log.
    pub fn sip(&self) -> String {
        self.process.lines().join("\n")
    }

    /// Calls `uri`.
    pub fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    /// Presses one key (RFC 4733).
    pub fn press(&mut self, key: char) {
        self.command("sndcode", &key.to_string());
        // A key lasts until the next command says otherwise; this one ends it.
        self.command("sndcode", "\u{4}");
    }

    /// Answers the call that rings.
    pub fn accept(&mut self) {
        self.wait_for("CALL_INCOMING", Duration::from_secs(15));
        self.command("accept", "");
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait_exit(Duration::from_secs(10));
    }

    /// Hangs up.
    pub fn hang_up(&mut self) {
        self.command("hangup", "");
    }

    /// Waits for an event such as `CALL_ESTABLISHED`, `CALL_CLOSED`, `REGISTER_OK`, `REGISTER_FAIL`.
    pub fn wait_for(&mut self, event: &str, limit: Duration) -> Value {
        let deadline = Instant::now() + limit;
        let mut seen = Vec::new();
        loop {
            while let Some(message) = self.next_message() {
                if message["type"] == event {
                    return message;
                }
                seen.push(message.to_string());
            }
            assert!(
                Instant::now() < deadline,
                "waited {limit:?} for {event}; saw {seen:#?}\n{}",
                self.process.lines().join("\n")
            );
            let mut buffer = [0; 4096];
            // Nothing within the read's own limit is not an error here.
            if let Ok(read) = self.control.read(&mut buffer) {
                self.unread.extend_from_slice(&buffer[..read]);
            }
        }
    }

    /// Takes one netstring off the bytes read so far.
    fn next_message(&mut self) -> Option<Value> {
        let colon = self.unread.iter().position(|byte| *byte == b':')?;
        let length: usize =
            std::str::from_utf8(&self.unread[..colon]).ok()?.trim_matches(',').parse().ok()?;
        let body = self.unread.get(colon + 1..colon + 1 + length)?.to_vec();
        self.unread.drain(..(colon + 2 + length).min(self.unread.len()));
        serde_json::from_slice(&body).ok()
    }

    /// Presses keys at the pace of a hand (RFC 4733).
    pub fn type_keys(&mut self, keys: &str) {
        for key in keys.chars() {
            self.press(key);
            let next = Instant::now() + Duration::from_millis(200);
            wait::until("the next key", Duration::from_secs(5), || (Instant::now() > next).then_some(()));
        }
    }

    /// What it has heard so far in the call that it hears something of, at 8 kHz; its file is written as sound comes.
    pub fn so_far(&self) -> Pcm {
        const HEAD: usize = 44;
        let latest = self.recordings().into_iter().max_by_key(|path| {
            fs::metadata(path).and_then(|file| file.modified()).unwrap_or(std::time::UNIX_EPOCH)
        });
        let bytes = latest.and_then(|path| fs::read(path).ok()).unwrap_or_default();
        // The lengths in its head are written when it is closed.
        let sound = bytes.get(HEAD..).unwrap_or_default().chunks_exact(2);
        Pcm::new(Rate::NARROW, sound.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
    }

    /// Its files of what it heard, a call each, in their order.
    fn recordings(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path())
            .expect("baresip's folder")
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        files.sort();
        files
    }

    /// Ends baresip and returns what its last call heard.
    pub fn heard(mut self) -> Pcm {
        self.command("quit", "");
        self.process.wait_exit(Duration::from_secs(10));
        let file = self.recordings().pop().expect("baresip wrote what it heard");
        audio::read::decode(fs::read(file).expect("a WAV file"), Some("wav")).expect("a WAV file")
    }
}
