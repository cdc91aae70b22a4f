//! Receiver reports, and the blocks that both kinds of reports carry: RFC 3550 §6.4.2.

use super::{RR, Writer, word};

/// Bytes of a block.
const BLOCK: usize = 24;

/// What a receiver says of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// Whose stream.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost in all; 24 bits and signed on the wire.
    pub lost: i32,
    /// The highest sequence number received, with its wraps.
    pub highest_seq: u32,
    /// Interarrival jitter in clock units.
    pub jitter: u32,
    /// The middle of the last sender report's NTP time; 0 if none came.
    pub last_sr: u32,
    /// Since that came, in units of 1/65536 s.
    pub delay: u32,
}

/// The blocks of a report, in order; fewer than announced if the packet is short.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> ReportBlocks<'a> {
    pub(super) fn new(count: usize, rest: &'a [u8]) -> ReportBlocks<'a> {
        ReportBlocks { left: count, rest }
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        self.left = self.left.checked_sub(1)?;
        let (block, rest) = self.rest.split_at_checked(BLOCK)?;
        self.rest = rest;
        let (ssrc, block) = word(block)?;
        let (loss, block) = word(block)?;
        let (highest_seq, block) = word(block)?;
        let (jitter, block) = word(block)?;
        let (last_sr, block) = word(block)?;
        let (delay, _) = word(block)?;
        // Shifting there and back spreads the sign of 24 bits.
        let lost = (loss << 8) as i32 >> 8;
        Some(ReportBlock {
            ssrc,
            fraction_lost: (loss >> 24) as u8,
            lost,
            highest_seq,
            jitter,
            last_sr,
            delay,
        })
    }
}

/// A receiver report that arrived.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    blocks: ReportBlocks<'a>,
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: usize, body: &'a [u8]) -> Option<ReceiverReport<'a>> {
        let (ssrc, body) = word(body)?;
        Some(ReceiverReport { ssrc, blocks: ReportBlocks::new(count, body) })
    }

    /// What it says of the streams it receives.
    pub fn blocks(&self) -> ReportBlocks<'a> {
        self.blocks
    }
}

impl Writer<'_> {
    /// Append a receiver report, of at most 31 blocks.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) {
        let blocks = blocks.get(..blocks.len().min(31)).unwrap_or_default();
        self.packet(blocks.len(), RR, |writer| {
            writer.put(&ssrc.to_be_bytes());
            blocks.iter().for_each(|block| writer.block(block));
        });
    }

    pub(super) fn block(&mut self, block: &ReportBlock) {
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        self.put(&block.ssrc.to_be_bytes());
        self.put(&(u32::from(block.fraction_lost) << 24 | lost).to_be_bytes());
        self.put(&block.highest_seq.to_be_bytes());
        self.put(&block.jitter.to_be_bytes());
        self.put(&block.last_sr.to_be_bytes());
        self.put(&block.delay.to_be_bytes());
    }
}
