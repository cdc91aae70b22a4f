//! The least that can be done with a socket a leg: receive and send one packet each packet time, on the workers' grid.
//!
//! Once by a system call a packet, once by io_uring: one request a socket that goes on receiving into a ring of buffers,
//! and sends handed over many at a time. And both ways again as a relay does: what comes goes out by the neighbour's socket
//! within a millisecond, so that few packets are there at a time.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use media::IoMode;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use self::uring::by_uring;
use crate::phones::{HUM, PACKET, Phones};
use crate::report::Figures;
use crate::thread::{SLOT, grid, hurry, own};

mod uring;

/// When the bare loop sends.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum When {
    /// A quarter of the sockets in each slot, whatever has come.
    Slot,
    /// What came, by the neighbour's socket, in the millisecond that it came in.
    AtOnce,
}

impl When {
    fn step(self) -> Duration {
        match self {
            When::Slot => SLOT,
            When::AtOnce => Duration::from_millis(1),
        }
    }
}

/// What the bare loop costs, and how many packets it carried.
pub(crate) fn floor(legs: usize, mode: IoMode, when: When) -> Figures {
    let mut phones = Phones::new(legs);
    let (sockets, peers): (Vec<UdpSocket>, Vec<SocketAddr>) = (0..legs)
        .map(|n| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket that does not block");
            let port = socket.local_addr().expect("a bound socket").port();
            (socket, phones.connect(n, port))
        })
        .unzip();
    phones.start(|_, _| HUM);
    let stop = Arc::new(AtomicBool::new(false));
    let ends = stop.clone();
    let (put, tid) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        hurry();
        let _ = put.send(own());
        match mode {
            IoMode::Uring => by_uring(&ends, &sockets, &peers, when),
            _ if when == When::AtOnce => by_poll_at_once(&ends, &sockets, &peers),
            _ => by_poll(&ends, &sockets, &peers),
        }
    });
    let figures = phones.measure(tid.recv().expect("the floor's thread"));
    stop.store(true, Ordering::Relaxed);
    let _ = thread.join();
    figures
}

fn by_poll(stop: &AtomicBool, sockets: &[UdpSocket], peers: &[SocketAddr]) {
    let (packet, mut buffer) = ([0xd5; PACKET], [0; 2_048]);
    grid(stop, When::Slot.step(), |slot| {
        for n in (slot % 4..sockets.len()).step_by(4) {
            let _ = sockets[n].recv_from(&mut buffer);
            let _ = sockets[n].send_to(&packet, peers[n]);
        }
    });
}

fn by_poll_at_once(stop: &AtomicBool, sockets: &[UdpSocket], peers: &[SocketAddr]) {
    let watch = epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll");
    for (n, socket) in sockets.iter().enumerate() {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&watch, socket, epoll::EventData::new_u64(n as u64), flags).expect("a watched socket");
    }
    let (mut ready, mut buffer) = (Vec::with_capacity(1_024), [0; 2_048]);
    grid(stop, When::AtOnce.step(), |_| {
        let _ = epoll::wait(&watch, spare_capacity(&mut ready), Some(&Timespec::default()));
        for n in ready.drain(..).map(|event: epoll::Event| event.data.u64() as usize) {
            while let Ok((len, _)) = sockets[n].recv_from(&mut buffer) {
                let _ = sockets[n ^ 1].send_to(&buffer[..len], peers[n ^ 1]);
            }
        }
    });
}
