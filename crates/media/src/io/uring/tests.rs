//! The ring with real sockets: what comes, what goes, and what is late.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::thread;

use super::*;
use crate::clock;
use crate::io::{Channel, Io};
use crate::port::Pool;

const PLACES: usize = 8;

struct Rig {
    io: Uring,
    pool: Arc<Pool>,
    phone: UdpSocket,
}

impl Rig {
    fn new(first: u16, buffers: usize) -> Rig {
        Rig::with(first, PLACES, buffers)
    }

    fn with(first: u16, places: usize, buffers: usize) -> Rig {
        let pool =
            Pool::new(first..=first + 2 * places as u16 - 1, Ipv4Addr::LOCALHOST.into(), None).unwrap();
        let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        phone.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Rig { io: Uring::with_buffers(places, buffers).unwrap(), pool: Arc::new(pool), phone }
    }

    /// A leg at a place; its port.
    fn leg(&mut self, at: usize) -> u16 {
        let ports = self.pool.reserve(clock::now()).unwrap();
        let port = ports.rtp_port();
        self.io.attach(at, ports).unwrap();
        self.slot();
        port
    }

    fn slot(&mut self) {
        self.io.begin(Duration::ZERO);
        self.io.flush();
    }

    fn say(&self, port: u16, bytes: &[u8]) {
        self.phone.send_to(bytes, (Ipv4Addr::LOCALHOST, port)).unwrap();
    }

    fn hear(&mut self, at: usize) -> Vec<Vec<u8>> {
        let mut buffer = [0; 2_048];
        let mut all = vec![];
        while let Some(received) = self.io.receive(at, Channel::Rtp, &mut buffer) {
            assert_eq!(received.from, self.phone.local_addr().unwrap());
            all.push(buffer[..received.len].to_vec());
        }
        all
    }

    /// Every buffer is somewhere.
    fn balanced(&self) -> bool {
        let held: usize = self.io.places.iter().map(|place| usize::from(place.held)).sum();
        self.io.store.free() + self.io.store.lent() + held == self.io.store.buffers()
    }
}

#[test]
fn the_probe_finds_io_uring_here_or_says_why_not() {
    if let Err(why) = probe::probe() {
        assert!(why.to_string().contains("io_uring") || why.to_string().contains("Linux"), "{why}");
    }
}

#[test]
fn datagrams_come_in_order_with_their_sender_and_their_wait() {
    let mut rig = Rig::new(28_200, 512);
    let (one, other) = (rig.leg(0), rig.leg(5));
    for n in 0..20 {
        rig.say(one, &[n; 172]);
        rig.say(other, &[100 + n; 33]);
    }
    rig.slot();
    assert_eq!(rig.hear(0), (0..20).map(|n| vec![n; 172]).collect::<Vec<_>>());
    assert_eq!(rig.hear(5), (0..20).map(|n| vec![100 + n; 33]).collect::<Vec<_>>());
    assert_eq!(rig.hear(1), Vec::<Vec<u8>>::new());
    // What is longer than the room for it is cut, as by recv.
    rig.say(one, &[7; 3_000]);
    rig.slot();
    let cut = rig.hear(0);
    assert!(cut[0].len() >= 1_500 && cut[0].iter().all(|byte| *byte == 7), "{}", cut[0].len());
    // The kernel begins to stamp a while after the first socket on the machine wants it.
    let told = (0..50).any(|_| {
        rig.say(one, b"x");
        thread::park_timeout(Duration::from_millis(20));
        rig.slot();
        let received = rig.io.receive(0, Channel::Rtp, &mut [0; 8]).unwrap();
        received.waited > Duration::from_millis(10) && received.waited < Duration::from_secs(1)
    });
    assert!(told);
    assert!(rig.balanced());
}

#[test]
fn what_is_sent_arrives_however_much_it_is() {
    let mut rig = Rig::new(28_220, 64);
    let port = rig.leg(3);
    let to = rig.phone.local_addr().unwrap();
    let mut buffer = [0; 2_048];
    for round in 0..3 {
        rig.io.begin(Duration::ZERO);
        // More than a queue of requests and than the outbox holds, and less than the phone's socket does.
        for n in 0..80u8 {
            assert!(rig.io.send(3, Channel::Rtp, to, &[n + round; 1_400]));
        }
        rig.io.flush();
        for n in 0..80 {
            let (len, from) = rig.phone.recv_from(&mut buffer).unwrap();
            assert_eq!((len, from.port()), (1_400, port));
            assert!(buffer[..len].iter().all(|byte| *byte == n + round));
        }
    }
    assert!(rig.io.send(3, Channel::Rtcp, to, b"report"));
    assert!(!rig.io.send(4, Channel::Rtp, to, b"nobody is there"));
    let (len, from) = rig.phone.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..len], from.port()), (&b"report"[..], port + 1));
    // An address that no socket of this kind can reach is refused, which is told afterwards.
    assert_eq!(rig.io.refused(), 0);
    rig.io.send(3, Channel::Rtp, "[2001:db8::1]:9".parse().unwrap(), b"x");
    rig.slot();
    rig.slot();
    assert_eq!((rig.io.refused(), rig.io.refused()), (1, 0));
}

#[test]
fn what_comes_late_for_a_leg_that_left_is_not_heard_by_the_next() {
    let mut rig = Rig::new(28_240, 64);
    for round in 0..10u8 {
        let port = rig.leg(2);
        // Received but not fetched, fetched but not heard, and on its way while the leg leaves.
        rig.say(port, &[round; 10]);
        rig.io.begin(Duration::ZERO);
        rig.say(port, &[round; 20]);
        let ports = rig.io.detach(2).unwrap();
        assert!(rig.io.detach(2).is_none());
        rig.say(port, &[round; 30]);
        let next = rig.pool.reserve(clock::now()).unwrap();
        let next_port = next.rtp_port();
        rig.io.attach(2, next).unwrap();
        assert!(rig.io.attach(2, ports).is_err(), "a place is for one");
        rig.slot();
        rig.say(next_port, &[round; 5]);
        rig.slot();
        assert_eq!(rig.hear(2), [vec![round; 5]]);
        drop(rig.io.detach(2));
        rig.slot();
        assert!(rig.balanced());
        // Ports rest for a while: take new ones.
        rig.pool.close();
    }
}

#[test]
fn a_socket_that_was_given_back_receives_for_its_next_owner() {
    let mut rig = Rig::new(28_260, 64);
    let port = rig.leg(0);
    let ports = rig.io.detach(0).unwrap();
    rig.say(port, b"for whom?");
    let mut buffer = [0; 16];
    assert_eq!(ports.rtp().recv(&mut buffer).unwrap(), 9, "the ring has let go of it");
    rig.slot();
    assert_eq!(rig.hear(0), Vec::<Vec<u8>>::new());
}

#[test]
fn what_all_legs_received_is_there_in_the_next_slot() {
    const MANY: usize = 150;
    let mut rig = Rig::with(26_000, MANY, 512);
    let ports: Vec<u16> = (0..MANY).map(|at| rig.leg(at)).collect();
    for n in 0..3 {
        ports.iter().for_each(|port| rig.say(*port, &[n; 172]));
        rig.slot();
        assert!((0..MANY).all(|at| rig.hear(at) == [vec![n; 172]]), "round {n}");
    }
}

#[test]
fn nothing_is_lost_when_buffers_run_out() {
    let mut rig = Rig::new(28_280, 16);
    let ports: Vec<u16> = (0..4).map(|at| rig.leg(at)).collect();
    for n in 0..7 {
        ports.iter().for_each(|port| rig.say(*port, &[n; 160]));
    }
    let mut heard = vec![vec![]; 4];
    for _ in 0..20 {
        rig.io.begin(Duration::ZERO);
        for (at, heard) in heard.iter_mut().enumerate() {
            heard.extend(rig.hear(at));
        }
        rig.io.flush();
    }
    let all: Vec<Vec<u8>> = (0..7).map(|n| vec![n; 160]).collect();
    assert!(heard.iter().all(|one| *one == all), "{:?}", heard.iter().map(Vec::len).collect::<Vec<_>>());
    assert!(rig.io.starved() > 0 && rig.balanced());
}

#[test]
fn a_flooded_leg_is_left_alone_until_it_has_listened() {
    let mut rig = Rig::new(28_300, 1_024);
    let (flooded, other) = (rig.leg(0), rig.leg(1));
    for round in 0..20u8 {
        (0..20).for_each(|_| rig.say(flooded, &[round; 160]));
        rig.say(other, &[round; 80]);
        rig.slot();
    }
    let held = rig.io.places[0].held;
    assert!((FLOOD..=2 * FLOOD).contains(&held) && !rig.io.places[0].armed, "{held}");
    assert_eq!(rig.hear(1).len(), 20);
    assert_eq!(rig.hear(0).len(), usize::from(held));
    rig.slot();
    rig.slot();
    assert!(rig.io.places[0].armed, "it is received from again");
    assert!(!rig.hear(0).is_empty() && rig.balanced());
}

#[test]
fn floods_on_some_legs_leave_the_others_their_buffers() {
    let mut rig = Rig::with(28_440, 40, 512);
    let ports: Vec<u16> = (0..40).map(|at| rig.leg(at)).collect();
    let (flooded, others) = ports.split_at(30);
    let mut heard = 0;
    for round in 0..50u8 {
        flooded.iter().for_each(|port| (0..60).for_each(|_| rig.say(*port, &[round; 160])));
        others.iter().for_each(|port| rig.say(*port, &[round; 160]));
        // Each leg has a turn in four slots, and those that are flooded take as many as a turn takes.
        for slot in 0..4 {
            rig.io.begin(Duration::ZERO);
            for at in (slot..40).step_by(4) {
                let most = if at < 30 { 16 } else { 2 };
                let taken = (0..most).map_while(|_| rig.io.receive(at, Channel::Rtp, &mut [0; 256]));
                let taken = taken.count();
                heard += if at < 30 { 0 } else { taken };
            }
            rig.io.flush();
        }
    }
    // What was said in the last round may still be on its way.
    assert!(heard >= 10 * 46, "{heard}");
    assert!(rig.balanced());
}

#[test]
fn ten_thousand_legs_come_and_go() {
    let mut rig = Rig::new(28_320, 256);
    let to = rig.phone.local_addr().unwrap();
    let mut ports: Vec<_> = (0..PLACES).map(|_| Some(rig.pool.reserve(clock::now()).unwrap())).collect();
    for n in 0..10_000 {
        let at = n % PLACES;
        let one = ports[at].take().or_else(|| rig.io.detach(at)).unwrap();
        let port = one.rtp_port();
        rig.io.attach(at, one).unwrap();
        if n % 3 == 0 {
            rig.io.flush();
        }
        rig.say(port, &[n as u8; 40]);
        if n % 5 == 0 {
            rig.io.send(at, Channel::Rtp, to, b"hello");
            rig.io.begin(Duration::ZERO);
        }
        if n % 7 == 0 {
            rig.io.receive(at, Channel::Rtp, &mut [0; 64]);
            rig.io.flush();
        }
        if n % 2 == 0 {
            ports[at] = rig.io.detach(at);
        }
    }
    (0..PLACES).for_each(|at| drop(rig.io.detach(at)));
    rig.slot();
    assert!(rig.balanced());
    assert_eq!(rig.io.store.lent(), rig.io.legs + 256);
}

#[test]
fn a_leg_that_moves_takes_along_what_its_socket_holds_and_leaves_nothing_behind() {
    let (mut rig, mut other) = (Rig::new(28_400, 64), Rig::new(28_420, 64));
    let port = rig.leg(3);
    for watched in [false, true] {
        for n in 0..4 {
            rig.say(port, &[n; 172]);
        }
        // They are out of the socket, and another two have come since.
        rig.slot();
        if watched {
            assert!(rig.io.watch(3, true));
        }
        rig.say(port, &[4; 172]);
        rig.say(port, &[5; 172]);
        let waiting = rig.io.drain(3).unwrap();
        assert!(waiting >= 4, "{waiting}");
        rig.say(port, &[6; 172]);
        let mut buffer = [0; 2_048];
        let mut all = Vec::new();
        for _ in 0..waiting {
            let received = rig.io.receive(3, Channel::Rtp, &mut buffer).unwrap();
            all.push(buffer[..received.len].to_vec());
        }
        let ports = rig.io.detach(3).unwrap();
        rig.say(port, &[7; 172]);
        rig.slot();
        assert!(!rig.io.is_watching() && rig.balanced());
        other.io.attach(3, ports).unwrap();
        other.slot();
        other.phone = rig.phone.try_clone().unwrap();
        other.slot();
        all.extend(other.hear(3));
        assert_eq!(all, (0..8).map(|n| vec![n; 172]).collect::<Vec<_>>(), "watched: {watched}");
        assert!(!rig.io.send(3, Channel::Rtp, rig.phone.local_addr().unwrap(), b"x"));
        // And back.
        assert_eq!(other.io.drain(3), Some(0));
        let ports = other.io.detach(3).unwrap();
        rig.io.attach(3, ports).unwrap();
        rig.slot();
    }
    assert_eq!(rig.io.drain(5), None, "nobody is there");
}
