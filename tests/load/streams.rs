//! Audio of many calls in one thread: each sends a packet every 20 ms and counts what comes.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use audio::Rate;
use audio::codec::{Codec, Encoder, OpusSettings};
use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;

/// Packets of a second, which are sent again and again.
const PACKETS: usize = 50;
/// Calls send in so many groups, one a millisecond.
const GROUPS: usize = 20;
/// Every so many packets a socket is read until it is empty. To ask an empty one costs as much as half a packet.
const DRAIN: u32 = 8;
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
    /// The socket is to be read until it is empty: the last time it held less than was due.
    short: bool,
    watch: Option<Watch>,
}

/// How far apart the packets of a stream are, by the kernel's stamps: on loopback those are of the moment of sending, and
/// taking them costs the sender nothing.
struct Watch {
    control: Vec<u8>,
    last: Option<Duration>,
    /// How far gaps are from 20 ms, in ms.
    errors: Vec<f64>,
    /// The same of what the stream says itself.
    said: Option<Instant>,
    own: Vec<f64>,
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
    /// Packets that were to come.
    pub due: u64,
    /// The most that we ourselves were behind: beyond some milliseconds it is our fault what is lost or late.
    pub behind: Duration,
}

impl Counted {
    /// Lost of all. A sender that numbers what it has got itself shows no gaps: what it holds back is seen by how few come.
    pub fn loss(&self) -> f64 {
        let lost = self.lost as f64 / (self.lost + self.received).max(1) as f64;
        // At either end of the time, one of each stream may fall outside.
        let short = 1.0 - self.received as f64 / self.due.max(1) as f64;
        if short > 0.01 { lost.max(short) } else { lost }
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
        self.streams.push(Stream { socket, kind, packet, count: 0, last: None, short: true, watch: None });
    }

    /// From here on, watches how far apart the packets of `most` streams are.
    pub fn watch(&mut self, most: usize) {
        let step = self.streams.len().div_ceil(most).max(1);
        for stream in self.streams.iter_mut().step_by(step) {
            setsockopt(&stream.socket, sockopt::ReceiveTimestampns, &true).expect("stamps");
            let control = cmsg_space!(TimeSpec);
            stream.watch =
                Some(Watch { control, last: None, errors: Vec::new(), said: None, own: Vec::new() });
        }
    }

    /// How far gaps between neighbouring packets were from 20 ms, in ms, sorted; of those that are watched, and then of
    /// those that were said by them: what is said back or passed on as it comes cannot be more even than that.
    pub fn spacing(&mut self) -> (Vec<f64>, Vec<f64>) {
        let watched = self.streams.iter_mut().filter_map(|stream| stream.watch.take());
        let (heard, said): (Vec<_>, Vec<_>) = watched.map(|watch| (watch.errors, watch.own)).unzip();
        let sorted = |errors: Vec<Vec<f64>>| {
            let mut errors = errors.concat();
            errors.sort_by(f64::total_cmp);
            errors
        };
        (sorted(heard), sorted(said))
    }

    /// Lets all talk and listen for `time`.
    pub fn run(&mut self, time: Duration) -> Counted {
        let due = self.streams.len() as u64 * time.as_millis() as u64 / GROUPS as u64;
        let (begun, mut counted) = (Instant::now(), Counted { due, ..Counted::default() });
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
        let drains = self.short || self.count.is_multiple_of(DRAIN);
        let mut read = 0;
        while let Some((length, at)) = (read == 0 || drains).then(|| self.receive(buffer)).flatten() {
            read += 1;
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
            if let Some((watch, at)) = self.watch.as_mut().zip(at) {
                let gap = watch.last.replace(at).map(|last| at.saturating_sub(last).as_secs_f64() * 1e3);
                watch.errors.extend(gap.map(|gap| (gap - 20.0).abs()));
            }
        }
        self.short = read == 0;
    }

    /// A packet's length, and when it came if that is watched.
    fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, Option<Duration>)> {
        let Some(watch) = &mut self.watch else {
            return self.socket.recv(buffer).ok().map(|length| (length, None));
        };
        let (mut parts, control) = ([IoSliceMut::new(buffer)], Some(watch.control.as_mut_slice()));
        let came =
            recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, control, MsgFlags::MSG_DONTWAIT).ok()?;
        let stamp = came.cmsgs().ok()?.find_map(|part| match part {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        });
        Some((came.bytes, stamp))
    }

    fn speak(&mut self, payload: &[u8]) {
        let timestamp = self.count.wrapping_mul(self.kind.step());
        self.packet[2..4].copy_from_slice(&(self.count as u16).to_be_bytes());
        self.packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        self.packet.truncate(12);
        self.packet.extend_from_slice(payload);
        self.count = self.count.wrapping_add(1);
        if let Some(watch) = &mut self.watch {
            let now = Instant::now();
            let gap = watch.said.replace(now).map(|last| (now - last).as_secs_f64() * 1e3);
            watch.own.extend(gap.map(|gap| (gap - 20.0).abs()));
        }
        // Before the far end is there, ICMP says so.
        let _ = self.socket.send(&self.packet);
    }
}

/// A socket for a stream.
pub fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket")
}
