//! What decodes another codec than the first that was agreed on, to the samples that the leg works with.
//!
//! The far end may change over to any codec that it and we have described, at any packet (RFC 3264 §8.3.2).
//! Most never do, and a decoder of Opus is as large as all else that a leg has.
//! So one is made when the first packet of its codec has come: the worker asks, the carrier makes it, and it is here a
//! slot or two later, while that packet waits in the jitter buffer.
//! Those that are nothing but a table are there from the beginning, and that of G.722, which would take a while to find
//! into a stream whose first packet it missed.

use audio::Rate;
use audio::codec::{Codec, CodecError, Decoder};
use audio::resample::Resampler;

/// Samples that are brought to another rate at a time: 20 ms at 16 kHz.
const PART: usize = 320;

/// A decoder of another codec, and what brings its samples to the leg's rate.
#[derive(Debug)]
pub(crate) struct Interpreter {
    codec: Codec,
    rate: Rate,
    decoder: Decoder,
    converter: Option<Resampler>,
}

impl Interpreter {
    /// From packets of `codec` to samples of `rate`. Allocates.
    pub(crate) fn new(codec: Codec, rate: Rate) -> Result<Interpreter, CodecError> {
        let own = if codec == Codec::Opus { rate } else { codec.rate() };
        let converter = Resampler::between(own, rate);
        Ok(Interpreter { codec, rate, decoder: Decoder::new(codec, own)?, converter })
    }

    /// Decode a packet and say how many samples it came to.
    fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        let Some(resampler) = &mut self.converter else { return self.decoder.decode(payload, out) };
        let (mut room, mut filled) = ([0; PART], 0);
        // As many bytes as that are samples; none of these codecs has more than two a byte, or minds being cut.
        for part in payload.chunks(PART / 2) {
            let n = self.decoder.decode(part, &mut room);
            filled += resampler.process(&room[..n], out.get_mut(filled..).unwrap_or_default());
        }
        filled
    }

    fn reset(&mut self) {
        self.decoder.reset();
        if let Some(resampler) = &mut self.converter {
            resampler.reset();
        }
    }
}

/// Another codec that the far end may change over to.
#[derive(Debug)]
struct Other {
    codec: Codec,
    state: State,
}

#[derive(Debug)]
enum State {
    Absent,
    /// At this time, by the clock that packets arrive by.
    Asked(u32),
    Here(Box<Interpreter>),
}

impl Other {
    fn new(codec: Codec, rate: Rate) -> Result<Other, CodecError> {
        let at_once = codec == Codec::G722 || codec.is_stateless() && codec.rate() == rate;
        let state = match at_once {
            true => State::Here(Box::new(Interpreter::new(codec, rate)?)),
            false => State::Absent,
        };
        Ok(Other { codec, state })
    }

    fn here(&mut self) -> Option<&mut Interpreter> {
        match &mut self.state {
            State::Here(interpreter) => Some(interpreter),
            State::Absent | State::Asked(_) => None,
        }
    }
}

/// What understands a stream: the decoder of the codec that was agreed on first, which is format 0, and those of the
/// others, from 1 on.
#[derive(Debug)]
pub(super) struct Decoders {
    codec: Codec,
    rate: Rate,
    decoder: Decoder,
    others: Box<[Other]>,
    /// Of the last packet that was taken.
    current: u8,
}

impl Decoders {
    pub(super) fn new(codec: Codec, rate: Rate, others: &[Codec]) -> Result<Decoders, CodecError> {
        let decoder = Decoder::new(codec, rate)?;
        let others = others.iter().map(|other| Other::new(*other, rate)).collect::<Result<_, _>>()?;
        Ok(Decoders { codec, rate, decoder, others, current: 0 })
    }

    /// Whether they are for just these codecs.
    pub(super) fn are_for(&self, codec: Codec, rate: Rate, mut others: impl Iterator<Item = Codec>) -> bool {
        let same = self.others.iter().all(|other| others.next() == Some(other.codec));
        same && others.next().is_none() && (self.codec, self.rate) == (codec, rate)
    }

    fn other(&mut self, format: u8) -> Option<&mut Other> {
        self.others.get_mut(usize::from(format).checked_sub(1)?)
    }

    pub(super) fn codec(&self, format: u8) -> Codec {
        match usize::from(format).checked_sub(1).and_then(|at| self.others.get(at)) {
            Some(other) => other.codec,
            None => self.codec,
        }
    }

    /// The codec of the last packet that was taken.
    pub(super) fn current(&self) -> Codec {
        self.codec(self.current)
    }

    /// How many samples a packet will come to; 0 if it is broken.
    pub(super) fn samples(&self, format: u8, payload: &[u8]) -> usize {
        let codec = self.codec(format);
        (codec.ticks(payload) as u64 * u64::from(self.rate.0) / u64::from(codec.clock().max(1))) as usize
    }

    /// A packet of `format` came at `now`: the codec whose interpreter is to be asked for, if it is. One that did not
    /// come in a second is asked for again.
    pub(super) fn wants(&mut self, format: u8, now: u32) -> Option<Codec> {
        let second = self.codec.clock();
        let other = self.other(format)?;
        let wants = match other.state {
            State::Absent => true,
            State::Asked(at) => now.wrapping_sub(at) as i32 > second as i32,
            State::Here(_) => false,
        };
        if wants {
            other.state = State::Asked(now);
        }
        wants.then_some(other.codec)
    }

    /// Here is one that was asked for; answers what is not needed.
    pub(super) fn equip(&mut self, interpreter: Box<Interpreter>) -> Option<Box<Interpreter>> {
        if interpreter.rate != self.rate {
            return Some(interpreter);
        }
        let Some(other) = self.others.iter_mut().find(|other| other.codec == interpreter.codec) else {
            return Some(interpreter);
        };
        match std::mem::replace(&mut other.state, State::Here(interpreter)) {
            State::Here(before) => Some(before),
            State::Absent | State::Asked(_) => None,
        }
    }

    /// The next packet is of this format: whether that is a change, after which nothing of before is left.
    pub(super) fn turn(&mut self, format: u8) -> bool {
        let turns = self.current != format;
        if turns {
            self.current = format;
            match self.other(format).map(Other::here) {
                None => self.decoder.reset(),
                Some(Some(interpreter)) => interpreter.reset(),
                Some(None) => {}
            }
        }
        turns
    }

    /// Decode a packet of the current format and say how many samples it came to; `None` while there is nothing that
    /// could.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Option<usize> {
        match self.other(self.current) {
            None => Some(self.decoder.decode(payload, out)),
            Some(other) => other.here().map(|interpreter| interpreter.decode(payload, out)),
        }
    }

    /// The codec's own guess of what was lost; `false`, and nothing done, if it has none.
    pub(super) fn conceal(&mut self, out: &mut [i16]) -> bool {
        match self.other(self.current) {
            None => self.decoder.conceal(out),
            Some(other) => other.here().is_some_and(|interpreter| interpreter.decoder.conceal(out)),
        }
    }

    /// What was lost right before `next`, as far as that carries it.
    pub(super) fn recover(&mut self, format: u8, next: &[u8], out: &mut [i16]) -> usize {
        if format != self.current {
            return 0;
        }
        match self.other(format) {
            None => self.decoder.recover(next, out),
            Some(other) => other.here().map_or(0, |interpreter| interpreter.decoder.recover(next, out)),
        }
    }

    /// Another stream begins.
    pub(super) fn reset(&mut self) {
        self.decoder.reset();
        self.others.iter_mut().filter_map(Other::here).for_each(Interpreter::reset);
    }
}
