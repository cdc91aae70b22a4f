//! Handshakes with a phone that is OpenSSL too, its datagrams carried by hand.

use std::sync::mpsc;
use std::thread;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::SslContext;
use rtrb::{Producer, RingBuffer};

use super::*;
use crate::mailbox::Mailbox;

const SOON: Duration = Duration::from_secs(10);

fn fingerprints(identity: &Identity) -> Arc<[Fingerprint]> {
    [Fingerprint { hash: "sha-256".into(), bytes: identity.fingerprint.clone() }].into()
}

fn id() -> LegId {
    LegId { home: 0, place: 0, generation: 0 }
}

fn home() -> SocketAddr {
    "192.0.2.1:4000".parse().unwrap()
}

fn nat() -> SocketAddr {
    "203.0.113.9:31000".parse().unwrap()
}

/// The thread, and what a worker and the carrier have to do with it.
struct Rig {
    fingerprint: Vec<u8>,
    notes: mpsc::Sender<Note>,
    letters: Producer<Letter>,
    orders: Arc<Mailbox<u16>>,
    events: mpsc::Receiver<Event>,
    join: Option<thread::JoinHandle<()>>,
}

impl Rig {
    fn new() -> Rig {
        let identity = Identity::new().unwrap();
        let fingerprint = identity.fingerprint.clone();
        let (notes, notes_out) = mpsc::channel();
        let (letters, letters_out) = RingBuffer::new(LETTERS);
        let orders = Arc::new(Mailbox::new(64));
        let worker = orders.clone();
        let (events_in, events) = mpsc::channel();
        let dtls = Dtls {
            identity,
            notes: notes_out,
            letters: vec![letters_out],
            orders: Box::new(move |_, order| worker.push(order).map_or_else(Sent::Full, |()| Sent::Done)),
            events: events_in,
            carrier: thread::current(),
        };
        let join = Some(thread::spawn(move || dtls.run()));
        Rig { fingerprint, notes, letters, orders, events, join }
    }

    fn begin(&self, fingerprints: Arc<[Fingerprint]>, active: bool) {
        self.notes.send(Note::Begin { leg: id(), remote: home(), fingerprints, active }).unwrap();
    }

    fn ours(&self) -> Vec<Fingerprint> {
        vec![Fingerprint { hash: "sha-256".into(), bytes: self.fingerprint.clone() }]
    }

    /// Carries datagrams between a phone at `at` and the thread until the leg has keys, or it is told that there are none;
    /// every `lost`th datagram is lost.
    fn talk(&mut self, phone: &mut Association, at: SocketAddr, lost: usize) -> Talked {
        let ours = self.ours();
        let (mut guard, mut told, mut theirs, mut count) = (None, None, None, 0);
        let until = Instant::now() + SOON;
        while told.is_none() || (guard.is_some() && theirs.is_none()) {
            assert!(Instant::now() < until, "no end of the handshake");
            match phone.advance(&ours) {
                Progress::Done(send, receive) => theirs = Some((send, receive)),
                Progress::Failed(_) | Progress::Going => {}
            }
            for datagram in phone.outgoing() {
                count += 1;
                if lost == 0 || count % lost != 0 {
                    let _ = self.letters.push(Letter::new(id(), at, &datagram).unwrap());
                }
            }
            // The thread has its turn meanwhile. Keys are ordered before they are told of.
            told = told.or(self.events.recv_timeout(Duration::from_millis(2)).ok());
            while let Some(order) = self.orders.pop() {
                match order {
                    Order::Post(letter) if letter.at == at => {
                        count += 1;
                        if lost == 0 || count % lost != 0 {
                            phone.receive(letter.bytes());
                        }
                    }
                    Order::Secure(_, new, from) => guard = Some((new, from)),
                    _ => {}
                }
            }
            if matches!(told, Some(Event::Unsecured { .. })) {
                break;
            }
        }
        Talked { guard, told: told.unwrap(), theirs }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.notes.send(Note::Stop);
        let _ = self.join.take().unwrap().join();
    }
}

struct Talked {
    guard: Option<(Box<Guard>, Option<SocketAddr>)>,
    told: Event,
    theirs: Option<(rtp::srtp::Keys, rtp::srtp::Keys)>,
}

impl Talked {
    /// Both ends understand each other; where the keys were proven.
    fn agrees(self) -> Option<SocketAddr> {
        let (mut ours, from) = self.guard.unwrap();
        let (send, receive) = self.theirs.unwrap();
        let mut theirs = Guard::keyed(&send, &receive, 0).unwrap();
        for _ in 0..2 {
            let mut packet = [0x80; 200];
            let len = ours.seal(false, &mut packet, 172).unwrap();
            assert_eq!(theirs.open(false, &mut packet[..len], Duration::ZERO), Some(172));
            std::mem::swap(&mut ours, &mut theirs);
        }
        from
    }
}

#[test]
fn both_roles_come_to_keys_and_lost_datagrams_are_repeated() {
    for (active, lost) in [(false, 0), (true, 0), (false, 5)] {
        let mut rig = Rig::new();
        let phone = Identity::new().unwrap();
        rig.begin(fingerprints(&phone), active);
        let mut phone = Association::new(&phone, !active).unwrap();
        let talked = rig.talk(&mut phone, home(), lost);
        let secured = Secured::Dtls(rtp::srtp::Profile::AeadAes256Gcm);
        assert_eq!(talked.told, Event::Secured { leg: id(), secured });
        assert_eq!(talked.agrees(), None);
    }
}

#[test]
fn another_certificate_than_the_signalled_one_gets_no_keys() {
    for active in [false, true] {
        let mut rig = Rig::new();
        let (phone, other) = (Identity::new().unwrap(), Identity::new().unwrap());
        rig.begin(fingerprints(&other), active);
        let mut phone = Association::new(&phone, !active).unwrap();
        let talked = rig.talk(&mut phone, home(), 0);
        assert!(talked.guard.is_none());
        let Event::Unsecured { why, .. } = talked.told else { panic!("{:?}", talked.told) };
        assert!(why.contains("fingerprint"), "{why}");
    }
}

#[test]
fn a_peer_behind_nat_is_known_by_its_certificate_and_a_stranger_takes_nothing_away() {
    let mut rig = Rig::new();
    let phone = Identity::new().unwrap();
    rig.begin(fingerprints(&phone), false);
    let mut phone = Association::new(&phone, true).unwrap();
    assert_eq!(rig.talk(&mut phone, nat(), 0).agrees(), Some(nat()));

    // A stranger comes first, with a certificate of its own, and noise from everywhere.
    let mut rig = Rig::new();
    let (phone, stranger) = (Identity::new().unwrap(), Identity::new().unwrap());
    rig.begin(fingerprints(&phone), false);
    let mut stranger = Association::new(&stranger, true).unwrap();
    stranger.advance(&[]);
    for datagram in stranger.outgoing() {
        let _ = rig.letters.push(Letter::new(id(), nat(), &datagram).unwrap());
    }
    for port in 1..20 {
        let _ = rig.letters.push(Letter::new(id(), ([203, 0, 113, 7], port).into(), &[22; 60]).unwrap());
    }
    let mut phone = Association::new(&phone, true).unwrap();
    assert_eq!(rig.talk(&mut phone, home(), 0).agrees(), None);
}

/// Linphone has RSA certificates of 3072 bits.
#[test]
fn a_certificate_with_an_rsa_key_is_taken() {
    let key = PKey::from_rsa(Rsa::generate(3_072).unwrap()).unwrap();
    let certificate = identity::certificate(&key).unwrap();
    let mut phone = Identity::new().unwrap();
    let mut context = SslContext::builder(openssl::ssl::SslMethod::dtls()).unwrap();
    context.set_certificate(&certificate).unwrap();
    context.set_private_key(&key).unwrap();
    context.set_tlsext_use_srtp("SRTP_AES128_CM_SHA1_80").unwrap();
    phone.context = context.build();
    for (hash, digest) in [("sha-1", MessageDigest::sha1()), ("sha-512", MessageDigest::sha512())] {
        let mut rig = Rig::new();
        let bytes = certificate.digest(digest).unwrap().to_vec();
        rig.begin([Fingerprint { hash: hash.into(), bytes }].into(), false);
        let talked = rig.talk(&mut Association::new(&phone, true).unwrap(), home(), 0);
        let secured = Secured::Dtls(rtp::srtp::Profile::Aes128Sha1_80);
        assert_eq!(talked.told, Event::Secured { leg: id(), secured });
        talked.agrees();
    }
}

#[test]
fn a_phone_without_srtp_gets_no_keys() {
    let mut rig = Rig::new();
    let mut phone = Identity::new().unwrap();
    rig.begin(fingerprints(&phone), false);
    let key = PKey::from_rsa(Rsa::generate(2_048).unwrap()).unwrap();
    let mut context = SslContext::builder(openssl::ssl::SslMethod::dtls()).unwrap();
    context.set_certificate(&identity::certificate(&key).unwrap()).unwrap();
    context.set_private_key(&key).unwrap();
    phone.context = context.build();
    let talked = rig.talk(&mut Association::new(&phone, true).unwrap(), home(), 0);
    assert!(matches!(talked.told, Event::Unsecured { .. }) && talked.guard.is_none());
}

#[test]
fn letters_have_a_length_and_a_kind() {
    assert!(Letter::new(id(), home(), &[22; LONGEST + 1]).is_none());
    assert_eq!(Letter::new(id(), home(), &[22; 9]).unwrap().bytes(), [22; 9]);
    assert!(crate::guard::is_handshake(&[22, 254, 253]));
    assert!(!is_hello(&[22; 40]));
}
