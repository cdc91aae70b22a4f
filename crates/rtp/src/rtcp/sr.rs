//! Sender reports: RFC 3550 §6.4.1.

use std::time::Duration;

use super::{ReportBlock, ReportBlocks, SR, Writer, word};
use crate::RtpTime;

/// Seconds from 1900 to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// The time since 1900 in 32.32 fixed point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// From the time since 1970.
    pub fn from_unix(since: Duration) -> NtpTime {
        let seconds = since.as_secs().wrapping_add(NTP_EPOCH) & 0xffff_ffff;
        let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
        NtpTime(seconds << 32 | fraction)
    }

    /// The middle 32 bits: what report blocks refer to, in units of 1/65536 s.
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What a sender says of its own stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// Now by the clock on the wall …
    pub ntp: NtpTime,
    /// … and by the stream's.
    pub timestamp: RtpTime,
    /// RTP packets sent so far.
    pub packets: u32,
    /// Payload octets sent so far.
    pub octets: u32,
}

/// A sender report that arrived.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// Of its own stream.
    pub info: SenderInfo,
    blocks: ReportBlocks<'a>,
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: usize, body: &'a [u8]) -> Option<SenderReport<'a>> {
        let (ssrc, body) = word(body)?;
        let (high, body) = word(body)?;
        let (low, body) = word(body)?;
        let (timestamp, body) = word(body)?;
        let (packets, body) = word(body)?;
        let (octets, body) = word(body)?;
        let ntp = NtpTime(u64::from(high) << 32 | u64::from(low));
        let info = SenderInfo { ntp, timestamp: RtpTime(timestamp), packets, octets };
        Some(SenderReport { ssrc, info, blocks: ReportBlocks::new(count, body) })
    }

    /// What it says of the streams it receives.
    pub fn blocks(&self) -> ReportBlocks<'a> {
        self.blocks
    }
}

impl Writer<'_> {
    /// Append a sender report, of at most 31 blocks.
    pub fn sender_report(&mut self, ssrc: u32, info: &SenderInfo, blocks: &[ReportBlock]) {
        let blocks = blocks.get(..blocks.len().min(31)).unwrap_or_default();
        self.packet(blocks.len(), SR, |writer| {
            writer.put(&ssrc.to_be_bytes());
            writer.put(&info.ntp.0.to_be_bytes());
            writer.put(&info.timestamp.0.to_be_bytes());
            writer.put(&info.packets.to_be_bytes());
            writer.put(&info.octets.to_be_bytes());
            blocks.iter().for_each(|block| writer.block(block));
        });
    }
}
