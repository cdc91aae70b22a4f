//! The instructions of a leg's turn, counted by callgrind, against those in `counts.txt`: what a change costs shows here
//! however busy the machine is.
//!
//! In the release profile only: `cargo test --release -p media counts`. After a change that is worth its cost,
//! `COUNTS=renew cargo test --release -p media counts` writes the file anew.

use std::hint::black_box;
use std::process::Command;

use super::*;
use crate::bridge::Bridge;
use crate::id::{PartId, RoomId};
use crate::io::{Io, Received};
use crate::order::{Joining, RoomOrder};
use crate::room::{Lists, Manner, Room, Seat, Settings, Shared, Way};

/// A count may be above that of the file by one part in so many: compilers differ.
const TOLERANCE: u64 = 20;

const LEGS: u32 = 12;

/// Slots that are counted: a second, with one housekeeping of each leg.
const SLOTS: u64 = 200;

/// Seconds before it, after which the delay of those who talk is what it stays.
const SETTLING: u64 = 10;

/// What legs do while their turns are counted.
const JOBS: [&str; 7] = ["silence", "playback", "record", "echo", "relay", "mix", "room"];

/// A network that costs next to nothing: each leg has a packet each packet time.
struct Still {
    packets: Vec<Vec<u8>>,
    waiting: Vec<bool>,
    sent: u64,
}

impl Still {
    fn new() -> Still {
        let packets = (0..LEGS)
            .map(|place| {
                let mut bytes = vec![0; HEADER + 160];
                Writer::new(place, Seq(0)).write(&mut bytes, 0, false, RtpTime(0));
                (0..160).for_each(|n| bytes[HEADER + n] = (n * 7 + place as usize) as u8);
                bytes
            })
            .collect();
        Still { packets, waiting: vec![false; LEGS as usize], sent: 0 }
    }

    /// A packet from everybody.
    fn tick(&mut self) {
        for packet in &mut self.packets {
            let seq = u16::from_be_bytes([packet[2], packet[3]]).wrapping_add(1);
            let time = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]).wrapping_add(160);
            packet[2..4].copy_from_slice(&seq.to_be_bytes());
            packet[4..8].copy_from_slice(&time.to_be_bytes());
        }
        self.waiting.fill(true);
    }
}

impl Io for Still {
    type Ports = u16;

    fn attach(&mut self, _: usize, _: u16) -> Result<(), u16> {
        Ok(())
    }

    fn detach(&mut self, _: usize) -> Option<u16> {
        None
    }

    fn receive(&mut self, place: usize, channel: Channel, buffer: &mut [u8]) -> Option<Received> {
        if channel == Channel::Rtcp || !std::mem::take(&mut self.waiting[place]) {
            return None;
        }
        let packet = &self.packets[place];
        buffer[..packet.len()].copy_from_slice(packet);
        Some(Received { len: packet.len(), from: address(place as u32), waited: MS(3), stale: false })
    }

    fn send(&mut self, _: usize, _: Channel, _: SocketAddr, datagram: &[u8]) -> bool {
        self.sent += u64::from(black_box(datagram)[0] >> 7);
        true
    }
}

fn address(place: u32) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + place as u8], 4_000))
}

fn talk(setup: &LegSetup) -> Kit {
    Kit::to_talk(setup, Delay::CONVERSATION).unwrap()
}

/// Callgrind counts in here and nowhere else.
#[inline(never)]
fn counted_slots(worker: &mut Worker<Still>, io: &mut Still, slot: u64) {
    worker.slot(Due { slot, skipped: 0, late: MS(0) }, io);
}

#[inline(never)]
fn warm_up(worker: &mut Worker<Still>, io: &mut Still, slot: u64) {
    worker.slot(black_box(Due { slot, skipped: 0, late: MS(0) }), io);
}

/// What callgrind runs.
fn workload(job: &str) {
    let orders = Arc::new(Mailbox::new(64));
    let (put, mut ring) = RingBuffer::new(4_096);
    let mut worker = Worker::new(0, LEGS as usize, orders.clone(), Outlet::new(put, LEGS as usize), WALL);
    let order = |order: Order<u16>| assert!(orders.push(order).is_ok());
    let mut io = Still::new();
    let mut kept = Vec::new();
    let part = PartId { worker: 0, place: 0, room: RoomId(7) };
    if job == "room" {
        let lists = Lists::new(LEGS as usize, LEGS as usize);
        order(Order::Room(part, RoomOrder::Open(Box::new(Room::new(part, Rate::NARROW, lists)))));
    }
    let long = prompt(&frames(4).concat().iter().map(|byte| i16::from(*byte) * 50).collect::<Vec<_>>());
    let mut end = None;
    for place in 0..LEGS {
        let setup = LegSetup { remote: address(place), ..setup() };
        let leg = Leg::new(
            id(place),
            setup.clone(),
            "offhook".into(),
            Duration::from_secs(30),
            1 + u64::from(place),
        );
        order(Order::Adopt(Box::new(leg), 0));
        match job {
            "playback" => {
                order(Order::Play(id(place), Playlist::new(1, vec![long.clone()], Repeat::Forever)));
            }
            "record" => {
                let (ring, out) = RingBuffer::new(100_000);
                let what = Recording::new("a.wav");
                let recorder = Recorder::new((id(place), 1), ring, Rate::NARROW, &what, Default::default());
                let kit = Kit::to_record(&setup, Delay::PATIENT, what.sides).unwrap();
                order(Order::Record(id(place), Box::new(recorder), kit));
                kept.push(out);
            }
            "echo" => order(Order::Echo(id(place), 1, talk(&setup))),
            "relay" | "mix" => {
                if place % 2 == 0 {
                    let (mut here, mut there) = Bridge::pair(Rate::NARROW, Rate::NARROW);
                    Bridge::face((&mut here, id(place)), (&mut there, id(place + 1)), job == "relay");
                    order(Order::Bridge(id(place), 1, Box::new(here), talk(&setup)));
                    end = Some(there);
                } else if let Some(there) = end.take() {
                    order(Order::Bridge(id(place), 1, Box::new(there), talk(&setup)));
                }
            }
            "room" => {
                let manner = Manner::new(setup.codec, setup.rate, setup.opus);
                let way = Way::Inline { inward: None, outward: None };
                let who = Who::Leg(id(place));
                let mut seat = Box::new(Seat::new(who, 1, Rate::NARROW, Settings::default(), way));
                seat.manner = Some(manner);
                let shared = Some(Box::new(Shared::new(manner, Rate::NARROW).unwrap()));
                let joining = Joining { seat: Some(seat), shared, kit: Some(talk(&setup)), lists: None };
                order(Order::Room(part, RoomOrder::Join(Box::new(joining))));
            }
            _ => assert_eq!(job, "silence"),
        }
    }
    for slot in 0..(SETTLING + 1) * SLOTS {
        if slot % 4 == 0 {
            io.tick();
        }
        match slot < SETTLING * SLOTS {
            true => warm_up(&mut worker, &mut io, slot),
            false => counted_slots(&mut worker, &mut io, slot),
        }
        while let Ok(out) = ring.pop() {
            drop(out);
        }
    }
    assert_eq!((worker.stats.legs, worker.stats.panics), (LEGS.into(), 0));
    let (turns, relayed) = (u64::from(LEGS) * SLOTS, worker.stats.relayed);
    assert!(io.sent >= turns / 4 * 3, "{}", io.sent);
    assert_eq!(relayed > turns / 4 * 3, job == "relay" || job == "echo", "{relayed}");
}

/// All of them; under callgrind the one that it counts.
#[test]
fn every_workload_does_what_it_is_called() {
    match std::env::var("COUNTED") {
        Ok(job) => workload(&job),
        Err(_) => JOBS.iter().for_each(|job| workload(job)),
    }
}

/// Instructions a leg and turn; `None` where there is no callgrind.
fn count(job: &str) -> Option<u64> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted_slots*"])
        .args(["--vex-guest-max-insns=60"])
        .arg(std::env::current_exe().unwrap())
        .args(["worker::tests::counts::every_workload_does_what_it_is_called", "--exact"])
        .args(["--test-threads", "1"])
        .env("COUNTED", job)
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{told}");
    let collected = told.lines().find_map(|line| line.split_once("Collected :"));
    let all: u64 = collected.and_then(|(_, count)| count.trim().parse().ok()).expect("a count");
    Some(all / (u64::from(LEGS) * SLOTS / 4))
}

#[test]
fn a_turn_takes_no_more_instructions_than_it_did() {
    // A debug build's counts say nothing.
    if cfg!(debug_assertions) {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/worker/tests/counts.txt");
    let known = std::fs::read_to_string(path).unwrap_or_default();
    let known = |job: &str| {
        let line = known.lines().find_map(|line| line.strip_prefix(job)?.strip_prefix(' '));
        line.and_then(|count| count.trim().parse::<u64>().ok())
    };
    let mut counts = Vec::new();
    for job in JOBS {
        let Some(count) = count(job) else {
            println!("valgrind is not installed: nothing was counted");
            return;
        };
        counts.push((job, count));
    }
    let table: String = counts.iter().map(|(job, count)| format!("{job} {count}\n")).collect();
    println!("{table}");
    if std::env::var_os("COUNTS").is_some_and(|word| word == "renew") {
        std::fs::write(path, table).unwrap();
        return;
    }
    for (job, count) in counts {
        let known = known(job).unwrap_or_else(|| panic!("{job} is not in {path}"));
        assert!(
            count <= known + known / TOLERANCE,
            "{job}: {count} instructions a turn, and {known} before; if that is worth it, COUNTS=renew says so"
        );
    }
}
