//! A leg's ears: packets in as they come, samples out at an even pace.
//!
//! A jitter buffer, a decoder, and what makes up for the network: losses are concealed (Opus by itself, the others by
//! repeating the last pitch periods), pauses are silent or comfort noise, and the delay is led to what the jitter asks
//! for by taking out or putting in a pitch period where that is not heard.
//! A stream without jitter or loss comes out sample for sample as it was sent.
//!
//! Made on the engine's side, because making them allocates; a worker only uses them and hands them back.

use std::time::Duration;

use audio::codec::{Codec, CodecError, MAX_PAYLOAD};
use audio::conceal::Concealer;
use audio::noise::Noise;
use audio::{Rate, stretch};
use rtp::jitter::{Inserted, Kind, Next, Packets};
use rtp::{RtpTime, Seq};

pub(crate) use rtp::jitter::Delay;

use crate::command::LegSetup;
use interpreter::Decoders;
pub(crate) use interpreter::Interpreter;
pub(crate) use kit::Kit;
use pace::Pacer;

mod interpreter;
mod kit;
mod pace;
mod resume;
#[cfg(test)]
mod tests;

/// The longest packet taken, in time; Opus has such (RFC 6716 §3.2.5).
const LONGEST: Duration = Duration::from_millis(120);

/// The longest frame that is read, and the longest packet of the other codecs.
const LONGEST_FRAME: Duration = Duration::from_millis(60);

/// What the jitter buffer has for a packet of Opus, by the block: 20 ms at 100 kbit/s. Of packets at the highest bit
/// rate, 510 kbit/s, the 64 blocks take 240 ms.
const OPUS_BLOCK: usize = 256;

/// Opus makes its own noise in a pause, as long as its sender is likely to say something of it: it does so every
/// 400 ms.
const OWN_NOISE: Duration = Duration::from_millis(1_000);

/// How the sound that was read came about; all in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// From packets.
    pub(crate) played: u64,
    /// Made up for what was lost or late.
    pub(crate) concealed: u64,
    /// Put in and taken out to change the delay.
    pub(crate) added: u64,
    pub(crate) removed: u64,
}

/// The jitter buffer and the decoder of an incoming stream, and what makes up for the network.
#[derive(Debug)]
pub(crate) struct Ears {
    codec: Codec,
    decoders: Decoders,
    rate: Rate,
    packets: Packets,
    /// What was decoded and not yet read: `sound[begin..end]`.
    sound: Vec<i16>,
    begin: usize,
    end: usize,
    concealer: Concealer,
    noise: Noise,
    /// The peer described its silence (RFC 3389), and nothing else came since.
    noisy: bool,
    /// Something was heard since the stream began.
    opened: bool,
    /// Samples since the last packet, and how many of them may turn out to have been a pause.
    without: usize,
    unsure: u64,
    pacer: Pacer,
    /// When what was read last is over, by the codec's clock.
    now: u32,
    tally: Tally,
}

impl Ears {
    /// Ears for packets of `codec`, and of the `others` that the peer may change over to, that give samples of `rate`.
    pub(crate) fn new(codec: Codec, rate: Rate, others: &[Codec], delay: Delay) -> Result<Ears, CodecError> {
        let sizes = |codec: Codec| match codec.bytes_per_ms() {
            Some(bytes) => (10 * bytes, (60 * bytes).min(MAX_PAYLOAD), LONGEST_FRAME),
            None => (OPUS_BLOCK, MAX_PAYLOAD, LONGEST),
        };
        let (mut block, mut longest, mut packet) = sizes(codec);
        for (of_block, of_longest, of_packet) in others.iter().map(|other| sizes(*other)) {
            // Voices by Opus need no more than G.711 does.
            block = if of_block == OPUS_BLOCK { block } else { block.max(of_block) };
            (longest, packet) = (longest.max(of_longest), packet.max(of_packet));
        }
        // What is decoded ahead for a frame that is to be changed, and the last packet of it may be a long one.
        let room = rate.samples(LONGEST_FRAME + stretch::REACH + packet);
        Ok(Ears {
            codec,
            decoders: Decoders::new(codec, rate, others)?,
            rate,
            packets: Packets::new(codec.clock(), block, longest, delay),
            sound: vec![0; room],
            begin: 0,
            end: 0,
            concealer: Concealer::new(rate),
            noise: Noise::new(),
            noisy: false,
            opened: false,
            without: 0,
            unsure: 0,
            pacer: Pacer::new(codec.clock() / 1_000),
            now: 0,
            tally: Tally::default(),
        })
    }

    /// Who shares these ears with who would have had `other`, of the same codec, waits for packets no longer than that
    /// one.
    pub(crate) fn hurry(&mut self, other: &Ears) {
        self.packets.hurry(&other.packets);
    }

    /// Whether they understand what `setup` says is sent, and give what the leg works with.
    pub(crate) fn is_for(&self, setup: &LegSetup) -> bool {
        let others = setup.alternatives.iter().map(|other| other.codec);
        self.decoders.are_for(setup.codec, setup.rate, others)
    }

    /// Ticks of the codec's clock.
    fn ticks(&self, samples: usize) -> u32 {
        (samples as u64 * u64::from(self.codec.clock()) / u64::from(self.rate.0.max(1))) as u32
    }

    /// A packet of sound came at `arrival`, by the codec's clock, as its timestamp. Its `format` is 0 for the codec, and
    /// counts the others from 1 on.
    pub(crate) fn insert(
        &mut self,
        arrival: u32,
        seq: Seq,
        timestamp: RtpTime,
        format: u8,
        payload: &[u8],
    ) -> Inserted {
        let samples = self.decoders.samples(format, payload);
        if samples > self.rate.samples(LONGEST) {
            return Inserted::Unfit;
        }
        let kind = Kind::Sound { units: self.ticks(samples), format };
        self.packets.insert(arrival, seq, timestamp, kind, payload)
    }

    /// A packet of `format` came at `arrival`: the codec that an interpreter is to be asked for, if one is.
    pub(crate) fn wants(&mut self, format: u8, arrival: u32) -> Option<Codec> {
        self.decoders.wants(format, arrival)
    }

    /// Here is an interpreter that was asked for; answers what is not needed.
    pub(crate) fn equip(&mut self, interpreter: Box<Interpreter>) -> Option<Box<Interpreter>> {
        self.decoders.equip(interpreter)
    }

    /// A description of the peer's silence came (RFC 3389).
    pub(crate) fn insert_noise(
        &mut self,
        arrival: u32,
        seq: Seq,
        timestamp: RtpTime,
        payload: &[u8],
    ) -> Inserted {
        self.packets.insert(arrival, seq, timestamp, Kind::Noise, payload)
    }

    /// A packet of the stream that carries no sound, as a key's.
    pub(crate) fn mute(&mut self, seq: Seq) {
        self.packets.mute(seq);
    }

    /// The next samples, at `now` by the codec's clock: `out` is always filled.
    pub(crate) fn read(&mut self, now: u32, out: &mut [i16]) {
        self.now = now.wrapping_add(self.ticks(out.len()));
        if self.end - self.begin < out.len() {
            self.pace(now, out.len());
        }
        let mut filled = self.take(out);
        while filled < out.len() {
            filled += self.fetch(now, &mut out[filled..]);
        }
    }

    /// From what is decoded already.
    fn take(&mut self, out: &mut [i16]) -> usize {
        let n = (self.end - self.begin).min(out.len());
        if n > 0 {
            out[..n].copy_from_slice(&self.sound[self.begin..self.begin + n]);
            self.begin += n;
        }
        n
    }

    /// What comes next: straight into `out` if it fits, else what fits of it. Nothing else is decoded and not read.
    /// Answers how much of `out` is filled, which may be nothing.
    fn fetch(&mut self, now: u32, out: &mut [i16]) -> usize {
        let n = self.produce(now, self.ticks(out.len()), Some(out));
        if n > 0 { n } else { self.take(out) }
    }

    /// Get the next stretch into `out`, where it fits there, and answer its length; else behind `sound`, and answer 0.
    fn produce(&mut self, now: u32, want: u32, out: Option<&mut [i16]>) -> usize {
        let (clock, hertz) = (u64::from(self.codec.clock().max(1)), u64::from(self.rate.0));
        let next = self.packets.next(now, want);
        let paused = matches!(next, Next::Packet { paused: true, .. });
        let n = match next {
            Next::Packet { payload, format, .. } => self.decoders.samples(format, payload),
            Next::Noise(payload) => {
                if self.decoders.current() == Codec::Opus {
                    return 0;
                }
                self.noise.describe(payload);
                self.noisy = true;
                return 0;
            }
            Next::Lost { units, .. } | Next::Pause(units) | Next::Wait(units) => {
                (u64::from(units) * hertz / clock) as usize
            }
        };
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        let (room, direct) = match out {
            Some(out) if n <= out.len() => (&mut out[..n], true),
            _ => {
                let end = (self.end + n).min(self.sound.len());
                (&mut self.sound[self.end..end], false)
            }
        };
        let n = room.len();
        match next {
            Next::Packet { payload, format, .. } => {
                if self.decoders.turn(format) && self.opened {
                    self.concealer.break_off();
                }
                let decoded = self.decoders.decode(payload, room);
                match decoded {
                    Some(decoded) => {
                        // Broken inside: the rest is made up.
                        if decoded < n {
                            room[decoded..].fill(0);
                        }
                        self.concealer.hear(room);
                        self.tally.played += n as u64;
                    }
                    // What decodes it is on its way.
                    None => {
                        self.concealer.conceal(room);
                        self.tally.concealed += n as u64;
                    }
                }
                self.noisy = false;
                self.opened = true;
                self.without = 0;
                let unsure = std::mem::take(&mut self.unsure);
                if !paused {
                    self.tally.concealed += unsure;
                }
            }
            Next::Lost { next, .. } => {
                let recovered = next.map_or(0, |(format, next)| self.decoders.recover(format, next, room));
                if recovered == n {
                    self.concealer.hear(room);
                    self.tally.played += n as u64;
                } else {
                    self.tally.concealed += n as u64;
                    if self.decoders.conceal(room) {
                        self.concealer.hear(room);
                    } else {
                        self.concealer.conceal(room);
                    }
                }
                self.without += n;
            }
            Next::Wait(_) if self.opened && !self.noisy => {
                if self.without < self.rate.samples(OWN_NOISE) && self.decoders.conceal(room) {
                    self.concealer.hear(room);
                } else {
                    self.concealer.conceal(room);
                }
                self.unsure += n as u64;
                self.without += n;
            }
            Next::Pause(_) | Next::Wait(_) if self.opened => {
                if self.without < self.rate.samples(OWN_NOISE) && self.decoders.conceal(room) {
                    self.concealer.hear(room);
                } else {
                    self.concealer.pause(room);
                    if self.noisy {
                        add_noise(&mut self.noise, room);
                    }
                }
                self.without += n;
            }
            Next::Pause(_) | Next::Wait(_) if self.noisy => self.noise.fill(room),
            _ => room.fill(0),
        }
        if direct {
            n
        } else {
            self.end += n;
            0
        }
    }

    /// Lead the delay to what is wanted: `want` samples are about to be read, for which a packet will be taken.
    fn pace(&mut self, now: u32, want: usize) {
        let excess = self.packets.excess(now);
        // Of what the packets have too much only whole frames can be spared, for they are taken a frame at a time; what
        // is decoded and waits for the next frame serves nobody.
        let frame = (self.ticks(want) as i32).max(1);
        let spare = match excess {
            ..0 => excess,
            _ => self.ticks(self.end - self.begin) as i32 + excess / frame * frame,
        };
        let Some(step) = self.pacer.judge(spare, self.packets.margin(now)) else { return };
        if step.longer {
            self.lengthen(now, want, step.likeness);
        } else if !self.trim(now, excess) {
            self.shorten(now, want, self.samples(spare), step.likeness);
        }
    }

    /// Samples of ticks of the codec's clock.
    fn samples(&self, ticks: i32) -> usize {
        (ticks.max(0) as u64 * u64::from(self.rate.0) / u64::from(self.codec.clock().max(1))) as usize
    }

    /// The delay is beyond all bounds, as after a way that became much shorter: what is too old is given up.
    fn trim(&mut self, now: u32, excess: i32) -> bool {
        let far = excess > 200 * (self.codec.clock() / 1_000) as i32;
        if far && self.packets.trim(now) {
            self.concealer.break_off();
            return true;
        }
        false
    }

    /// Take out at most `spare` samples.
    fn shorten(&mut self, now: u32, want: usize, spare: usize, likeness: f32) {
        let most = self.rate.samples(stretch::REACH).min(spare);
        if !self.decode_ahead(now, (want + most).max(2 * most)) {
            return;
        }
        let sound = &mut self.sound[self.begin..self.end];
        if let Some(gone) = stretch::shorten(self.rate, sound, most, likeness) {
            self.end -= gone;
            self.tally.removed += gone as u64;
            self.pacer.done();
        } else {
            self.pacer.failed();
        }
    }

    fn lengthen(&mut self, now: u32, want: usize, likeness: f32) {
        if !self.decode_ahead(now, want.max(self.rate.samples(stretch::REACH))) {
            return;
        }
        let length = self.end - self.begin;
        let heard = self.concealer.heard();
        // What is decoded and not read was heard by the concealer already.
        let before = &heard[..heard.len().saturating_sub(length)];
        let sound = &mut self.sound[self.begin..];
        if let Some(added) = stretch::lengthen(self.rate, before, sound, length, likeness) {
            self.end += added;
            self.tally.added += added as u64;
            self.pacer.done();
        }
    }

    /// Have so many samples decoded, if packets without a gap give them.
    fn decode_ahead(&mut self, now: u32, needed: usize) -> bool {
        let have = self.end - self.begin;
        if have < needed {
            let more = self.ticks(needed - have);
            if self.concealer.is_concealing() || !self.packets.is_whole(more) {
                return false;
            }
            self.sound.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, have);
            while self.end < needed {
                let before = self.end;
                self.produce(now, more, None);
                if self.end == before {
                    return false;
                }
            }
        }
        true
    }

    /// Of the samples that are read.
    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// How much is held ahead of the reader.
    pub(crate) fn depth(&self) -> Duration {
        self.packets.depth() + self.rate.duration(self.end - self.begin)
    }

    /// How much later sound is read than it could be if every packet were as fast as the fastest.
    pub(crate) fn delay(&self) -> Duration {
        self.packets.delay(self.now, self.ticks(self.end - self.begin))
    }

    /// The delay that the jitter asks for, and the most there will be.
    pub(crate) fn target(&self) -> Duration {
        self.packets.target()
    }

    pub(crate) fn most(&self) -> Duration {
        self.packets.most()
    }

    /// How the sound came about.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }
}

fn add_noise(noise: &mut Noise, room: &mut [i16]) {
    let mut some = [0; 160];
    for part in room.chunks_mut(some.len()) {
        let some = &mut some[..part.len()];
        noise.fill(some);
        part.iter_mut().zip(some).for_each(|(sample, noise)| *sample = sample.saturating_add(*noise));
    }
}
