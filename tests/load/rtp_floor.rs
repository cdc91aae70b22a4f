//! The floor under every media server: what the kernel takes to receive and send as many packets on as many sockets.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::streams::socket;

/// The argument that makes a program be the floor; see [`be_floor`].
const FLOOR: &str = "be-the-rtp-floor";
/// As a media worker has it: a quarter of the sockets each 5 ms.
const GROUPS: usize = 4;

/// Is the floor for ever if the arguments say so; to be called first of all by a program that uses [`Floor`].
pub fn be_floor() {
    let words: Vec<String> = std::env::args().skip(1).take(2).collect();
    if words.first().is_none_or(|word| word != FLOOR) {
        return;
    }
    let count = words.get(1).and_then(|count| count.parse().ok()).expect("a number of sockets");
    let mut sockets: Vec<(UdpSocket, Option<SocketAddr>)> = (0..count).map(|_| (socket(), None)).collect();
    for (socket, _) in &sockets {
        socket.set_nonblocking(true).expect("a socket");
        println!("{}", socket.local_addr().expect("bound").port());
    }
    let (begun, mut buffer) = (Instant::now(), [0; 2_048]);
    for slot in 0.. {
        thread::sleep(
            (begun + Duration::from_millis(5) * slot as u32).saturating_duration_since(Instant::now()),
        );
        for (socket, peer) in sockets.iter_mut().skip(slot % GROUPS).step_by(GROUPS) {
            let mut length = 172;
            while let Ok((came, from)) = socket.recv_from(&mut buffer) {
                (length, *peer) = (came, Some(from));
            }
            if let Some(peer) = peer {
                let _ = socket.send_to(&buffer[..length], *peer);
            }
        }
    }
}

/// A process that does nothing else.
pub struct Floor {
    child: Child,
    /// Where it listens.
    pub ports: Vec<u16>,
}

impl Floor {
    /// With so many sockets, on this core.
    pub fn start(core: &str, count: usize) -> Floor {
        let mut child = Command::new("taskset")
            .args(["-c", core])
            .arg(std::env::current_exe().expect("our own program"))
            .args([FLOOR, &count.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the floor starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ports = lines.take(count).map(|line| line.expect("a line").parse().expect("a port")).collect();
        Floor { child, ports }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
