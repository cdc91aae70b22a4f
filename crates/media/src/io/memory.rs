//! Memory that the kernel reads and writes while we do other things.
//!
//! It comes straight from the system, by the page: untouched it costs nothing, and no reference of ours is to it unless
//! one is made on purpose, so that what the kernel does with it behind our back is not behind the compiler's.

use std::io;
use std::ptr::{self, NonNull};

/// Zeroed memory at an address that stays.
pub(crate) struct Pages {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: nothing else has the address; what a raw pointer alone keeps from moving between threads is us.
unsafe impl Send for Pages {}

impl Pages {
    /// At least so many bytes.
    pub(crate) fn new(len: usize) -> io::Result<Pages> {
        let len = len.max(1);
        // SAFETY: new memory at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Pages { start, len })
    }

    /// The first byte.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// These bytes.
    ///
    /// # Safety
    ///
    /// The kernel has no leave to write to them while the slice lives.
    pub(crate) unsafe fn bytes(&self, at: usize, len: usize) -> &[u8] {
        assert!(at.checked_add(len).is_some_and(|end| end <= self.len));
        // SAFETY: inside the memory, which is initialised and lives as long as `self`; the rest is the caller's promise.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(at), len) }
    }

    /// Copy bytes in and return where they are.
    ///
    /// # Safety
    ///
    /// Neither the kernel nor a slice of [`Pages::bytes`] has a part in the place.
    pub(crate) unsafe fn write(&self, at: usize, bytes: &[u8]) -> *const u8 {
        assert!(at.checked_add(bytes.len()).is_some_and(|end| end <= self.len));
        // SAFETY: inside the memory, and no part of `bytes`, which is a reference and none is to here.
        unsafe {
            let to = self.start.as_ptr().add(at);
            ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
            to
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by us, so long and at that address; nobody can name it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_zero_until_written() {
        let pages = Pages::new(10_000).unwrap();
        // SAFETY: no kernel has been told of them.
        unsafe {
            assert!(pages.bytes(0, 10_000).iter().all(|byte| *byte == 0));
            let at = pages.write(9_997, b"end");
            assert_eq!(at, pages.start().add(9_997).cast_const());
            assert_eq!(pages.bytes(9_996, 4), b"\0end");
        }
    }

    #[test]
    #[should_panic]
    fn what_is_outside_is_not_given() {
        let pages = Pages::new(100).unwrap();
        // SAFETY: it panics.
        unsafe { pages.bytes(90, 11) };
    }
}
