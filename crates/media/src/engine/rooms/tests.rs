//! Rooms and legs that are on their way between two workers; what becomes of such a way is said by the test.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use audio::detect::goertzel_power;
use audio::tone;
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq, View};

use super::*;
use crate::board::Sent;
use crate::command::Command;
use crate::engine::Config;
use crate::event::Event;
use crate::io::IoMode;

/// Longer than anything here takes; reached only by a failure.
const DEADLINE: Duration = Duration::from_secs(20);

const PITCHES: [f32; 2] = [420.0, 1_130.0];

/// Two phones at a worker each, of which the second is in a room.
struct House {
    engine: Engine,
    events: Receiver<Event>,
    room: RoomId,
    phones: [Phone; 2],
}

impl House {
    fn new(first_port: u16) -> House {
        let (put, events) = mpsc::channel();
        let config = Config {
            workers: 2,
            crowd: 0,
            ports: first_port..=first_port + 19,
            bind: Ipv4Addr::LOCALHOST.into(),
            io: IoMode::Poll,
            ..Config::default()
        };
        let engine = Engine::start(config, move |event| drop(put.send(event))).unwrap();
        let phones = [Phone::new(&engine, 0), Phone::new(&engine, 1)];
        let at = phones.each_ref().map(|phone| engine.shared.board.whereabouts(phone.leg).unwrap());
        assert_eq!(at, [Whereabouts::At(0), Whereabouts::At(1)]);
        let room = engine.open_room(RoomConfig::default()).unwrap();
        let house = House { engine, events, room, phones };
        house.engine.join(room, house.phones[1].leg, 1, Member::default()).unwrap();
        house.wait_for(&Event::Joined { room, leg: house.phones[1].leg, tag: 1 });
        house
    }

    /// Those of the room that come until this one does.
    fn wait_for(&self, wanted: &Event) -> Vec<Event> {
        let mut before = Vec::new();
        loop {
            let event = self.events.recv_timeout(DEADLINE).expect("an event in time");
            if event == *wanted {
                return before;
            }
            if matches!(event, Event::Joined { .. } | Event::Left { .. }) {
                before.push(event);
            }
        }
    }

    /// The first is on its way to the second's worker, and joins.
    fn join_on_the_way(&self) -> LegId {
        let leg = self.phones[0].leg;
        self.engine.shared.board.depart(leg, 1);
        self.engine.join(self.room, leg, 9, Member::default()).unwrap();
        let before = self.wait_for(&Event::Joined { room: self.room, leg, tag: 9 });
        assert_eq!(before, [], "it has its seat before it has arrived");
        leg
    }

    /// Until each part of the room has no more seats taken than it has members, and links to others.
    fn settled(&self) {
        let begun = Instant::now();
        loop {
            let mut register = self.engine.shared.register.lock();
            let entry = register.room(self.room).unwrap();
            let links = usize::from(entry.parts.len() > 1);
            let members: Vec<_> = entry.parts.iter().map(|part| entry.members_of(part.id) + links).collect();
            let taken: Vec<_> = entry.parts.iter().map(|part| part.taken).collect();
            drop(register);
            if taken == members {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "{taken:?} seats are taken by {members:?}");
            thread::yield_now();
        }
    }
}

struct Phone {
    leg: LegId,
    socket: UdpSocket,
    writer: Writer,
    timestamp: RtpTime,
    song: Vec<i16>,
    heard: Vec<i16>,
}

impl Phone {
    fn new(engine: &Engine, n: usize) -> Phone {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let ports = engine.reserve().unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, ports.rtp_port())).unwrap();
        let setup = LegSetup::new(Codec::Pcmu, 0, socket.local_addr().unwrap());
        let leg = engine.adopt(ports, setup).unwrap();
        let song =
            tone::render(&[PITCHES[n] as u16], DEADLINE, Duration::ZERO, DEADLINE, Rate::NARROW).samples;
        let writer = Writer::new(70 + n as u32, Seq(1));
        Phone { leg, socket, writer, timestamp: RtpTime(0), song, heard: Vec::new() }
    }

    /// Sings 20 ms and hears the next packet.
    fn turn(&mut self) {
        self.sing();
        self.listen();
    }

    fn sing(&mut self) {
        let mut packet = vec![0; HEADER + 160];
        let from = self.timestamp.0 as usize % self.song.len();
        self.writer.write(&mut packet, 0, false, self.timestamp);
        Codec::Pcmu.encode(&self.song[from..from + 160], &mut packet[HEADER..]);
        self.timestamp = self.timestamp.plus(160);
        self.socket.send(&packet).unwrap();
    }

    fn listen(&mut self) {
        let mut buffer = [0; 2_048];
        let n = self.socket.recv(&mut buffer).unwrap();
        let mut pcm = [0; 480];
        let n = Codec::Pcmu.decode(View::parse(&buffer[..n]).unwrap().payload, &mut pcm);
        self.heard.extend_from_slice(&pcm[..n]);
    }

    /// How loud a pitch was in the last 200 ms.
    fn hears(&self, pitch: f32) -> f32 {
        let part = &self.heard[self.heard.len() - 1_600..];
        goertzel_power(part, Rate::NARROW, pitch).sqrt() / 800.0
    }
}

#[test]
fn who_joins_on_its_way_and_stays_where_it_was_hears_and_is_heard() {
    let mut house = House::new(27_500);
    let leg = house.join_on_the_way();
    house.engine.shared.board.moved(leg, 0);
    for _ in 0..60 {
        house.phones.iter_mut().for_each(Phone::turn);
    }
    for (phone, own) in house.phones.iter().zip(0..) {
        let (other, own) = (phone.hears(PITCHES[1 - own]), phone.hears(PITCHES[own]));
        assert!(other > 1_000.0 && own < other / 10.0, "{other} {own}");
    }
    house.settled();
    // Its leaving does not wait for its way's end either.
    house.engine.shared.board.depart(leg, 1);
    house.engine.leave(house.room, leg).unwrap();
    assert_eq!(house.wait_for(&Event::Left { room: house.room, leg, tag: 9 }), []);
    house.engine.shared.board.moved(leg, 0);
    house.settled();
    house.engine.stop();
}

#[test]
fn who_joins_on_its_way_and_ends_leaves_once_and_its_seat_is_free() {
    let house = House::new(27_520);
    let leg = house.join_on_the_way();
    // It is not sent after the leg, but to where the leg is.
    assert!(matches!(house.engine.shared.board.put(0, Order::Release(leg)), Sent::Done));
    assert_eq!(house.wait_for(&Event::Left { room: house.room, leg, tag: 9 }), []);
    house.settled();
    assert_eq!(house.engine.members(house.room), [house.phones[1].leg]);
    let other = house.phones[1].leg;
    house.engine.send(other, Command::Release).unwrap();
    let left = house.wait_for(&Event::Left { room: house.room, leg: other, tag: 1 });
    assert_eq!(left, [], "the first has left once");
    house.engine.stop();
}

#[test]
fn a_room_whose_worker_is_too_busy_loses_nobody() {
    let house = House::new(27_540);
    let [other, leg] = house.phones.each_ref().map(|phone| phone.leg);
    let flood = |leg| while house.engine.send(leg, Command::Await).is_ok() {};
    flood(leg);
    house.engine.change(house.room, leg, Member { mute: true, ..Member::default() }).unwrap();
    flood(leg);
    house.engine.leave(house.room, leg).unwrap();
    house.wait_for(&Event::Left { room: house.room, leg, tag: 1 });
    flood(other);
    flood(leg);
    house.engine.join(house.room, leg, 2, Member::default()).unwrap();
    house.wait_for(&Event::Joined { room: house.room, leg, tag: 2 });
    assert_eq!(house.engine.members(house.room), [leg]);
}

/// What a re-INVITE to this packet time agrees on.
fn at(phone: &Phone, ms: u64) -> Command {
    let setup = LegSetup::new(Codec::Pcmu, 0, phone.socket.local_addr().unwrap());
    Command::Reconfigure(Box::new(LegSetup { ptime: Duration::from_millis(ms), ..setup }))
}

#[test]
fn a_member_whose_packet_time_changes_gets_its_seat_however_many_orders_wait_for_it() {
    let mut house = House::new(28_600);
    let [_, leg] = house.phones.each_ref().map(|phone| phone.leg);
    house.engine.join(house.room, house.phones[0].leg, 2, Member::default()).unwrap();
    let board = &house.engine.shared.board;
    // Of the places for orders that wait the last is for the change, and none for the ring that it needs besides.
    board.depart(leg, 0);
    let mut waiting = 0;
    while matches!(board.send(leg, Order::Await(leg)), Sent::Done) {
        waiting += 1;
    }
    board.moved(leg, 1);
    house.settled();
    board.depart(leg, 0);
    for _ in 1..waiting {
        assert!(matches!(board.send(leg, Order::Await(leg)), Sent::Done));
    }
    house.engine.send(leg, at(&house.phones[1], 40)).unwrap();
    assert!(matches!(board.send(leg, Order::Await(leg)), Sent::Full(_)));
    board.moved(leg, 1);
    // What it hears comes in packets of 40 ms from here on.
    for turn in 0..120 {
        let [first, second] = &mut house.phones;
        first.turn();
        second.sing();
        if turn % 2 == 0 {
            second.listen();
        }
    }
    let (first, second) = (house.phones[0].hears(PITCHES[1]), house.phones[1].hears(PITCHES[0]));
    assert!(first > 1_000.0 && second > 1_000.0, "{first} {second}");
    assert_eq!(house.engine.members(house.room).len(), 2);
    house.settled();
    house.engine.stop();
}

#[test]
fn a_member_for_whom_there_is_no_seat_after_a_change_leaves_with_an_event() {
    let house = House::new(28_620);
    let leg = house.phones[0].leg;
    house.engine.send(leg, at(&house.phones[0], 40)).unwrap();
    house.engine.join(house.room, leg, 9, Member::default()).unwrap();
    house.wait_for(&Event::Joined { room: house.room, leg, tag: 9 });
    // At 20 ms it would sit at its own worker, which has no place for a part of the room.
    let mut register = house.engine.shared.register.lock();
    while register.place(0, house.room).is_some() {}
    drop(register);
    house.engine.send(leg, at(&house.phones[0], 20)).unwrap();
    assert_eq!(house.wait_for(&Event::Left { room: house.room, leg, tag: 9 }), []);
    assert_eq!(house.engine.members(house.room), [house.phones[1].leg]);
    house.settled();
    house.engine.stop();
}
