//! Whether the kernel lets us use io_uring as this backend does.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread;

use super::Uring;
use crate::io::Io;

/// Why this machine has to do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lacking(String);

impl std::fmt::Display for Lacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes a small ring and passes a datagram through it, as legs will.
///
/// On a thread of its own: the end of a ring interrupts what its thread waits for a while later.
pub(crate) fn probe() -> Result<(), Lacking> {
    let probing = thread::Builder::new().name("media-probe".to_owned()).spawn(pass_one);
    let probed = probing.map_err(|error| lacking(&error))?.join();
    probed.unwrap_or_else(|_| Err(Lacking("io_uring behaves in an unknown way".to_owned())))
}

fn pass_one() -> Result<(), Lacking> {
    let mut ring = Uring::with_buffers(1, 64).map_err(|error| lacking(&error))?;
    let failed = |error: io::Error| Lacking(format!("a datagram cannot be passed: {error}"));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    let address = socket.local_addr().map_err(failed)?;
    ring.hold(0, socket.as_raw_fd(), None);
    let mut buffer = [0; 16];
    ring.flush();
    if !ring.send_rtp(0, address, b"offhook") {
        return Err(Lacking("the ring takes no datagrams".to_owned()));
    }
    for _ in 0..4 {
        ring.flush();
        ring.gather();
        if let Some(received) = ring.receive_rtp(0, &mut buffer) {
            return match buffer.get(..received.len) == Some(b"offhook") && received.from == address {
                true => Ok(()),
                false => Err(Lacking("a datagram came out of the ring changed".to_owned())),
            };
        }
    }
    Err(Lacking("receiving many datagrams with one request takes Linux 6.0 or later".to_owned()))
}

/// A refusal in words that tell what to do.
fn lacking(error: &io::Error) -> Lacking {
    let why = match error.raw_os_error() {
        Some(libc::ENOSYS) => "this kernel has no io_uring".to_owned(),
        Some(libc::EPERM | libc::EACCES) => {
            "the system forbids io_uring (a container's seccomp profile, or kernel.io_uring_disabled)"
                .to_owned()
        }
        Some(libc::ENOMEM) => "the limit of locked memory (ulimit -l) leaves no room for io_uring".to_owned(),
        Some(libc::EINVAL) => "io_uring is too old here: Linux 6.1 or later is wanted".to_owned(),
        Some(libc::EMFILE | libc::ENFILE) => "too many open files".to_owned(),
        _ => format!("io_uring cannot be used: {error}"),
    };
    Lacking(why)
}
