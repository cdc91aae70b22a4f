//! An order: what a recording is, where it goes, how far it is; and its file.
//!
//! A file is written beside its place, synced, and put there by a rename: whoever reads it finds the old or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::book::RecordingState;

/// What is known of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Its name.
    pub(crate) id: String,
    /// It goes when whoever needs it has gone, and with the switch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fleeting: bool,
    /// Its file, in the recordings' directory.
    pub(crate) file: String,
    /// What the customer calls it.
    pub(crate) name: String,
    /// The calls that it is of: the one that it began in, and the one that it went to by a transfer.
    pub(crate) calls: Vec<String>,
    /// The SIP Call-ID of the first.
    pub(crate) sip_call_id: String,
    /// Who calls.
    pub(crate) caller: String,
    /// Whom.
    pub(crate) called: String,
    /// When it began.
    pub(crate) begun: String,
    /// When it was over.
    pub(crate) over: Option<String>,
    /// How it ended; `None` while it runs.
    pub(crate) end: Option<End>,
    /// When somebody ordered it to be sent again; the time for giving up counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) again: Option<String>,
    /// Somebody decided that it is not to be sent any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dropped: bool,
    /// What its author noted.
    pub(crate) notes: Vec<(String, String)>,
    /// Where it goes.
    pub(crate) parcels: Vec<Parcel>,
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// As it should, so many seconds long.
    Complete(f64),
    /// It could not go on; what there is of it is whole.
    Broken(String),
    /// It is not wanted.
    Discarded(String),
    /// It is not wanted, since it is only so many seconds long.
    Short { seconds: f64, why: String },
}

/// One place that a recording goes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) to: Destination,
    #[serde(flatten)]
    pub(crate) sending: Sending,
}

/// Where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Destination {
    /// A customer's web server.
    Web {
        /// `PUT` or `POST`.
        method: String,
        /// The address.
        url: String,
    },
    /// The operator's bucket.
    Bucket {
        /// The name there.
        key: String,
    },
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Sending {
    /// To be tried, again after so many tries, of which the last failed for this reason.
    Waiting {
        tries: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// There.
    Sent { place: String, at: String },
    /// It will not be tried again.
    Failed { why: String, at: String },
}

impl Sending {
    /// It was not tried yet.
    pub(super) fn waiting() -> Sending {
        Sending::Waiting { tries: 0, why: None }
    }
}

impl Destination {
    /// In words, without what a URL may keep secret.
    pub(super) fn words(&self) -> String {
        match self {
            Destination::Web { url, .. } => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
            Destination::Bucket { key } => key.clone(),
        }
    }

    /// Whose trouble it is if it cannot be reached: a server's name.
    pub(super) fn server(&self) -> &str {
        match self {
            Destination::Web { url, .. } => {
                let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
                rest.split(['/', '?', '#']).next().unwrap_or_default()
            }
            Destination::Bucket { .. } => "",
        }
    }
}

impl Order {
    /// One place more.
    pub(crate) fn add(&mut self, to: Destination) {
        self.parcels.push(Parcel { to, sending: Sending::waiting() });
    }

    /// It is everywhere where it was to be sent.
    pub(super) fn is_sent(&self) -> bool {
        self.end.is_some() && self.parcels.iter().all(|parcel| matches!(parcel.sending, Sending::Sent { .. }))
    }

    /// What is to be said of the recording as a whole.
    pub(super) fn state(&self, recordings: &Path) -> RecordingState {
        let here = recordings.join(&self.file).display().to_string();
        let failed = self.parcels.iter().find_map(|parcel| match &parcel.sending {
            Sending::Failed { why, .. } => Some(why),
            _ => None,
        });
        let waits = self.parcels.iter().find(|parcel| matches!(parcel.sending, Sending::Waiting { .. }));
        let sent = self.parcels.iter().rev().find_map(|parcel| match &parcel.sending {
            Sending::Sent { place, .. } => Some(place),
            _ => None,
        });
        match (failed, waits, sent, &self.end) {
            (.., None) => RecordingState::Recording,
            (Some(why), ..) => RecordingState::Failed { why: why.clone(), here },
            (None, Some(parcel), ..) => RecordingState::Waiting { to: parcel.to.words(), here },
            (None, None, Some(place), _) => RecordingState::Sent { place: place.clone() },
            (None, None, None, Some(End::Short { why, .. })) => {
                RecordingState::Discarded { why: why.clone() }
            }
            (None, None, None, Some(End::Broken(why))) => RecordingState::Failed { why: why.clone(), here },
            (None, None, None, _) => RecordingState::Saved { place: here },
        }
    }

    /// Nothing is left to be done.
    pub(super) fn is_done(&self) -> bool {
        let waits = |parcel: &Parcel| matches!(parcel.sending, Sending::Waiting { .. });
        self.end.is_some() && !self.parcels.iter().any(waits)
    }

    /// Writes it into `directory`. With `sync`, a power cut cannot undo it once the directory is synced.
    pub(super) fn write(&self, directory: &Path, sync: bool) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        let (beside, place) =
            (directory.join(format!("{}.new", self.id)), directory.join(format!("{}.json", self.id)));
        let written = (|| {
            let mut file = File::create(&beside)?;
            file.write_all(&text)?;
            if sync { file.sync_data() } else { Ok(()) }
        })();
        let put = written.and_then(|()| fs::rename(&beside, &place));
        if put.is_err() {
            // Half a file is of no use, and takes room that is missing.
            let _ = fs::remove_file(&beside);
        }
        put
    }

    /// Takes it out of `directory`.
    pub(super) fn remove(&self, directory: &Path) -> io::Result<()> {
        match fs::remove_file(directory.join(format!("{}.json", self.id))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The orders in `directory`. A file that is none is put aside under another name.
pub(super) fn read(directory: &Path) -> io::Result<Vec<Order>> {
    let mut orders = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => {}
            // The start of a write that a crash cut off.
            Some("new") => {
                let _ = fs::remove_file(&path);
                continue;
            }
            _ => continue,
        }
        match of(&path) {
            Ok(order) => orders.push(order),
            Err(error) => {
                tracing::error!(file = %path.display(), error, "an order of the spool cannot be read; it is put aside");
                // If it cannot be renamed it is read again at the next start.
                let _ = fs::rename(&path, path.with_extension("broken"));
            }
        }
    }
    orders.sort_by(|one, other| one.begun.cmp(&other.begun));
    Ok(orders)
}

/// The order in this file.
pub(super) fn of(path: &Path) -> Result<Order, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// What was renamed and removed in a directory stays so after a power cut.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::spool) fn order(id: &str) -> Order {
        Order {
            id: id.to_owned(),
            fleeting: false,
            file: format!("{id}.wav"),
            name: String::new(),
            calls: vec!["call-000001".into()],
            sip_call_id: "1@a".into(),
            caller: "sip:a@b".into(),
            called: "100".into(),
            begun: "2026-01-01T00:00:00Z".into(),
            over: None,
            end: None,
            again: None,
            dropped: false,
            notes: vec![("label".into(), "sales".into())],
            parcels: Vec::new(),
        }
    }

    #[test]
    fn an_order_is_read_as_it_was_written_and_a_broken_one_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = order("one");
        one.add(Destination::Web { method: "PUT".into(), url: "http://a.example/one.wav?key=s3cret".into() });
        one.add(Destination::Bucket { key: "calls/one.wav".into() });
        one.end = Some(End::Complete(1.5));
        one.over = Some("2026-01-01T00:00:02Z".into());
        assert!(!one.is_done());
        one.write(folder.path(), true).unwrap();
        sync(folder.path()).unwrap();
        fs::write(folder.path().join("half.json"), b"{\"id\": \"ha").unwrap();
        fs::write(folder.path().join("two.new"), b"{").unwrap();
        assert_eq!(read(folder.path()).unwrap(), vec![one.clone()]);
        assert!(folder.path().join("half.broken").exists() && !folder.path().join("two.new").exists());
        assert_eq!(one.parcels[0].to.words(), "http://a.example/one.wav");
        assert_eq!(one.parcels[0].to.server(), "a.example");
        for parcel in &mut one.parcels {
            parcel.sending = Sending::Failed { why: "no".into(), at: String::new() };
        }
        assert!(one.is_done());
        one.remove(folder.path()).unwrap();
        one.remove(folder.path()).unwrap();
        assert!(read(folder.path()).unwrap().is_empty());
    }
}
