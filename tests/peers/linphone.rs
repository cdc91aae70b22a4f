//! Linphone without a window or a sound card: `linphone-daemon`, driven over standard input.
//!
//! It cannot record, so what it hears is captured on its way there.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::capture::Capture;
use super::process::Process;
use crate::server::free_port;
use crate::wait;

/// A running Linphone.
pub struct Linphone {
    process: Process,
    read: usize,
    log_read: usize,
    media: u16,
    folder: tempfile::TempDir,
}

impl Linphone {
    /// Starts Linphone and waits until its network is up.
    pub fn start() -> Linphone {
        Linphone::with("")
    }

    /// Starts one that registers by itself, publishes its presence and watches that of `friend`; it keeps a log.
    pub fn publishing(server: &str, user: &str, password: &str, friend: &str) -> Linphone {
        Linphone::with(&format!(
            "[sip]\ndefault_proxy=0\n[proxy_0]\nreg_proxy=<sip:{server}>\nreg_identity=<sip:{user}@{server}>\n\
             reg_expires=600\nreg_sendregister=1\nreg_route=<sip:{server};lr>\npublish=1\n[auth_info_0]\nusername={user}\npasswd={password}\n\
             realm=offhook\n[friend_0]\nurl=<{friend}>\npol=accept\nsubscribe=1\n"
        ))
    }

    fn with(more: &str) -> Linphone {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(folder.path().join(".local/share/linphone")).expect("a folder");
        let (sip, media) = (free_port(), free_port() & !1);
        let config = folder.path().join("linphonerc");
        fs::write(
            &config,
            format!("[sip]\nsip_port={sip}\nsip_tcp_port=0\nsip_tls_port=0\nuse_ipv6=0\n[rtp]\naudio_rtp_port={media}\n[net]\nfirewall_policy=0\n{more}"),
        )
        .expect("a config file");
        let mut process = Process::start(
            "linphone-daemon",
            Command::new("linphone-daemon")
                .arg("--config")
                .arg(&config)
                .arg("--disable-stats-events")
                .arg("--log")
                .arg(folder.path().join("log"))
                .env("HOME", folder.path()),
        );
        process.write("version");
        let (_, read) = process.wait_for("Status: Ok", 0, Duration::from_secs(20));
        Linphone { process, read, log_read: 0, media, folder }
    }

    /// Registers `user` at `server` (`127.0.0.1:5060`) and waits for the outcome (`Ok` or `Failed`).
    pub fn register(&mut self, server: &str, user: &str, password: &str, outcome: &str) {
        // A proxy that is set up before the network is up registers when it comes up.
        self.command(&format!("register sip:{user}@{server} sip:{server} {password}"));
        self.wait_for("Id: ", Duration::from_secs(20));
        // The daemon tells the state of a registration only when it is asked.
        wait::until(&format!("Linphone's registration to be {outcome}"), Duration::from_secs(30), || {
            self.command("register-status 1");
            let (line, read) = self.process.wait_for("State: ", self.read, Duration::from_secs(10));
            self.read = read;
            line.ends_with(outcome).then_some(())
        });
    }

    /// What it wrote of the messages that it sent and got.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Sends a command line.
    pub fn command(&mut self, line: &str) {
        self.process.write(line);
    }

    /// Waits for a line that contains `text`, after the last one that was waited for.
    pub fn wait_for(&mut self, text: &str, limit: Duration) {
        let (_, read) = self.process.wait_for(text, self.read, limit);
        self.read = read;
    }

    /// Calls `uri` and waits until sound flows; returns the capture of what it hears.
    pub fn call(&mut self, uri: &str) -> Capture {
        let capture = Capture::start(self.media);
        self.command(&format!("call {uri}"));
        self.wait_for("LinphoneCallStreamsRunning", Duration::from_secs(20));
        capture
    }

    /// Waits for a call, answers it and returns the capture of what it hears.
    pub fn answer(&mut self) -> Capture {
        let capture = Capture::start(self.media);
        self.wait_for("LinphoneCallIncomingReceived", Duration::from_secs(20));
        self.command("answer");
        self.wait_for("LinphoneCallStreamsRunning", Duration::from_secs(20));
        capture
    }

    /// Waits until its call is over and the ports of its media are free for the next.
    pub fn over(&mut self, limit: Duration) {
        self.wait_for("LinphoneCallReleased", limit);
    }

    /// Captures what it hears from here on.
    pub fn listen(&self) -> Capture {
        Capture::start(self.media)
    }

    /// Presses keys at the pace of a hand (RFC 4733).
    pub fn type_keys(&mut self, keys: &str) {
        for key in keys.chars() {
            self.command(&format!("dtmf {key}"));
            let next = Instant::now() + Duration::from_millis(400);
            wait::until("the next key", Duration::from_secs(5), || (Instant::now() > next).then_some(()));
        }
    }

    /// Waits for a call that asks the phone to answer by itself, answers it as a desk phone does, and sends the sound of a
    /// WAV file; returns the capture of what it hears. The daemon's commands have no such mode: that it got the headers is
    /// read in its log.
    pub fn answer_as_asked(&mut self, says: &Path) -> Capture {
        let capture = Capture::start(self.media);
        self.wait_for("LinphoneCallIncomingReceived", Duration::from_secs(20));
        self.command("answer");
        self.wait_for("LinphoneCallStreamsRunning", Duration::from_secs(20));
        self.talk(says);
        // Only now: what it writes of a call that rings is not all in the file until it has four kilobytes more to write.
        let seen = self.log_read;
        self.log_read = wait::until("a call that is to be answered at once", Duration::from_secs(30), || {
            let log = self.log();
            let mut invites = log.get(seen..)?.split("INVITE sip:").skip(1);
            let asks =
                |invite: &str| invite.contains("answer-after=0") && invite.contains("Answer-Mode: Auto");
            invites.any(asks).then_some(log.len())
        });
        capture
    }

    /// Starts one that encrypts its calls: `srtp` has keys in its descriptions, `dtls` shakes hands.
    pub fn encrypting(how: &str) -> Linphone {
        Linphone::with(&format!("[sip]\nmedia_encryption={how}\n"))
    }

    /// Sends the sound of a WAV file.
    pub fn talk(&mut self, file: &Path) {
        self.command(&format!("incall-player-start {}", file.display()));
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        self.process.write("quit");
    }
}
