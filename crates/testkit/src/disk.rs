//! A disk that is soon full: a file system of some KiB in memory.

use std::path::Path;
use std::process::Command;

/// Mounted until it is dropped.
#[derive(Debug)]
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// With room for so many KiB; `None`, and a line that says so, where it may not be mounted: the test is skipped.
    ///
    /// # Panics
    ///
    /// If there is no directory for temporary files.
    pub fn of(kib: u32) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().expect("a directory");
        let size = format!("size={kib}k");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            println!("skipped: a file system of {kib} KiB needs the right to mount one");
            return None;
        }
        Some(SmallDisk(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a file may be open still.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
