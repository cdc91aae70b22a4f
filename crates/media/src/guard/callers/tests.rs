//! Datagrams of made-up handshakes, from wherever.

use super::*;

const PEER: &str = "192.0.2.1:4000";
const NAT: &str = "203.0.113.9:31000";

fn hello(message: u8, cookie: &[u8]) -> Vec<u8> {
    let len = 42 + cookie.len() as u8;
    let mut bytes = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 7, 0, 12 + len];
    bytes.extend([1, 0, 0, len, 0, message, 0, 0, 0, 0, 0, len, 254, 253]);
    bytes.extend([9; 32]);
    bytes.extend([0, cookie.len() as u8]);
    bytes.extend(cookie);
    bytes.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    bytes
}

struct Door(Callers);

impl Door {
    fn takes(&mut self, from: &str, datagram: &[u8], ms: u64) -> Fate {
        let from = from.parse().unwrap();
        let known = from == PEER.parse().unwrap();
        self.0.judge(from, known, Manner::Await, datagram, Duration::from_millis(ms))
    }

    fn cookie(&mut self, from: &str, ms: u64) -> Vec<u8> {
        match self.takes(from, &hello(0, &[]), ms) {
            Fate::Answer(bytes) => bytes[VERIFY - COOKIE..].to_vec(),
            fate => panic!("{fate:?}"),
        }
    }

    /// Asks for a cookie and echoes it.
    fn knocks(&mut self, from: &str, ms: u64) -> Fate {
        let cookie = self.cookie(from, ms);
        self.takes(from, &hello(1, &cookie), ms)
    }
}

fn door() -> Door {
    Door(Callers::new())
}

#[test]
fn who_echoes_its_own_cookie_is_handed_on_and_nobody_else() {
    let mut door = door();
    for from in [PEER, NAT, "[2001:db8::7]:9"] {
        assert_eq!(door.takes(from, &[22; 60], 0), Fate::Drop, "nothing but a hello begins");
        let cookie = door.cookie(from, 0);
        assert_eq!(door.takes("203.0.113.9:31001", &hello(1, &cookie), 0), Fate::Drop, "another's cookie");
        assert_eq!(door.takes(from, &hello(1, &[7; COOKIE]), 0), Fate::Drop, "no cookie of ours");
        assert_eq!(door.takes(from, &hello(2, &cookie), 0), Fate::Drop);
        assert_eq!(door.takes(from, &hello(1, &cookie), 0), Fate::HandOn);
        assert_eq!(door.takes(from, &[22; 60], 0), Fate::HandOn);
    }
    // Another leg's cookie is none.
    let cookie = self::door().cookie(PEER, 0);
    assert_eq!(self::door().takes(PEER, &hello(1, &cookie), 0), Fate::Drop);
}

#[test]
fn an_answer_is_shorter_than_what_it_answers_and_has_its_number() {
    let asked = hello(0, &[]);
    let Fate::Answer(answer) = door().takes(NAT, &asked, 0) else { panic!("no answer") };
    assert!(answer.len() < asked.len());
    assert_eq!(answer[..13], [22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 7, 0, 31]);
    assert_eq!(answer[13..28], [3, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 19, 254, 255, 16]);
}

#[test]
fn a_flood_without_cookies_takes_nothing_from_who_has_one() {
    let mut door = door();
    assert_eq!(door.knocks(NAT, 0), Fate::HandOn);
    for port in 1..5_000 {
        door.takes(&format!("198.51.100.7:{port}"), &hello(0, &[]), 1);
        door.takes(&format!("198.51.100.8:{port}"), &[22; 60], 1);
        door.takes(&format!("198.51.100.9:{port}"), &hello(1, &[3; COOKIE]), 1);
        door.takes(PEER, &[21; 15], 1);
    }
    assert_eq!(door.takes(NAT, &[22; 60], 2), Fate::HandOn);
    assert_eq!(door.takes("198.51.100.7:1", &hello(0, &[]), 3), Fate::Drop, "cookies have an end, too");
    let cookie = door.cookie("198.51.100.7:1", 1_001);
    assert_eq!(cookie.len(), COOKIE, "and a new second");
}

#[test]
fn each_source_has_so_many_datagrams_a_second() {
    let mut door = door();
    assert_eq!((door.knocks(NAT, 0), door.knocks(PEER, 0)), (Fate::HandOn, Fate::HandOn));
    let handed_on = (0..200).filter(|_| door.takes(NAT, &[22; 60], 1) == Fate::HandOn).count();
    assert_eq!(handed_on, usize::from(LETTERS) - 1);
    assert_eq!(door.takes(PEER, &[22; 60], 2), Fate::HandOn);
    assert_eq!(door.takes(NAT, &[22; 60], 1_002), Fate::HandOn);
}

#[test]
fn a_network_has_one_place_and_the_peer_always_gets_one() {
    let mut door = door();
    // One machine, however many ports it has, and one prefix of IPv6.
    for port in 1..50 {
        let fate = door.knocks(&format!("198.51.100.7:{port}"), 0);
        assert_eq!(fate == Fate::HandOn, port == 1);
        door.knocks(&format!("[2001:db8::{port}]:9"), 0);
    }
    assert_eq!(door.knocks(NAT, 10), Fate::HandOn);
    assert_eq!(door.knocks("198.51.100.8:1", 11), Fate::HandOn);
    assert_eq!(door.knocks("198.51.100.9:1", 12), Fate::HandOn);
    assert_eq!(door.knocks("198.51.100.10:1", 13), Fate::Drop, "no place is left");
    assert_eq!(door.knocks(PEER, 14), Fate::HandOn);
    assert_eq!(door.takes(NAT, &[22; 60], 15), Fate::HandOn);
    assert_eq!(door.knocks("198.51.100.10:1", 2_500), Fate::HandOn, "others have had their time");
}

#[test]
fn where_we_begin_only_the_peer_is_heard_and_not_a_flood_of_it() {
    let mut door = door();
    let (peer, nat) = (PEER.parse().unwrap(), NAT.parse().unwrap());
    let mut judge = |from, known| door.0.judge(from, known, Manner::Begin, &[22; 60], Duration::ZERO);
    assert_eq!(judge(nat, false), Fate::Drop);
    let handed_on = (0..200).filter(|_| judge(peer, true) == Fate::HandOn).count();
    assert_eq!(handed_on, usize::from(LETTERS));
}
