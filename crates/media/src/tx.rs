//! A leg's mouth: the outgoing stream's numbers, how a packet is sent, and keys being sent.

use std::net::SocketAddr;
use std::time::Duration;

use audio::codec::{Codec, Encoder};
use rtp::packet::{HEADER, Writer};
use rtp::{RtpTime, Seq, dtmf};

use crate::command::DigitToSend;
use crate::guard::Guard;
use crate::io::{Channel, Io};
use crate::relay::Relayed;
use crate::source::{Filled, Playlist};
use crate::worker::Turn;

/// A silence is described so often, in milliseconds. Far ends that watch for packets to come, and the routers on the way,
/// have at least as many of them as they need, and one that is lost is soon followed by another.
const NOISE_MS: u32 = 200;

/// A silence that is left out (RFC 7587 §3.1.3) is said so often, in milliseconds, as libopus does.
const REST_MS: u32 = 400;

/// So many packets of a stream are whole ones, described silence or not: who waits for several in a row before it believes
/// their sender is not kept waiting.
const WHOLE: u64 = 10;

/// The silence that packets of silence have: the level of RFC 3389 §3.1 in -dBov, the lowest.
const SILENCE: u8 = 127;

/// The outgoing stream. Its timestamps count samples, whatever the clock on the wall does.
pub(crate) struct Tx {
    writer: Writer,
    timestamp: RtpTime,
    /// The last packet carried something to hear.
    talking: bool,
    /// The last packet described a silence, or was one among those that are left out, so many ticks ago.
    described: Option<u32>,
    /// How loud the silence is that was passed on last, if nothing was said since: in -dBov, as it came.
    noise: Option<u8>,
    /// For what is said from samples; with whoever has such, as [`crate::ears::Kit`] says.
    encoder: Option<Encoder>,
    /// The leg's encryption, both ways: nothing leaves past it.
    pub(crate) guard: Option<Box<Guard>>,
    pub(crate) relayed: Relayed,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    /// What of both was sent as another stream, before the last that began.
    past: (u64, u64),
}

impl Tx {
    /// RFC 3550 §5.1: SSRC, first sequence number and first timestamp are random; they come from `seed`.
    /// The sequence number is below 2^15, so that the first packets may be lost before it rolls over (RFC 3711 §3.3.1).
    pub(crate) fn new(seed: u64, guard: Option<Box<Guard>>) -> Tx {
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Tx {
            writer: Writer::new(seed as u32, Seq((seed >> 32) as u16 >> 1)),
            timestamp: RtpTime((mixed >> 32) as u32),
            talking: false,
            described: None,
            noise: None,
            encoder: None,
            guard,
            relayed: Relayed::default(),
            packets: 0,
            octets: 0,
            past: (0, 0),
        }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.writer.ssrc()
    }

    /// Go on as another stream.
    pub(crate) fn renew(&mut self) {
        let ssrc = self.ssrc().wrapping_mul(0x9e37_79b9).wrapping_add(0x7f4a_7c15);
        self.writer = Writer::new(ssrc, Seq(self.writer.next_seq().0 >> 1));
        self.past = (self.packets, self.octets);
    }

    /// Packets and octets of the stream as it is now (RFC 3550 §6.4.1: another SSRC counts anew).
    pub(crate) fn sent(&self) -> (u64, u64) {
        (self.packets - self.past.0, self.octets - self.past.1)
    }

    /// Of the next packet of audio.
    pub(crate) fn timestamp(&self) -> RtpTime {
        self.timestamp
    }

    /// What comes next is of this time.
    pub(crate) fn set_timestamp(&mut self, timestamp: RtpTime) {
        self.timestamp = timestamp;
    }

    /// The number of the next packet.
    pub(crate) fn next_seq(&self) -> Seq {
        self.writer.next_seq()
    }

    /// The next packet has this number.
    pub(crate) fn renumber(&mut self, seq: Seq) {
        self.writer.set_next(seq);
    }

    /// Time passes without audio.
    pub(crate) fn pass(&mut self, units: u32) {
        self.timestamp = self.timestamp.plus(units);
    }

    /// What is passed on next is noise of this level, or audio.
    pub(crate) fn passes_noise(&mut self, level: Option<u8>) {
        self.noise = level;
    }

    /// Whether a silence was passed on last, and nothing was said since.
    pub(crate) fn has_passed_noise(&self) -> bool {
        self.noise.is_some()
    }

    /// What comes next is a new talkspurt.
    pub(crate) fn pause(&mut self) {
        self.talking = false;
    }

    /// Samples are encoded by `encoder` from here on; the one before, if any.
    pub(crate) fn equip(&mut self, encoder: Encoder) -> Option<Encoder> {
        self.encoder.replace(encoder)
    }

    /// Nothing is said from samples any more.
    pub(crate) fn strip(&mut self) -> Option<Encoder> {
        self.encoder.take()
    }

    /// Whether samples can be said.
    pub(crate) fn is_equipped(&self) -> bool {
        self.encoder.is_some()
    }

    /// The peer misses so many packets in a hundred.
    pub(crate) fn expect_loss(&mut self, percent: u8) {
        if let Some(encoder) = &mut self.encoder {
            encoder.expect_loss(percent);
        }
    }

    /// Encode samples; how many bytes they came to. 0 without an encoder, and if there is nothing to be sent.
    pub(crate) fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        self.encoder.as_mut().map_or(0, |encoder| encoder.encode(samples, payload))
    }

    /// Send the payload of `len` bytes that stands behind the header's place in the turn's packet, `ticks` long by the
    /// codec's clock. `talking` tells prompts from silence: a talkspurt's first packet is marked (RFC 3551 §4.1).
    pub(crate) fn audio<I: Io>(
        &mut self,
        place: usize,
        to: SocketAddr,
        payload_type: u8,
        talking: bool,
        (len, ticks): (usize, u32),
        turn: &mut Turn<'_, I>,
    ) {
        // The encoder has nothing to say: a pause.
        if len == 0 {
            self.pass(ticks);
            return self.pause();
        }
        let marker = talking && !self.talking;
        self.talking = talking;
        self.noise = None;
        let timestamp = self.timestamp;
        self.timestamp = timestamp.plus(ticks);
        self.send(place, to, (payload_type, marker, timestamp), len, turn);
    }

    /// A packet time of silence, for a peer that takes descriptions of it (RFC 3389): one at the beginning and now and
    /// then, by a `clock` in ticks a second. `false`, and nothing done, if the silence is to be sent as a packet of audio.
    pub(crate) fn silence<I: Io>(
        &mut self,
        place: usize,
        to: SocketAddr,
        payload_type: u8,
        (ticks, clock): (u32, u32),
        turn: &mut Turn<'_, I>,
    ) -> bool {
        if self.packets < WHOLE {
            return false;
        }
        let timestamp = self.timestamp;
        self.pass(ticks);
        self.pause();
        let since = self.described.map(|since| since.saturating_add(ticks));
        if since.is_some_and(|since| since < clock / 1_000 * NOISE_MS) {
            self.described = since;
            return true;
        }
        if let Some(level) = turn.scratch.packet.get_mut(HEADER) {
            *level = self.noise.unwrap_or(SILENCE);
        }
        self.send(place, to, (payload_type, false, timestamp), 1, turn);
        self.described = Some(0);
        true
    }

    /// A packet time of silence, for a peer that would rather not be sent it (RFC 7587 §3.1.3), by a `clock` in ticks a
    /// second: whether it is left out. If not, it is to be sent, and [`Tx::rested`].
    pub(crate) fn rests(&mut self, ticks: u32, clock: u32) -> bool {
        let since = self.described.map(|since| since.saturating_add(ticks));
        if self.packets < WHOLE || since.is_none_or(|since| since >= clock / 1_000 * REST_MS) {
            return false;
        }
        self.described = since;
        self.pass(ticks);
        self.pause();
        true
    }

    /// The packet before was one of a silence that is left out from here on.
    pub(crate) fn rested(&mut self) {
        self.described = Some(0);
    }

    /// Send a telephone-event. Audio's timestamps go on meanwhile: see [`Tx::pass`].
    pub(crate) fn event<I: Io>(
        &mut self,
        place: usize,
        to: SocketAddr,
        payload_type: u8,
        update: &dtmf::Update,
        turn: &mut Turn<'_, I>,
    ) {
        if let Some(payload) = turn.scratch.packet.get_mut(HEADER..HEADER + dtmf::PAYLOAD) {
            payload.copy_from_slice(&update.payload);
        }
        self.send(place, to, (payload_type, update.marker, update.timestamp), dtmf::PAYLOAD, turn);
        // Audio had a gap: what is said after it is a new talkspurt.
        self.pause();
    }

    /// Send the payload that stands behind the header's place in the turn's packet.
    pub(crate) fn send<I: Io>(
        &mut self,
        place: usize,
        to: SocketAddr,
        (payload_type, marker, timestamp): (u8, bool, RtpTime),
        octets: usize,
        turn: &mut Turn<'_, I>,
    ) {
        self.described = None;
        let (buffer, len) = (&mut turn.scratch.packet, HEADER + octets);
        self.writer.write(buffer, payload_type, marker, timestamp);
        let len = match &mut self.guard {
            None => Some(len),
            Some(guard) => {
                let sealed = guard.seal(false, buffer, len);
                // Where no keys are yet nothing is expected to leave.
                turn.stats.unsealed += u64::from(sealed.is_none() && guard.profile().is_some());
                sealed
            }
        };
        let Some(packet) = len.and_then(|len| buffer.get(..len)) else { return };
        if turn.io.send(place, Channel::Rtp, to, packet) {
            self.packets += 1;
            self.octets += octets as u64;
            turn.stats.packets_out += 1;
        } else {
            turn.stats.send_failures += 1;
        }
    }
}

/// Keys being sent.
pub(crate) enum Dialling {
    /// As telephone-events.
    Events(Keys),
    /// As tones, rendered before; where the peer takes no telephone-events.
    Tones(Playlist),
}

impl Dialling {
    pub(crate) fn tag(&self) -> u64 {
        match self {
            Dialling::Events(keys) => keys.tag,
            Dialling::Tones(list) => list.tag,
        }
    }

    /// The next turn, at `timestamp` and of `ms` milliseconds; `payload` is there for a tone, `clock` counts the
    /// durations of telephone-events.
    pub(crate) fn step(
        &mut self,
        timestamp: RtpTime,
        (codec, ms): (Codec, usize),
        clock: u32,
        payload: &mut [u8],
    ) -> Step {
        match self {
            Dialling::Events(keys) => keys.step(timestamp, clock / 1_000 * ms as u32, clock),
            Dialling::Tones(list) => Step::Tone(list.next(codec, ms, payload)),
        }
    }

    /// Stop early. `true` if it is over at once; a telephone-event still gets its ends.
    pub(crate) fn cut(&mut self) -> bool {
        match self {
            Dialling::Events(keys) => {
                keys.cut();
                false
            }
            Dialling::Tones(_) => true,
        }
    }
}

/// Keys as telephone-events, one after the other.
pub(crate) struct Keys {
    tag: u64,
    digits: Vec<DigitToSend>,
    next: usize,
    state: Keying,
}

enum Keying {
    Between,
    /// A key is pressed; after it, so much quiet.
    Pressed(dtmf::Sender, u32),
    Quiet(u32),
}

/// What a turn of sending keys is.
pub(crate) enum Step {
    /// A telephone-event is to be sent.
    Event(dtmf::Update),
    /// The payload is a tone's; it may be the last.
    Tone(Filled),
    /// Between keys.
    Quiet,
    /// All were sent before this turn.
    Over,
}

impl Keys {
    pub(crate) fn new(tag: u64, digits: Vec<DigitToSend>) -> Keys {
        Keys { tag, digits, next: 0, state: Keying::Between }
    }

    /// The next turn of `units` samples at `timestamp`; `rate` in hertz.
    fn step(&mut self, timestamp: RtpTime, units: u32, rate: u32) -> Step {
        let samples = |span: Duration| rtp::time::units(span.min(Duration::from_secs(3_600)), rate);
        loop {
            match &mut self.state {
                Keying::Pressed(sender, gap) => match sender.next(units) {
                    Some(update) => return Step::Event(update),
                    None => self.state = Keying::Quiet(*gap),
                },
                Keying::Quiet(0) => self.state = Keying::Between,
                Keying::Quiet(left) => {
                    *left = left.saturating_sub(units);
                    return Step::Quiet;
                }
                Keying::Between => {
                    let Some(digit) = self.digits.get(self.next) else { return Step::Over };
                    self.next += 1;
                    let pressed =
                        digit.key.and_then(|key| dtmf::Sender::new(key, timestamp, samples(digit.duration)));
                    self.state = match (digit.key, pressed) {
                        // Two of the three ends are sent after the key's time: they are part of the gap.
                        (_, Some(sender)) => {
                            Keying::Pressed(sender, samples(digit.gap).saturating_sub(2 * units))
                        }
                        (None, None) => {
                            Keying::Quiet(samples(digit.duration).saturating_add(samples(digit.gap)))
                        }
                        // Not a key: nothing to send.
                        (Some(_), None) => Keying::Between,
                    };
                }
            }
        }
    }

    /// Let go: the key that is pressed still gets its ends.
    fn cut(&mut self) {
        self.next = self.digits.len();
        match &mut self.state {
            Keying::Pressed(sender, gap) => {
                sender.cut();
                *gap = 0;
            }
            other => *other = Keying::Between,
        }
    }
}
