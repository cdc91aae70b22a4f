//! Our side of a secured session: RTP and RTCP that leave.

use super::cipher::Cipher;
use super::stream::nearest;
use super::window::Window;
use super::{ENCRYPTED, Keys, Profile, header, name, sender};

/// Protects what is sent with one master key. All streams sent with it count their own roll-overs;
/// one at a time is remembered, since a leg sends one.
///
/// No index is used twice: what two plaintexts under the same keystream have in common would be told to whoever listens,
/// and with GCM the key of the authentication, too (RFC 3711 §9.1, RFC 7714 §8.4).
pub struct Protector {
    keys: Keys,
    rtp: Cipher,
    rtcp: Cipher,
    ssrc: u32,
    /// The indices of this stream that left.
    left: Window,
    /// Packets that were not protected because their index had left before.
    repeated: u64,
    /// Of the last RTCP packet.
    reports: u32,
}

impl Protector {
    /// Derives the session keys: some microseconds.
    pub fn new(keys: &Keys) -> Option<Protector> {
        let (rtp, rtcp) = (Cipher::rtp(keys)?, Cipher::rtcp(keys)?);
        Some(Protector { keys: *keys, rtp, rtcp, ssrc: 0, left: Window::default(), repeated: 0, reports: 0 })
    }

    /// What it was made from.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// These keys follow those of `before` in mid-call: reports are counted on (RFC 3711 §3.4), since a peer that remembers
    /// their numbers would take them for replayed.
    pub fn follow(&mut self, before: &Protector) {
        self.reports = before.reports;
    }

    /// How packets are protected.
    pub fn profile(&self) -> Profile {
        self.keys.profile()
    }

    /// How often the stream's sequence numbers rolled over.
    pub fn rollovers(&self) -> u32 {
        self.left.highest().map_or(0, |index| (index >> 16) as u32)
    }

    /// RTP packets that were refused because one of their number had been protected before, or may have been.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Protect the RTP packet in the first `len` bytes of `buffer`. Its length after, at most [`super::OVERHEAD`] more;
    /// `None` if it is no RTP packet, the buffer too short, or its number not a new one.
    pub fn rtp(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        let packet = buffer.get(..len)?;
        let header = header(packet)?;
        let (seq, ssrc) = name(packet)?;
        let mut left = if ssrc == self.ssrc { self.left } else { Window::default() };
        let index = match left.highest() {
            Some(highest) => nearest(highest, seq),
            None => Some(seq.into()),
        };
        let Some(index) = index.filter(|index| left.is_new(*index)) else {
            self.repeated += 1;
            return None;
        };
        let len = self.rtp.seal_rtp((ssrc, index), buffer, header, len)?;
        left.mark(index);
        (self.ssrc, self.left) = (ssrc, left);
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
