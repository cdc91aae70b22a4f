//! The RTP packet: a view of one that arrived and a writer of those that leave.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//! |                           timestamp                           |
//! |           synchronization source (SSRC) identifier            |
//! |            contributing source (CSRC) identifiers  (CC of them) …
//! |      extension profile        |    extension length in words  |  if X
//! ```
//!
//! Reading is ours: it allocates nothing and accepts any bytes (the `rtp` package panics on some).
//! Writing is the `rtp` package's `Header`, kept as a template a stream and marshalled for each packet.

use rtp_wire::header::Header;
use webrtc_util::marshal::Marshal;

use crate::{RtpTime, Seq};

/// Bytes of a header without CSRCs and extension: what [`Writer`] writes.
pub const HEADER: usize = 12;

/// A packet that arrived, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// The marker bit: the first packet of a talkspurt (RFC 3551 §4.1). Peers set it as they like.
    pub marker: bool,
    /// 0..=127
    pub payload_type: u8,
    /// The sequence number.
    pub seq: Seq,
    /// The media time of the payload's first sample.
    pub timestamp: RtpTime,
    /// Who sent it.
    pub ssrc: u32,
    /// What it carries, without padding.
    pub payload: &'a [u8],
}

impl<'a> View<'a> {
    /// Read a datagram. `None` if it is not an RTP packet of version 2 or its lengths contradict each other.
    pub fn parse(datagram: &'a [u8]) -> Option<View<'a>> {
        let (header, rest) = datagram.split_first_chunk::<HEADER>()?;
        let [b0, b1, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = *header;
        if b0 >> 6 != 2 {
            return None;
        }
        // CSRCs, an extension and padding are rare on a telephone leg: one test keeps them off the usual path.
        let payload = if b0 & 0x3f == 0 { rest } else { plain(b0, rest)? };
        Some(View {
            marker: b1 & 0x80 != 0,
            payload_type: b1 & 0x7f,
            seq: Seq(u16::from_be_bytes([s0, s1])),
            timestamp: RtpTime(u32::from_be_bytes([t0, t1, t2, t3])),
            ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            payload,
        })
    }
}

/// The payload among CSRCs, extension and padding.
fn plain(b0: u8, rest: &[u8]) -> Option<&[u8]> {
    let mut rest = rest.get(usize::from(b0 & 0x0f) * 4..)?;
    if b0 & 0x10 != 0 {
        let (head, body) = rest.split_first_chunk::<4>()?;
        let words = u16::from_be_bytes([head[2], head[3]]);
        rest = body.get(usize::from(words) * 4..)?;
    }
    if b0 & 0x20 != 0 {
        // RFC 3550 §5.1: the last octet counts the padding, itself included.
        let padding = usize::from(*rest.last()?);
        if padding == 0 {
            return None;
        }
        rest = rest.get(..rest.len().checked_sub(padding)?)?;
    }
    Some(rest)
}

/// Whether a datagram on a port shared with RTCP is RTCP: RFC 5761 §4.
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

/// Writes the headers of one outgoing stream: the `rtp` package's header as a template.
#[derive(Clone, Debug)]
pub struct Writer {
    header: Header,
}

impl Writer {
    /// A stream of `ssrc`, whose first packet has the sequence number `first`.
    pub fn new(ssrc: u32, first: Seq) -> Writer {
        let header = Header { version: 2, ssrc, sequence_number: first.0, ..Header::default() };
        Writer { header }
    }

    /// The stream's name.
    pub fn ssrc(&self) -> u32 {
        self.header.ssrc
    }

    /// The sequence number of the next packet.
    pub fn next_seq(&self) -> Seq {
        Seq(self.header.sequence_number)
    }

    /// The next packet has this sequence number.
    pub fn set_next(&mut self, seq: Seq) {
        self.header.sequence_number = seq.0;
    }

    /// Write the next packet's header to the front of `packet` and count it.
    /// `false`, and nothing counted, if `packet` is shorter than [`HEADER`].
    pub fn write(&mut self, packet: &mut [u8], payload_type: u8, marker: bool, timestamp: RtpTime) -> bool {
        self.header.payload_type = payload_type & 0x7f;
        self.header.marker = marker;
        self.header.timestamp = timestamp.0;
        let written = self.header.marshal_to(packet).is_ok();
        if written {
            self.header.sequence_number = self.header.sequence_number.wrapping_add(1);
        }
        written
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytes::Bytes;
    use rtp_wire::packet::Packet;
    use webrtc_util::marshal::Unmarshal;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        assert!(Writer::new(0xdead_beef, Seq(7)).write(&mut bytes, 101, true, RtpTime(160)));
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = packet(b"abc");
        let view = View::parse(&bytes).unwrap();
        assert_eq!((view.marker, view.payload_type, view.seq), (true, 101, Seq(7)));
        assert_eq!((view.timestamp, view.ssrc, view.payload), (RtpTime(160), 0xdead_beef, &b"abc"[..]));
    }

    #[test]
    fn sequence_numbers_count_up_and_wrap() {
        let mut writer = Writer::new(1, Seq(65_535));
        let mut bytes = [0; HEADER];
        assert!(writer.write(&mut bytes, 0, false, RtpTime(0)));
        assert_eq!(writer.next_seq(), Seq(0));
        assert!(!writer.write(&mut bytes[..11], 0, false, RtpTime(0)), "too short a buffer is refused");
        assert_eq!(writer.next_seq(), Seq(0), "and not counted");
    }

    #[test]
    fn csrcs_extension_and_padding_are_left_out() {
        let mut bytes = vec![0x80 | 0x20 | 0x10 | 2, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend_from_slice(&[9; 8]);
        bytes.extend_from_slice(&[0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        bytes.extend_from_slice(b"voice\0\0\x03");
        assert_eq!(View::parse(&bytes).unwrap().payload, b"voice");
    }

    #[test]
    fn lengths_that_contradict_each_other_are_refused() {
        let padded = |last: u8| [0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, last];
        assert_eq!(View::parse(&padded(2)).unwrap().payload, b"");
        assert_eq!(View::parse(&padded(0)), None);
        assert_eq!(View::parse(&padded(3)), None);
        assert_eq!(View::parse(&[0x8f, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]), None);
        assert_eq!(View::parse(&[0x90, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1]), None);
        assert_eq!(View::parse(&[0x00; 40]), None);
        assert_eq!(View::parse(&[0x80; 11]), None);
    }

    /// Whatever the `rtp` package accepts of plain packets we read alike, and no bytes at all panic.
    #[test]
    fn mutated_packets_never_panic_and_plain_ones_agree_with_the_reference() {
        let mut random = crate::packet::tests::Random(0x5eed);
        let base = packet(&[0x55; 60]);
        for _ in 0..200_000 {
            let mut bytes = base.clone();
            for _ in 0..random.below(5) {
                let at = random.below(bytes.len().min(24));
                bytes[at] = random.next() as u8;
            }
            bytes.truncate(random.below(bytes.len() + 1));
            let ours = View::parse(&bytes);
            if bytes.first().is_some_and(|b| b & 0x30 == 0)
                && let Ok(theirs) = Packet::unmarshal(&mut Bytes::from(bytes.clone()))
                && let Some(ours) = ours
            {
                assert_eq!(ours.payload, &theirs.payload[..]);
                assert_eq!(ours.seq.0, theirs.header.sequence_number);
                assert_eq!(ours.timestamp.0, theirs.header.timestamp);
            }
        }
    }

    /// A small generator for the fuzz loops of this crate's tests.
    pub(crate) struct Random(pub(crate) u64);

    impl Random {
        pub(crate) fn next(&mut self) -> u64 {
            // splitmix64
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        pub(crate) fn below(&mut self, n: usize) -> usize {
            (self.next() % n.max(1) as u64) as usize
        }
    }
}
