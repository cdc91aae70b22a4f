//! Our side of a secured session: RTP and RTCP that leave.

use super::cipher::Cipher;
use super::stream::nearest;
use super::{ENCRYPTED, Keys, Profile, header, name, sender};

/// Protects what is sent with one master key. All streams sent with it count their own roll-overs;
/// one at a time is remembered, since a leg sends one.
pub struct Protector {
    keys: Keys,
    rtp: Cipher,
    rtcp: Cipher,
    ssrc: u32,
    /// The highest index of this stream that left.
    highest: Option<u64>,
    /// Of the last RTCP packet.
    reports: u32,
}

impl Protector {
    /// Derives the session keys: some microseconds.
    pub fn new(keys: &Keys) -> Option<Protector> {
        let (rtp, rtcp) = (Cipher::rtp(keys)?, Cipher::rtcp(keys)?);
        Some(Protector { keys: *keys, rtp, rtcp, ssrc: 0, highest: None, reports: 0 })
    }

    /// What it was made from.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How packets are protected.
    pub fn profile(&self) -> Profile {
        self.keys.profile()
    }

    /// How often the stream's sequence numbers rolled over.
    pub fn rollovers(&self) -> u32 {
        self.highest.map_or(0, |index| (index >> 16) as u32)
    }

    /// Protect the RTP packet in the first `len` bytes of `buffer`. Its length after, at most [`super::OVERHEAD`] more;
    /// `None` if it is no RTP packet or the buffer too short.
    pub fn rtp(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        let packet = buffer.get(..len)?;
        let header = header(packet)?;
        let (seq, ssrc) = name(packet)?;
        let begun = self.highest.filter(|_| ssrc == self.ssrc);
        let index = begun.and_then(|highest| nearest(highest, seq)).unwrap_or(seq.into());
        let len = self.rtp.seal_rtp((ssrc, index), buffer, header, len)?;
        self.ssrc = ssrc;
        self.highest = Some(begun.map_or(index, |highest| highest.max(index)));
        Some(len)
    }

    /// Protect the compound RTCP packet in the first `len` bytes of `buffer`; as [`Protector::rtp`].
    pub fn rtcp(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        let ssrc = sender(buffer.get(..len)?)?;
        // RFC 3711 §3.4: the index goes round after 2^31, which at a report a second takes 68 years.
        self.reports = (self.reports + 1) & !ENCRYPTED;
        self.rtcp.seal_rtcp(ssrc, self.reports | ENCRYPTED, buffer, len)
    }
}
