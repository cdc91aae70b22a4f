//! SIPp as a carrier that takes the switch's calls.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::process::Process;
use crate::root;
use crate::server::free_port;

/// A carrier that waits for one call.
pub struct Carrier {
    process: Process,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Carrier {
    /// One that answers after early media and sends the caller's sound back.
    pub fn answering() -> Carrier {
        Carrier::start("carrier.xml", &["-rtp_echo"])
    }

    /// One that refuses with `status`, such as `486 Busy Here`.
    pub fn refusing(status: &str) -> Carrier {
        Carrier::start("carrier-refuses.xml", &["-key", "status", status])
    }

    fn start(scenario: &str, more: &[&str]) -> Carrier {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (port, media) = (free_port(), free_port());
        let mut process = Process::start(
            "sipp as a carrier",
            Command::new("sipp")
                .arg("-sf")
                .arg(root().join("tests/sipp").join(scenario))
                .args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "60"])
                .args(["-p", &port.to_string(), "-mp", &media.to_string()])
                .args(more)
                .current_dir(folder.path()),
        );
        // SIPp draws its screen once it listens.
        process.wait_for("Port", 0, Duration::from_secs(10));
        Carrier { process, port, _folder: folder }
    }

    /// A line of `trunks.toml` for it.
    pub fn server(&self) -> String {
        format!("server = \"sip:127.0.0.1:{}\"\nping = 0\n", self.port)
    }

    /// Waits until its call is over as its scenario has it.
    pub fn finish(&mut self) -> ExitStatus {
        self.process.wait_exit(Duration::from_secs(30))
    }
}
