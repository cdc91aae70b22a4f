//! The settings that users change by phone, for all calls: read at once, changed under a lock, kept in a file.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use store::Settings;

/// See the module.
#[derive(Debug)]
pub(crate) struct Kept {
    settings: ArcSwap<Settings>,
    /// Where they are kept; `None` for as long as the switch runs.
    path: Option<PathBuf>,
    changing: Mutex<()>,
    /// One writer at a time, and each writes what holds when its turn comes.
    writing: Arc<Mutex<()>>,
}

impl Kept {
    /// The settings of the file. One that cannot be read is told of, and nothing is changed then.
    pub(crate) fn open(path: Option<PathBuf>) -> Kept {
        let read = path.as_deref().map_or_else(|| Ok(Settings::default()), Settings::load);
        let settings = read.unwrap_or_else(|error| {
            let path = path.as_deref().unwrap_or(std::path::Path::new("")).display();
            tracing::error!(%error, "{path} cannot be read: users' settings are as users.toml has them");
            Settings::default()
        });
        let settings = ArcSwap::from_pointee(settings);
        Kept { settings, path, changing: Mutex::new(()), writing: Arc::default() }
    }

    /// The settings now.
    pub(crate) fn load(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Changes them for all from here on. They are on the disk only when [`Kept::keep`] says so.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Settings) -> T) -> T {
        let _alone = crate::lock(&self.changing);
        let mut settings = Settings::clone(&self.settings.load());
        let result = change(&mut settings);
        self.settings.store(Arc::new(settings));
        result
    }

    /// Puts them on the disk.
    pub(crate) async fn keep(self: Arc<Self>) -> io::Result<()> {
        let write = move || {
            let Some(path) = &self.path else { return Ok(()) };
            let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            self.load().save(path)
        };
        tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

#[cfg(test)]
mod tests {
    use store::{Switching, User};

    use super::*;

    #[tokio::test]
    async fn settings_survive_their_switch() {
        let home = tempfile::tempdir().expect("a directory");
        let path = Some(home.path().join("settings.json"));
        let kept = Arc::new(Kept::open(path.clone()));
        let alice = User::new("alice", "a");
        kept.change(|settings| settings.disturb(&alice, None, Switching::On));
        assert!(kept.load().undisturbed(&alice));
        kept.keep().await.expect("on the disk");
        assert!(Kept::open(path).load().undisturbed(&alice));
    }
}
