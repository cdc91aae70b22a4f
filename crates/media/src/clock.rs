//! The absolute grid of 5 ms slots, and the only clock and the only sleep of this crate.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A worker's step. Four of them are a packet of 20 ms, and each leg speaks in one of the four.
pub(crate) const SLOT: Duration = Duration::from_millis(5);

/// So late a slot is still run; later ones are skipped.
const PATIENCE: Duration = Duration::from_millis(10);

/// The time, for those who stand outside the grid.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time since 1970, for the NTP timestamps of sender reports.
pub(crate) fn wall() -> Duration {
    // A clock before 1970 is as good as one at 1970: only differences matter to the peer.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The same at another moment.
pub(crate) fn wall_at(moment: Instant) -> Duration {
    let (now, wall) = (now(), wall());
    wall.saturating_sub(now.saturating_duration_since(moment)) + moment.saturating_duration_since(now)
}

/// How much of a core this thread wants at a time; the shorter, the sooner it is woken. It is the least there is.
const SLICE: Duration = Duration::from_micros(100);

/// How media threads stand to all other threads of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Before all that is not audio, at nice -10.
    ///
    /// A real-time priority was tried on Linux 6.18 with other programs on the same cores: it made most slots begin
    /// sooner, but now and then one began 30 to 150 ms late, which is heard.
    #[default]
    Nice,
    /// The lowest of the first-come, first-served kind (`SCHED_FIFO` 1): before every usual thread.
    Realtime,
    /// As everybody.
    Normal,
}

/// Ask the system to wake this thread on time. It may refuse, and the grid then is as good as the machine is idle.
///
/// What was asked for and not granted, in words.
pub(crate) fn hurry(priority: Priority) -> Result<(), String> {
    // SAFETY: a plain number, about this thread only: 1 ns of slack in place of 50 µs.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
    want_slices_of(SLICE);
    let granted = match priority {
        Priority::Normal => true,
        // SAFETY: plain numbers, about this thread only (for Linux, priority is a thread's).
        Priority::Nice => unsafe {
            libc::setpriority(libc::PRIO_PROCESS, libc::gettid() as libc::id_t, -10) == 0
        },
        // SAFETY: thread 0 is this one, and the kernel reads the struct.
        Priority::Realtime => unsafe {
            libc::sched_setscheduler(0, libc::SCHED_FIFO, &libc::sched_param { sched_priority: 1 }) == 0
        },
    };
    match granted {
        true => Ok(()),
        false => Err(std::io::Error::last_os_error().to_string()),
    }
}

/// Keep this thread on one of the cores that the process may use: the `nth`, counted round.
/// The core, or why the system would not.
pub(crate) fn pin(nth: usize) -> Result<usize, String> {
    // SAFETY: a set of cores is plain bits, for which zeros are a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: thread 0 is this one; the kernel writes at most `size` bytes into a set that is so large.
    if unsafe { libc::sched_getaffinity(0, size, &raw mut set) } != 0 {
        return Err(std::io::Error::last_os_error().to_string());
    }
    // SAFETY: the numbers are below the size of a set.
    let ours: Vec<usize> =
        (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect();
    let core = *ours.get(nth % ours.len().max(1)).ok_or("no core is ours")?;
    // SAFETY: as above; the kernel reads the set.
    let pinned = unsafe {
        libc::CPU_ZERO(&mut set);
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size, &raw const set)
    };
    match pinned {
        0 => Ok(core),
        _ => Err(std::io::Error::last_os_error().to_string()),
    }
}

/// Ask for short turns, so that one need not be waited for until another's long one is over.
///
/// Linux 6.12 knows such wishes of usual threads, and they take no privilege; older ones do not look at the field.
fn want_slices_of(slice: Duration) {
    // SAFETY: a struct of plain numbers, for which zeros are values.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::sched_attr>() as libc::c_uint;
    // SAFETY: thread 0 is this one; the kernel writes at most `size` bytes into a struct that is so large.
    let read = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    if read != 0 {
        return;
    }
    attributes.sched_runtime = slice.as_nanos() as u64;
    // SAFETY: as above; the kernel reads the struct, whose `size` it filled in itself.
    let set = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if set != 0 {
        tracing::debug!("media threads take turns of the usual length");
    }
}

/// A worker's grid. All count from one epoch, so that a leg's times mean the same wherever it lives, and each begins at
/// another part of a slot, so that what one says to another is not there sometimes before and sometimes after its turn.
pub(crate) struct Clock {
    epoch: Instant,
    /// Slots begin so long after the epoch's.
    offset: Duration,
    next: u64,
}

/// A slot whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its number since the epoch.
    pub(crate) slot: u64,
    /// Slots before it that are given up.
    pub(crate) skipped: u64,
    /// By how much it is late.
    pub(crate) late: Duration,
}

impl Clock {
    /// Of the `nth` of so many workers. Its first slot is the next to come.
    pub(crate) fn new(epoch: Instant, nth: usize, workers: usize) -> Clock {
        let offset = SLOT * nth as u32 / workers.max(1) as u32;
        let mut clock = Clock { epoch, offset, next: 0 };
        clock.resume();
        clock
    }

    /// How long after the epoch's its slots begin.
    pub(crate) fn offset(&self) -> Duration {
        self.offset
    }

    /// Since the grid's beginning.
    fn run(&self) -> Duration {
        self.epoch.elapsed().saturating_sub(self.offset)
    }

    /// Sleep until the next slot.
    pub(crate) fn wait(&mut self) -> Due {
        let mut elapsed = self.run();
        let target = at(self.next);
        if let Some(rest) = target.checked_sub(elapsed) {
            thread::sleep(rest);
            elapsed = self.run();
        }
        let due = due(self.next, elapsed);
        self.next = due.slot + 1;
        due
    }

    /// How long until the next slot; `None` if its time has come.
    pub(crate) fn rest(&self) -> Option<Duration> {
        at(self.next).checked_sub(self.run()).filter(|rest| !rest.is_zero())
    }

    /// Since the epoch.
    pub(crate) fn elapsed(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Sleep for so long.
    pub(crate) fn nap(&self, span: Duration) {
        thread::sleep(span);
    }

    /// Go on from now, as after a rest without legs: what was slept through is nobody's loss.
    pub(crate) fn resume(&mut self) {
        self.next = (self.run().as_nanos() / SLOT.as_nanos()) as u64 + 1;
    }
}

/// The time of a slot since the epoch.
pub(crate) fn at(slot: u64) -> Duration {
    Duration::from_millis(slot * SLOT.as_millis() as u64)
}

/// The slot that a time since the epoch falls into.
pub(crate) fn slot_of(at: Duration) -> u64 {
    (at.as_millis() / SLOT.as_millis()) as u64
}

/// Which slot to run at `elapsed` when `next` was to come.
fn due(next: u64, elapsed: Duration) -> Due {
    let late = elapsed.saturating_sub(at(next));
    if late <= PATIENCE {
        return Due { slot: next, skipped: 0, late };
    }
    let skipped = (late.as_nanos() / SLOT.as_nanos()) as u64;
    Due { slot: next + skipped, skipped, late }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_two_late_is_run_and_one_that_is_later_is_skipped() {
        let ms = Duration::from_millis;
        assert_eq!(due(4, ms(20)), Due { slot: 4, skipped: 0, late: ms(0) });
        assert_eq!(due(4, ms(30)), Due { slot: 4, skipped: 0, late: ms(10) });
        assert_eq!(due(4, ms(31)), Due { slot: 6, skipped: 2, late: ms(11) });
        assert_eq!(due(4, ms(10_021)), Due { slot: 2004, skipped: 2000, late: ms(10_001) });
    }

    #[test]
    fn threads_are_hurried_and_pinned_as_far_as_the_system_lets_us() {
        let on_thread = |run: fn()| std::thread::spawn(run).join().unwrap();
        on_thread(|| assert_eq!(hurry(Priority::Normal), Ok(())));
        on_thread(|| {
            // SAFETY: a question about this thread.
            let policy = || unsafe { libc::sched_getscheduler(0) };
            match hurry(Priority::Realtime) {
                Ok(()) => assert_eq!(policy(), libc::SCHED_FIFO),
                Err(why) => assert!(policy() == libc::SCHED_OTHER && !why.is_empty()),
            }
        });
        on_thread(|| {
            let one = pin(0).unwrap();
            // SAFETY: a question about this thread.
            assert_eq!(unsafe { libc::sched_getcpu() }, one as i32);
            // Only one is ours now.
            assert_eq!(pin(1).unwrap(), one);
        });
    }

    #[test]
    fn the_grid_is_absolute() {
        let mut clock = Clock::new(now(), 1, 2);
        let first = clock.wait();
        let mut last = first.slot;
        while last < 10 {
            let due = clock.wait();
            assert_eq!(due.slot, last + 1 + due.skipped);
            last = due.slot;
        }
        let begun = clock.epoch.elapsed();
        assert!(begun >= at(last) + SLOT / 2, "no slot runs before its time, half a slot after the first's");
    }
}
