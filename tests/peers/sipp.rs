//! SIPp as a caller: `sipp/caller.xml` with a test's own steps, real RTP and RFC 4733 keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use audio::Pcm;
use testkit::ua::Message;

use super::capture::{self, Capture, Packet};
use super::process::Process;
use crate::root;
use crate::server::free_port;

/// What the caller does once the call is answered.
#[derive(Clone, Debug)]
pub enum Step {
    /// Listens for so long.
    Listen(Duration),
    /// Presses keys (RFC 4733).
    Press(String),
    /// Sends a WAV file's sound, over and over (µ-law WAV).
    Talk(PathBuf),
    /// Waits for the server's BYE and answers it; the call is then over.
    AwaitBye,
}

/// A caller to be started.
pub struct Caller {
    steps: Vec<Step>,
    run: Run,
}

/// How a scenario is run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// SIPp's word for it: `u1`, `t1`.
    pub(super) transport: &'static str,
    /// The address it calls from.
    pub(super) address: &'static str,
    /// How long it may take.
    pub(super) limit: Duration,
}

impl Default for Run {
    fn default() -> Run {
        Run { transport: "u1", address: "127.0.0.1", limit: Duration::from_secs(60) }
    }
}

/// What became of a call.
pub struct Call {
    /// SIPp's exit code: 0 if everything went as the scenario says.
    pub code: i32,
    /// What SIPp printed of unexpected messages.
    pub errors: String,
    /// Every SIP message that the caller was sent, in order.
    pub received: Vec<Message>,
    /// Every RTP packet that the caller was sent.
    pub packets: Vec<Packet>,
}

impl Call {
    /// What the caller heard.
    pub fn heard(&self) -> Pcm {
        capture::heard(&self.packets)
    }

    /// Panics unless the scenario was followed to its end.
    pub fn expect_success(&self) -> &Call {
        let came: Vec<&str> = self.received.iter().map(|message| message.start.as_str()).collect();
        assert_eq!(self.code, 0, "SIPp: {}\nafter {came:#?}", self.errors);
        self
    }

    /// The first response with this status to this method.
    pub fn response(&self, status: u16, method: &str) -> &Message {
        let wanted = |m: &&Message| m.status() == Some(status) && m.cseq_method() == Some(method);
        let found = self.received.iter().find(wanted);
        found.unwrap_or_else(|| panic!("no {status} to {method} in {:#?}", self.received))
    }

    /// The requests of this method that the caller was sent.
    pub fn requests(&self, method: &str) -> Vec<&Message> {
        self.received.iter().filter(|message| message.method() == Some(method)).collect()
    }
}

impl Caller {
    /// A caller over UDP who does `steps`, then hangs up (unless the last step awaits the server's BYE).
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Caller {
        Caller { steps: steps.into_iter().collect(), run: Run::default() }
    }

    /// The same over TCP.
    #[must_use]
    pub fn over_tcp(mut self) -> Caller {
        self.run.transport = "t1";
        self
    }

    /// Calls `number` at `server` (`127.0.0.1:5060`) and returns when the call is over.
    pub fn call(&self, server: &str, number: &str) -> Call {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let scenario = folder.path().join("caller.xml");
        fs::write(&scenario, self.scenario()).expect("a scenario file");
        run(&scenario, server, number, &self.run, folder.path())
    }

    fn scenario(&self) -> String {
        let base = fs::read_to_string(root().join("tests/sipp/caller.xml")).expect("caller.xml");
        let (head, rest) = base.split_once("<!-- steps -->").expect("the first mark");
        let (_, tail) = rest.split_once("<!-- end of steps -->").expect("the second mark");
        let mut steps = String::new();
        let mut tail = tail.to_owned();
        for step in &self.steps {
            steps += &match step {
                Step::Listen(time) => format!("<pause milliseconds=\"{}\"/>\n", time.as_millis()),
                Step::Press(keys) => format!("<nop><action><exec play_dtmf=\"{keys}\"/></action></nop>\n"),
                Step::Talk(file) => {
                    format!(
                        "<nop><action><exec rtp_stream=\"{},-1,0,PCMU/8000\"/></action></nop>\n",
                        file.display()
                    )
                }
                Step::AwaitBye => {
                    "</scenario>\n".clone_into(&mut tail);
                    String::from(
                        "<recv request=\"BYE\"/>\n<send><![CDATA[\n\
                         SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n\
                         Content-Length: 0\n\n]]></send>\n<timewait milliseconds=\"100\"/>\n",
                    )
                }
            };
        }
        format!("{head}{steps}{tail}")
    }
}

/// Runs a scenario file of `tests/sipp/` once, without listening to its media.
pub fn scenario(name: &str, server: &str, number: &str, limit: Duration) -> Call {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let how = Run { limit, ..Run::default() };
    run(&root().join("tests/sipp").join(name), server, number, &how, folder.path())
}

/// Runs a scenario file once in `folder`.
pub(super) fn run(scenario: &Path, server: &str, number: &str, how: &Run, folder: &Path) -> Call {
    let limit = how.limit;
    let media = free_port();
    let capture = Capture::start(media);
    let mut process = Process::start(
        "sipp",
        Command::new("sipp")
            .arg("-sf")
            .arg(scenario)
            .args([
                "-s",
                number,
                server,
                "-i",
                how.address,
                "-mi",
                how.address,
                "-t",
                how.transport,
                "-m",
                "1",
                "-nostdin",
            ])
            .args(["-p", &free_port().to_string(), "-mp", &media.to_string()])
            .args([
                "-trace_msg",
                "-message_file",
                "messages.log",
                "-trace_err",
                "-error_file",
                "errors.log",
                "-timeout",
                &limit.as_secs().to_string(),
                "-timeout_error",
            ])
            .current_dir(folder),
    );
    let status = process.wait_exit(limit + Duration::from_secs(10));
    Call {
        code: status.code().unwrap_or(-1),
        errors: fs::read_to_string(folder.join("errors.log")).unwrap_or_default(),
        received: received(&fs::read(folder.join("messages.log")).unwrap_or_default()),
        packets: capture.finish(),
    }
}

/// The messages that came, out of SIPp's log of all.
fn received(log: &[u8]) -> Vec<Message> {
    let log = String::from_utf8_lossy(log);
    let came = |entry: &str| {
        let (head, message) = entry.split_once("\n\n")?;
        // SIPp ends each with a line feed of its own.
        let message = message.strip_suffix('\n').unwrap_or(message);
        head.contains("message received").then(|| Message::parse(message.as_bytes())).flatten()
    };
    // SIPp sets a line of hyphens and the time before each.
    log.split("-----------------------------------------------").filter_map(came).collect()
}
