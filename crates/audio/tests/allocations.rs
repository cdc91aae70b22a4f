//! What runs for every frame of a call neither allocates nor frees: counted on the thread that does it.
//!
//! libopus allocates by itself, which is not counted here; it does so when it is made and in no other place.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use audio::codec::{Codec, Decoder, Encoder, MAX_PAYLOAD, OpusSettings};
use audio::resample::Resampler;
use audio::{Rate, tone};

struct Counting;

thread_local! {
    /// Without a destructor, so an allocator may use it.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn coding_and_resampling_allocate_nothing() {
    let cases = [
        (Codec::Pcmu, 8_000),
        (Codec::Pcma, 8_000),
        (Codec::G722, 16_000),
        (Codec::L16(Rate::WIDE), 16_000),
        (Codec::Opus, 8_000),
        (Codec::Opus, 48_000),
    ];
    for (codec, rate) in cases {
        let settings = OpusSettings { fec: true, ..OpusSettings::default() };
        let sound = tone::render(
            &[300, 700, 1_900],
            Duration::from_millis(90),
            Duration::from_millis(30),
            Duration::from_millis(600),
            Rate(rate),
        );
        let before = COUNT.get();
        let mut encoder = Encoder::new(codec, Rate(rate), &settings).expect("an encoder");
        let mut decoder = Decoder::new(codec, Rate(rate)).expect("a decoder");
        let other = if rate == 48_000 { 8_000 } else { 48_000 };
        let mut resampler = Resampler::new(Rate(rate), Rate(other));
        assert!(COUNT.get() > before, "the counting works");
        let before = COUNT.get();
        let (mut payload, mut samples, mut out) = ([0; MAX_PAYLOAD], [0; 960], [0; 960]);
        for (n, frame) in sound.samples.chunks_exact(rate as usize / 50).enumerate() {
            encoder.expect_loss(10);
            let length = encoder.encode(frame, &mut payload);
            let packet = &payload[..length];
            assert_eq!(decoder.samples(packet), frame.len(), "{codec:?}");
            let decoded = match n % 7 {
                3 if decoder.conceal(&mut samples[..frame.len()]) => frame.len(),
                5 => decoder.recover(packet, &mut samples[..frame.len()]),
                _ => decoder.decode(packet, &mut samples),
            };
            resampler.process(&samples[..decoded], &mut out);
        }
        decoder.reset();
        resampler.reset();
        assert_eq!(COUNT.get(), before, "{codec:?} at {rate}");
    }
}
