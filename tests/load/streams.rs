//! Audio of many calls in one thread: each sends a packet every 20 ms and counts what comes.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use audio::Rate;
use audio::codec::{Codec, Encoder, OpusSettings};

/// Packets of a second, which are sent again and again.
const PACKETS: usize = 50;
/// Calls send in so many groups, one a millisecond.
const GROUPS: usize = 20;
/// A jump of the sequence number beyond this is another stream.
const LEAP: u16 = 1_000;

/// How audio is offered and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// Opus at 48 kHz on the wire.
    Opus,
}

impl Kind {
    /// Of its packets.
    pub fn payload_type(self) -> u8 {
        match self {
            Kind::Pcmu => 0,
            Kind::Pcma => 8,
            Kind::Opus => 96,
        }
    }

    /// A session description with it and telephone-events, as phones have, at this port of loopback. Without those the
    /// server would listen for keys in the sound of each.
    pub fn description(self, port: u16) -> String {
        let map = match self {
            Kind::Pcmu => "0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000",
            Kind::Pcma => "8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000",
            Kind::Opus => "96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/48000",
        };
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {map}\r\na=ptime:20\r\n"
        )
    }

    /// A second of a tone in packets.
    fn packets(self) -> Vec<Vec<u8>> {
        let (codec, rate) = match self {
            Kind::Pcmu => (Codec::Pcmu, Rate::NARROW),
            Kind::Pcma => (Codec::Pcma, Rate::NARROW),
            Kind::Opus => (Codec::Opus, Rate::FULL),
        };
        let second = Duration::from_secs(1);
        let tone = audio::tone::render(&[440], second, Duration::ZERO, second, rate);
        let mut encoder = Encoder::new(codec, rate, &OpusSettings::default()).expect("an encoder");
        let packet = |samples: &[i16]| {
            let mut payload = vec![0; 1_400];
            let length = encoder.encode(samples, &mut payload);
            payload.truncate(length);
            payload
        };
        tone.samples.chunks_exact(rate.0 as usize / PACKETS).map(packet).collect()
    }

    /// Ticks of the timestamp a packet.
    fn step(self) -> u32 {
        match self {
            Kind::Pcmu | Kind::Pcma => 160,
            Kind::Opus => 960,
        }
    }
}

/// The audio of one call.
struct Stream {
    socket: UdpSocket,
    kind: Kind,
    packet: Vec<u8>,
    count: u32,
    last: Option<u16>,
}

/// The audio of all calls.
#[derive(Default)]
pub struct Streams {
    streams: Vec<Stream>,
    pcmu: Vec<Vec<u8>>,
    pcma: Vec<Vec<u8>>,
    opus: Vec<Vec<u8>>,
}

/// What a stretch of time brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Packets that came.
    pub received: u64,
    /// Packets that are missing among them.
    pub lost: u64,
    /// The most that we ourselves were behind: beyond some milliseconds it is our fault what is lost or late.
    pub behind: Duration,
}

impl Counted {
    /// Lost of all.
    pub fn loss(&self) -> f64 {
        self.lost as f64 / (self.lost + self.received).max(1) as f64
    }
}

impl Streams {
    /// None yet.
    pub fn new() -> Streams {
        let [pcmu, pcma, opus] = [Kind::Pcmu, Kind::Pcma, Kind::Opus].map(Kind::packets);
        Streams { streams: Vec::new(), pcmu, pcma, opus }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// The port of each.
    pub fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.streams.iter().map(|stream| stream.socket.local_addr().expect("bound").port())
    }

    /// Begins to talk with `remote`.
    pub fn add(&mut self, socket: UdpSocket, kind: Kind, remote: SocketAddr) {
        socket.connect(remote).expect("loopback");
        socket.set_nonblocking(true).expect("a socket");
        let ssrc = 0x1000_0000_u32 + self.streams.len() as u32;
        let mut packet = vec![0x80, kind.payload_type()];
        packet.resize(8, 0);
        packet.extend(ssrc.to_be_bytes());
        self.streams.push(Stream { socket, kind, packet, count: 0, last: None });
    }

    /// Lets all talk and listen for `time`.
    pub fn run(&mut self, time: Duration) -> Counted {
        let (begun, mut counted) = (Instant::now(), Counted::default());
        let mut buffer = [0; 2_048];
        for tick in 0..time.as_millis() as usize {
            let due = begun + Duration::from_millis(tick as u64);
            match due.checked_duration_since(Instant::now()) {
                Some(early) => thread::sleep(early),
                None => counted.behind = counted.behind.max(due.elapsed()),
            }
            for stream in self.streams.iter_mut().skip(tick % GROUPS).step_by(GROUPS) {
                let payloads = match stream.kind {
                    Kind::Pcmu => &self.pcmu,
                    Kind::Pcma => &self.pcma,
                    Kind::Opus => &self.opus,
                };
                stream.hear(&mut buffer, &mut counted);
                stream.speak(&payloads[stream.count as usize % payloads.len()]);
            }
        }
        counted
    }
}

impl Stream {
    fn hear(&mut self, buffer: &mut [u8], counted: &mut Counted) {
        while let Ok(length) = self.socket.recv(buffer) {
            if length < 12 || buffer[1] & 0x7f != self.kind.payload_type() {
                continue;
            }
            let sequence = u16::from_be_bytes([buffer[2], buffer[3]]);
            let gap = self.last.map_or(0, |last| sequence.wrapping_sub(last).wrapping_sub(1));
            if gap < LEAP {
                counted.lost += u64::from(gap);
            }
            counted.received += 1;
            self.last = Some(sequence);
        }
    }

    fn speak(&mut self, payload: &[u8]) {
        let timestamp = self.count.wrapping_mul(self.kind.step());
        self.packet[2..4].copy_from_slice(&(self.count as u16).to_be_bytes());
        self.packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        self.packet.truncate(12);
        self.packet.extend_from_slice(payload);
        self.count = self.count.wrapping_add(1);
        // Before the far end is there, ICMP says so.
        let _ = self.socket.send(&self.packet);
    }
}

/// A socket for a stream.
pub fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket")
}
