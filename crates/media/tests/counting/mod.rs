//! An allocator that counts what the first worker's thread allocates and frees.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts what worker threads allocate and free while `COUNTING`.
struct Counting;

pub(crate) static COUNTING: AtomicBool = AtomicBool::new(false);
pub(crate) static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// 0 not asked yet, 1 a worker, 2 another thread. Without a destructor, so an allocator may use it.
    static KIND: Cell<u8> = const { Cell::new(0) };
}

fn on_worker() -> bool {
    KIND.with(|kind| {
        if kind.get() == 0 {
            let mut name = [0u8; 16];
            // SAFETY: PR_GET_NAME writes at most 16 bytes to the buffer.
            unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
            kind.set(if name.starts_with(b"media-0") { 1 } else { 2 });
        }
        kind.get() == 1
    })
}

fn count() {
    if COUNTING.load(Ordering::Relaxed) && on_worker() {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: everything is handed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
