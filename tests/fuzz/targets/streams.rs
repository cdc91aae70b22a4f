//! Byte streams cut in any way into the framer: the cuts must not matter, and what waits is bounded.

use fastrand::Rng;
use fuzz::{budget, corpus, memory, mutate};
use sip::FrameError;
use sip::stream::{Frame, Framer};

const LIMIT: usize = 8_192;

/// The frames of a stream that comes in chunks of such sizes.
fn cut(stream: &[u8], mut chunk: impl FnMut() -> usize) -> (Vec<Frame>, Option<FrameError>) {
    let mut framer = Framer::new(LIMIT);
    let (mut frames, mut rest) = (Vec::new(), stream);
    while !rest.is_empty() {
        let (now, later) = rest.split_at(chunk().clamp(1, rest.len()));
        rest = later;
        framer.push(now);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        assert!(framer.pending() <= LIMIT + now.len(), "{} bytes wait", framer.pending());
    }
    (frames, None)
}

fn stream(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::new();
    for _ in 0..rng.usize(1..5) {
        match rng.u8(..4) {
            0 => all.extend_from_slice(b"\r\n\r\n"),
            1 => all.extend(mutate::mutated(rng, corpus)),
            _ => all.extend_from_slice(&corpus[rng.usize(..corpus.len())]),
        }
    }
    all
}

#[test]
fn streams() {
    let corpus = corpus::messages();
    budget::run("streams", |rng| {
        let bytes = stream(rng, &corpus);
        let most = [1, 7, 200, 4_000][rng.usize(..4)];
        let ((whole, pieces), _, peak) = memory::of(|| {
            let pieces = cut(&bytes, || rng.usize(1..=most));
            (cut(&bytes, || usize::MAX), pieces)
        });
        assert!(peak <= 65_536 + 16 * bytes.len() as i64, "{peak} bytes for {}", bytes.len());
        // Pings beside a cut may count as blank lines, or the other way round: messages and the end are what matters.
        let messages = |frames: Vec<Frame>| -> Vec<Frame> {
            frames.into_iter().filter(|frame| matches!(frame, Frame::Message(_))).collect()
        };
        assert_eq!(whole.1.is_some(), pieces.1.is_some());
        assert_eq!(messages(whole.0), messages(pieces.0));
        1
    });
}
