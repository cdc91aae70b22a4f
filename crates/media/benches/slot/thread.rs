//! Threads: how punctual they are, and what they cost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Of a worker's grid.
pub(crate) const SLOT: Duration = Duration::from_millis(5);

/// The calling thread.
pub(crate) fn own() -> i32 {
    // SAFETY: a number about this thread.
    unsafe { libc::gettid() }
}

/// A thread of this process.
pub(crate) fn named(name: &str) -> Option<i32> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    tasks.flatten().find_map(|task| {
        let comm = std::fs::read_to_string(task.path().join("comm")).ok()?;
        (comm.trim() == name).then(|| task.file_name().to_str()?.parse().ok())?
    })
}

/// CPU time of a thread of this process.
pub(crate) fn cpu_time(tid: i32) -> Duration {
    // linux/posix-timers: a thread's clock is its id, inverted, with the kind of clock below.
    let clock = (!tid << 3) | 6;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    let failed = unsafe { libc::clock_gettime(clock, &mut time) };
    assert_eq!(failed, 0, "the thread is gone");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Makes the calling thread as punctual as a worker asks to be.
pub(crate) fn hurry() {
    // SAFETY: plain numbers, about this thread only.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1);
        libc::setpriority(libc::PRIO_PROCESS, libc::gettid() as libc::id_t, -10);
    }
}

/// Calls `slot` once in each `step` until `stop`.
pub(crate) fn grid(stop: &AtomicBool, step: Duration, mut slot: impl FnMut(usize)) {
    let epoch = Instant::now();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        if let Some(rest) = (step * n as u32).checked_sub(epoch.elapsed()) {
            thread::sleep(rest);
        }
        slot(n);
        n += 1;
    }
}

/// Nanoseconds of the cheapest system call: how fast this machine is just now.
pub(crate) fn getppid() -> f64 {
    const CALLS: u32 = 200_000;
    let begin = Instant::now();
    for _ in 0..CALLS {
        // SAFETY: getppid has no conditions.
        std::hint::black_box(unsafe { libc::getppid() });
    }
    begin.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

/// As many legs as there may be open files for, three a leg, and ports.
pub(crate) fn most_legs() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes the two numbers it is given, or fails.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    ((limit.rlim_cur as usize).saturating_sub(500) / 3).min(4_800) / 100 * 100
}
