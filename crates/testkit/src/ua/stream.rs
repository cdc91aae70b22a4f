//! The phone's media: sound in real time by any codec, keys as RFC 4733 events, and what was heard, by G.711 or G.722.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use audio::codec::{Codec, Decoder, Encoder, MAX_PAYLOAD};
use audio::resample::Resampler;
use audio::{Pcm, Rate};

/// Samples in 20 ms at 8 kHz.
const FRAME: usize = 160;
/// The payload type that the phone offers for telephone events.
pub(super) const EVENTS: u8 = 101;
/// That of comfort noise.
const NOISE: u8 = 13;
/// That of Opus, as the switch offers it.
pub(super) const OPUS: u8 = 107;

/// What a phone heard, as sound and as packets.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The sound, laid out by RTP timestamp.
    pub samples: Vec<i16>,
    /// Audio packets that came.
    pub packets: u64,
    /// Descriptions of comfort noise that came (RFC 3389).
    pub noises: u64,
    /// Audio packets that began a talkspurt.
    pub markers: u64,
    /// Gaps in the sequence numbers, in packets.
    pub lost: u64,
    /// Keys that came as RFC 4733 events.
    pub keys: String,
    /// Time between arrivals of neighbouring packets.
    pub spacing: Vec<Duration>,
    first_timestamp: Option<u32>,
    last_sequence: Option<u16>,
    last_event: Option<u32>,
    last_arrival: Option<Instant>,
}

impl Heard {
    /// The sound at 8 kHz.
    pub fn pcm(&self) -> Pcm {
        Pcm::new(Rate(8000), self.samples.clone())
    }

    /// The spacing below which `share` (0 to 1) of all arrivals lie: 0.5 for the median, 0.99 for the worst hundredth.
    /// `None` before the second packet.
    pub fn spacing_at(&self, share: f64) -> Option<Duration> {
        let mut sorted = self.spacing.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        sorted.get((last as f64 * share.clamp(0.0, 1.0)).round() as usize).copied()
    }

    fn packet(&mut self, now: Instant, packet: &[u8], wide: &mut Option<(Decoder, Resampler)>) {
        if packet.len() < 12 || packet[0] >> 6 != 2 {
            return;
        }
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let payload = &packet[12..];
        let step = sequence.wrapping_sub(self.last_sequence.unwrap_or(sequence.wrapping_sub(1)));
        // A step back is a late packet or a second copy; a late one was counted as lost when it was overtaken.
        if step != 0 && step < 0x8000 {
            self.lost += u64::from(step) - 1;
            self.last_sequence = Some(sequence);
        }
        match packet[1] & 0x7f {
            kind @ (0 | 8 | 9) => {
                self.packets += 1;
                self.markers += u64::from(packet[1] >> 7);
                if let Some(last) = self.last_arrival.replace(now) {
                    self.spacing.push(now - last);
                }
                let at = timestamp.wrapping_sub(*self.first_timestamp.get_or_insert(timestamp)) as usize;
                if at < 8000 * 3600 {
                    if self.samples.len() < at + payload.len() {
                        self.samples.resize(at + payload.len(), 0);
                    }
                    let samples = &mut self.samples[at..at + payload.len()];
                    match (kind, wide) {
                        (0, _) => Codec::Pcmu.decode(payload, samples),
                        (8, _) => Codec::Pcma.decode(payload, samples),
                        (_, Some((decoder, resampler))) => {
                            let mut decoded = vec![0; decoder.samples(payload)];
                            decoder.decode(payload, &mut decoded);
                            resampler.process(&decoded, samples)
                        }
                        _ => 0,
                    };
                }
            }
            NOISE => self.noises += 1,
            EVENTS if payload.len() >= 4 && self.last_event != Some(timestamp) => {
                self.last_event = Some(timestamp);
                self.keys
                    .extend(b"0123456789*#ABCD".get(usize::from(payload[0])).map(|key| char::from(*key)));
            }
            _ => {}
        }
    }
}

/// A phone's RTP stream.
#[derive(Debug)]
pub struct Stream {
    socket: UdpSocket,
    remote: Option<SocketAddr>,
    /// Where it says that it is.
    port: u16,
    sequence: u16,
    timestamp: u32,
    next: Instant,
    talk: VecDeque<i16>,
    /// What it speaks, with its payload type, if that is not PCMU.
    voice: Option<(u8, Codec, Encoder, Resampler)>,
    keys: VecDeque<Key>,
    /// For what comes by G.722, which is heard at 8 kHz like everything.
    wide: Option<(Decoder, Resampler)>,
    /// Everything heard so far.
    pub heard: Heard,
}

/// A key being sent: its event, and how many packets of it have gone out.
#[derive(Debug)]
struct Key {
    event: u8,
    sent: u16,
    start: u32,
}

/// 100 ms of tone, three end packets, and 60 ms of nothing between keys.
const KEY_FRAMES: u16 = 5;

impl Stream {
    /// A stream on a free port of `local`.
    pub fn open(local: std::net::IpAddr) -> io::Result<Stream> {
        // An even port, as RFC 3550 §11 wants: some free port is even soon enough.
        let (socket, port) = loop {
            let socket = UdpSocket::bind((local, 0))?;
            let port = socket.local_addr()?.port();
            if port % 2 == 0 {
                break (socket, port);
            }
        };
        socket.set_nonblocking(true)?;
        Ok(Stream {
            socket,
            remote: None,
            port,
            sequence: 1000,
            timestamp: 160_000,
            next: Instant::now(),
            talk: VecDeque::new(),
            voice: None,
            keys: VecDeque::new(),
            wide: Decoder::new(Codec::G722, Rate::WIDE)
                .ok()
                .map(|decoder| (decoder, Resampler::new(Rate::WIDE, Rate::NARROW))),
            heard: Heard::default(),
        })
    }

    /// The local port, as descriptions have it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends from another port from here on, and hears what comes there, as behind a NAT that has forgotten the way; what
    /// descriptions say stays. The port.
    pub fn roam(&mut self) -> io::Result<u16> {
        let socket = UdpSocket::bind((self.socket.local_addr()?.ip(), 0))?;
        socket.set_nonblocking(true)?;
        self.socket = socket;
        Ok(self.socket.local_addr()?.port())
    }

    /// Starts sending to `remote`.
    pub fn connect(&mut self, remote: SocketAddr) {
        self.remote = Some(remote);
        self.next = Instant::now();
    }

    /// Stops sending, as a phone that lost its network.
    pub fn vanish(&mut self) {
        self.remote = None;
    }

    /// Adds sound to what is sent; silence is sent when there is none.
    pub fn talk(&mut self, pcm: &Pcm) {
        self.talk.extend(pcm.resampled(Rate(8000)).samples);
    }

    /// Speaks by this codec from the next packet on: PCMU, PCMA, G.722 or Opus.
    pub fn speak_by(&mut self, codec: Codec) {
        let rate = if codec == Codec::Opus { Rate::NARROW } else { codec.rate() };
        let encoder = Encoder::new(codec, rate, &Default::default()).ok();
        let number = codec.payload_type().unwrap_or(OPUS);
        self.voice = encoder
            .filter(|_| codec != Codec::Pcmu)
            .map(|encoder| (number, codec, encoder, Resampler::new(Rate::NARROW, rate)));
    }

    /// Adds keys to what is sent.
    pub fn press(&mut self, keys: &str) {
        let events = keys.chars().filter_map(|key| "0123456789*#ABCD".find(key.to_ascii_uppercase()));
        self.keys.extend(events.map(|event| Key { event: event as u8, sent: 0, start: 0 }));
    }

    /// Samples of sound that wait to be sent.
    pub fn queued(&self) -> usize {
        self.talk.len()
    }

    /// Whether keys or sound wait to be sent.
    pub fn busy(&self) -> bool {
        !self.keys.is_empty() || !self.talk.is_empty()
    }

    /// Sends what is due, reads what came; returns when the next packet is due.
    pub fn turn(&mut self, now: Instant) -> io::Result<Instant> {
        let mut buffer = [0; 1500];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => self.heard.packet(now, &buffer[..length], &mut self.wide),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // An ICMP error of an earlier send: the far end has closed its port.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
        while self.next <= now {
            self.next += Duration::from_millis(20);
            self.send()?;
        }
        Ok(self.next)
    }

    fn send(&mut self) -> io::Result<()> {
        let Some(remote) = self.remote else { return Ok(()) };
        let timestamp = self.timestamp;
        let clock = self.voice.as_ref().map_or(8_000, |(_, codec, ..)| codec.clock());
        self.timestamp = self.timestamp.wrapping_add(clock / 50);
        if let Some(key) = self.keys.front_mut() {
            if key.sent == 0 {
                key.start = timestamp;
            }
            key.sent += 1;
            let (start, sent, event) = (key.start, key.sent, key.event);
            let ends = sent > KEY_FRAMES;
            let duration = (sent.min(KEY_FRAMES) * FRAME as u16).to_be_bytes();
            if sent == KEY_FRAMES + 3 {
                self.keys.pop_front();
            }
            let payload = [event, if ends { 0x80 | 10 } else { 10 }, duration[0], duration[1]];
            return self.packet(remote, EVENTS, sent == 1, start, &payload);
        }
        let mut frame = [0_i16; FRAME];
        for (slot, sample) in frame.iter_mut().zip(self.talk.drain(..self.talk.len().min(FRAME))) {
            *slot = sample;
        }
        if let Some((number, _, encoder, resampler)) = &mut self.voice {
            let mut wide = [0; 2 * FRAME];
            let n = resampler.process(&frame, &mut wide);
            let mut payload = [0; MAX_PAYLOAD];
            let (kind, n) = (*number, encoder.encode(&wide[..n], &mut payload));
            return self.packet(remote, kind, false, timestamp, &payload[..n]);
        }
        let mut payload = [0; FRAME];
        Codec::Pcmu.encode(&frame, &mut payload);
        self.packet(remote, 0, false, timestamp, &payload)
    }

    fn packet(
        &mut self,
        remote: SocketAddr,
        kind: u8,
        marker: bool,
        timestamp: u32,
        payload: &[u8],
    ) -> io::Result<()> {
        let mut packet = vec![0x80, if marker { 0x80 | kind } else { kind }];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend(0x0ff_400c_u32.to_be_bytes());
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        match self.socket.send_to(&packet, remote) {
            // The far end may close its port before its BYE arrives.
            Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => Err(error),
            _ => Ok(()),
        }
    }
}
