//! SIPp as a carrier that takes the switch's calls.

use std::fs;
use std::net::UdpSocket;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::process::Process;
use crate::server::free_port;
use crate::{root, wait};

/// A carrier that waits for one call.
pub struct Carrier {
    process: Process,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Carrier {
    /// One that answers after early media and sends the caller's sound back.
    pub fn answering() -> Carrier {
        Carrier::start("carrier.xml", "", &["-rtp_echo"])
    }

    /// One of another scenario, which sends the caller's sound back.
    pub fn playing(scenario: &str) -> Carrier {
        Carrier::start(scenario, "", &["-rtp_echo"])
    }

    /// One that refuses with `status`, such as `486 Busy Here`.
    pub fn refusing(status: &str) -> Carrier {
        Carrier::start("carrier-refuses.xml", status, &[])
    }

    fn start(scenario: &str, status: &str, more: &[&str]) -> Carrier {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (port, media) = (free_port(), free_port());
        let text = fs::read_to_string(root().join("tests/sipp").join(scenario)).expect("a scenario");
        fs::write(folder.path().join(scenario), text.replace("486 Busy Here", status)).expect("a file");
        let process = Process::start(
            "sipp as a carrier",
            Command::new("sipp")
                .args([
                    "-sf",
                    scenario,
                    "-i",
                    "127.0.0.1",
                    "-mi",
                    "127.0.0.1",
                    "-m",
                    "1",
                    "-nostdin",
                    "-timeout",
                    "60",
                ])
                .args(["-p", &port.to_string(), "-mp", &media.to_string()])
                .args(more)
                .current_dir(folder.path()),
        );
        wait::until("SIPp to listen", Duration::from_secs(10), || {
            UdpSocket::bind(("127.0.0.1", port)).is_err().then_some(())
        });
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
