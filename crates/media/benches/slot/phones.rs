//! The phones of a benchmark: each sends a packet and takes what came every 20 ms, a quarter of them every 5 ms.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use audio::codec::{Codec, MAX_PAYLOAD};
use media::Ports;
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq};

use crate::report::Figures;
use crate::thread::{SLOT, cpu_time, grid, hurry};

/// Bytes of a packet of 20 ms of G.711.
pub(crate) const PACKET: usize = HEADER + 160;

/// By then every leg has kept house once, and its socket is connected.
const WARM: Duration = Duration::from_millis(1_500);
const MEASURE: Duration = Duration::from_millis(1_500);

/// What a phone says in 20 ms.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    pub(crate) codec: Codec,
    pub(crate) payload: &'static [u8],
}

/// One of 20 ms of G.711.
pub(crate) const HUM: Said = Said { codec: Codec::Pcmu, payload: &[0xd5; 160] };

/// As phones and legs number it here.
pub(crate) fn payload_type(codec: Codec) -> u8 {
    codec.payload_type().unwrap_or(107)
}

pub(crate) struct Phones {
    pub(crate) sockets: Arc<Vec<UdpSocket>>,
    heard: Arc<AtomicU64>,
    said: Arc<AtomicU64>,
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

    /// The `n`th phone sends to this port; where it listens itself.
    pub(crate) fn connect(&self, n: usize, port: u16) -> SocketAddr {
        let socket = &self.sockets[n];
        socket.connect((Ipv4Addr::LOCALHOST, port)).expect("a peer");
        socket.local_addr().expect("a bound socket")
    }

    /// The same with the port of a leg.
    pub(crate) fn call(&self, n: usize, ports: &Ports) -> SocketAddr {
        self.connect(n, ports.rtp_port())
    }

    /// Begin: `speak` gives what is said in a turn, by a phone.
    pub(crate) fn start(&mut self, speak: impl Fn(usize, usize) -> Said + Send + 'static) {
        let (sockets, heard, stop) = (self.sockets.clone(), self.heard.clone(), self.stop.clone());
        let said = self.said.clone();
        let mut writers: Vec<Writer> = (0..sockets.len()).map(|n| Writer::new(n as u32, Seq(0))).collect();
        self.thread = Some(thread::spawn(move || {
            hurry();
            let mut packet = [0; HEADER + MAX_PAYLOAD];
            let mut buffer = [0; 2_048];
            grid(&stop, SLOT, |slot| {
                let turn = slot / 4;
                for n in (slot % 4..sockets.len()).step_by(4) {
                    let Said { codec, payload } = speak(turn, n);
                    let packet = &mut packet[..HEADER + payload.len()];
                    packet[HEADER..].copy_from_slice(payload);
                    let timestamp = RtpTime(turn as u32 * (codec.clock() / 50));
                    writers[n].write(packet, payload_type(codec), false, timestamp);
                    said.fetch_add(u64::from(sockets[n].send(packet).is_ok()), Ordering::Relaxed);
                    while sockets[n].recv(&mut buffer).is_ok() {
                        heard.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }));
    }

    /// Lets a thread run that answers each packet, and takes its CPU time by the packets that were there: on a busy machine
    /// the phones have not always sent all that were due.
    pub(crate) fn measure(&self, tid: i32) -> Figures {
        thread::sleep(WARM);
        let counts = || [&self.said, &self.heard].map(|count| count.load(Ordering::Relaxed));
        let (cpu, [said, heard]) = (cpu_time(tid), counts());
        thread::sleep(MEASURE);
        let cpu = cpu_time(tid) - cpu;
        let [said, heard] = [counts()[0] - said, counts()[1] - heard];
        let turns = (said as f64).max(1.0);
        Figures {
            us: cpu.as_secs_f64() * 1e6 / turns,
            lost: ((turns - heard as f64) / turns * 1_000.0).max(0.0),
            turns,
            ..Figures::default()
        }
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}
