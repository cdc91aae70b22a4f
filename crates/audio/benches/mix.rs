//! What mixing a frame of 20 ms costs a member: `cargo bench -p audio --bench mix`.

use audio::{level, mix};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// Samples of 20 ms at 8, 16 and 48 kHz.
const FRAMES: [usize; 3] = [160, 320, 960];

fn voice(len: usize) -> Vec<i16> {
    (0..len).map(|n| ((n * 7_919) % 2_001) as i16 - 1_000).collect()
}

/// Added to the sum and taken out of it again.
#[divan::bench(args = FRAMES)]
fn member(bencher: Bencher, len: usize) {
    let (own, mut sum, mut frame) = (voice(len), vec![0; len], vec![0; len]);
    bencher.bench_local(|| {
        mix::add(black_box(&mut sum), black_box(&own));
        mix::others(black_box(&sum), black_box(&own), 2_000, black_box(&mut frame));
    });
}

/// The same where the sum is too loud.
#[divan::bench(args = FRAMES)]
fn loud_member(bencher: Bencher, len: usize) {
    let (own, mut sum, mut frame) = (voice(len), vec![0; len], vec![0; len]);
    bencher.bench_local(|| {
        mix::add(black_box(&mut sum), black_box(&own));
        mix::others(black_box(&sum), black_box(&own), 200_000, black_box(&mut frame));
    });
}

/// How loud a member is.
#[divan::bench(args = FRAMES)]
fn measure(bencher: Bencher, len: usize) {
    let own = voice(len);
    bencher.bench_local(|| level::measure(black_box(&own)));
}
