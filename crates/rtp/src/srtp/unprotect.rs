//! The peer's side of a secured session: RTP and RTCP that come.

use super::cipher::Cipher;
use super::stream::Stream;
use super::{Keys, Profile, header, name, sender};

/// Streams of a peer that are told apart. One more, once it is proven, takes the place of the one that was silent longest.
const STREAMS: usize = 8;

/// Why a packet is not the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no RTP or RTCP packet, or too short to be protected.
    Malformed,
    /// Nobody who has the keys wrote it, or it was changed on its way.
    Forged,
    /// It came before, or is so old that it may have.
    Replayed,
}

/// Authenticates and decrypts what came under one master key.
pub struct Unprotector {
    keys: Keys,
    rtp: Cipher,
    rtcp: Cipher,
    /// Bytes of the master key identifier in each packet.
    identifier: usize,
    streams: [Option<Stream>; STREAMS],
    /// Packets that were authentic.
    count: u64,
}

impl Unprotector {
    /// Derives the session keys: some microseconds.
    pub fn new(keys: &Keys) -> Option<Unprotector> {
        let (rtp, rtcp) = (Cipher::rtp(keys)?, Cipher::rtcp(keys)?);
        Some(Unprotector { keys: *keys, rtp, rtcp, identifier: 0, streams: [None; STREAMS], count: 0 })
    }

    /// For a peer whose packets have a master key identifier of so many bytes, RFC 3711 §3.1. There is one key, so it
    /// says nothing and is left out; it is not authenticated anyway.
    #[must_use]
    pub fn with_identifier(mut self, bytes: usize) -> Unprotector {
        self.identifier = bytes;
        self
    }

    /// What it was made from.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How packets are protected.
    pub fn profile(&self) -> Profile {
        self.keys.profile()
    }

    /// These keys follow those of `before` in mid-call: its streams may count their roll-overs on.
    pub fn follow(&mut self, before: &Unprotector) {
        for (to, from) in self.streams.iter_mut().zip(&before.streams) {
            let known = from.and_then(|from| Some((from.ssrc, from.rtp.highest()?)));
            *to = known.map(|(ssrc, highest)| Stream::new(ssrc, Some(highest)));
        }
    }

    /// Unprotect an RTP packet in place. Its length after.
    ///
    /// # Errors
    /// [`Refused`]; the packet and everything here stay as they were.
    pub fn rtp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let tag = self.rtp.tag_behind_identifier();
        self.without_identifier(packet, tag, |own, packet| own.open_rtp(packet))
    }

    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let ((seq, ssrc), header) = name(packet).zip(header(packet)).ok_or(Refused::Malformed)?;
        let mut stream = self.find(ssrc);
        let mut refused = Refused::Replayed;
        for index in stream.indices(seq).into_iter().flatten() {
            if !stream.rtp.is_new(index) {
                continue;
            }
            if let Some(len) = self.rtp.open_rtp((ssrc, index), packet, header) {
                stream.rtp.mark(index);
                self.keep(stream);
                return Ok(len);
            }
            refused = Refused::Forged;
        }
        Err(refused)
    }

    /// Unprotect a compound RTCP packet in place. Its length after.
    ///
    /// # Errors
    /// [`Refused`]; the packet and everything here stay as they were.
    pub fn rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let tag = self.rtcp.tag_behind_identifier();
        self.without_identifier(packet, tag, |own, packet| own.open_rtcp(packet))
    }

    /// The identifier stands before the tag in counter mode, at the end with GCM (RFC 7714 §8.2, §9.2).
    fn without_identifier(
        &mut self,
        packet: &mut [u8],
        tag: usize,
        open: impl FnOnce(&mut Unprotector, &mut [u8]) -> Result<usize, Refused>,
    ) -> Result<usize, Refused> {
        if self.identifier == 0 {
            return open(self, packet);
        }
        let len = packet.len().checked_sub(self.identifier).ok_or(Refused::Malformed)?;
        let start = len.checked_sub(tag).ok_or(Refused::Malformed)?;
        let end = packet.get_mut(start..).ok_or(Refused::Malformed)?;
        end.rotate_left(self.identifier);
        let opened = open(self, packet.get_mut(..len).ok_or(Refused::Malformed)?);
        if opened.is_err() {
            packet.get_mut(start..).unwrap_or_default().rotate_right(self.identifier);
        }
        opened
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let ssrc = sender(packet).ok_or(Refused::Malformed)?;
        let word = self.rtcp.rtcp_word(packet).ok_or(Refused::Malformed)?;
        let index = u64::from(word & !super::ENCRYPTED);
        let mut stream = self.find(ssrc);
        if !stream.rtcp.is_new(index) {
            return Err(Refused::Replayed);
        }
        let len = self.rtcp.open_rtcp(ssrc, word, packet).ok_or(Refused::Forged)?;
        stream.rtcp.mark(index);
        self.keep(stream);
        Ok(len)
    }

    fn find(&self, ssrc: u32) -> Stream {
        let known = self.streams.iter().flatten().find(|stream| stream.ssrc == ssrc);
        known.copied().unwrap_or(Stream::new(ssrc, None))
    }

    /// Remember what was learnt of a stream.
    fn keep(&mut self, mut stream: Stream) {
        self.count += 1;
        stream.heard = self.count;
        let known = self.streams.iter().position(|s| s.is_some_and(|s| s.ssrc == stream.ssrc));
        let oldest = || {
            let heard = self.streams.iter().map(|s| s.map_or(0, |s| s.heard));
            heard.enumerate().min_by_key(|(_, heard)| *heard).map(|(at, _)| at)
        };
        let place = known.or_else(oldest).and_then(|at| self.streams.get_mut(at));
        if let Some(place) = place {
            *place = Some(stream);
        }
    }
}
