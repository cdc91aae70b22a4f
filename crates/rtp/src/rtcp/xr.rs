//! Extended reports: RFC 3611. The blocks of voice over IP (§4.7), of a receiver's time (§4.4) and of the delay since
//! it (§4.5), read and written; others are passed over.
//!
//! ```text
//! |     BT        | type-specific |         block length          |   in words, less one
//! ```

use super::{NtpTime, Writer, word};

/// The packet type: RFC 3611 §2.
pub(super) const XR: u8 = 207;

const RECEIVER_TIME: u8 = 4;
const DELAY: u8 = 5;
const VOICE: u8 = 7;

/// A figure of one octet that is not known: RFC 3611 §4.7.
pub const UNKNOWN: u8 = 127;

/// What a receiver says of a voice, RFC 3611 §4.7. Rates and densities are in 256ths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoiceMetrics {
    /// Whose voice.
    pub ssrc: u32,
    /// Packets that never came.
    pub loss_rate: u8,
    /// Packets that came too late, or too early.
    pub discard_rate: u8,
    /// Of both, within bursts …
    pub burst_density: u8,
    /// … and between them.
    pub gap_density: u8,
    /// The mean length of bursts, in milliseconds …
    pub burst_ms: u16,
    /// … and of the gaps between them.
    pub gap_ms: u16,
    /// The round trip between the ends of RTP, in milliseconds; 0 if it is not known.
    pub round_trip_ms: u16,
    /// What the end itself adds, in milliseconds: buffer, decoding, encoding.
    pub end_system_ms: u16,
    /// How good the call is, as R of the E-model: 0 to 100; [`UNKNOWN`].
    pub r_factor: u8,
    /// The opinion score of listening, times ten: 10 to 50; [`UNKNOWN`].
    pub mos_listening: u8,
    /// The opinion score of conversation, times ten: 10 to 50; [`UNKNOWN`].
    pub mos_conversation: u8,
    /// The jitter buffer's delay now, in milliseconds …
    pub buffer_ms: u16,
    /// … the delay it would take for the worst jitter of late …
    pub buffer_high_ms: u16,
    /// … and the most it takes at all.
    pub buffer_most_ms: u16,
}

/// One block of an extended report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// How a voice is heard.
    Voice(VoiceMetrics),
    /// The reporter's clock.
    ReceiverTime(NtpTime),
    /// For a receiver of that SSRC: the middle of its last time that came, and since when, in 1/65536 s.
    Delay {
        /// The receiver.
        ssrc: u32,
        /// The middle of its NTP time.
        last: u32,
        /// Since that came.
        delay: u32,
    },
}

/// An extended report that arrived.
#[derive(Clone, Copy, Debug)]
pub struct ExtendedReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    rest: &'a [u8],
}

impl<'a> ExtendedReport<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<ExtendedReport<'a>> {
        let (ssrc, rest) = word(body)?;
        Some(ExtendedReport { ssrc, rest })
    }

    /// Its blocks of the kinds that are known, in order; what breaks off yields what came before.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + 'a {
        let (mut rest, mut delays): (&[u8], &[u8]) = (self.rest, &[]);
        std::iter::from_fn(move || {
            loop {
                if let Some((sub, left)) = delays.split_first_chunk::<12>() {
                    delays = left;
                    let (ssrc, sub) = word(sub)?;
                    let (last, sub) = word(sub)?;
                    let (delay, _) = word(sub)?;
                    return Some(Block::Delay { ssrc, last, delay });
                }
                let ([kind, _, l0, l1], after) = rest.split_first_chunk::<4>()?;
                let length = usize::from(u16::from_be_bytes([*l0, *l1])) * 4;
                let (block, after) = after.split_at_checked(length)?;
                rest = after;
                match *kind {
                    VOICE => {
                        if let Some(voice) = VoiceMetrics::parse(block) {
                            return Some(Block::Voice(voice));
                        }
                    }
                    RECEIVER_TIME => {
                        if let Some(time) = block.first_chunk::<8>() {
                            return Some(Block::ReceiverTime(NtpTime(u64::from_be_bytes(*time))));
                        }
                    }
                    DELAY => delays = block,
                    _ => {}
                }
            }
        })
    }
}

impl VoiceMetrics {
    fn parse(block: &[u8]) -> Option<VoiceMetrics> {
        let (ssrc, block) = word(block)?;
        let ([loss_rate, discard_rate, burst_density, gap_density], block) =
            block.split_first_chunk::<4>()?;
        let pair = |block: &[u8]| word(block).map(|(both, _)| ((both >> 16) as u16, both as u16));
        let (burst_ms, gap_ms) = pair(block)?;
        let (round_trip_ms, end_system_ms) = pair(block.get(4..)?)?;
        // Levels of signal, noise and echo, and Gmin.
        let (_, block) = word(block.get(8..)?)?;
        let ([r_factor, _, mos_listening, mos_conversation], block) = block.split_first_chunk::<4>()?;
        let (_, buffer_ms) = pair(block)?;
        let (buffer_high_ms, buffer_most_ms) = pair(block.get(4..)?)?;
        Some(VoiceMetrics {
            ssrc,
            loss_rate: *loss_rate,
            discard_rate: *discard_rate,
            burst_density: *burst_density,
            gap_density: *gap_density,
            burst_ms,
            gap_ms,
            round_trip_ms,
            end_system_ms,
            r_factor: *r_factor,
            mos_listening: *mos_listening,
            mos_conversation: *mos_conversation,
            buffer_ms,
            buffer_high_ms,
            buffer_most_ms,
        })
    }
}

impl Writer<'_> {
    /// Append an extended report of `ssrc` with these blocks.
    pub fn extended_report(&mut self, ssrc: u32, blocks: &[Block]) {
        self.packet(0, XR, |writer| {
            writer.put(&ssrc.to_be_bytes());
            blocks.iter().for_each(|block| writer.extended(block));
        });
    }

    fn extended(&mut self, block: &Block) {
        match block {
            Block::ReceiverTime(time) => {
                self.put(&[RECEIVER_TIME, 0, 0, 2]);
                self.put(&time.0.to_be_bytes());
            }
            Block::Delay { ssrc, last, delay } => {
                self.put(&[DELAY, 0, 0, 3]);
                self.put(&ssrc.to_be_bytes());
                self.put(&last.to_be_bytes());
                self.put(&delay.to_be_bytes());
            }
            Block::Voice(voice) => {
                self.put(&[VOICE, 0, 0, 8]);
                self.put(&voice.ssrc.to_be_bytes());
                self.put(&[voice.loss_rate, voice.discard_rate, voice.burst_density, voice.gap_density]);
                for figure in [voice.burst_ms, voice.gap_ms, voice.round_trip_ms, voice.end_system_ms] {
                    self.put(&figure.to_be_bytes());
                }
                self.put(&[UNKNOWN, UNKNOWN, UNKNOWN, crate::burst::GMIN]);
                self.put(&[voice.r_factor, UNKNOWN, voice.mos_listening, voice.mos_conversation]);
                // Standard concealment, an adaptive buffer, its pace not told.
                self.put(&[0b1111_0000, 0]);
                for figure in [voice.buffer_ms, voice.buffer_high_ms, voice.buffer_most_ms] {
                    self.put(&figure.to_be_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compound, Packet};
    use super::*;
    use crate::packet::tests::Random;

    fn blocks() -> [Block; 3] {
        let voice = VoiceMetrics {
            ssrc: 9,
            loss_rate: 12,
            discard_rate: 3,
            burst_density: 99,
            gap_density: 1,
            burst_ms: 80,
            gap_ms: 9_000,
            round_trip_ms: 120,
            end_system_ms: 60,
            r_factor: 88,
            mos_listening: 43,
            mos_conversation: 41,
            buffer_ms: 40,
            buffer_high_ms: 60,
            buffer_most_ms: 200,
        };
        let delay = Block::Delay { ssrc: 7, last: 0x1234_5678, delay: 65_536 };
        [Block::ReceiverTime(NtpTime(0x0102_0304_0506_0708)), delay, Block::Voice(voice)]
    }

    fn written() -> Vec<u8> {
        let mut buffer = [0; 256];
        let mut writer = Writer::new(&mut buffer);
        writer.receiver_report(5, &[]);
        writer.extended_report(5, &blocks());
        let n = writer.finish().unwrap();
        buffer[..n].to_vec()
    }

    #[test]
    fn blocks_are_read_as_they_were_written() {
        let bytes = written();
        // §4.7: the block of voices is nine words, headed by its type and a length of eight.
        assert_eq!(bytes[bytes.len() - 36..][..4], [7, 0, 0, 8]);
        let packets: Vec<Packet> = Compound::parse(&bytes).unwrap().collect();
        let [Packet::ReceiverReport(_), Packet::ExtendedReport(xr)] = packets[..] else {
            panic!("{packets:?}")
        };
        assert_eq!(xr.ssrc, 5);
        assert_eq!(xr.blocks().collect::<Vec<_>>(), blocks());
    }

    #[test]
    fn unknown_and_short_blocks_are_passed_over() {
        let mut body = vec![0, 0, 0, 5];
        body.extend([1, 0, 0, 1, 9, 9, 9, 9]);
        body.extend([7, 0, 0, 1, 9, 9, 9, 9]);
        body.extend([4, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        body.extend([7, 0, 0, 9, 1]);
        let report = ExtendedReport::parse(&body).unwrap();
        assert_eq!(report.blocks().collect::<Vec<_>>(), [Block::ReceiverTime(NtpTime(0x1_0000_0002))]);
        assert!(ExtendedReport::parse(&[1, 2]).is_none());
    }

    #[test]
    fn mutated_reports_are_survived() {
        let mut random = Random(11);
        let base = written();
        for _ in 0..50_000 {
            let mut bytes = base.clone();
            for _ in 0..random.below(6) {
                let at = random.below(bytes.len());
                bytes[at] = random.next() as u8;
            }
            bytes.truncate(random.below(bytes.len() + 1));
            for packet in Compound::parse(&bytes).into_iter().flatten() {
                if let Packet::ExtendedReport(xr) = packet {
                    assert!(xr.blocks().count() <= 64);
                }
            }
        }
    }
}
