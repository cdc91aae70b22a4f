//! The bare loop by io_uring.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use io_uring::types::{BufRingEntry, Fd, RecvMsgOut};
use io_uring::{IoUring, cqueue, opcode, squeue};

use super::When;
use crate::phones::PACKET;
use crate::thread::grid;

/// Requests handed over at once.
const BATCH: usize = 64;

/// Bytes of a buffer; an odd number of cache lines.
const SIZE: usize = 9 * 64;

/// What a send's number has and a receive's has not.
const SEND: u64 = 1 << 32;

pub(super) fn by_uring(stop: &AtomicBool, sockets: &[UdpSocket], peers: &[SocketAddr], when: When) {
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
    let mut outbox = vec![[0u8; PACKET]; sockets.len()];
    let mut waiting: Vec<Vec<u16>> = vec![Vec::with_capacity(8); sockets.len()];
    let mut ready = Vec::with_capacity(sockets.len());
    let mut buffer = [0u8; 2_048];
    grid(stop, when.step(), |slot| {
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
            ready.push(n);
            if !cqueue::more(entry.flags()) {
                again.push(n);
            }
        }
        if when == When::Slot {
            ready.clear();
            ready.extend((slot % 4..sockets.len()).step_by(4));
        }
        for n in ready.drain(..) {
            for bid in waiting[n].drain(..) {
                // SAFETY: the kernel has given the buffer back.
                let bytes = unsafe { std::slice::from_raw_parts(memory.add(usize::from(bid) * SIZE), SIZE) };
                if let Ok(parts) = RecvMsgOut::parse(bytes, &message) {
                    let payload = parts.payload_data();
                    buffer[..payload.len()].copy_from_slice(payload);
                }
                lend(bid);
            }
            let to = if when == When::AtOnce { n ^ 1 } else { n };
            outbox[to].copy_from_slice(&buffer[..PACKET]);
            let request = opcode::Send::new(Fd(sockets[to].as_raw_fd()), outbox[to].as_ptr(), PACKET as u32)
                .dest_addr(addresses[to].as_ptr().cast())
                .dest_addr_len(addresses[to].len())
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
