//! What a call holds on the heap: the bytes of the whole process, counted, before and after some hundred calls.
//!
//! The phones are one socket, and nothing is kept of what they say, so that what is counted is the switch's.

#[path = "it/rig/mod.rs"]
mod rig;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rig::{Dialog, Rig, sdp};
use serde_json::json;
use testkit::ua::Phone;

/// The system's allocator, counted.
struct Counting;

/// Bytes that were asked for and not given back.
static LIVE: AtomicI64 = AtomicI64::new(0);

// SAFETY: everything is handed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls that load what all others share, and those that are counted.
const FIRST: usize = 16;
const COUNTED: usize = 400;

/// What a call may hold that is answered and played to, in bytes; with its INVITE's transaction, which stays for 32 s.
const PLAYING: i64 = 16_200;

#[test]
fn a_playing_call_holds_little() {
    let tone = "tone_stream://%(60000,0,440)";
    let play = json!({"module": "play", "data": {"id": tone, "endless_playback": true}, "children": {}});
    let rig = Rig::start(&[("700", play)]);
    let phone = rig.phone("many");
    call(&rig, &phone, FIRST);
    let before = LIVE.load(Ordering::Relaxed);
    call(&rig, &phone, FIRST + COUNTED);
    let each = (LIVE.load(Ordering::Relaxed) - before) / COUNTED as i64;
    println!("{each} bytes a playing call");
    assert!(each < PLAYING, "{each} bytes a call");
    assert!(each > PLAYING / 2, "{each} bytes: nothing was counted, or the limit is to be lowered");
}

/// Places calls until there are so many that play.
fn call(rig: &Rig, phone: &Phone, all: usize) {
    for _ in rig.switch().calls().len()..all {
        let mut dialog = Dialog::new(rig, phone, "700");
        dialog.send("INVITE", "", &sdp(9, "0", "sendrecv"));
        dialog.expect(200, "INVITE");
        dialog.send("ACK", "", "");
    }
    let plays = |view: switch::CallView| {
        let call = rig.switch().call(view.id);
        call.and_then(|call| call.media).is_some_and(|media| media.contains("playing"))
    };
    rig.wait("that all are played to", || rig.switch().calls().into_iter().all(plays));
    // What was sent on its way while they began has arrived, too.
    let mut last = LIVE.load(Ordering::Relaxed);
    rig.wait("quiet", || {
        std::thread::park_timeout(Duration::from_millis(100));
        last == std::mem::replace(&mut last, LIVE.load(Ordering::Relaxed))
    });
}
