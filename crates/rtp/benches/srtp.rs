//! What securing a packet costs: 160 bytes of audio, 172 with the header, a packet after the other.
//! Run with `cargo bench -p offhook-rtp`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rtp::srtp::{Keys, OVERHEAD, Profile, Protector, Unprotector};
use rtp::{RtpTime, Seq, Writer};

fn main() {
    divan::main();
}

const LEN: usize = 172;
const SUITES: [Profile; 4] =
    [Profile::Aes128Sha1_80, Profile::Aes256Sha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm];

fn keys(profile: Profile) -> Option<Keys> {
    Keys::new(profile, &vec![7; profile.keys_len()])
}

/// Protecting alone.
#[divan::bench(args = SUITES)]
fn protect(bencher: Bencher<'_, '_>, profile: Profile) {
    let mut tx = keys(profile).and_then(|keys| Protector::new(&keys)).unwrap();
    let mut writer = Writer::new(1, Seq(0));
    let mut buffer = [0; LEN + OVERHEAD];
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        writer.write(&mut buffer, 0, false, RtpTime(0));
        tx.rtp(black_box(&mut buffer), LEN)
    });
}

/// Both: what is sent is received.
#[divan::bench(args = SUITES)]
fn protect_and_unprotect(bencher: Bencher<'_, '_>, profile: Profile) {
    let keys = keys(profile).unwrap();
    let (mut tx, mut rx) = (Protector::new(&keys).unwrap(), Unprotector::new(&keys).unwrap());
    let mut writer = Writer::new(1, Seq(0));
    let mut buffer = [0; LEN + OVERHEAD];
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        writer.write(&mut buffer, 0, false, RtpTime(0));
        let len = tx.rtp(black_box(&mut buffer), LEN).unwrap();
        rx.rtp(&mut buffer[..len]).unwrap()
    });
}

/// Refusing what a stranger made up.
#[divan::bench(args = SUITES)]
fn refuse(bencher: Bencher<'_, '_>, profile: Profile) {
    let mut rx = keys(profile).and_then(|keys| Unprotector::new(&keys)).unwrap();
    let mut buffer = [0x55; LEN + 10];
    buffer[0] = 0x80;
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| rx.rtp(black_box(&mut buffer)).is_err());
}

/// The keys of a session, one direction.
#[divan::bench(args = SUITES)]
fn derive(bencher: Bencher<'_, '_>, profile: Profile) {
    let keys = keys(profile).unwrap();
    bencher.bench_local(|| Protector::new(black_box(&keys)));
}
