//! Orders and packets by chance: whatever comes when, nobody stumbles, no number leaves twice, who has nothing to say is
//! silent at an even pace, what is recorded keeps its time, and all is given back.
//!
//! `STORM=7 cargo test -p media storm` runs the seed 7, `STORM=7 STORMS=100` a hundred from there on.

use std::collections::{HashMap, HashSet};

use audio::codec::Encoder;
use rtp::srtp::{Keys as SrtpKeys, Profile, Protector};

use super::rooms::choir::{ROOM, sit};
use super::*;
use crate::guard::Security;
use crate::order::RoomOrder;
use crate::recorder::Mark;
use crate::room::{Lists, Room};

mod deeds;
mod phones;

/// Legs at a time.
const LEGS: u32 = 6;

/// A recording begins and ends with its leg's turn, and a turn may be skipped; more are not, while one runs.
const OFF: Duration = Duration::from_millis(250);

/// A re-INVITE gives a leg other slots.
const MOVED: Duration = Duration::from_millis(30);

/// xorshift64*
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 20
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
}

/// A leg and the phone at its other end.
struct Party {
    id: LegId,
    setup: LegSetup,
    phone: Phone,
    seal: Option<Protector>,
    encoder: Encoder,
    said: usize,
    talks: bool,
    /// One that is to be late.
    held: Option<Vec<u8>>,
    in_room: bool,
    tags: Vec<u64>,
}

impl Party {
    /// By which it is in the room.
    fn seat(&self) -> u64 {
        u64::from(self.id.generation) + 1_000_000
    }
}

/// A recording, and from which slot to which it runs.
struct Tape {
    leg: LegId,
    tag: u64,
    ring: Consumer<i16>,
    marks: Consumer<Mark>,
    rate: Rate,
    channels: usize,
    since: u64,
    until: Option<u64>,
    /// Re-INVITEs of the leg meanwhile.
    changes: u32,
}

impl Tape {
    /// How long what is on it sounds.
    fn length(&mut self) -> Duration {
        let (mut at, mut rate, mut all) = (0, self.rate, Duration::ZERO);
        let end = self.ring.slots() as u64;
        while let Ok((from, next)) = self.marks.pop() {
            all += rate.duration((from - at) as usize / self.channels);
            (at, rate) = (from, next);
        }
        all + rate.duration((end - at) as usize / self.channels)
    }
}

struct Storm {
    seed: u64,
    chance: Chance,
    rig: Rig,
    parties: Vec<Party>,
    generations: u32,
    tags: u64,
    room: Rate,
    tapes: Vec<Tape>,
    /// What was sent to each address: numbers by stream.
    sent: HashMap<SocketAddr, HashSet<(u32, u16)>>,
}

fn keys(seed: u64) -> SrtpKeys {
    let profile = Profile::Aes128Sha1_80;
    SrtpKeys::new(profile, &vec![seed as u8; profile.keys_len()]).unwrap()
}

fn is_rtcp(sent: &Sent) -> bool {
    (192..=223).contains(&sent.bytes[1])
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let orders = Arc::new(Mailbox::new(1_024));
        let (put, ring) = RingBuffer::new(4_096);
        let worker = Worker::new(0, 16, orders.clone(), Outlet::new(put, 16), WALL);
        let mut rig = Rig { worker, orders, ring, ..Rig::new() };
        let room = Room::new(ROOM, Rate::NARROW, Lists::new(8, 16));
        rig.order(Order::Room(ROOM, RoomOrder::Open(Box::new(room))));
        let mut storm = Storm {
            seed,
            chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            rig,
            parties: vec![],
            generations: 0,
            tags: 100,
            room: Rate::NARROW,
            tapes: vec![],
            sent: HashMap::new(),
        };
        (0..LEGS).for_each(|place| storm.come(place));
        storm
    }

    fn run(&mut self, slots: u64) {
        for _ in 0..slots {
            self.talk();
            if self.chance.one_in(6) {
                self.act();
            }
            let skipped = match self.chance.below(100) {
                0 => 1 + self.chance.below(12),
                1 if self.tapes.iter().all(|tape| tape.until.is_some()) => self.chance.below(400),
                _ => 0,
            };
            self.slot(skipped);
        }
    }

    /// A slot after some that were skipped. Answers what was sent, all of which has numbers of its own.
    fn slot(&mut self, skipped: u64) -> Vec<Sent> {
        self.rig.due(skipped);
        assert_eq!(self.rig.worker.stats.panics, 0, "seed {}: somebody stumbled", self.seed);
        let mut sent = self.rig.heard();
        sent.retain(|one| !is_rtcp(one));
        for one in &sent {
            let view = View::parse(&one.bytes).unwrap();
            let new = self.sent.entry(one.to).or_default().insert((view.ssrc, view.seq.0));
            assert!(new, "seed {}: {:?} is sent twice to {}", self.seed, view.seq, one.to);
        }
        sent
    }

    /// These recordings end with the next slot.
    fn over(&mut self, leg: LegId, tag: Option<u64>) {
        let slot = self.rig.slot;
        for tape in self.tapes.iter_mut().filter(|tape| tape.leg == leg && tape.until.is_none()) {
            if tag.is_none_or(|tag| tape.tag == tag) {
                tape.until = Some(slot);
            }
        }
    }

    fn stop(&mut self, leg: LegId, tag: u64) {
        self.rig.order(Order::Stop(leg, tag));
        self.over(leg, Some(tag));
    }

    /// Everything is stopped: who may speak says silence, evenly.
    fn calm(&mut self) {
        for at in 0..self.parties.len() {
            self.parties[at].talks = false;
            let (leg, seat) = (self.parties[at].id, self.parties[at].seat());
            self.rig.order(Order::Room(ROOM, RoomOrder::Leave(leg)));
            let tags = std::mem::take(&mut self.parties[at].tags);
            tags.into_iter().chain([seat]).for_each(|tag| self.stop(leg, tag));
            self.slot(0);
        }
        // A key that is pressed gets its ends, what waits is read, and who passed packets on is waited for no longer.
        (0..400).for_each(|_| drop(self.slot(0)));
        let all: Vec<Sent> = (0..240).flat_map(|_| self.slot(0)).collect();
        for party in &self.parties {
            let setup = &party.setup;
            let sent: Vec<Sent> = all.iter().filter(|one| one.to == setup.remote).cloned().collect();
            let about = format!("seed {}: {} {setup:?}", self.seed, party.id);
            if !setup.send {
                assert!(sent.is_empty(), "{about}");
            } else if setup.comfort_noise_send.is_none() && !(setup.codec == Codec::Opus && setup.opus.dtx) {
                assert_eq!(sent.len() as u64, 240 / setup.period(), "{about}");
                let ticks = setup.codec.clock() / 200 * setup.period() as u32;
                for (two, slots) in views(&sent).windows(2).zip(sent.windows(2)) {
                    let next = (two[0].ssrc, two[0].seq.plus(1), two[0].timestamp.plus(ticks));
                    assert_eq!((two[1].ssrc, two[1].seq, two[1].timestamp), next, "{about}");
                    assert_eq!(slots[1].slot - slots[0].slot, setup.period(), "{about}");
                    assert!(!two[1].marker, "{about}: silence is no talkspurt");
                }
            }
        }
    }

    /// All go, and nothing of them is left.
    fn end(mut self) {
        let legs: Vec<LegId> = self.parties.iter().map(|party| party.id).collect();
        for leg in legs {
            self.rig.order(Order::Release(leg));
            self.over(leg, None);
        }
        self.rig.order(Order::Room(ROOM, RoomOrder::Close));
        (0..4).for_each(|_| drop(self.slot(0)));
        let Storm { rig, seed, generations, mut tapes, .. } = self;
        assert!(rig.worker.is_idle(), "seed {seed}");
        assert!(rig.io.attached.is_empty() && rig.io.watched.is_empty(), "seed {seed}");
        assert_eq!((rig.released.len() as u32, rig.parts_closed), (generations, 1), "seed {seed}");
        assert_eq!((rig.worker.stats.events_dropped, rig.worker.stats.unsealed), (0, 0), "seed {seed}");
        for tape in &mut tapes {
            let ran = MS(5 * (tape.until.unwrap() - tape.since));
            let (kept, most) = (tape.length(), OFF + MOVED * tape.changes);
            let (leg, tag) = (tape.leg, tape.tag);
            assert!(kept.abs_diff(ran) <= most, "seed {seed}: {leg} {tag} ran {ran:?} and is {kept:?} long");
        }
    }
}

#[test]
fn whatever_is_asked_for_when_nobody_stumbles_and_no_number_leaves_twice() {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let (from, seeds) = number("STORM").map_or((1, 3), |seed| (seed, number("STORMS").unwrap_or(1)));
    for seed in from..from + seeds {
        let mut storm = Storm::new(seed);
        for _ in 0..2 {
            storm.run(1_000);
            storm.calm();
        }
        storm.end();
    }
}
