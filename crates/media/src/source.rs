//! What a leg says: silence, prompts, or what it hears.

use std::sync::Arc;

use audio::codec::Codec;

use crate::command::Repeat;
use crate::prompt::Prompt;

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
    /// The item being played, and where in it to go on from: a byte, or a packet where packets are wholes.
    item: usize,
    at: usize,
    /// Whether the round so far held any audio: a list of nothing must not be repeated for ever.
    sounded: bool,
}

/// What a list gave a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Bytes of payload.
    pub(crate) len: usize,
    /// The list is over: its last byte is in this packet, or was in one before.
    pub(crate) last: bool,
}

impl Playlist {
    pub(crate) fn new(tag: u64, items: Vec<Arc<Prompt>>, repeat: Repeat) -> Playlist {
        Playlist { tag, items, repeat, item: 0, at: 0, sounded: false }
    }

    /// Whether what comes next is in this codec's form.
    pub(crate) fn is_in(&self, codec: Codec) -> bool {
        self.items.get(self.item).or(self.items.first()).is_some_and(|prompt| prompt.form().codec == codec)
    }

    /// Write the payload of the next packet, of `ms` milliseconds; what the list cannot fill is silence.
    /// A G.711 prompt in the other law's form, as after a re-INVITE, is turned into this one's.
    pub(crate) fn next(&mut self, codec: Codec, ms: usize, payload: &mut [u8]) -> Filled {
        match codec.bytes_per_ms() {
            Some(per_ms) => {
                let len = payload.len().min(ms * per_ms);
                let last = self.fill(codec, payload.get_mut(..len).unwrap_or_default());
                Filled { len, last }
            }
            None => self.packet(codec, ms, payload),
        }
    }

    /// The next whole packet.
    fn packet(&mut self, codec: Codec, ms: usize, payload: &mut [u8]) -> Filled {
        loop {
            if self.repeat == Repeat::Times(0) {
                return Filled { len: codec.write_silence(ms, payload), last: true };
            }
            let Some(prompt) = self.items.get(self.item) else {
                self.next_round();
                continue;
            };
            let packet = prompt.packet(self.at);
            self.at += 1;
            if prompt.packet(self.at).is_none() {
                self.item += 1;
                self.at = 0;
            }
            let Some(packet) = packet.filter(|packet| packet.len() <= payload.len()) else { continue };
            self.sounded = true;
            let len = match prompt.form().codec == codec {
                true => {
                    payload.get_mut(..packet.len()).unwrap_or_default().copy_from_slice(packet);
                    packet.len()
                }
                // Until the list is there in this codec's form.
                false => codec.write_silence(ms, payload),
            };
            return Filled { len, last: self.item >= self.items.len() && !self.next_round() };
        }
    }

    /// Copy the next bytes to `frame`. `true` if the list is over.
    fn fill(&mut self, codec: Codec, frame: &mut [u8]) -> bool {
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
            copy(prompt.form().codec, &left[..n], codec, now);
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

/// Copy samples, from one law's form to the other's if need be. Between all other codecs it is silence.
fn copy(from: Codec, bytes: &[u8], to: Codec, out: &mut [u8]) {
    if from == to {
        return out.copy_from_slice(bytes);
    }
    let law = |codec| matches!(codec, Codec::Pcmu | Codec::Pcma);
    if !law(from) || !law(to) {
        return out.fill(to.silence());
    }
    let mut pcm = [0; 480];
    for (bytes, out) in bytes.chunks(pcm.len()).zip(out.chunks_mut(480)) {
        let n = from.decode(bytes, &mut pcm);
        to.encode(&pcm[..n], out);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use audio::codec::OpusSettings;
    use audio::{Pcm, Rate};

    use crate::prompt::Form;

    use super::*;

    fn prompt(samples: usize, value: i16) -> Arc<Prompt> {
        let form = Form::new(Codec::Pcmu, Duration::ZERO, OpusSettings::default());
        Arc::new(Prompt::encode(&Pcm::new(Rate::NARROW, vec![value; samples]), form).unwrap())
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
