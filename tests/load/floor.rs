//! The floor under every SIP server: what the kernel takes to receive a call's three messages and to send as many.
//!
//! An echo in a process of its own answers datagrams of a call's sizes and does nothing else.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::cost;
use crate::wait::readable;

/// The argument that makes a program be the echo; see [`be_echo`].
const ECHO: &str = "be-the-echo";
/// An INVITE, an ACK and a 200, in bytes.
const SIZES: [usize; 3] = [850, 400, 350];

/// Is the echo for ever if the first argument says so; to be called first of all by a program that calls [`measure`].
pub fn be_echo() {
    if std::env::args().nth(1).is_none_or(|word| word != ECHO) {
        return;
    }
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    println!("{}", socket.local_addr().expect("bound").port());
    let mut buffer = [0; 2_048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).expect("a datagram");
        // Whoever asked may have gone.
        let _ = socket.send_to(&buffer[..length], from);
    }
}

/// Microseconds of CPU a call on `core`, at so many calls a second.
pub fn measure(core: &str, rate: u32, time: Duration) -> f64 {
    let mut child = Command::new("taskset")
        .args(["-c", core])
        .arg(std::env::current_exe().expect("our own program"))
        .arg(ECHO)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the echo starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("its port");
    let port: u16 = line.trim().parse().expect("a port");
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    socket.connect(("127.0.0.1", port)).expect("loopback");
    socket.set_nonblocking(true).expect("a socket");
    let (begun, before) = (Instant::now(), cost::cpu(child.id()));
    let (mut calls, mut echoed) = (0_u32, 0_u32);
    let mut buffer = [0; 2_048];
    while begun.elapsed() < time {
        while f64::from(calls) < begun.elapsed().as_secs_f64() * f64::from(rate) {
            for size in SIZES {
                socket.send(&buffer[..size]).expect("loopback");
            }
            calls += 1;
        }
        loop {
            match socket.recv(&mut buffer) {
                Ok(_) => echoed += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("the echo is gone: {error}"),
            }
        }
        readable(std::iter::once(&socket), Duration::from_micros(200));
    }
    let used = cost::cpu(child.id()) - before;
    // It may have ended; then there is nothing to kill.
    let _ = child.kill();
    let _ = child.wait();
    used * 1e6 / (f64::from(echoed) / SIZES.len() as f64)
}
