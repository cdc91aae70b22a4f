//! What a phone is sent, taken off the loopback interface: dumpcap writes it, this reads it.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use audio::codec::{Codec, Decoder};
use audio::{Pcm, Rate};

use super::process::Process;
use crate::wait;

/// Ends a capture; too short to be taken for RTP.
const LAST: &[u8] = b"the last";

/// A running capture of one UDP port.
pub struct Capture {
    process: Process,
    file: PathBuf,
    port: u16,
    // Holds the file until it has been read.
    _folder: tempfile::TempDir,
}

/// One RTP packet as it was seen.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Seconds since the capture's first packet of any kind.
    pub at: f64,
    /// Payload type.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Packet {
    /// Reads a datagram; `None` if it is no RTP.
    pub fn parse(at: f64, rtp: &[u8]) -> Option<Packet> {
        if rtp.len() < 12 || rtp[0] >> 6 != 2 || (200..=204).contains(&rtp[1]) {
            return None;
        }
        Some(Packet {
            at,
            payload_type: rtp[1] & 0x7f,
            marker: rtp[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([rtp[2], rtp[3]]),
            timestamp: u32::from_be_bytes([rtp[4], rtp[5], rtp[6], rtp[7]]),
            ssrc: u32::from_be_bytes([rtp[8], rtp[9], rtp[10], rtp[11]]),
            payload: rtp[12..].to_vec(),
        })
    }
}

impl Capture {
    /// Captures what is sent to UDP `port` on loopback; returns when dumpcap listens.
    pub fn start(port: u16) -> Capture {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("heard.pcap");
        let mut process = Process::start(
            "dumpcap",
            Command::new("dumpcap")
                .args(["-q", "-P", "-i", "lo", "-B", "16", "-f", &format!("udp dst port {port}"), "-w"])
                .arg(&file),
        );
        process.wait_for("File:", 0, Duration::from_secs(10));
        Capture { process, file, port, _folder: folder }
    }

    /// What has been heard so far of the stream that came last; dumpcap writes what it has twice a second.
    pub fn so_far(&self) -> Pcm {
        let bytes = std::fs::read(&self.file).unwrap_or_default();
        let packets = if bytes.len() < 24 { Vec::new() } else { packets(&bytes, self.port) };
        let last = packets.last().map(|packet| packet.ssrc);
        heard(&packets.into_iter().filter(|packet| Some(packet.ssrc) == last).collect::<Vec<_>>())
    }

    /// Ends the capture: every RTP packet, in the order of arrival.
    pub fn finish(mut self) -> Vec<Packet> {
        // What the kernel has not handed over when dumpcap ends is lost: a last packet of our own shows that all came.
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        wait::until("the capture to have everything", Duration::from_secs(10), || {
            socket.send_to(LAST, ("127.0.0.1", self.port)).expect("sent");
            let written = std::fs::read(&self.file).ok()?;
            written.windows(LAST.len()).any(|part| part == LAST).then_some(())
        });
        self.process.signal("INT");
        self.process.wait_exit(Duration::from_secs(10));
        let bytes = std::fs::read(&self.file).expect("dumpcap wrote its file");
        packets(&bytes, self.port)
    }
}

/// The audio of `packets`, laid out by timestamp, with silence where nothing came: PCMU, PCMA, G.722, and Opus, which is
/// what a dynamic number with more than a few bytes a packet is. At 8 kHz, G.722 at 16.
pub fn heard(packets: &[Packet]) -> Pcm {
    let is_audio = |packet: &&Packet| match packet.payload_type {
        0 | 8 | 9 => true,
        // Keys have four bytes (RFC 4733 §2.3).
        96.. => packet.payload.len() != 4,
        _ => false,
    };
    let audio: Vec<&Packet> = packets.iter().filter(is_audio).collect();
    let Some(first) = audio.first().copied() else { return Pcm { rate: Rate(8000), samples: Vec::new() } };
    let rate = if codec(first.payload_type) == Codec::G722 { Rate::WIDE } else { Rate::NARROW };
    // A call that changes its codec keeps its numbers: both laws count the same clock.
    let mut decoders: Vec<(Codec, Decoder)> = Vec::new();
    let (mut samples, mut frame) = (Vec::new(), [0; 2_880]);
    for packet in audio {
        let codec = codec(packet.payload_type);
        let known = decoders.iter().position(|(of, _)| *of == codec);
        let known = known.unwrap_or_else(|| {
            decoders.push((
                codec,
                Decoder::new(codec, rate).expect("a decoder for the rate of the first packet"),
            ));
            decoders.len() - 1
        });
        let ticks = packet.timestamp.wrapping_sub(first.timestamp) as usize;
        // An hour is more than any test lasts: a jump further than that is no timestamp of this stream.
        let clock = codec.clock() as usize;
        assert!(ticks < clock * 3600, "timestamp jumps from {} to {}", first.timestamp, packet.timestamp);
        let at = ticks * rate.0 as usize / clock;
        let count = decoders[known].1.decode(&packet.payload, &mut frame);
        if samples.len() < at + count {
            samples.resize(at + count, 0);
        }
        samples[at..at + count].copy_from_slice(&frame[..count]);
    }
    Pcm { rate, samples }
}

fn codec(payload_type: u8) -> Codec {
    match payload_type {
        0 => Codec::Pcmu,
        8 => Codec::Pcma,
        9 => Codec::G722,
        _ => Codec::Opus,
    }
}

/// Classic pcap, Ethernet, IPv4, UDP, RTP.
fn packets(file: &[u8], port: u16) -> Vec<Packet> {
    let mut out = Vec::new();
    let mut rest = file.get(24..).expect("a pcap header");
    let mut first = None;
    while rest.len() >= 16 {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four bytes"));
        let (seconds, micros, length) = (word(0), word(4), word(8) as usize);
        let Some(frame) = rest.get(16..16 + length) else { break };
        rest = &rest[16 + length..];
        let at = f64::from(seconds) + f64::from(micros) / 1e6;
        let at = at - *first.get_or_insert(at);
        let Some(ip) = frame.get(14..) else { continue };
        let header = usize::from(ip[0] & 0x0f) * 4;
        let Some(udp) = ip.get(header..) else { continue };
        let Some(rtp) = udp.get(8..) else { continue };
        if u16::from_be_bytes([udp[2], udp[3]]) == port {
            out.extend(Packet::parse(at, rtp));
        }
    }
    out
}
