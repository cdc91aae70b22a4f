//! What the thread that asks holds on the heap: an allocator that counts, each thread for itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted.
pub struct Counting;

thread_local! {
    // Without destructors, so that an allocator may use them.
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: i64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    LIVE.with(|live| {
        live.set(live.get() + sign * bytes);
        PEAK.with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: everything is handed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes this thread allocated and nobody freed. What is freed on another thread makes it wrong, so nothing should be.
pub fn live() -> i64 {
    LIVE.with(Cell::get)
}

/// Does something; returns what it left on the heap and the most it had there meanwhile, in bytes.
pub fn of<T>(what: impl FnOnce() -> T) -> (T, i64, i64) {
    let before = live();
    PEAK.with(|peak| peak.set(before));
    let result = what();
    (result, live() - before, PEAK.with(Cell::get) - before)
}
