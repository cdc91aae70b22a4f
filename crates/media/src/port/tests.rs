//! Real sockets on the loopback: what is bound, rests, is closed, and whom a pair hears.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

fn pool(range: RangeInclusive<u16>) -> Arc<Pool> {
    Arc::new(Pool::new(range, Ipv4Addr::LOCALHOST.into(), None).unwrap())
}

#[test]
fn pairs_are_even_and_inside_the_range() {
    let pool = pool(28_101..=28_107);
    assert_eq!(pool.pairs(), 3);
    let now = clock::now();
    let all: Vec<Ports> = (0..3).map(|_| pool.reserve(now).unwrap()).collect();
    let mut ports: Vec<u16> = all.iter().map(Ports::rtp_port).collect();
    ports.sort_unstable();
    assert_eq!(ports, [28_102, 28_104, 28_106]);
    assert_eq!(all[0].rtcp().local_addr().unwrap().port(), all[0].rtp_port() + 1);
    assert!(matches!(pool.reserve(now), Err(Error::NoPorts)));
}

#[test]
fn a_busy_port_is_passed_over() {
    let holder = UdpSocket::bind((Ipv4Addr::LOCALHOST, 28_123)).unwrap();
    let pool = pool(28_120..=28_125);
    let now = clock::now();
    let (a, b) = (pool.reserve(now).unwrap(), pool.reserve(now).unwrap());
    assert!(a.rtp_port() != 28_122 && b.rtp_port() != 28_122);
    assert!(pool.reserve(now).is_err());
    drop(holder);
    assert_eq!(pool.reserve(now).unwrap().rtp_port(), 28_122);
}

#[test]
fn a_freed_port_rests_before_it_is_used_again() {
    let pool = pool(28_140..=28_141);
    drop(pool.reserve(clock::now()).unwrap());
    assert!(pool.reserve(clock::now()).is_err());
    assert!(pool.reserve(clock::now() + SHORT_REST).is_ok());
}

#[test]
fn a_rested_pair_is_used_again_without_what_came_meanwhile() {
    let pool = pool(28_150..=28_153);
    let now = clock::now();
    let first = pool.reserve(now).unwrap();
    let port = first.rtp_port();
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    drop(first);
    for port in [port, port + 1] {
        stranger.send_to(b"late", (Ipv4Addr::LOCALHOST, port)).unwrap();
    }
    let again = pool.reserve(clock::now() + REST).unwrap();
    assert_eq!((again.rtp_port(), pool.lock().open), (port, 1));
    let nothing = |socket: &UdpSocket| socket.recv(&mut [0; 8]).unwrap_err().kind();
    assert_eq!(nothing(again.rtp()), std::io::ErrorKind::WouldBlock);
    assert_eq!(nothing(again.rtcp()), std::io::ErrorKind::WouldBlock);
    // Before its rest is over, another pair is bound.
    drop(again);
    assert_ne!(pool.reserve(clock::now()).unwrap().rtp_port(), port);
}

/// As if all pairs that rest had been freed so much earlier.
fn age(pool: &Pool, by: Duration) {
    pool.lock().resting.iter_mut().for_each(|resting| resting.since -= by);
}

#[test]
fn a_pair_that_somebody_goes_on_sending_to_rests_on_while_there_are_others() {
    let pool = pool(28_190..=28_193);
    let first = pool.reserve(clock::now()).unwrap();
    let port = first.rtp_port();
    drop(first);
    let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let say = |to: u16| phone.send_to(&[0x80; 172], (Ipv4Addr::LOCALHOST, to)).unwrap();
    for to in [port, port + 1] {
        // It has missed our goodbye, and has been speaking all the time.
        age(&pool, REST);
        say(to);
        let other = pool.reserve(clock::now()).unwrap();
        assert_ne!(other.rtp_port(), port, "there is another");
    }
    age(&pool, REST);
    say(port);
    let other = pool.reserve(clock::now()).unwrap();
    say(port);
    let same = pool.reserve(clock::now()).unwrap();
    assert_eq!((same.rtp_port(), other.rtp_port() == port), (port, false), "better than none");
    assert_eq!(same.rtp().recv(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert!(matches!(pool.reserve(clock::now() + REST), Err(Error::NoPorts)));
    // When it has fallen silent it is as good as any.
    drop(same);
    assert_eq!(pool.reserve(clock::now() + REST).unwrap().rtp_port(), port);
}

#[test]
fn a_pair_that_somebody_goes_on_sending_to_is_not_closed_for_another_to_bind() {
    let pool = pool(28_194..=28_195);
    let port = pool.reserve(clock::now()).unwrap().rtp_port();
    let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    age(&pool, UNWANTED);
    phone.send_to(&[0x80; 172], (Ipv4Addr::LOCALHOST, port)).unwrap();
    pool.tidy(clock::now());
    assert_eq!(pool.lock().open, 1);
    pool.tidy(clock::now() + UNWANTED);
    assert_eq!(pool.lock().open, 0);
}

#[test]
fn a_flooded_pair_is_closed() {
    let pool = pool(28_156..=28_157);
    let port = pool.reserve(clock::now()).unwrap().rtp_port();
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for _ in 0..=COLLECTED {
        stranger.send_to(b"flood", (Ipv4Addr::LOCALHOST, port)).unwrap();
    }
    let again = pool.reserve(clock::now() + REST).unwrap();
    assert_eq!(again.rtp().recv(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn what_nobody_wants_is_closed_a_few_at_a_time() {
    // Outside those of engines in other tests.
    let pool = pool(30_100..=30_399);
    let all: Vec<Ports> = (0..50).map(|_| pool.reserve(clock::now()).unwrap()).collect();
    let first = all[0].rtp_port();
    drop(all);
    assert!(!pool.tidy(clock::now()));
    assert_eq!(pool.lock().open, 50);
    assert!(pool.tidy(clock::now() + UNWANTED), "there are more");
    assert_eq!(pool.lock().open, 50 - TIDIED);
    assert!(!pool.tidy(clock::now() + UNWANTED));
    assert_eq!(pool.lock().open, 0);
    assert!(pool.lock().resting.is_empty());
    assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, first)).is_ok());
}

#[test]
fn beyond_the_limit_of_open_files_freed_pairs_are_closed_at_once() {
    let mut pool = Pool::new(28_170..=28_173, Ipv4Addr::LOCALHOST.into(), None).unwrap();
    pool.open = 1;
    let pool = Arc::new(pool);
    let both = [pool.reserve(clock::now()).unwrap(), pool.reserve(clock::now()).unwrap()];
    drop(both);
    assert_eq!(pool.lock().open, 1);
    assert!(pool.reserve(clock::now()).is_err(), "closed ones rest, too");
    let later = clock::now() + SHORT_REST;
    assert!(pool.reserve(later).is_ok() && pool.reserve(later).is_ok());
}

#[test]
fn a_connected_pair_hears_its_peer_only() {
    let pool = pool(28_174..=28_175);
    let mut ports = pool.reserve(clock::now()).unwrap();
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (peer, stranger) = (socket(), socket());
    let at = peer.local_addr().unwrap();
    let here = ports.rtp().local_addr().unwrap();
    let heard = |ports: &Ports| {
        for (from, word) in [(&stranger, b"away"), (&peer, b"home")] {
            from.send_to(word, here).unwrap();
        }
        let mut word = [0; 4];
        std::iter::from_fn(|| ports.rtp().recv(&mut word).ok().map(|_| word)).collect::<Vec<_>>()
    };
    assert_eq!(heard(&ports), [*b"away", *b"home"]);
    assert!(ports.connect(at, None) && ports.peer() == Some(at));
    assert_eq!(heard(&ports), [*b"home"]);
    ports.disconnect();
    assert_eq!(heard(&ports), [*b"away", *b"home"]);
    // The next call does not inherit it.
    assert!(ports.connect(at, None));
    drop(ports);
    let ports = pool.reserve(clock::now() + REST).unwrap();
    assert_eq!((heard(&ports).len(), ports.peer()), (2, None));
}

#[test]
fn a_pair_of_every_address_is_connected_where_the_peer_was_told_the_one_that_is_ours_there() {
    let any = Ipv4Addr::UNSPECIFIED.into();
    let pool = Arc::new(Pool::new(28_176..=28_177, any, None).unwrap());
    let mut ports = pool.reserve(clock::now()).unwrap();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = peer.local_addr().unwrap();
    for told in [None, Some(IpAddr::from([192, 0, 2, 7]))] {
        assert!(!ports.connect(at, told) && ports.peer().is_none());
        // To another address of this machine it still comes.
        peer.send_to(b"x", (Ipv4Addr::new(127, 0, 0, 2), ports.rtp_port())).unwrap();
        assert!(ports.rtp().recv(&mut [0]).is_ok());
    }
    assert!(ports.connect(at, Some(Ipv4Addr::LOCALHOST.into())));
    ports.send(at, b"hello").unwrap();
    assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 5);
    ports.disconnect();
    assert_eq!(ports.rtp().local_addr().unwrap(), (Ipv4Addr::UNSPECIFIED, ports.rtp_port()).into());
}

#[test]
fn a_port_that_is_closed_is_no_failure() {
    let pool = pool(28_178..=28_179);
    let mut ports = pool.reserve(clock::now()).unwrap();
    let at = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    assert!(ports.connect(at, None));
    for _ in 0..3 {
        ports.send(at, b"who is there").unwrap();
    }
    // Another family is.
    assert!(ports.send("[::1]:9".parse().unwrap(), b"x").is_err());
}

#[test]
fn what_leaves_is_marked_for_both_families() {
    for (bind, port) in
        [(IpAddr::from(Ipv4Addr::UNSPECIFIED), 28_180), (IpAddr::from(Ipv6Addr::UNSPECIFIED), 28_182)]
    {
        let pool = Arc::new(Pool::new(port..=port + 1, bind, Some(46)).unwrap());
        let ports = pool.reserve(clock::now()).unwrap();
        let told = |level, option| {
            let (mut value, mut len) = (0, size_of::<libc::c_int>() as libc::socklen_t);
            let fd = ports.rtp().as_raw_fd();
            // SAFETY: the kernel writes one int into what it is given, or fails.
            unsafe { libc::getsockopt(fd, level, option, (&raw mut value).cast(), &raw mut len) };
            value
        };
        assert_eq!(told(libc::IPPROTO_IP, libc::IP_TOS), 46 << 2);
        if bind.is_ipv6() {
            assert_eq!(told(libc::IPPROTO_IPV6, libc::IPV6_TCLASS), 46 << 2);
        }
    }
}

#[test]
fn a_range_without_a_pair_is_refused() {
    assert!(Pool::new(20_001..=20_002, Ipv4Addr::LOCALHOST.into(), None).is_err());
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = 20_010..=20_000;
    assert!(Pool::new(backwards, Ipv4Addr::LOCALHOST.into(), None).is_err());
}
