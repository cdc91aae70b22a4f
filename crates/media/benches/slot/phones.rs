//! The phones of a benchmark: each sends a packet and takes what came every 20 ms.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq};

/// A worker's.
pub(crate) const SLOT: Duration = Duration::from_millis(5);

/// Bytes of a packet of 20 ms of G.711.
pub(crate) const PACKET: usize = HEADER + 160;

/// The phones: each sends a packet and takes what came every 20 ms, a quarter of them every 5 ms.
pub(crate) struct Phones {
    pub(crate) sockets: Arc<Vec<UdpSocket>>,
    pub(crate) heard: Arc<AtomicU64>,
    /// Packets sent.
    pub(crate) said: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Phones {
    pub(crate) fn new(count: usize) -> Phones {
        let socket = || {
            let socket =
                UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket: raise the limit of open files");
            socket.set_nonblocking(true).expect("a socket that does not block");
            socket
        };
        Phones {
            sockets: Arc::new((0..count).map(|_| socket()).collect()),
            heard: Arc::default(),
            said: Arc::default(),
            stop: Arc::default(),
            thread: None,
        }
    }

    pub(crate) fn address(&self, at: usize) -> SocketAddr {
        self.sockets[at].local_addr().expect("a bound socket")
    }

    /// Begin; phones say the payload type that `speaks` gives them.
    pub(crate) fn start(&mut self, speaks: fn(usize) -> u8) {
        let (sockets, heard, stop) = (self.sockets.clone(), self.heard.clone(), self.stop.clone());
        let said = self.said.clone();
        let mut writers: Vec<Writer> = (0..sockets.len()).map(|n| Writer::new(n as u32, Seq(0))).collect();
        self.thread = Some(thread::spawn(move || {
            hurry();
            let mut packet = [0xd5; PACKET];
            let mut buffer = [0; 512];
            grid(&stop, SLOT, |slot| {
                let timestamp = RtpTime((slot / 4) as u32 * 160);
                for n in (slot as usize % 4..sockets.len()).step_by(4) {
                    writers[n].write(&mut packet, speaks(n), false, timestamp);
                    said.fetch_add(u64::from(sockets[n].send(&packet).is_ok()), Ordering::Relaxed);
                    while sockets[n].recv(&mut buffer).is_ok() {
                        heard.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }));
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// As punctual as a worker asks to be.
pub(crate) fn hurry() {
    // SAFETY: plain numbers, about this thread only.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
        libc::setpriority(libc::PRIO_PROCESS, libc::gettid() as libc::id_t, -10);
    }
}

/// Call `slot` once in each `step` until `stop`.
pub(crate) fn grid(stop: &AtomicBool, step: Duration, mut slot: impl FnMut(u64)) {
    let epoch = Instant::now();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = step * n as u32;
        if let Some(rest) = due.checked_sub(epoch.elapsed()) {
            thread::sleep(rest);
        }
        slot(n);
        n += 1;
    }
}
