//! Handshakes with a phone that is OpenSSL too, its datagrams carried by hand.

use std::sync::mpsc;
use std::thread;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::SslContext;
use rtrb::{Producer, RingBuffer};

use super::association::{Association, Progress, Role};
use super::hello::{OPENING, Worth};
use super::*;
use crate::guard::{Fate, Manner};
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
    /// The leg's, which lets datagrams pass, and since when.
    guard: Box<Guard>,
    manner: Manner,
    since: Instant,
    join: Option<thread::JoinHandle<()>>,
}

impl Rig {
    fn new() -> Rig {
        Rig::patient(PATIENCE)
    }

    fn patient(patience: Duration) -> Rig {
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
            patience,
        };
        let join = Some(thread::spawn(move || dtls.run()));
        let (guard, manner, since) = (Guard::plain(), Manner::Await, Instant::now());
        Rig { fingerprint, notes, letters, orders, events, guard, manner, since, join }
    }

    fn begin(&mut self, fingerprints: Arc<[Fingerprint]>, active: bool) {
        self.manner = if active { Manner::Begin } else { Manner::Await };
        self.notes.send(Note::Begin { leg: id(), remote: home(), fingerprints, active }).unwrap();
    }

    fn ours(&self) -> Vec<Fingerprint> {
        vec![Fingerprint { hash: "sha-256".into(), bytes: self.fingerprint.clone() }]
    }

    /// A datagram comes to the leg's port, where a worker looks at it. What is sent back at once.
    fn arrives(&mut self, at: SocketAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        match self.guard.judge(at, at == home(), self.manner, datagram, self.since.elapsed()) {
            Fate::HandOn => drop(self.letters.push(Letter::new(id(), at, datagram).unwrap())),
            Fate::Answer(bytes) => return Some(bytes.to_vec()),
            Fate::Drop => {}
        }
        None
    }

    /// What `phone` says arrives, and what is answered without anything being kept.
    fn says(&mut self, phone: &mut Association, at: SocketAddr, mut lost: impl FnMut() -> bool) {
        for datagram in phone.outgoing() {
            if !lost()
                && let Some(answer) = self.arrives(at, &datagram)
                && !lost()
            {
                phone.receive(&answer);
            }
        }
    }

    /// Carries datagrams between a phone at `at` and the thread until the leg has keys, or it is told that there are none;
    /// every `lost`th datagram is lost.
    fn talk(&mut self, phone: &mut Association, at: SocketAddr, lost: usize) -> Talked {
        self.talk_beside(phone, at, lost, |_| {})
    }

    /// The same, and `beside` does what it likes meanwhile.
    fn talk_beside(
        &mut self,
        phone: &mut Association,
        at: SocketAddr,
        lost: usize,
        mut beside: impl FnMut(&mut Rig),
    ) -> Talked {
        let ours = self.ours();
        let (mut guard, mut told, mut theirs, mut count) = (None, None, None, 0);
        let mut lost = || {
            count += 1;
            lost != 0 && count % lost == 0
        };
        let until = Instant::now() + SOON;
        while told.is_none() || (guard.is_some() && theirs.is_none()) {
            assert!(Instant::now() < until, "no end of the handshake");
            beside(self);
            if let Progress::Done(send, receive) = phone.advance(&ours) {
                theirs = Some((send, receive));
            }
            self.says(phone, at, &mut lost);
            // The thread has its turn meanwhile. Keys are ordered before they are told of.
            told = told.or(self.events.recv_timeout(Duration::from_millis(2)).ok());
            while let Some(order) = self.orders.pop() {
                match order {
                    Order::Post(letter) if letter.at == at && !lost() => phone.receive(letter.bytes()),
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

/// A phone's end.
fn phone(identity: &Identity, begins: bool) -> Association {
    Association::new(identity, if begins { Role::Client } else { Role::Server(0) }).unwrap()
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
    fn why(self) -> String {
        assert!(self.guard.is_none());
        let Event::Unsecured { why, .. } = self.told else { panic!("{:?}", self.told) };
        why
    }

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
    for (active, lost) in [(false, 0), (true, 0), (false, 4), (false, 7), (true, 7)] {
        let mut rig = Rig::new();
        let phone = Identity::new().unwrap();
        rig.begin(fingerprints(&phone), active);
        let mut phone = self::phone(&phone, !active);
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
        let mut phone = self::phone(&phone, !active);
        let talked = rig.talk(&mut phone, home(), 0);
        let why = talked.why();
        assert!(why.contains("fingerprint"), "{why}");
    }
}

#[test]
fn a_peer_behind_nat_is_known_by_its_certificate_and_a_stranger_takes_nothing_away() {
    let mut rig = Rig::new();
    let phone = Identity::new().unwrap();
    rig.begin(fingerprints(&phone), false);
    let mut phone = self::phone(&phone, true);
    assert_eq!(rig.talk(&mut phone, nat(), 0).agrees(), Some(nat()));

    // Strangers with certificates of their own are there before it and go on beside it, and noise from everywhere.
    for at in [home(), nat()] {
        let mut rig = Rig::new();
        let (phone, stranger) = (Identity::new().unwrap(), Identity::new().unwrap());
        rig.begin(fingerprints(&phone), false);
        let mut strangers: Vec<(SocketAddr, Association)> =
            (1..=3).map(|last| (([203, 0, 113, last], 9).into(), self::phone(&stranger, true))).collect();
        let flood = |rig: &mut Rig| {
            for port in 1..50 {
                rig.arrives(([198, 51, 100, 7], port).into(), &[22; 60]);
                rig.arrives(([198, 51, 100, 8], port).into(), &OPENING);
            }
            for (at, stranger) in &mut strangers {
                stranger.advance(&[]);
                rig.says(stranger, *at, || false);
            }
        };
        let mut phone = self::phone(&phone, true);
        let from = (at == nat()).then_some(at);
        assert_eq!(rig.talk_beside(&mut phone, at, 0, flood).agrees(), from);
    }
}

/// A client that has no cipher in common with us.
fn odd() -> Identity {
    let mut odd = Identity::new().unwrap();
    let mut context = SslContext::builder(openssl::ssl::SslMethod::dtls()).unwrap();
    context.set_cipher_list("PSK-AES128-CBC-SHA:@SECLEVEL=0").unwrap();
    context.set_psk_client_callback(|_, _, _, _| Ok(0));
    odd.context = context.build();
    odd
}

/// What ends a handshake of OpenSSL's that gets it: alerts, words of another kind, and words that nothing can be made of.
fn spells(hello: &[u8]) -> Vec<Vec<u8>> {
    let mut spells = vec![
        vec![21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40],
        vec![21, 254, 255, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0],
        vec![23, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40],
        hello.to_vec(),
    ];
    // A ServerHello, a Certificate and a ClientKeyExchange of one byte.
    spells.extend([2, 11, 16].map(|kind| {
        let header = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 13];
        [&header[..], &[kind, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7]].concat()
    }));
    spells
}

#[test]
fn nothing_that_a_stranger_sends_as_the_peer_ends_the_call() {
    let mut odd = phone(&odd(), true);
    odd.advance(&[]);
    let spells = spells(&odd.outgoing()[0]);
    for (active, at) in [(false, home()), (true, home()), (false, nat())] {
        let mut rig = Rig::new();
        let phone = Identity::new().unwrap();
        rig.begin(fingerprints(&phone), active);
        // Before the peer has said a word. Where we begin, that breaks our handshake, which begins again.
        let mut times = 0;
        let cast = |rig: &mut Rig| {
            if times < 3 {
                times += 1;
                spells.iter().for_each(|spell| drop(rig.arrives(home(), spell)));
            }
        };
        let mut phone = self::phone(&phone, !active);
        let talked = rig.talk_beside(&mut phone, at, 0, cast);
        assert!(matches!(talked.told, Event::Secured { .. }), "{active} {at} {:?}", talked.told);
        talked.agrees();
    }
}

#[test]
fn alerts_in_clear_end_no_handshake_that_goes_on() {
    for active in [false, true] {
        let mut rig = Rig::new();
        let phone = Identity::new().unwrap();
        rig.begin(fingerprints(&phone), active);
        let mut phone = self::phone(&phone, !active);
        let alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
        let mut times = 0;
        let cast = |rig: &mut Rig| {
            times += 1;
            if times < 30 {
                rig.arrives(home(), &alert);
            }
        };
        rig.talk_beside(&mut phone, home(), 0, cast).agrees();
    }
}

#[test]
fn a_handshake_that_came_to_nothing_tells_why() {
    // Who has echoed a cookie and knows none of our ciphers: at once.
    let mut rig = Rig::new();
    rig.begin([].into(), false);
    let why = rig.talk(&mut phone(&odd(), true), home(), 0).why();
    assert!(why.contains("cipher"), "{why}");
    // Who says no in clear, and who says nothing: when the patience is over.
    for (alert, told) in [(true, "alert 40"), (false, "no handshake within 0.3 s")] {
        let mut rig = Rig::patient(Duration::from_millis(300));
        rig.begin([].into(), true);
        if alert {
            rig.arrives(home(), &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40]);
        }
        let mut silent = phone(&Identity::new().unwrap(), true);
        let why = rig.talk(&mut silent, nat(), 0).why();
        assert!(why.contains(told) && why.contains("no handshake within"), "{why}");
    }
}

#[test]
fn who_begins_anew_gets_another_handshake() {
    let mut rig = Rig::new();
    let identity = Identity::new().unwrap();
    rig.begin(fingerprints(&identity), false);
    // Its first try ends when it has heard all that we said to its cookie.
    let mut first = phone(&identity, true);
    for _ in 0..2 {
        first.advance(&[]);
        rig.says(&mut first, home(), || false);
    }
    let until = Instant::now() + SOON;
    while first.outgoing().is_empty() {
        assert!(Instant::now() < until, "no answer");
        while let Some(order) = rig.orders.pop() {
            let Order::Post(letter) = order else { continue };
            first.receive(letter.bytes());
        }
        first.advance(&[]);
        thread::yield_now();
    }
    rig.talk(&mut phone(&identity, true), home(), 0).agrees();
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
        let talked = rig.talk(&mut self::phone(&phone, true), home(), 0);
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
    let talked = rig.talk(&mut self::phone(&phone, true), home(), 0);
    assert!(matches!(talked.told, Event::Unsecured { .. }) && talked.guard.is_none());
}

#[test]
fn letters_have_a_length_and_a_kind() {
    assert!(Letter::new(id(), home(), &[22; LONGEST + 1]).is_none());
    assert_eq!(Letter::new(id(), home(), &[22; 9]).unwrap().bytes(), [22; 9]);
    assert!(crate::guard::is_handshake(&[22, 254, 253]));
    assert_eq!(Hello::read(&[22; 90]), None);
    let opening = Hello::read(&OPENING).unwrap();
    assert_eq!((opening.message, opening.cookie), (0, &[][..]));
    for len in 0..60 {
        assert_eq!(Hello::read(&OPENING[..len]), None, "{len}");
    }
    let two = [OPENING, OPENING].concat();
    assert_eq!((Worth::of(&OPENING), Worth::of(&two)), (Worth::Part, Worth::Part));
    assert_eq!(Worth::of(&two[..100]), Worth::Nothing);
}

#[test]
fn records_in_clear_are_renumbered_and_others_are_not() {
    let mut three = [OPENING, OPENING, OPENING].concat();
    let at = OPENING.len();
    three[at + 4] = 1;
    three[2 * at + 10] = 255;
    hello::renumber(&mut three, 2);
    assert_eq!([three[10], three[at + 10], three[2 * at + 9], three[2 * at + 10]], [2, 0, 1, 1]);
    hello::renumber(&mut three[..at + 5], 1);
    assert_eq!(three[10], 3);
}
