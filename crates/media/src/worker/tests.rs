//! The worker in virtual time: a scripted network, and slots as fast as they can be run.
//!
//! Here are the rig and the tests of pace and prompts; what is heard, keys and the network are tested beside it.

use std::net::SocketAddr;
use std::time::Instant;

use audio::codec::Codec;
use audio::{Pcm, Rate, detect, tone};
use rtp::packet::{HEADER, Writer};
use rtp::rtcp::{Compound, NtpTime, Packet, ReportBlock};
use rtp::{RtpTime, Seq, View, dtmf};
use rtrb::{Consumer, RingBuffer};

use super::*;
use crate::command::{DigitToSend, Repeat};
use crate::ears::{Delay, Interpreter};
use crate::event::Event;
use crate::io::Channel;
use crate::io::scripted::{Scripted, Sent};
use crate::prompt::Prompt;
use crate::recorder::Recorder;
use crate::recording::Recording;
use crate::report::LegReport;
use crate::room::Who;
use crate::source::Playlist;
use crate::tx::{Dialling, Keys};

mod bridging;
mod changing;
mod counts;
mod detecting;
mod hearing;
mod hush;
mod keys;
mod moving;
mod network;
mod opus;
mod pairs;
mod playing;
mod receiving;
mod recording;
mod relaying;
mod rooms;
mod secured;
mod silence;
mod storm;
mod ways;

const WALL: Duration = Duration::from_secs(1_800_000_000);
const MS: fn(u64) -> Duration = Duration::from_millis;

struct Rig {
    worker: Worker<Scripted>,
    io: Scripted,
    orders: Arc<Mailbox<u16>>,
    ring: Consumer<Out<u16>>,
    slot: u64,
    events: Vec<Event>,
    reports: Vec<LegReport>,
    released: Vec<LegReport>,
    parts_closed: u64,
    /// From where to where.
    moved: Vec<(LegId, u16, u16)>,
    wakes: u64,
}

fn home() -> SocketAddr {
    "192.0.2.1:4000".parse().unwrap()
}

pub(crate) fn setup() -> LegSetup {
    LegSetup {
        telephone_event: Some(101),
        telephone_event_receive: Some(101),
        ..LegSetup::new(Codec::Pcmu, 0, home())
    }
}

fn id(place: u32) -> LegId {
    LegId { home: 0, place, generation: 0 }
}

impl Rig {
    fn new() -> Rig {
        let orders = Arc::new(Mailbox::new(64));
        let (put, ring) = RingBuffer::new(256);
        let worker = Worker::new(0, 16, orders.clone(), Outlet::new(put, 16), WALL);
        Rig {
            worker,
            io: Scripted::default(),
            orders,
            ring,
            slot: 0,
            events: vec![],
            reports: vec![],
            released: vec![],
            parts_closed: 0,
            moved: vec![],
            wakes: 0,
        }
    }

    /// A rig with one leg at place 0.
    fn with(setup: LegSetup) -> Rig {
        let mut rig = Rig::new();
        rig.adopt(0, setup);
        rig
    }

    fn adopt(&mut self, place: u32, setup: LegSetup) {
        let seed = 0x1234_5678_9abc_def0 + u64::from(place);
        let kit = setup.keys_in_sound.then(|| Kit::to_hear(&setup, Delay::CONVERSATION).unwrap());
        let mut leg = Leg::new(id(place), setup, "offhook".into(), Duration::from_secs(30), seed);
        kit.into_iter().for_each(|kit| leg.listen_for_keys(kit));
        self.order(Order::Adopt(Box::new(leg), 20_000 + place as u16));
    }

    fn order(&mut self, order: Order<u16>) {
        assert!(self.orders.push(order).is_ok());
    }

    fn play(&mut self, tag: u64, items: Vec<Arc<Prompt>>, repeat: Repeat) {
        self.order(Order::Play(id(0), Playlist::new(tag, items, repeat)));
    }

    fn record(&mut self, tag: u64, limit: Option<Duration>, silence: Option<Duration>) -> Consumer<i16> {
        let (ring, out) = RingBuffer::new(1_000_000);
        let order = Recording { limit, silence, ..Recording::new("a.wav") };
        self.record_as(tag, ring, &order);
        out
    }

    fn record_as(&mut self, tag: u64, ring: rtrb::Producer<i16>, order: &Recording) {
        let recorder = Recorder::new((id(0), tag), ring, Rate::NARROW, order, Default::default());
        let kit = Kit::to_record(&setup(), Delay::PATIENT, order.sides).unwrap();
        self.order(Order::Record(id(0), Box::new(recorder), kit));
    }

    fn slots(&mut self, n: u64) {
        for _ in 0..n {
            self.due(0);
        }
    }

    /// Run a slot before which so many were skipped.
    fn due(&mut self, skipped: u64) {
        self.slot += skipped;
        let due = Due { slot: self.slot, skipped, late: MS(5 * skipped) };
        self.wakes += u64::from(self.worker.slot(due, &mut self.io));
        self.slot += 1;
        while let Ok(out) = self.ring.pop() {
            match out {
                Out::Event(event) => self.events.push(event),
                Out::Report(_, report) => self.reports.push(report),
                Out::Released(leg, _) => self.released.push(leg.report()),
                Out::Seat(part, seat) => {
                    if let Who::Leg(leg) = seat.who {
                        self.events.push(Event::Left { room: part.room, leg, tag: seat.tag });
                    }
                }
                Out::Part(_) => self.parts_closed += 1,
                Out::Wanted(leg, codec, rate) => {
                    let interpreter = Interpreter::new(codec, rate).unwrap();
                    assert!(self.orders.push(Order::Interpret(leg, Box::new(interpreter))).is_ok());
                }
                Out::Moved { leg, from, at } => self.moved.push((leg, from, at)),
                Out::Stats(..) | Out::Spent(_) => {}
            }
        }
    }

    /// Everything sent by RTP since the last call.
    fn heard(&mut self) -> Vec<Sent> {
        let all = std::mem::take(&mut self.io.sent);
        all.into_iter().filter(|sent| sent.channel == Channel::Rtp).collect()
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}

fn kit() -> Kit {
    Kit::to_talk(&setup(), Delay::PATIENT).unwrap()
}

/// A phone that sends a packet each 20 ms.
struct Phone {
    writer: Writer,
    timestamp: RtpTime,
    from: SocketAddr,
}

impl Phone {
    fn new(from: SocketAddr, ssrc: u32) -> Phone {
        Phone { writer: Writer::new(ssrc, Seq(65_500)), timestamp: RtpTime(u32::MAX - 5_000), from }
    }

    fn packet(&mut self, payload_type: u8, timestamp: RtpTime, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        self.writer.write(&mut bytes, payload_type, false, timestamp);
        bytes.extend_from_slice(payload);
        bytes
    }

    /// 20 ms of audio into the network, and 20 ms of the worker.
    fn say(&mut self, rig: &mut Rig, payload: &[u8]) {
        let packet = self.packet(0, self.timestamp, payload);
        self.timestamp = self.timestamp.plus(160);
        rig.io.arrive(0, Channel::Rtp, self.from, &packet);
        rig.slots(4);
    }

    /// 20 ms of audio that the network loses.
    fn lose(&mut self, rig: &mut Rig) {
        self.packet(0, self.timestamp, &[]);
        self.timestamp = self.timestamp.plus(160);
        rig.slots(4);
    }

    fn press(&mut self, rig: &mut Rig, key: char) {
        let mut sender = dtmf::Sender::new(key, self.timestamp, 800).unwrap();
        while let Some(update) = sender.next(160) {
            let packet = self.packet(101, update.timestamp, &update.payload);
            self.timestamp = self.timestamp.plus(160);
            rig.io.arrive(0, Channel::Rtp, self.from, &packet);
            rig.slots(4);
        }
    }
}

/// Encoded 440 Hz, in frames.
fn frames(seconds: u64) -> Vec<Vec<u8>> {
    let sound = tone::render(&[440], MS(seconds * 1_000), MS(0), MS(seconds * 1_000), Rate::NARROW);
    prompt(&sound.samples).bytes().chunks(160).map(<[u8]>::to_vec).collect()
}

fn prompt(samples: &[i16]) -> Arc<Prompt> {
    Arc::new(Prompt::encode(&Pcm::new(Rate::NARROW, samples.to_vec()), setup().form()).unwrap())
}

fn views(sent: &[Sent]) -> Vec<View<'_>> {
    sent.iter().map(|sent| View::parse(&sent.bytes).unwrap()).collect()
}

#[test]
fn an_hour_of_silence_is_even_and_takes_a_moment() {
    let begin = Instant::now();
    let mut rig = Rig::with(setup());
    let (mut packets, mut last) = (0, None::<(Seq, RtpTime, u64)>);
    for _ in 0..3_600 {
        rig.slots(200);
        let sent = rig.heard();
        for (sent, view) in sent.iter().zip(views(&sent)) {
            assert!(view.payload.iter().all(|byte| *byte == Codec::Pcmu.silence()) && !view.marker);
            if let Some((seq, timestamp, slot)) = last {
                assert_eq!((view.seq, view.timestamp), (seq.plus(1), timestamp.plus(160)));
                assert_eq!(sent.slot - slot, 4, "every 20 ms");
            }
            last = Some((view.seq, view.timestamp, sent.slot));
            packets += 1;
        }
    }
    assert_eq!(packets, 180_000);
    assert!(begin.elapsed() < Duration::from_secs(60), "virtual time does not wait");
}

#[test]
fn a_prompt_is_heard_byte_for_byte_with_one_marker_and_its_end_is_told_once() {
    let mut rig = Rig::with(setup());
    rig.slots(8);
    assert!(views(&rig.heard()).iter().all(|view| !view.marker));
    let (a, b) = (prompt(&[1_000; 400]), prompt(&[-9_000; 240]));
    rig.play(7, vec![a.clone(), b.clone()], Repeat::Times(2));
    rig.slots(4 * 8);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 7, stopped: false }]);
    rig.slots(40);
    assert_eq!(rig.take_events(), []);
    let sent = rig.heard();
    let views = views(&sent);
    let markers: Vec<usize> = (0..views.len()).filter(|n| views[*n].marker).collect();
    assert_eq!(markers.len(), 1);
    let said: Vec<u8> = views[markers[0]..].iter().flat_map(|view| view.payload).copied().collect();
    let once = [a.bytes(), b.bytes()].concat();
    assert_eq!(said[..1_280], [once.clone(), once].concat());
    assert!(said[1_280..].iter().all(|byte| *byte == 0xff));
    for pair in views.windows(2) {
        assert_eq!(pair[1].timestamp, pair[0].timestamp.plus(160), "timestamps count samples through it all");
    }
}

#[test]
fn a_play_takes_the_place_of_another_and_a_stop_knows_its_tag() {
    let mut rig = Rig::with(setup());
    let long = prompt(&[5_000; 80_000]);
    rig.play(1, vec![long.clone()], Repeat::Forever);
    rig.slots(8);
    rig.play(2, vec![long], Repeat::Times(1));
    rig.slots(4);
    rig.order(Order::Stop(id(0), 1));
    rig.slots(4);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 1, stopped: true }]);
    rig.order(Order::Stop(id(0), 2));
    rig.slots(4);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 2, stopped: true }]);
    rig.play(3, vec![], Repeat::Forever);
    rig.slots(4);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 3, stopped: false }]);
}

#[test]
fn other_packet_times_keep_their_pace() {
    for ptime in [10, 15, 20, 30, 40, 60] {
        let mut rig = Rig::with(LegSetup { ptime: MS(ptime), ..setup() });
        rig.slots(6_000);
        let sent = rig.heard();
        assert_eq!(sent.len() as u64, 30_000 / ptime);
        assert!(sent.iter().all(|one| one.bytes.len() as u64 == 12 + ptime * 8));
        assert!(sent.windows(2).all(|two| two[1].slot - two[0].slot == ptime / 5));
    }
    let mut rig = Rig::with(LegSetup { ptime: MS(0), ..setup() });
    rig.slots(200);
    assert_eq!(rig.heard().len(), 100, "nonsense is made to fit");
}

#[test]
fn legs_are_spread_over_the_slots() {
    let mut rig = Rig::new();
    for place in 0..16 {
        rig.adopt(place, setup());
    }
    rig.slots(4);
    rig.heard();
    rig.slots(4);
    let sent = rig.heard();
    for slot in 5..=8 {
        assert_eq!(sent.iter().filter(|one| one.slot == slot).count(), 4);
    }
}

#[test]
fn skipped_slots_move_the_timestamp_and_lose_no_audio() {
    let mut rig = Rig::with(setup());
    let ramp: Vec<i16> = (0..1_600).map(|n| 500 + n * 10).collect();
    let whole = prompt(&ramp);
    rig.play(1, vec![whole.clone()], Repeat::Times(1));
    rig.slots(20);
    rig.due(100);
    rig.slots(40);
    let sent = rig.heard();
    let views = views(&sent);
    let jumps: Vec<u32> = views
        .windows(2)
        .map(|two| two[1].timestamp.since(two[0].timestamp) as u32)
        .filter(|d| *d != 160)
        .collect();
    assert_eq!(jumps, [160 * 26], "25 turns were missed");
    assert!(
        views.windows(2).all(|two| two[1].seq == two[0].seq.plus(1)),
        "nothing was sent, so nothing is lost"
    );
    let said: Vec<u8> = views.iter().flat_map(|view| view.payload).copied().filter(|b| *b != 0xff).collect();
    assert_eq!(said, whole.bytes());
    assert_eq!(rig.worker.stats.overruns, 100);
    assert_eq!(turns(3, 103, 4, 0) + turns(3, 103, 4, 1) + turns(3, 103, 4, 2) + turns(3, 103, 4, 3), 100);
}

#[test]
fn hold_stops_the_packets_and_the_prompt_waits() {
    let mut rig = Rig::with(setup());
    rig.play(1, vec![prompt(&[5_000; 1_600])], Repeat::Times(1));
    rig.slots(8);
    let before = rig.heard();
    let hold = LegSetup { send: false, receive: false, ..setup() };
    rig.order(Order::Reconfigure(id(0), Box::new(hold), None));
    rig.slots(10_000);
    assert_eq!(rig.heard().len(), 0);
    assert_eq!(rig.take_events(), [], "no timeout while held");
    rig.order(Order::Reconfigure(id(0), Box::new(setup()), None));
    rig.slots(80);
    let after = rig.heard();
    let (a, b) = (views(&before), views(&after));
    assert!(b[0].marker, "sound after a pause is a talkspurt");
    let elapsed = b[0].timestamp.since(a.last().unwrap().timestamp);
    assert_eq!(elapsed, 160 * 2_501, "the clock ran on");
    let said = a.iter().chain(&b).flat_map(|view| view.payload).filter(|byte| **byte != 0xff).count();
    assert_eq!(said, 1_600);
    assert_eq!(rig.take_events(), [Event::Played { leg: id(0), tag: 1, stopped: false }]);
}

#[test]
fn a_re_invite_can_change_the_packet_time_and_the_address() {
    let mut rig = Rig::with(setup());
    rig.slots(40);
    rig.heard();
    let elsewhere: SocketAddr = "198.51.100.7:9000".parse().unwrap();
    let change =
        LegSetup { ptime: MS(30), remote: elsewhere, codec: Codec::Pcma, payload_type: 8, ..setup() };
    rig.order(Order::Reconfigure(id(0), Box::new(change), None));
    rig.slots(600);
    let sent = rig.heard();
    assert_eq!(sent.len(), 100);
    assert!(sent.iter().all(|one| one.to == elsewhere && one.bytes.len() == 252));
    assert!(
        views(&sent).iter().all(|view| view.payload_type == 8 && view.payload[0] == Codec::Pcma.silence())
    );
}

#[test]
fn stale_names_and_refused_packets_do_no_harm() {
    let mut rig = Rig::with(setup());
    let stale = LegId { generation: 7, ..id(0) };
    rig.order(Order::Release(stale));
    rig.order(Order::Stop(stale, 1));
    rig.order(Order::Reconfigure(stale, Box::new(setup()), None));
    rig.order(Order::Release(id(9)));
    rig.io.refuse = true;
    rig.slots(200);
    assert_eq!((rig.worker.stats.legs, rig.worker.stats.send_failures), (1, 50));
    rig.order(Order::Release(id(0)));
    rig.slots(1);
    assert_eq!(rig.released.len(), 1);
    assert!(rig.io.attached.is_empty(), "the sockets came out");
    assert!(rig.worker.is_idle());
}

#[test]
fn a_leg_without_news_does_not_wake_the_carrier() {
    let mut rig = Rig::with(setup());
    rig.slots(1);
    rig.wakes = 0;
    rig.slots(2_000);
    assert_eq!(rig.wakes, 0, "reports wait for the carrier's own round");
}

#[test]
fn a_mistake_on_one_leg_ends_that_leg_and_no_other() {
    let mut rig = Rig::new();
    for place in 0..8 {
        rig.adopt(place, setup());
    }
    rig.slots(8);
    rig.heard();
    rig.io.trap = Some(3);
    rig.slots(40);
    assert_eq!((rig.worker.stats.legs, rig.worker.stats.panics, rig.released.len()), (7, 1, 1));
    assert_eq!(rig.heard().len(), 70, "the others go on at their pace");
    assert_eq!(rig.io.attached.len(), 7);
}
