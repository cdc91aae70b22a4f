//! The least that can be done with a socket a leg: receive and send one packet each packet time, on the workers' grid.
//!
//! Once by a system call a packet, once by io_uring: one request a socket that goes on receiving into a ring of buffers,
//! and sends handed over many at a time.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;

use io_uring::types::{BufRingEntry, Fd, RecvMsgOut};
use io_uring::{IoUring, cqueue, opcode, squeue};
use media::IoMode;

use crate::measure;
use crate::phones::{PACKET, Phones, grid, hurry};
use crate::report::Figures;

/// What the bare loop costs, and how many packets it carried.
pub(crate) fn floor(legs: usize, mode: IoMode) -> Figures {
    let mut phones = Phones::new(legs);
    let sockets: Vec<UdpSocket> = (0..legs)
        .map(|n| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket that does not block");
            let port = socket.local_addr().expect("a bound socket").port();
            phones.sockets[n].connect((Ipv4Addr::LOCALHOST, port)).expect("a peer");
            socket
        })
        .collect();
    let peers: Vec<SocketAddr> = (0..legs).map(|n| phones.address(n)).collect();
    phones.start(|_| 0);
    let stop = Arc::new(AtomicBool::new(false));
    let ends = stop.clone();
    let (put, tid) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        hurry();
        // SAFETY: a number about this thread.
        let tid = unsafe { libc::gettid() };
        let _ = put.send(tid);
        match mode {
            IoMode::Uring => by_uring(&ends, &sockets, &peers),
            _ => by_poll(&ends, &sockets, &peers),
        }
    });
    let figures = measure(tid.recv().expect("the floor's thread"), &phones);
    stop.store(true, Ordering::Relaxed);
    let _ = thread.join();
    figures
}

fn by_poll(stop: &AtomicBool, sockets: &[UdpSocket], peers: &[SocketAddr]) {
    let (packet, mut buffer) = ([0xd5; PACKET], [0; 2_048]);
    grid(stop, |slot| {
        for n in (slot as usize % 4..sockets.len()).step_by(4) {
            let _ = sockets[n].recv_from(&mut buffer);
            let _ = sockets[n].send_to(&packet, peers[n]);
        }
    });
}

/// Requests handed over at once.
const BATCH: usize = 64;

/// Bytes of a buffer; an odd number of cache lines.
const SIZE: usize = 9 * 64;

/// What a send's number has and a receive's has not.
const SEND: u64 = 1 << 32;

fn by_uring(stop: &AtomicBool, sockets: &[UdpSocket], peers: &[SocketAddr]) {
    let buffers = (2 * sockets.len()).next_power_of_two().clamp(256, 1 << 15);
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_cqsize(buffers as u32)
        .build(BATCH as u32)
        .expect("io_uring");
    let entry = || std::mem::size_of::<BufRingEntry>();
    // SAFETY: new memory at an address of the kernel's choice, which is kept until the process ends.
    let list = unsafe {
        let (read_write, private) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        libc::mmap(std::ptr::null_mut(), buffers * entry(), read_write, private, -1, 0)
    };
    assert_ne!(list, libc::MAP_FAILED);
    let list = list.cast::<BufRingEntry>();
    let memory = Box::leak(vec![0u8; buffers * SIZE].into_boxed_slice()).as_mut_ptr();
    // SAFETY: the list is aligned to a page and stays.
    unsafe { ring.submitter().register_buf_ring_with_flags(list as u64, buffers as u16, 0, 0) }
        .expect("a ring of buffers");
    let mut tail = 0u16;
    let mut lend = |buffer: u16| {
        // SAFETY: an entry of the list that the kernel does not look at before the tail passes it.
        unsafe {
            let entry = &mut *list.add(usize::from(tail) & (buffers - 1));
            entry.set_addr(memory.add(usize::from(buffer) * SIZE) as u64);
            entry.set_len(SIZE as u32);
            entry.set_bid(buffer);
            tail = tail.wrapping_add(1);
            (*BufRingEntry::tail(list).cast::<AtomicU16>()).store(tail, Ordering::Release);
        }
    };
    // Those used last are lent again first; a quarter more than there are packets in a packet time.
    let mut free: Vec<u16> = (0..buffers as u16).rev().collect();
    for _ in 0..(sockets.len() + 256).min(buffers) {
        free.pop().into_iter().for_each(&mut lend);
    }
    // SAFETY: plain numbers and pointers, for which zeros are values.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_namelen = 16;
    let addresses: Vec<socket2::SockAddr> = peers.iter().map(|peer| (*peer).into()).collect();
    let push = |ring: &mut IoUring, request: &squeue::Entry| {
        // SAFETY: everything that requests name stays until the function ends.
        while unsafe { ring.submission().push(request) }.is_err() {
            ring.submit().expect("requests taken");
        }
    };
    let receive = |n: usize| {
        let fd = Fd(sockets[n].as_raw_fd());
        opcode::RecvMsgMulti::new(fd, &raw const message, 0).build().user_data(n as u64)
    };
    (0..sockets.len()).for_each(|n| push(&mut ring, &receive(n)));
    ring.submit().expect("requests taken");
    let packet = [0xd5u8; PACKET];
    let mut outbox = vec![[0u8; PACKET]; sockets.len()];
    let mut waiting: Vec<Vec<u16>> = vec![Vec::with_capacity(8); sockets.len()];
    let mut buffer = [0u8; 2_048];
    grid(stop, |slot| {
        const GETEVENTS: u32 = 1;
        // The kernel sees to a few arrivals a call.
        while ring.submission().taskrun() {
            // SAFETY: nothing is passed.
            let _ = unsafe { ring.submitter().enter::<libc::sigset_t>(0, 0, GETEVENTS, None) };
        }
        let mut again = Vec::new();
        for entry in ring.completion() {
            if entry.user_data() >= SEND {
                continue;
            }
            let n = entry.user_data() as usize;
            waiting[n].extend(cqueue::buffer_select(entry.flags()));
            if !cqueue::more(entry.flags()) {
                again.push(n);
            }
        }
        for n in (slot as usize % 4..sockets.len()).step_by(4) {
            for bid in waiting[n].drain(..) {
                // SAFETY: the kernel has given the buffer back.
                let bytes = unsafe { std::slice::from_raw_parts(memory.add(usize::from(bid) * SIZE), SIZE) };
                if let Ok(parts) = RecvMsgOut::parse(bytes, &message) {
                    let payload = parts.payload_data();
                    buffer[..payload.len()].copy_from_slice(payload);
                    std::hint::black_box(&buffer);
                }
                lend(bid);
            }
            outbox[n].copy_from_slice(&packet);
            let request = opcode::Send::new(Fd(sockets[n].as_raw_fd()), outbox[n].as_ptr(), PACKET as u32)
                .dest_addr(addresses[n].as_ptr().cast())
                .dest_addr_len(addresses[n].len())
                .flags(libc::MSG_DONTWAIT)
                .build()
                .flags(squeue::Flags::SKIP_SUCCESS)
                .user_data(SEND);
            push(&mut ring, &request);
        }
        again.into_iter().for_each(|n| push(&mut ring, &receive(n)));
        let _ = ring.submit();
    });
}
