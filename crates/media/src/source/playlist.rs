//! Prompts in a row, without a gap between them or between their repetitions.
//!
//! A place in a list is a time, so that it means the same whatever the prompts are encoded as.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use audio::codec::Codec;

use crate::command::Repeat;
use crate::prompt::{Prompt, TICKS_A_MS};
use crate::stream::{Taken, Tap};

/// A list waits so long for prompts in its leg's form; then its time runs on in silence, so that it ends some time.
const PATIENCE_MS: u32 = 3_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Playlist {
    pub(crate) tag: u64,
    items: Vec<Arc<Prompt>>,
    repeat: Repeat,
    /// The item being played, and where in it to go on from, in ticks.
    item: usize,
    at: u64,
    /// Whether the round so far held any audio: a list of nothing must not be repeated for ever.
    sounded: bool,
    paused: bool,
    /// Its time runs while nobody hears it.
    running: bool,
    /// Where its long sounds come from, if it has any.
    tap: Option<Box<Tap>>,
    /// For how long it has been waiting for prompts in another form, in milliseconds.
    waited: u32,
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
        Playlist {
            tag,
            items,
            repeat,
            item: 0,
            at: 0,
            sounded: false,
            paused: false,
            running: false,
            tap: None,
            waited: 0,
        }
    }

    /// The same with what its long sounds come from.
    pub(crate) fn tapped(mut self, tap: Option<Tap>) -> Playlist {
        self.tap = tap.map(Box::new);
        self
    }

    /// The same from another place on.
    pub(crate) fn from(mut self, at: Duration) -> Playlist {
        self.seek(at);
        self
    }

    /// The same, but its time runs on while it is not heard.
    pub(crate) fn running(mut self) -> Playlist {
        self.running = true;
        self
    }

    /// What is being played.
    pub(crate) fn current(&self) -> Option<&Arc<Prompt>> {
        self.items.get(self.item)
    }

    /// Whether what comes next is in this codec's form.
    pub(crate) fn is_in(&self, codec: Codec) -> bool {
        self.items.get(self.item).or(self.items.first()).is_some_and(|prompt| prompt.form().codec == codec)
    }

    /// Write the payload of the next packet, of `ms` milliseconds; what the list cannot fill is silence.
    /// A G.711 prompt in the other law's form, as after a re-INVITE, is turned into this one's; otherwise there is
    /// silence until the list is there in the leg's form.
    pub(crate) fn next(&mut self, codec: Codec, ms: usize, payload: &mut [u8]) -> Filled {
        if self.is_paused() {
            let last = self.unheard(ms);
            return Filled { len: codec.write_silence(ms, payload), last };
        }
        if self.items.get(self.item).is_some_and(|prompt| !prompt.suits(codec, ms)) {
            self.waited = self.waited.saturating_add(ms as u32);
            let last = (self.running || self.waited > PATIENCE_MS) && self.pass(ms);
            return Filled { len: codec.write_silence(ms, payload), last };
        }
        self.waited = 0;
        match codec.bytes_per_ms() {
            Some(per_ms) => {
                let len = payload.len().min(ms * per_ms);
                let last = self.fill((codec, per_ms), payload.get_mut(..len).unwrap_or_default());
                Filled { len, last }
            }
            None => self.packet(codec, ms, payload),
        }
    }

    /// So much time passes while something else is said, or nothing. `true` if the list is over.
    pub(crate) fn unheard(&mut self, ms: usize) -> bool {
        if self.running { self.pass(ms) } else { self.repeat == Repeat::Times(0) }
    }

    /// Nothing is said until it is resumed.
    pub(crate) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether the time runs on while nobody hears it.
    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Go on from a place in this round. What lies behind its end is in the rounds that follow, if there are such.
    pub(crate) fn seek(&mut self, to: Duration) {
        (self.item, self.at) = (0, 0);
        let mut to =
            u64::try_from(to.as_millis()).unwrap_or(u64::MAX / TICKS_A_MS).saturating_mul(TICKS_A_MS);
        let round: u64 = self.items.iter().map(|prompt| prompt.ticks()).sum();
        if let Some(rounds) = to.checked_div(round) {
            match &mut self.repeat {
                Repeat::Forever => {}
                Repeat::Times(times) => {
                    *times = u64::from(*times).saturating_sub(rounds).try_into().unwrap_or_default();
                }
            }
            to %= round;
        }
        self.advance(to);
    }

    /// Go on so many milliseconds later, or earlier; not before this round, and not behind its end.
    pub(crate) fn skip(&mut self, by: i64) {
        let ticks = self.items.iter().map(|prompt| prompt.ticks()).sum::<u64>();
        let round = Duration::from_millis(ticks.div_ceil(TICKS_A_MS));
        let at = i64::try_from(self.position().as_millis()).unwrap_or(i64::MAX).saturating_add(by);
        self.seek(Duration::from_millis(at.max(0).unsigned_abs()).min(round));
    }

    /// Where it is in this round.
    pub(crate) fn position(&self) -> Duration {
        let before: u64 = self.items.iter().take(self.item).map(|prompt| prompt.ticks()).sum();
        Duration::from_millis((before + self.at) / TICKS_A_MS)
    }

    /// The same prompts in another form; they go on where these stand. These are in `other` then.
    pub(crate) fn swap(&mut self, other: &mut Playlist) {
        std::mem::swap(&mut self.items, &mut other.items);
        std::mem::swap(&mut self.tap, &mut other.tap);
        self.waited = 0;
    }

    /// Time passes. `true` if the list is over.
    fn pass(&mut self, ms: usize) -> bool {
        self.advance(ms as u64 * TICKS_A_MS)
    }

    fn advance(&mut self, ticks: u64) -> bool {
        let mut left = ticks;
        loop {
            if self.repeat == Repeat::Times(0) {
                return true;
            }
            let Some(prompt) = self.items.get(self.item) else {
                self.next_round();
                continue;
            };
            let rest = prompt.ticks().saturating_sub(self.at);
            self.sounded |= rest > 0;
            if rest > left {
                self.at += left;
                return false;
            }
            left -= rest;
            (self.item, self.at) = (self.item + 1, 0);
            if left == 0 {
                return self.is_over();
            }
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
            let step = ms as u64 * TICKS_A_MS;
            if prompt.long().is_some() {
                // A packet cannot be begun in its middle.
                self.at -= self.at % step.max(1);
                let taken = match &mut self.tap {
                    Some(tap) => tap.take_packet(self.item, self.at, step, payload),
                    None => Taken::End(0),
                };
                match taken {
                    Taken::Nothing => return Filled { len: codec.write_silence(ms, payload), last: false },
                    Taken::Bytes(len) => {
                        self.at += step;
                        self.sounded = true;
                        return Filled { len: len.min(payload.len()), last: false };
                    }
                    Taken::End(len) => {
                        (self.item, self.at) = (self.item + 1, 0);
                        self.sounded |= len > 0;
                        if len > 0 {
                            return Filled { len: len.min(payload.len()), last: self.is_over() };
                        }
                        continue;
                    }
                }
            }
            let packet = prompt.packet_at(self.at);
            self.at += step - self.at % step.max(1);
            if self.at >= prompt.ticks() {
                (self.item, self.at) = (self.item + 1, 0);
            }
            let Some(packet) = packet.filter(|packet| packet.len() <= payload.len()) else { continue };
            self.sounded = true;
            payload.get_mut(..packet.len()).unwrap_or_default().copy_from_slice(packet);
            return Filled { len: packet.len(), last: self.is_over() };
        }
    }

    /// Copy the next bytes to `frame`. `true` if the list is over.
    fn fill(&mut self, (codec, per_ms): (Codec, usize), frame: &mut [u8]) -> bool {
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
            if prompt.long().is_some() {
                let from = prompt.form().codec;
                let taken = match &mut self.tap {
                    Some(tap) => tap.take(self.item, self.at, per_ms, rest),
                    None => Taken::End(0),
                };
                let n = match taken {
                    Taken::Nothing => 0,
                    Taken::Bytes(n) | Taken::End(n) => n,
                };
                let (now, later) = rest.split_at_mut(n);
                recode(from, codec, now);
                rest = later;
                self.at += n as u64 * TICKS_A_MS / per_ms as u64;
                self.sounded |= n > 0;
                if matches!(taken, Taken::End(_)) {
                    (self.item, self.at) = (self.item + 1, 0);
                    if rest.is_empty() {
                        return self.is_over();
                    }
                    continue;
                }
                // Nothing more is read yet: the sound stands still.
                rest.fill(codec.silence());
                return false;
            }
            let at =
                usize::try_from(self.at).unwrap_or(usize::MAX).saturating_mul(per_ms) / TICKS_A_MS as usize;
            let left = prompt.bytes().get(at..).unwrap_or_default();
            let n = left.len().min(rest.len());
            let (now, later) = rest.split_at_mut(n);
            copy(prompt.form().codec, &left[..n], codec, now);
            rest = later;
            self.at += n as u64 * TICKS_A_MS / per_ms as u64;
            self.sounded |= n > 0;
            if n == left.len() {
                (self.item, self.at) = (self.item + 1, 0);
            }
            if rest.is_empty() {
                return self.is_over();
            }
        }
    }

    /// Looking ahead tells the end with the packet that carries the last byte, not one later.
    fn is_over(&mut self) -> bool {
        self.item >= self.items.len() && !self.next_round()
    }

    /// Begin again if there is a round left.
    fn next_round(&mut self) -> bool {
        (self.item, self.at) = (0, 0);
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
    if !is_law(from) || !is_law(to) {
        return out.fill(to.silence());
    }
    let mut pcm = [0; 480];
    for (bytes, out) in bytes.chunks(pcm.len()).zip(out.chunks_mut(480)) {
        let n = from.decode(bytes, &mut pcm);
        to.encode(&pcm[..n], out);
    }
}

/// From one law's form to the other's, in place.
fn recode(from: Codec, to: Codec, bytes: &mut [u8]) {
    if from != to {
        let mut before = [0; 480];
        for part in bytes.chunks_mut(480) {
            let before = &mut before[..part.len()];
            before.copy_from_slice(part);
            copy(from, before, to, part);
        }
    }
}

/// Whether it is one of G.711's two, which are turned into each other by table.
pub(crate) fn is_law(codec: Codec) -> bool {
    matches!(codec, Codec::Pcmu | Codec::Pcma)
}
