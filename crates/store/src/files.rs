//! The files of a flows directory, from the file system or from the demo in the binary.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::{Problem, Sounds};

/// The demo flows: what runs without a flows directory.
static DEMO: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../flows");

/// Longest file of the directory that is read, in bytes: 4 MiB. A longer one is a mistake, such as a sound named `.json`;
/// the largest flow documents that we know of have 200 KiB.
pub const LONGEST_FILE: u64 = 4 * 1024 * 1024;

/// Reads a file of at most [`LONGEST_FILE`]; the error of a longer one says so.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_FILE {
        let most = LONGEST_FILE >> 20;
        return Err(io::Error::other(format!("it is longer than the {most} MiB that a flow may have")));
    }
    Ok(bytes)
}

/// Deepest directory that is looked into, against links that go in circles.
const MAX_DEPTH: usize = 8;

/// A file's path, and its bytes, or why it cannot be read.
pub(crate) type Text = (String, Result<Vec<u8>, Problem>);

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Flow documents by path, `kazoo/menu.json`, in order; or why one cannot be read.
    pub(crate) documents: Vec<Text>,
    /// `numbers.toml`, if there is one.
    pub(crate) numbers: Option<String>,
    /// `users.toml`, if there is one.
    pub(crate) users: Option<String>,
    /// `trunks.toml`, if there is one.
    pub(crate) trunks: Option<String>,
    /// `conferences.toml`, if there is one.
    pub(crate) conferences: Option<String>,
    /// The sounds beside them.
    pub(crate) sounds: Sounds,
    /// Files that could not be read.
    pub(crate) problems: Vec<Problem>,
}

impl Files {
    /// The files at `path`, or the demo's.
    pub(crate) fn read(path: Option<&Path>) -> Result<Files, Problem> {
        let mut files = Files::default();
        match path {
            None => {
                files.embedded(&DEMO);
                if let Some(sounds) = DEMO.get_dir("sounds") {
                    files.sounds = Sounds::new().then_embedded(sounds);
                }
            }
            Some(path) => {
                // The problems' files are relative to the directory; `.` is itself.
                let unreadable = |error| Problem::file(".", format!("not a readable directory: {error}"));
                fs::read_dir(path).map(drop).map_err(unreadable)?;
                files.directory(path, "", 0);
                files.sounds = Sounds::new().then(path.join("sounds"));
            }
        }
        files.documents.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(files)
    }

    fn embedded(&mut self, directory: &'static Dir<'static>) {
        for file in directory.files() {
            self.take(&file.path().display().to_string(), || Ok(file.contents().to_vec()));
        }
        for below in directory.dirs() {
            if !skipped(&below.path().display().to_string()) {
                self.embedded(below);
            }
        }
    }

    fn directory(&mut self, path: &Path, name: &str, depth: usize) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.problems.push(Problem::file(name, format!("cannot be read: {error}"))),
        };
        for entry in entries.flatten() {
            let Some(own) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let below = if name.is_empty() { own } else { format!("{name}/{own}") };
            let path = entry.path();
            if path.is_dir() {
                if depth < MAX_DEPTH && !skipped(&below) {
                    self.directory(&path, &below, depth + 1);
                }
            } else {
                self.take(&below, || read_file(&path));
            }
        }
    }

    /// Keeps the file `name` if it is one of ours.
    fn take(&mut self, name: &str, read: impl FnOnce() -> std::io::Result<Vec<u8>>) {
        let file = name.rsplit('/').next().unwrap_or(name);
        let tables = ["numbers.toml", "users.toml", "trunks.toml", "conferences.toml"];
        let ours = name.ends_with(".json") || tables.contains(&name);
        if !ours || file.starts_with('.') {
            return;
        }
        let bytes = match read() {
            Ok(bytes) => bytes,
            Err(error) => {
                let problem = Problem::file(name, format!("cannot be read: {error}"));
                return match name.ends_with(".json") {
                    true => self.documents.push((name.to_owned(), Err(problem))),
                    false => self.problems.push(problem),
                };
            }
        };
        if name.ends_with(".json") {
            return self.documents.push((name.to_owned(), Ok(bytes)));
        }
        match String::from_utf8(bytes) {
            Ok(text) if name == "numbers.toml" => self.numbers = Some(text),
            Ok(text) if name == "trunks.toml" => self.trunks = Some(text),
            Ok(text) if name == "conferences.toml" => self.conferences = Some(text),
            Ok(text) => self.users = Some(text),
            Err(error) => {
                let (good, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
                let place = crate::problem::place(&String::from_utf8_lossy(good), good.len());
                self.problems.push(Problem::file(name, "not UTF-8 text").at(place));
            }
        }
    }
}

/// Directories without flows.
fn skipped(path: &str) -> bool {
    path == "sounds" || path.rsplit('/').next().is_some_and(|name| name.starts_with('.'))
}
