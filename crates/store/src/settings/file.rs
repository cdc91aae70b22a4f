//! The settings' file: JSON, written beside itself and put in its place at once.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::Settings;

impl Settings {
    /// The settings in this file; without a file nothing is changed.
    ///
    /// What cannot be read is kept beside it, with `.broken` at the end of its name, and named in the error.
    pub fn load(path: &Path) -> io::Result<Settings> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Settings::default()),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&text).map_err(|error| {
            let mut broken = path.as_os_str().to_owned();
            broken.push(".broken");
            let kept = match fs::rename(path, &broken) {
                Ok(()) => format!("kept as {}", Path::new(&broken).display()),
                Err(error) => format!("left where it is: {error}"),
            };
            io::Error::new(io::ErrorKind::InvalidData, format!("{error}; {kept}"))
        })
    }

    /// Writes the file; when this returns, it is on the disk. Blocks.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = Path::new(&beside);
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            fs::create_dir_all(directory)?;
        }
        let text = serde_json::to_vec_pretty(self)?;
        let mut file = File::create(beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(beside, path)?;
        // The name is in the directory, which is a file of its own.
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Switching, User};

    #[test]
    fn what_is_saved_is_there_again_and_what_is_broken_is_kept_aside() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("state/settings.json");
        assert_eq!(Settings::load(&path).expect("no file"), Settings::default());
        let mut settings = Settings::default();
        settings.forward(&User::new("alice", "a"), Switching::On, Some("202"));
        settings.disturb(&User::new("bob", "b"), None, Switching::On);
        settings.ring_with("sales", "bob", Switching::Off);
        settings.force_hours("lunch", Some(true));
        settings.light("open", Some("busy"));
        settings.save(&path).expect("written");
        assert_eq!(Settings::load(&path).expect("read"), settings);
        // What a crash left beside it is of no consequence.
        fs::write(home.path().join("state/settings.json.new"), "{").expect("written");
        assert_eq!(Settings::load(&path).expect("read"), settings);
        fs::write(&path, "{\"accounts\":").expect("written");
        let error = Settings::load(&path).expect_err("broken").to_string();
        assert!(error.contains("settings.json.broken"), "{error}");
        assert!(home.path().join("state/settings.json.broken").exists());
        assert_eq!(Settings::load(&path).expect("no file"), Settings::default());
    }
}
