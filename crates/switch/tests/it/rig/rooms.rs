//! A switch with conference rooms of `conferences.toml`, and who is in them.

use std::time::Duration;

use serde_json::Value;
use switch::Config;
use testkit::ua::desk::{Desk, LineId};

use super::Rig;

/// Nobody's coming and going is announced.
pub(crate) const QUIET: &str = "entry = \"none\"\nexit = \"none\"\n";

/// A switch with these rooms, and these flows beside them.
pub(crate) fn with_rooms(rooms: &str, flows: &[(&str, Value)]) -> Rig {
    with_rooms_and(rooms, flows, |_| {})
}

/// The same, configured like that.
pub(crate) fn with_rooms_and(rooms: &str, flows: &[(&str, Value)], change: impl FnOnce(&mut Config)) -> Rig {
    let rig = Rig::with(&[], change);
    let home = rig.dir.path().join("flows");
    std::fs::create_dir_all(home.join("sounds")).expect("a directory");
    std::fs::write(home.join("conferences.toml"), rooms).expect("written");
    let second = Duration::from_secs(1);
    for (name, tone) in [("gong", 2_200), ("harp", 2_600)] {
        let pcm = audio::tone::render(&[tone], second, Duration::ZERO, second, audio::Rate::NARROW);
        let bytes = audio::write::wav::to_bytes(&pcm);
        std::fs::write(home.join(format!("sounds/{name}.wav")), bytes).expect("written");
    }
    let mut numbers = String::new();
    for (number, flow) in flows {
        std::fs::write(home.join(format!("f{number}.json")), flow.to_string()).expect("written");
        numbers.push_str(&format!("\"{number}\" = {{ flow = \"f{number}\", public = true }}\n"));
    }
    std::fs::write(home.join("numbers.toml"), numbers).expect("written");
    let loaded = store::Directory::load(Some(&home)).expect("readable");
    let broken: Vec<_> = loaded.problems.iter().filter(|problem| problem.is_error()).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let users = Rig::people();
    let _inside = rig.runtime.enter();
    rig.switch().reload(loaded.flows, &users, &loaded.trunks);
    rig
}

/// A call that is up; its PIN is typed if there is one.
pub(crate) fn join(rig: &Rig, desk: &Desk, number: &str, pin: &str) -> LineId {
    let line = desk.call(number);
    assert!(desk.up(line), "{:#?}", rig.traces());
    if !pin.is_empty() {
        desk.press(line, pin);
    }
    line
}

pub(crate) fn members(rig: &Rig, room: &str) -> usize {
    rig.switch().conferences().iter().filter(|view| view.name == room).map(|view| view.members.len()).sum()
}

pub(crate) fn inside(rig: &Rig, room: &str, wanted: usize) {
    rig.wait(&format!("{wanted} in {room}"), || members(rig, room) == wanted);
}

pub(crate) fn noted(rig: &Rig, text: &str) {
    rig.wait(text, || rig.traces().iter().any(|trace| trace.contains(text)));
}
