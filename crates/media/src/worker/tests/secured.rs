//! Legs that are encrypted: who is heard, what leaves, and what happens when keys change.

use rtp::srtp::{Keys, OVERHEAD, Profile, Protector, Unprotector};

use super::*;
use crate::guard::{Guard, Security};
use crate::report::Secured;

fn keys(seed: u8) -> Keys {
    let profile = Profile::AeadAes128Gcm;
    Keys::new(profile, &vec![seed; profile.keys_len()]).unwrap()
}

fn security(send: u8, receive: u8) -> Security {
    Security::Keys { send: keys(send), receive: keys(receive), identifier: 0 }
}

fn secured(send: u8, receive: u8) -> LegSetup {
    LegSetup { security: security(send, receive), ..setup() }
}

/// A phone that encrypts.
struct Cryptic {
    at: SocketAddr,
    send: Protector,
    writer: Writer,
    said: u32,
}

impl Cryptic {
    fn new(at: SocketAddr, key: u8) -> Cryptic {
        let send = Protector::new(&keys(key)).unwrap();
        Cryptic { at, send, writer: Writer::new(77, Seq(100)), said: 0 }
    }

    fn packet(&mut self) -> Vec<u8> {
        let mut bytes = [0xff; HEADER + 160 + OVERHEAD];
        self.said += 160;
        self.writer.write(&mut bytes, 0, false, RtpTime(self.said));
        let len = self.send.rtp(&mut bytes, HEADER + 160).unwrap();
        bytes[..len].to_vec()
    }

    fn say(&mut self, rig: &mut Rig) {
        let packet = self.packet();
        rig.io.arrive(0, Channel::Rtp, self.at, &packet);
        rig.slots(4);
    }
}

fn report(rig: &mut Rig) -> LegReport {
    rig.slots(200);
    *rig.reports.last().unwrap()
}

#[test]
fn what_is_said_and_reported_is_encrypted() {
    let mut rig = Rig::with(secured(1, 2));
    rig.slots(2_000);
    let mut theirs = Unprotector::new(&keys(1)).unwrap();
    let (mut rtp, mut rtcp) = (0, 0);
    for sent in rig.io.sent {
        let mut bytes = sent.bytes.clone();
        match sent.channel {
            Channel::Rtp => {
                let len = theirs.rtp(&mut bytes).unwrap();
                assert_eq!(View::parse(&bytes[..len]).unwrap().payload, [0xff; 160]);
                assert_ne!(sent.bytes[HEADER..HEADER + 160], [0xff; 160]);
                rtp += 1;
            }
            Channel::Rtcp => {
                let len = theirs.rtcp(&mut bytes).unwrap();
                assert!(Compound::parse(&bytes[..len]).is_some());
                rtcp += 1;
            }
        }
    }
    assert!(rtp == 500 && rtcp >= 1, "{rtp} {rtcp}");
    assert_eq!(rig.reports.last().unwrap().secured, Secured::Srtp(Profile::AeadAes128Gcm));
    assert!(rig.reports.last().unwrap().describe().contains("SRTP AEAD_AES_128_GCM"));
}

#[test]
fn strangers_and_replays_are_not_heard_and_the_peer_is_found_at_once() {
    let mut rig = Rig::with(secured(1, 2));
    let mut phone = Cryptic::new(home(), 2);
    let recorded = phone.packet();
    for _ in 0..10 {
        rig.io.arrive(0, Channel::Rtp, home(), &recorded);
        phone.say(&mut rig);
    }
    // In clear, and under other keys, from the very address of the peer.
    let mut plain = Phone::new(home(), 78);
    let mut other = Cryptic::new(home(), 3);
    other.writer = Writer::new(79, Seq(1));
    for _ in 0..20 {
        plain.say(&mut rig, &[0x55; 160]);
        other.say(&mut rig);
    }
    let told = report(&mut rig);
    assert_eq!((told.packets_in, told.forged, told.replayed), (11, 40, 9));
    assert_eq!(rig.worker.stats.forged, 49);
    assert_eq!(rig.take_events(), []);

    let mut rig = Rig::with(secured(1, 2));
    let nat: SocketAddr = "203.0.113.9:31000".parse().unwrap();
    Cryptic::new(nat, 2).say(&mut rig);
    assert_eq!(rig.take_events(), [Event::Latched { leg: id(0), remote: nat }], "one packet proves it");
    // A copy from elsewhere goes nowhere.
    rig.heard();
    rig.io.arrive(0, Channel::Rtp, "203.0.113.66:6".parse().unwrap(), &recorded);
    rig.slots(8);
    assert!(rig.heard().iter().all(|sent| sent.to == nat));
}

#[test]
fn new_keys_replace_the_old_ones_without_a_gap() {
    let mut rig = Rig::with(secured(1, 2));
    let mut old = Cryptic::new(home(), 2);
    let mut new = Cryptic::new(home(), 4);
    for _ in 0..10 {
        old.say(&mut rig);
    }
    let late = old.packet();
    let guard = Guard::of(&security(5, 4)).unwrap();
    rig.order(Order::Rekey(id(0), Box::new(secured(5, 4)), None, guard));
    rig.heard();
    rig.io.arrive(0, Channel::Rtp, home(), &late);
    for _ in 0..10 {
        new.say(&mut rig);
    }
    let told = report(&mut rig);
    assert_eq!(told.forged, 0);
    let mut theirs = Unprotector::new(&keys(5)).unwrap();
    for mut sent in rig.heard() {
        theirs.rtp(&mut sent.bytes).unwrap();
    }
    rig.slots(800);
    old.say(&mut rig);
    assert_eq!(report(&mut rig).forged, 1, "the old keys have had their time");
}

#[test]
fn what_goes_on_as_another_stream_is_counted_anew_for_reports() {
    let mut tx = crate::tx::Tx::new(7, None);
    let before = tx.ssrc();
    (tx.packets, tx.octets) = (10, 1_600);
    assert_eq!(tx.sent(), (10, 1_600));
    tx.renew();
    assert_ne!(tx.ssrc(), before);
    (tx.packets, tx.octets) = (tx.packets + 1, tx.octets + 160);
    assert_eq!((tx.sent(), tx.packets), ((1, 160), 11));
}

#[test]
fn while_keys_are_awaited_nothing_leaves_and_nothing_is_heard() {
    let security = Security::Handshake { fingerprints: [].into(), active: false };
    let mut rig = Rig::with(LegSetup { security, ..setup() });
    rig.play(7, vec![Arc::new(prompt())], Repeat::Forever);
    Phone::new(home(), 9).say(&mut rig, &[0xff; 160]);
    let told = report(&mut rig);
    assert_eq!((told.packets_in, told.packets_out, told.secured), (0, 0, Secured::NotYet));
    rig.slots(2_000);
    assert!(rig.io.sent.is_empty(), "neither RTP nor RTCP");
    let nat: SocketAddr = "203.0.113.9:31000".parse().unwrap();
    rig.order(Order::Secure(id(0), Guard::keyed(&keys(1), &keys(2), 0).unwrap(), Some(nat)));
    rig.slots(8);
    let mut theirs = Unprotector::new(&keys(1)).unwrap();
    let heard = rig.heard();
    assert!(!heard.is_empty());
    for mut sent in heard {
        assert_eq!(sent.to, nat);
        theirs.rtp(&mut sent.bytes).unwrap();
    }
    Cryptic::new(nat, 2).say(&mut rig);
    let told = report(&mut rig);
    assert_eq!((told.packets_in, told.secured), (1, Secured::Dtls(Profile::AeadAes128Gcm)));
}

#[test]
fn a_hello_is_asked_for_a_cookie_on_the_leg_s_port_and_strangers_get_no_more() {
    let nat: SocketAddr = "203.0.113.9:31000".parse().unwrap();
    let mut hello = [0; 67];
    (hello[0], hello[1], hello[2], hello[12]) = (22, 254, 253, 54);
    (hello[13], hello[16], hello[24]) = (1, 42, 42);
    for (active, answers) in [(false, 1), (true, 0)] {
        let security = Security::Handshake { fingerprints: [].into(), active };
        let mut rig = Rig::with(LegSetup { security, ..setup() });
        rig.io.arrive(0, Channel::Rtp, nat, &hello);
        rig.io.arrive(0, Channel::Rtp, nat, &[22; 60]);
        rig.slots(8);
        let sent = rig.heard();
        assert_eq!(sent.len(), answers);
        assert!(sent.iter().all(|sent| sent.to == nat && sent.bytes[13] == 3 && sent.bytes.len() < 67));
        assert_eq!(report(&mut rig).strangers, 2 - answers as u64);
    }
    // Who has its keys otherwise answers nobody.
    let mut rig = Rig::with(secured(1, 2));
    rig.heard();
    rig.io.arrive(0, Channel::Rtp, nat, &hello);
    rig.slots(8);
    assert!(rig.heard().iter().all(|sent| sent.to == home()));
}

fn prompt() -> Prompt {
    Prompt::encode(&Pcm::silence(Rate::NARROW, MS(100)), setup().form()).unwrap()
}
