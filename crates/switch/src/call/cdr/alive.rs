//! The calls that live, in a file beside the records: what the next start tells of those that a kill cut off.
//!
//! Lines of JSON: a call's record so far, that it is over, or the moment. Nothing here is synced: it survives a kill, and
//! of a power cut as much as the system wrote by itself.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::key_of;
use crate::events::wall_clock;

/// A file that has grown by so much is written anew, with what lives only.
pub(super) const GROWN: u64 = 4 << 20;

/// See the module.
pub(super) struct Alive {
    path: PathBuf,
    /// Their lines, as text: as values they would take six times the memory, for as long as the call lives.
    living: BTreeMap<String, Box<str>>,
    file: Option<File>,
    /// Bytes written since it was written anew.
    grown: u64,
}

/// Beside the records.
fn path(records: &Path) -> PathBuf {
    let mut name = records.as_os_str().to_owned();
    name.push(".alive");
    PathBuf::from(name)
}

impl Alive {
    /// The file of these records, and what the last run left in it: records of calls that were cut off, by key.
    pub(super) fn open(records: &Path) -> (Alive, Vec<(String, Value)>) {
        let path = path(records);
        let mut living = BTreeMap::<String, Value>::new();
        let mut seen = None;
        // Without a file nobody was cut off. The last line may be half of one.
        for line in fs::read_to_string(&path).unwrap_or_default().lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
            if let Some(at) = line.get("at") {
                seen = Some(at.clone());
            }
            if let Some(over) = line.get("over").and_then(Value::as_str) {
                living.remove(over);
            } else if let Some(key) = key_of(&line) {
                living.insert(key, line);
            }
        }
        let text = |(key, line): (&String, &Value)| (key.clone(), line.to_string().into());
        let alive = Alive { path, living: living.iter().map(text).collect(), file: None, grown: 0 };
        (alive, living.into_iter().map(|(key, line)| (key, killed(line, seen.clone()))).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.living.is_empty()
    }

    /// A call lives, and this is its record so far.
    pub(super) fn lives(&mut self, key: String, mut line: Value) {
        if let Value::Object(line) = &mut line {
            line.insert("at".into(), wall_clock().to_string().into());
        }
        let text = line.to_string();
        self.living.insert(key, text.as_str().into());
        self.append(&text);
    }

    /// The record of a call is on the disk.
    pub(super) fn over(&mut self, key: &str) {
        if self.living.remove(key).is_some() {
            self.append(&json!({ "over": key }).to_string());
        }
    }

    /// The moment, so that the next start knows how long those who live were seen.
    pub(super) fn beat(&mut self) {
        self.append(&json!({ "at": wall_clock().to_string() }).to_string());
    }

    fn append(&mut self, line: &str) {
        let line = format!("{line}\n");
        let written = match &mut self.file {
            Some(file) if self.grown < GROWN => file.write_all(line.as_bytes()),
            _ => self.renew(),
        };
        self.grown += line.len() as u64;
        if written.is_err() {
            // It is written whole as soon as there is room.
            self.file = None;
        }
    }

    /// Writes it anew with what lives.
    fn renew(&mut self) -> io::Result<()> {
        let mut text = String::new();
        for line in self.living.values() {
            text.push_str(line);
            text.push('\n');
        }
        let new = self.path.with_extension("alive.new");
        fs::write(&new, text.as_bytes())?;
        fs::rename(&new, &self.path)?;
        self.file = Some(OpenOptions::new().append(true).open(&self.path)?);
        self.grown = 0;
        Ok(())
    }
}

/// The record of a call that was cut off; `seen` is when it was known last to live.
fn killed(mut line: Value, seen: Option<Value>) -> Value {
    if let Value::Object(line) = &mut line {
        let own = line.remove("at");
        line.insert("last_seen".into(), seen.or(own).unwrap_or_default());
        line.insert("cause".into(), "killed".into());
        line.insert("by".into(), "server".into());
    }
    line
}
