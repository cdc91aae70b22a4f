//! What a leg says: silence, prompts, or what it hears.

use std::sync::Arc;

use audio::codec::Codec;

use crate::command::Repeat;
use crate::prompt::Prompt;
use crate::worker::FRAME;

/// What a leg says now. Keys being sent stand before it; see `tx`.
#[derive(Debug)]
pub(crate) enum Source {
    Silence,
    Prompts(Playlist),
    Echo { tag: u64 },
}

impl Source {
    /// Of the command that it obeys.
    pub(crate) fn tag(&self) -> Option<u64> {
        match self {
            Source::Silence => None,
            Source::Prompts(list) => Some(list.tag),
            Source::Echo { tag } => Some(*tag),
        }
    }
}

/// Prompts in a row, without a gap between them or between their repetitions.
#[derive(Debug)]
pub(crate) struct Playlist {
    pub(crate) tag: u64,
    items: Vec<Arc<Prompt>>,
    repeat: Repeat,
    /// The item being played and the byte to go on from.
    item: usize,
    at: usize,
    /// Whether the round so far held any audio: a list of nothing must not be repeated for ever.
    sounded: bool,
}

impl Playlist {
    pub(crate) fn new(tag: u64, items: Vec<Arc<Prompt>>, repeat: Repeat) -> Playlist {
        Playlist { tag, items, repeat, item: 0, at: 0, sounded: false }
    }

    /// Copy the next bytes to `frame`; what the list cannot fill is silence.
    /// A prompt in another codec's form, as after a re-INVITE, is turned into this one's.
    /// `true` if the list is over: its last byte is in this frame, or was in one before.
    pub(crate) fn fill(&mut self, codec: Codec, frame: &mut [u8]) -> bool {
        let mut rest = frame;
        loop {
            if self.repeat == Repeat::Times(0) {
                rest.fill(codec.silence());
                return true;
            }
            let Some(prompt) = self.items.get(self.item) else {
                self.next_round();
                continue;
            };
            let bytes = prompt.bytes();
            let left = bytes.get(self.at..).unwrap_or_default();
            let n = left.len().min(rest.len());
            let (now, later) = rest.split_at_mut(n);
            copy(prompt.codec(), &left[..n], codec, now);
            rest = later;
            self.at += n;
            self.sounded |= n > 0;
            if self.at >= bytes.len() {
                self.item += 1;
                self.at = 0;
            }
            if rest.is_empty() {
                // Looking ahead tells the end with the frame that carries the last byte, not one later.
                return self.item >= self.items.len() && !self.next_round();
            }
        }
    }

    /// Begin again if there is a round left.
    fn next_round(&mut self) -> bool {
        self.item = 0;
        self.at = 0;
        if let Repeat::Times(times) = &mut self.repeat {
            *times = times.saturating_sub(1);
        }
        if !std::mem::take(&mut self.sounded) {
            self.repeat = Repeat::Times(0);
        }
        self.repeat != Repeat::Times(0)
    }
}

/// Copy samples, from one codec's form to another's if need be.
fn copy(from: Codec, bytes: &[u8], to: Codec, out: &mut [u8]) {
    if from == to {
        return out.copy_from_slice(bytes);
    }
    let mut pcm = [0; FRAME];
    for (bytes, out) in bytes.chunks(FRAME).zip(out.chunks_mut(FRAME)) {
        let n = from.decode(bytes, &mut pcm);
        to.encode(&pcm[..n], out);
    }
}

#[cfg(test)]
mod tests {
    use audio::{Pcm, Rate};

    use super::*;

    fn prompt(samples: usize, value: i16) -> Arc<Prompt> {
        Arc::new(Prompt::encode(&Pcm::new(Rate::NARROW, vec![value; samples]), Codec::Pcmu))
    }

    fn level(value: i16) -> u8 {
        let mut byte = [0];
        Codec::Pcmu.encode(&[value], &mut byte);
        byte[0]
    }

    #[test]
    fn prompts_follow_each_other_without_a_gap() {
        let (a, b) = (level(1_000), level(-4_000));
        let mut list = Playlist::new(1, vec![prompt(5, 1_000), prompt(4, -4_000)], Repeat::Times(2));
        let mut frame = [0; 6];
        assert!(!list.fill(Codec::Pcmu, &mut frame));
        assert_eq!(frame, [a, a, a, a, a, b]);
        assert!(!list.fill(Codec::Pcmu, &mut frame));
        assert_eq!(frame, [b, b, b, a, a, a]);
        frame = [0; 6];
        assert!(list.fill(Codec::Pcmu, &mut frame), "the end is told with the last byte");
        assert_eq!(frame, [a, a, b, b, b, b]);
    }

    #[test]
    fn the_last_frame_leaves_the_rest_to_silence() {
        let mut list = Playlist::new(1, vec![prompt(4, 1_000)], Repeat::Times(1));
        let mut frame = [9; 6];
        assert!(list.fill(Codec::Pcmu, &mut frame));
        let a = level(1_000);
        assert_eq!(frame, [a, a, a, a, 0xff, 0xff]);
    }

    #[test]
    fn an_endless_list_of_nothing_is_over() {
        let mut frame = [9; 6];
        assert!(Playlist::new(1, vec![], Repeat::Forever).fill(Codec::Pcmu, &mut frame));
        assert!(Playlist::new(1, vec![prompt(0, 1)], Repeat::Forever).fill(Codec::Pcmu, &mut frame));
        assert!(Playlist::new(1, vec![prompt(9, 1)], Repeat::Times(0)).fill(Codec::Pcmu, &mut frame));
        assert_eq!(frame, [0xff; 6]);
    }

    #[test]
    fn a_prompt_in_another_codecs_form_is_turned_into_the_legs() {
        let mut list = Playlist::new(1, vec![prompt(160, 4_000)], Repeat::Forever);
        let (mut frame, mut pcm) = ([0; 160], [0; 160]);
        list.fill(Codec::Pcma, &mut frame);
        Codec::Pcma.decode(&frame, &mut pcm);
        assert!(pcm.iter().all(|sample| (3_700..4_300).contains(sample)), "{pcm:?}");
    }

    #[test]
    fn an_endless_list_goes_on() {
        let mut list = Playlist::new(1, vec![prompt(7, 1_000)], Repeat::Forever);
        let mut frame = [0; 160];
        for _ in 0..1_000 {
            assert!(!list.fill(Codec::Pcmu, &mut frame));
        }
        assert!(frame.iter().all(|byte| *byte == level(1_000)));
    }
}
