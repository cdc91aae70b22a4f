//! RTCP: compound packets read in place and written into the caller's buffer (RFC 3550 §6).
//!
//! ```text
//!  0                   1                   2                   3
//! |V=2|P|   RC    |      PT       |             length            |   length in words, less one
//! ```
//!
//! Reading is total: a compound that breaks off yields what came before.

mod bye;
mod rr;
mod sdes;
mod sr;
mod xr;

pub use bye::Bye;
pub use rr::{ReceiverReport, ReportBlock, ReportBlocks};
pub use sdes::cname;
pub use sr::{NtpTime, SenderInfo, SenderReport};
pub use xr::{Block, ExtendedReport, UNKNOWN, VoiceMetrics};

/// Packet types: RFC 3550 §12.1.
const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// From somebody who sends.
    SenderReport(SenderReport<'a>),
    /// From somebody who only listens.
    ReceiverReport(ReceiverReport<'a>),
    /// Names; [`cname`] finds the one that matters.
    Description(&'a [u8]),
    /// Somebody leaves.
    Bye(Bye<'a>),
    /// More of how a voice is heard, and times (RFC 3611).
    ExtendedReport(ExtendedReport<'a>),
    /// Of another type (APP, feedback).
    Other(u8),
}

/// The packets of a datagram, in order.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Read a datagram. `None` if it does not begin with an RTCP packet of version 2.
    ///
    /// RFC 3550 A.2 wants a report first; reduced-size RTCP (RFC 5506) does not, and neither does every peer.
    pub fn parse(datagram: &'a [u8]) -> Option<Compound<'a>> {
        let compound = Compound { rest: datagram };
        compound.clone().next().map(|_| compound)
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let rest = std::mem::take(&mut self.rest);
        let [b0, kind, l0, l1, ..] = *rest else { return None };
        if b0 >> 6 != 2 || !(192..=223).contains(&kind) {
            return None;
        }
        let length = (usize::from(u16::from_be_bytes([l0, l1])) + 1) * 4;
        let (packet, after) = rest.split_at_checked(length)?;
        let mut body = packet.get(4..)?;
        if b0 & 0x20 != 0 {
            let padding = usize::from(*packet.last()?);
            body = body.get(..body.len().checked_sub(padding)?)?;
        }
        self.rest = after;
        let count = usize::from(b0 & 0x1f);
        Some(match kind {
            SR => Packet::SenderReport(SenderReport::parse(count, body)?),
            RR => Packet::ReceiverReport(ReceiverReport::parse(count, body)?),
            SDES => Packet::Description(body),
            BYE => Packet::Bye(Bye::parse(count, body)?),
            xr::XR => Packet::ExtendedReport(ExtendedReport::parse(body)?),
            other => Packet::Other(other),
        })
    }
}

/// Writes a compound packet: a report first, a description, perhaps a goodbye.
///
/// What does not fit is left out whole; [`finish`](Writer::finish) then answers `None`.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
    fits: bool,
}

impl<'a> Writer<'a> {
    /// Write into `buffer`; 128 bytes hold a report of one source, a name of 64 bytes and a goodbye.
    pub fn new(buffer: &'a mut [u8]) -> Writer<'a> {
        Writer { buffer, at: 0, fits: true }
    }

    /// How many bytes were written; `None` if the buffer was too short.
    pub fn finish(self) -> Option<usize> {
        self.fits.then_some(self.at)
    }

    /// A packet of `count` and `kind` whose body `write` appends; padded to whole words with zeros.
    fn packet(&mut self, count: usize, kind: u8, write: impl FnOnce(&mut Self)) {
        let begin = self.at;
        self.put(&[0x80 | (count as u8 & 0x1f), kind, 0, 0]);
        write(self);
        while !(self.at - begin).is_multiple_of(4) && self.fits {
            self.put(&[0]);
        }
        let words = ((self.at - begin) / 4).saturating_sub(1) as u16;
        if let Some(length) = self.buffer.get_mut(begin + 2..begin + 4) {
            length.copy_from_slice(&words.to_be_bytes());
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        match self.buffer.get_mut(self.at..self.at + bytes.len()) {
            Some(room) if self.fits => {
                room.copy_from_slice(bytes);
                self.at += bytes.len();
            }
            _ => self.fits = false,
        }
    }
}

/// A big-endian word at the front, and what follows it.
fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*word), rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::RtpTime;
    use crate::packet::tests::Random;

    fn compound() -> Vec<u8> {
        let mut buffer = [0; 256];
        let mut writer = Writer::new(&mut buffer);
        let info = SenderInfo {
            ntp: NtpTime::from_unix(Duration::from_millis(1_500)),
            timestamp: RtpTime(77),
            packets: 3,
            octets: 480,
        };
        let block = ReportBlock {
            ssrc: 5,
            fraction_lost: 12,
            lost: -3,
            highest_seq: 0x1_0002,
            jitter: 9,
            last_sr: 0x1234_5678,
            delay: 65_536,
        };
        writer.sender_report(1, &info, &[block]);
        writer.description(1, "offhook@example");
        writer.bye(1);
        let n = writer.finish().unwrap();
        buffer[..n].to_vec()
    }

    #[test]
    fn a_compound_is_read_as_it_was_written() {
        let bytes = compound();
        assert_eq!(bytes.len() % 4, 0);
        let packets: Vec<Packet> = Compound::parse(&bytes).unwrap().collect();
        let [Packet::SenderReport(sr), Packet::Description(sdes), Packet::Bye(bye)] = packets[..] else {
            panic!("{packets:?}")
        };
        assert_eq!((sr.ssrc, sr.info.timestamp, sr.info.packets, sr.info.octets), (1, RtpTime(77), 3, 480));
        assert_eq!(sr.info.ntp.0 >> 32, 2_208_988_801);
        assert_eq!(sr.info.ntp.0 as u32, 0x8000_0000);
        let block = sr.blocks().next().unwrap();
        assert_eq!((block.ssrc, block.fraction_lost, block.lost), (5, 12, -3));
        assert_eq!((block.highest_seq, block.jitter), (0x1_0002, 9));
        assert_eq!((block.last_sr, block.delay), (0x1234_5678, 65_536));
        assert_eq!(cname(sdes, 1), Some(&b"offhook@example"[..]));
        assert_eq!(bye.sources().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_receiver_report_without_blocks_is_two_words() {
        let mut buffer = [0; 64];
        let mut writer = Writer::new(&mut buffer);
        writer.receiver_report(7, &[]);
        assert_eq!(writer.finish(), Some(8));
        assert_eq!(buffer[..8], [0x80, 201, 0, 1, 0, 0, 0, 7]);
    }

    #[test]
    fn a_buffer_too_short_is_told() {
        let mut buffer = [0; 40];
        let mut writer = Writer::new(&mut buffer);
        writer.receiver_report(7, &[]);
        writer.description(7, "a name that is much too long for this buffer of ours");
        assert_eq!(writer.finish(), None);
    }

    #[test]
    fn rtp_is_not_taken_for_rtcp() {
        assert!(Compound::parse(&[0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]).is_none());
        assert!(Compound::parse(&[]).is_none());
        assert!(Compound::parse(&[0x80, 201, 0xff, 0xff]).is_none());
    }

    #[test]
    fn mutated_compounds_are_survived() {
        let mut random = Random(3);
        let base = compound();
        for _ in 0..100_000 {
            let mut bytes = base.clone();
            for _ in 0..random.below(6) {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
            bytes.truncate(random.below(bytes.len() + 1));
            for packet in Compound::parse(&bytes).into_iter().flatten() {
                match packet {
                    Packet::SenderReport(sr) => drop(sr.blocks().count()),
                    Packet::ReceiverReport(rr) => drop(rr.blocks().count()),
                    Packet::Description(body) => drop(cname(body, 1)),
                    Packet::Bye(bye) => drop(bye.sources().count()),
                    Packet::ExtendedReport(xr) => drop(xr.blocks().count()),
                    Packet::Other(_) => {}
                }
            }
        }
    }
}
