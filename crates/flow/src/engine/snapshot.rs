//! [`Machine::snapshot`] and [`Machine::restore`]: a run as data, and back.
//!
//! What is kept is what stands between nodes, as it was when the waiting node was entered as far as that can be told:
//! keys that the node took are there again, and so is what it told a server.
//! What is inside the node, its coroutine, is not kept: the node is entered anew.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Each, End, LegState, Machine, OpenRecording, Pressed,
    frame::Frame,
    port::Port,
    run::{At, Home},
    store::{ALL, Code, Of, Store},
};
use crate::{
    ir::{FileFormat, Hangup, Identity, NodeId, Program, Shown, Side, Target, Withheld},
    journal::{
        VERSION,
        snapshot::{self, Depth, Memory, Recording, RestoreError, Resume, Snapshot, Spot, Used},
    },
    leg::Tag,
};

const LEGS: [(&str, LegState); 4] = [
    ("absent", LegState::Absent),
    ("ringing", LegState::Ringing),
    ("answered", LegState::Answered),
    ("gone", LegState::Gone),
];
const WITHHELD: [(&str, Withheld); 5] = [
    ("nothing", Withheld::Nothing),
    ("as_caller", Withheld::AsCaller),
    ("name", Withheld::Name),
    ("number", Withheld::Number),
    ("both", Withheld::Both),
];
const SIDES: [(&str, Side); 3] = [("own", Side::Own), ("peer", Side::Peer), ("both", Side::Both)];
/// Words that a run keeps without owning them.
const WORDS: [&str; 9] =
    ["internal", "external", "emergency", "live_person", "machine", "unknown", "wav", "mp3", "ogg"];

fn name<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> String {
    table.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name).to_owned()
}

fn named<T: Copy>(table: &[(&'static str, T)], name: &str) -> Result<T, RestoreError> {
    let found = table.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| RestoreError::Nonsense(name.to_owned()))
}

fn word(text: &str) -> Result<&'static str, RestoreError> {
    let found = WORDS.into_iter().find(|known| *known == text);
    found.ok_or_else(|| RestoreError::Nonsense(text.to_owned()))
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn spot(program: &Program, id: NodeId) -> Spot {
    let pointer = program.node(id).map(|node| node.source.0.clone()).unwrap_or_default();
    Spot { id: id.0, pointer }
}

/// The node of this number if it still stands where it stood, else the first that stands there now.
fn found(program: &Program, spot: &Spot, document: &str) -> Result<NodeId, RestoreError> {
    let same = program.node(NodeId(spot.id)).filter(|node| node.source.0 == spot.pointer);
    if same.is_some() {
        return Ok(NodeId(spot.id));
    }
    let at = program.nodes.iter().position(|node| node.source.0 == spot.pointer);
    at.map(|at| NodeId(at as u32))
        .ok_or_else(|| RestoreError::Node { document: document.to_owned(), pointer: spot.pointer.clone() })
}

/// The documents of a snapshot being taken.
struct Documents<'a> {
    known: &'a [(Arc<Program>, Used)],
    used: Vec<Used>,
}

impl Documents<'_> {
    fn place(&mut self, program: &Arc<Program>) -> Option<usize> {
        let (_, used) = self.known.iter().find(|(known, _)| Arc::ptr_eq(known, program))?;
        let at = self.used.iter().position(|other| other == used);
        Some(at.unwrap_or_else(|| {
            self.used.push(used.clone());
            self.used.len() - 1
        }))
    }
}

impl Machine {
    /// The run as it stands, while a node waits; `None` before it began, at its end, and in the hang-up that ends it.
    ///
    /// Kept are the position (documents, return stack, loops and jump counts), variables, keys and recordings, the
    /// state of the leg, and what was used of the limits. Not kept is what happens inside the waiting node, and replies
    /// to requests that nobody waits for.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let At::Action(Some(node), _) = &self.at else { return None };
        let port = self.port();
        let running = port.frames.last()?;
        let counted = running.program.node(*node).is_some_and(|node| !node.within);
        let mut documents = Documents { known: &port.known, used: Vec::new() };
        let frames = port.frames.iter().map(|frame| depth(frame, &mut documents)).collect::<Option<_>>()?;
        let mut place = |home: &Option<(Arc<Program>, NodeId)>| {
            home.as_ref().and_then(|(program, id)| Some((documents.place(program)?, spot(program, *id))))
        };
        let (on_end, on_gone) = (place(&self.home.on_end), place(&self.home.on_gone));
        let codes = port.star_codes.last.as_ref().and_then(|program| documents.place(program));
        Some(Snapshot {
            version: VERSION,
            now_ns: ns(port.now),
            wall: port.wall_clock().to_string(),
            began_ns: ns(port.began),
            leg: name(&LEGS, &port.leg),
            over_ns: port.over.map(ns),
            end: port.end.as_ref().map(|end| (end.cause.clone(), end.by.clone())),
            after: port.after,
            facts: port.facts.clone(),
            settings: port.settings.clone(),
            memory: memory(&port),
            keys: pressed(port.keys.iter()),
            taken: pressed(port.again.iter().chain(&port.taken)),
            key_serial: port.key_serial,
            late_terminator: port.late_terminator.as_ref().map(|(keys, until)| (keys.clone(), ns(*until))),
            open_recordings: port.recordings.iter().map(recording).collect(),
            fetched: port.fetched,
            changed: port.changed,
            answered: port.answered,
            asks: port.asks,
            // The node is counted again when it is entered.
            nodes: port.nodes.saturating_sub(1),
            all_nodes: port.entered.saturating_sub(u32::from(counted)),
            longest_ns: self.home.longest.map(ns),
            completed: port.completed,
            detecting: port.detecting.as_ref().map(|(tag, hangup)| {
                let words = |hangup: &Hangup| (hangup.status, hangup.phrase.clone(), hangup.cause.clone());
                (tag.0, hangup.as_ref().map(words))
            }),
            last_tag: port.last_tag(),
            node: spot(&running.program, *node),
            documents: documents.used,
            frames,
            on_end,
            on_gone,
            codes,
        })
    }

    /// The programs that the run uses.
    #[cfg(test)]
    pub(crate) fn known(&self) -> Vec<(Arc<Program>, Used)> {
        self.port().known.clone()
    }

    /// A machine that begins again at the node of `snapshot`. `at` is now by the wall clock; the time since the snapshot
    /// counts as time of the call. `programs` has the documents.
    ///
    /// Its first effects are there at once; its first input tells it what the time is.
    pub fn restore(
        snapshot: Snapshot,
        at: Timestamp,
        programs: &dyn Fn(&Used) -> Option<Arc<Program>>,
    ) -> Result<Machine, RestoreError> {
        if snapshot.version != VERSION {
            return Err(RestoreError::Version(snapshot.version));
        }
        let documents = snapshot.documents.iter().map(|used| {
            let (Used::Stored(name) | Used::Fetched { name, .. }) = used;
            let program = programs(used).ok_or_else(|| RestoreError::Document(name.clone()))?;
            Ok((program, used.clone(), name.clone()))
        });
        let documents = documents.collect::<Result<Vec<_>, RestoreError>>()?;
        let document =
            |at: usize| documents.get(at).ok_or_else(|| RestoreError::Nonsense(format!("document {at}")));
        let place = |place: &Option<(usize, Spot)>| {
            let Some((at, spot)) = place else { return Ok(None) };
            let (program, _, name) = document(*at)?;
            Ok(Some((program.clone(), found(program, spot, name)?)))
        };
        let longest = snapshot.longest_ns.map(Duration::from_nanos);
        let home = Home { on_end: place(&snapshot.on_end)?, on_gone: place(&snapshot.on_gone)?, longest };
        let mut frames = Vec::with_capacity(snapshot.frames.len());
        let mut node = None;
        for depth in &snapshot.frames {
            let (program, _, name) = document(depth.document)?;
            frames.push(frame(program, depth, name)?);
            node = Some(found(program, &snapshot.node, name));
        }
        let node = node.ok_or_else(|| RestoreError::Nonsense("an empty stack".to_owned()))??;
        let codes = snapshot.codes.map(|at| Ok(document(at)?.0.clone())).transpose()?;
        let known = documents.iter().map(|(program, used, _)| (program.clone(), used.clone())).collect();
        let mut port = port(snapshot, at)?;
        let now = port.now;
        (port.frames, port.known, port.star_codes.last) = (frames, known, codes);
        let mut machine = Machine {
            port: Arc::new(Mutex::new(port)),
            at: At::Waiting,
            home,
            origin: None,
            passed: now,
            start: None,
        };
        machine.enter_again(node);
        Ok(machine)
    }
}

fn pressed<'a>(keys: impl Iterator<Item = &'a Pressed>) -> Vec<(u64, char)> {
    keys.map(|key| (key.serial, key.key)).collect()
}

fn depth(frame: &Frame, documents: &mut Documents<'_>) -> Option<Depth> {
    let mut jumps: Vec<_> =
        frame.jumps.iter().map(|(id, count)| (spot(&frame.program, *id), *count)).collect();
    jumps.sort_by_key(|(spot, _)| spot.id);
    let mut loops: Vec<_> = frame.loops.iter().map(|(slot, each)| (*slot, each.rest().collect())).collect();
    loops.sort_by_key(|(slot, _)| *slot);
    let resume = match frame.resume {
        Target::Node(id) => Resume::Node(spot(&frame.program, id)),
        Target::Return => Resume::Return,
        Target::Hangup => Resume::Hangup,
    };
    Some(Depth { document: documents.place(&frame.program)?, base: frame.base.clone(), resume, jumps, loops })
}

fn frame(program: &Arc<Program>, depth: &Depth, name: &str) -> Result<Frame, RestoreError> {
    let mut frame = Frame { base: depth.base.clone(), ..Frame::new(program.clone()) };
    frame.resume = match &depth.resume {
        Resume::Node(spot) => Target::Node(found(program, spot, name)?),
        Resume::Return => Target::Return,
        Resume::Hangup => Target::Hangup,
    };
    for (spot, count) in &depth.jumps {
        frame.jumps.insert(found(program, spot, name)?, *count);
    }
    frame.loops.extend(depth.loops.iter().map(|(slot, rest)| (*slot, Each::of(rest.iter().cloned()))));
    Ok(frame)
}

fn recording(open: &OpenRecording) -> Recording {
    let (name, stop_keys) = (open.name.clone(), open.stop_keys.clone());
    Recording { tag: open.tag.0, name, stop_keys, format: open.format.name().to_owned() }
}

fn memory(port: &Port) -> Memory {
    let store = port.store.clone();
    let identity = store.identity.map(|identity| {
        let shown = |shown: Shown<String>| match shown {
            Shown::Caller => ("caller".to_owned(), String::new()),
            Shown::Called => ("called".to_owned(), String::new()),
            Shown::Class(class) => ("class".to_owned(), class.to_owned()),
            Shown::Given(text) => ("given".to_owned(), text),
        };
        let (number, name_shown) = (shown(identity.number), shown(identity.name));
        let withheld = name(&WITHHELD, &identity.withheld);
        snapshot::Shown { number, name: name_shown, prefix: identity.prefix, withheld, still: identity.still }
    });
    Memory {
        variables: store.variables,
        last_digits: store.last_digits,
        collections: store.collections,
        presses: port.told.iter().cloned().chain(store.presses).collect(),
        recordings: store.recordings,
        recorded_ns: store.recorded.map(ns),
        recorded_format: store.recorded_format.map(str::to_owned),
        detection: store.detection.map(str::to_owned),
        language: store.language,
        identity,
        alert: store.alert,
        code: store.code.map(|code| (code.digits, code.captures, name(&SIDES, &code.by))),
    }
}

fn store(memory: Memory) -> Result<Store, RestoreError> {
    let shown = |(kind, text): (String, String)| {
        Ok(match kind.as_str() {
            "caller" => Shown::Caller,
            "called" => Shown::Called,
            "class" => Shown::Class(word(&text)?),
            "given" => Shown::Given(text),
            _ => return Err(RestoreError::Nonsense(kind)),
        })
    };
    let identity = |saved: snapshot::Shown| {
        let withheld = named(&WITHHELD, &saved.withheld)?;
        let (number, name) = (shown(saved.number)?, shown(saved.name)?);
        Ok::<_, RestoreError>(Identity { number, name, prefix: saved.prefix, withheld, still: saved.still })
    };
    let code = |(digits, captures, by): (String, Vec<String>, String)| {
        Ok::<_, RestoreError>(Code { digits, captures, by: named(&SIDES, &by)?, of: Of::default() })
    };
    Ok(Store {
        // To be measured.
        size: ALL + 1,
        variables: memory.variables,
        last_digits: memory.last_digits,
        collections: memory.collections,
        presses: memory.presses,
        recordings: memory.recordings,
        recorded: memory.recorded_ns.map(Duration::from_nanos),
        recorded_format: memory.recorded_format.as_deref().map(word).transpose()?,
        detection: memory.detection.as_deref().map(word).transpose()?,
        language: memory.language,
        identity: memory.identity.map(identity).transpose()?,
        alert: memory.alert,
        code: memory.code.map(code).transpose()?,
    })
}

fn port(snapshot: Snapshot, at: Timestamp) -> Result<Port, RestoreError> {
    let wall: Timestamp = snapshot.wall.parse().map_err(|_| RestoreError::Nonsense(snapshot.wall.clone()))?;
    let gone_by = Duration::try_from(at.duration_since(wall)).unwrap_or_default();
    let (saved, began) = (Duration::from_nanos(snapshot.now_ns), Duration::from_nanos(snapshot.began_ns));
    let mut port = Port::new(snapshot.facts, snapshot.settings);
    port.now = saved + gone_by;
    port.began = began;
    let age = jiff::SignedDuration::try_from(saved.saturating_sub(began)).unwrap_or_default();
    port.at = wall.checked_sub(age).unwrap_or(wall);
    port.leg = named(&LEGS, &snapshot.leg)?;
    port.over = snapshot.over_ns.map(Duration::from_nanos);
    port.end = snapshot.end.map(|(cause, by)| End { cause, by });
    port.after = snapshot.after;
    port.store = store(snapshot.memory)?;
    let pressed = |(serial, key): &(u64, char)| Pressed { serial: *serial, key: *key };
    port.keys = snapshot.keys.iter().map(pressed).collect();
    port.again = snapshot.taken.iter().map(pressed).collect();
    port.key_serial = snapshot.key_serial;
    port.late_terminator = snapshot.late_terminator.map(|(keys, until)| (keys, Duration::from_nanos(until)));
    port.fetched = snapshot.fetched;
    port.nodes = snapshot.nodes;
    port.entered = snapshot.all_nodes;
    port.completed = snapshot.completed;
    port.detecting = snapshot.detecting.map(|(tag, hangup)| {
        (Tag(tag), hangup.map(|(status, phrase, cause)| Hangup { status, phrase, cause }))
    });
    port.changed = snapshot.changed;
    port.answered = snapshot.answered;
    port.asks = snapshot.asks;
    port.begin_tags(snapshot.last_tag);
    for open in snapshot.open_recordings {
        let format = FileFormat::from_name(&open.format).ok_or(RestoreError::Nonsense(open.format))?;
        let (tag, name, stop_keys) = (Tag(open.tag), open.name, open.stop_keys);
        port.recordings.push(OpenRecording { tag, name, stop_keys, format });
    }
    Ok(port)
}
