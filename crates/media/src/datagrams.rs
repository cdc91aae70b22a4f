//! Many datagrams a system call, for a socket that many peers share: signalling, not legs.
//!
//! Unsafe code is in this crate only, and so these calls are. The caller waits for the socket; nothing here does.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{SockAddr, SockAddrStorage};

/// Datagrams a call, at most.
pub const BATCH: usize = 32;
/// Largest UDP payload there is.
const LARGEST: usize = 65_535;

/// Room for what one call receives. Memory is the system's until a datagram has filled it.
pub struct Inbox {
    room: Vec<u8>,
    senders: [MaybeUninit<libc::sockaddr_storage>; BATCH],
    /// The length of each datagram, and its sender if the system named one.
    got: [(usize, Option<SocketAddr>); BATCH],
    count: usize,
}

impl Inbox {
    /// Empty.
    #[must_use]
    pub fn new() -> Inbox {
        Inbox {
            room: vec![0; BATCH * LARGEST],
            senders: [const { MaybeUninit::zeroed() }; BATCH],
            got: [(0, None); BATCH],
            count: 0,
        }
    }

    /// Takes what waits at a socket, up to [`BATCH`], in place of what was here.
    ///
    /// # Errors
    /// Those of the system; `WouldBlock` if nothing waits. Nothing is here then.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.count = 0;
        let mut rooms = self.room.chunks_exact_mut(LARGEST);
        let mut parts: [libc::iovec; BATCH] = std::array::from_fn(|_| {
            let room = rooms.next().unwrap_or_default();
            libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() }
        });
        let mut headers: [libc::mmsghdr; BATCH] = std::array::from_fn(|_| empty());
        for ((header, part), sender) in headers.iter_mut().zip(&mut parts).zip(&mut self.senders) {
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = sender.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        }
        // SAFETY: there are `BATCH` headers; each points to one part and room for one address, all of which outlive
        // the call and are as long as the header says.
        let got = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as _,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
        for ((into, header), sender) in self.got.iter_mut().zip(&headers).zip(&self.senders).take(got) {
            // SAFETY: the storage was zeros from the beginning and the kernel has written an address into it.
            let address = unsafe {
                let mut storage = SockAddrStorage::zeroed();
                *storage.view_as::<libc::sockaddr_storage>() = sender.assume_init();
                SockAddr::new(storage, header.msg_hdr.msg_namelen)
            };
            *into = ((header.msg_len as usize).min(LARGEST), address.as_socket());
        }
        self.count = got.min(BATCH);
        Ok(self.count)
    }

    /// What was received, in order.
    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        self.got.iter().zip(self.room.chunks_exact(LARGEST)).take(self.count).filter_map(
            |((length, sender), room)| Some(((*sender)?, room.get(..*length).unwrap_or_default())),
        )
    }
}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox::new()
    }
}

/// Sends the first of `mail` in order, up to [`BATCH`], and says how many the system took. `of` tells where each goes,
/// in the socket's family, and what it is.
///
/// # Errors
/// Those of the system for the very first; later ones are found when they are the first.
pub fn send<T>(
    socket: BorrowedFd<'_>,
    mail: &[T],
    of: impl Fn(&T) -> (SocketAddr, &[u8]),
) -> io::Result<usize> {
    let mut addresses = [const { None::<SockAddr> }; BATCH];
    let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
    let mut headers: [libc::mmsghdr; BATCH] = std::array::from_fn(|_| empty());
    let rooms = headers.iter_mut().zip(&mut parts).zip(&mut addresses);
    for (item, ((header, part), address)) in mail.iter().zip(rooms) {
        let (to, bytes) = of(item);
        let address = address.insert(to.into());
        *part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        header.msg_hdr.msg_iov = part;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
        header.msg_hdr.msg_namelen = address.len();
    }
    // SAFETY: the first headers, as many as are given, point to one part and one address each, all of which outlive
    // the call and are as long as the header says. The kernel only reads them and the bytes.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            mail.len().min(BATCH) as _,
            libc::MSG_DONTWAIT as _,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// A header that says nothing.
fn empty() -> libc::mmsghdr {
    // SAFETY: it is plain numbers and pointers, for which zeros are values.
    unsafe { MaybeUninit::zeroed().assume_init() }
}
