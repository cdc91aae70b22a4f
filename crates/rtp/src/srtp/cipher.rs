//! Encryption and authentication of one kind of packet, RTP or RTCP, with session keys.
//!
//! Both modes number packets alike: the SSRC and 48 bits of index, xored with the session's salt, are the nonce.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::cipher::{InnerIvInit, StreamCipherCore};
use aes_gcm::aes::{Aes128Enc, Aes192Enc, Aes256Enc};
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;

use super::Keys;
use super::derive::{Label, derive};

/// Bytes of GCM's tag.
const GCM_TAG: usize = 16;
/// Bytes of RTCP's tag in counter mode.
const RTCP_TAG: usize = 10;

/// AES with a key of any length.
pub(super) enum Aes {
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
}

impl Aes {
    /// `None` if no AES has keys of this length.
    pub(super) fn new(key: &[u8]) -> Option<Aes> {
        match key.len() {
            16 => Aes128Enc::new_from_slice(key).ok().map(Aes::Aes128),
            24 => Aes192Enc::new_from_slice(key).ok().map(Aes::Aes192),
            32 => Aes256Enc::new_from_slice(key).ok().map(Aes::Aes256),
            _ => None,
        }
    }

    /// Counter mode from `start` on.
    pub(super) fn xor(&self, start: u128, data: &mut [u8]) {
        let start = start.to_be_bytes().into();
        let data = InOutBuf::from(data);
        match self {
            Aes::Aes128(aes) => {
                CtrCore::<_, Ctr128BE>::inner_iv_init(aes, &start).apply_keystream_partial(data)
            }
            Aes::Aes192(aes) => {
                CtrCore::<_, Ctr128BE>::inner_iv_init(aes, &start).apply_keystream_partial(data)
            }
            Aes::Aes256(aes) => {
                CtrCore::<_, Ctr128BE>::inner_iv_init(aes, &start).apply_keystream_partial(data)
            }
        }
    }
}

/// AES in GCM with a key of either length; a kilobyte of tables, which sessions in counter mode do without.
enum Gcm {
    Aes128(Box<AesGcm<Aes128Enc, U12>>),
    Aes256(Box<AesGcm<Aes256Enc, U12>>),
}

impl Gcm {
    fn new(key: &[u8]) -> Option<Gcm> {
        match key.len() {
            16 => AesGcm::new_from_slice(key).ok().map(Box::new).map(Gcm::Aes128),
            32 => AesGcm::new_from_slice(key).ok().map(Box::new).map(Gcm::Aes256),
            _ => None,
        }
    }

    fn seal(&self, nonce: [u8; 12], clear: &[u8], text: &mut [u8]) -> Option<[u8; GCM_TAG]> {
        let nonce = nonce.into();
        let tag = match self {
            Gcm::Aes128(gcm) => gcm.encrypt_inout_detached(&nonce, clear, text.into()),
            Gcm::Aes256(gcm) => gcm.encrypt_inout_detached(&nonce, clear, text.into()),
        };
        tag.ok().map(Into::into)
    }

    /// `None`, and `text` as it was, if the tag is not theirs.
    fn open(&self, nonce: [u8; 12], clear: &[u8], text: &mut [u8], tag: [u8; GCM_TAG]) -> Option<()> {
        let (nonce, tag) = (nonce.into(), tag.into());
        match self {
            Gcm::Aes128(gcm) => gcm.decrypt_inout_detached(&nonce, clear, text.into(), &tag),
            Gcm::Aes256(gcm) => gcm.decrypt_inout_detached(&nonce, clear, text.into(), &tag),
        }
        .ok()
    }
}

enum Mode {
    Counter { aes: Box<Aes>, mac: Hmac<Sha1>, tag: usize },
    Gcm(Gcm),
}

/// The session keys of RTP or of RTCP.
pub(super) struct Cipher {
    mode: Mode,
    /// The session salt, where the nonce's bits are.
    salt: u128,
}

impl Cipher {
    /// For RTP.
    pub(super) fn rtp(keys: &Keys) -> Option<Cipher> {
        let labels = [Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt];
        Cipher::new(keys, labels, keys.profile().tag_len())
    }

    /// For RTCP.
    pub(super) fn rtcp(keys: &Keys) -> Option<Cipher> {
        Cipher::new(keys, [Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt], RTCP_TAG)
    }

    /// With GCM's session keys, which the examples of RFC 7714 begin with.
    #[cfg(test)]
    pub(super) fn with_session_keys(key: &[u8], salt: [u8; 12]) -> Cipher {
        let mut bytes = [0; 16];
        bytes[4..].copy_from_slice(&salt);
        Cipher { mode: Mode::Gcm(Gcm::new(key).unwrap()), salt: u128::from_be_bytes(bytes) }
    }

    fn new(keys: &Keys, [encryption, authentication, salt]: [Label; 3], tag: usize) -> Option<Cipher> {
        let profile = keys.profile();
        let mut key = [0; 32];
        let key = key.get_mut(..profile.key_len())?;
        derive(keys, encryption, key)?;
        let mut bytes = [0; 16];
        let (_, low) = bytes.split_at_mut_checked(16 - profile.salt_len())?;
        derive(keys, salt, low)?;
        let salt = u128::from_be_bytes(bytes);
        let mode = if profile.is_gcm() {
            Mode::Gcm(Gcm::new(key)?)
        } else {
            // RFC 3711 §5.2: 160 bits.
            let mut secret = [0; 20];
            derive(keys, authentication, &mut secret)?;
            Mode::Counter { aes: Box::new(Aes::new(key)?), mac: Hmac::new_from_slice(&secret).ok()?, tag }
        };
        Some(Cipher { mode, salt })
    }

    /// Bytes of tag behind a master key identifier.
    pub(super) fn tag_behind_identifier(&self) -> usize {
        match &self.mode {
            Mode::Counter { tag, .. } => *tag,
            Mode::Gcm(_) => 0,
        }
    }

    /// The packet's number among all of the session.
    fn nonce(&self, ssrc: u32, index: u64) -> u128 {
        self.salt ^ (u128::from(ssrc) << 48) ^ u128::from(index)
    }

    /// Encrypt the RTP packet of `len` bytes whose header ends at `header`. Its length after; `None` if the buffer ends
    /// too early for its tag.
    pub(super) fn seal_rtp(
        &self,
        (ssrc, index): (u32, u64),
        buffer: &mut [u8],
        header: usize,
        len: usize,
    ) -> Option<usize> {
        let nonce = self.nonce(ssrc, index);
        match &self.mode {
            Mode::Counter { aes, mac, tag } => {
                let end = len + tag;
                let (packet, rest) = buffer.get_mut(..end)?.split_at_mut_checked(len)?;
                aes.xor(nonce << 16, packet.get_mut(header..)?);
                copy(rest, &authenticate(mac, packet, rollover(index)));
                Some(end)
            }
            Mode::Gcm(gcm) => {
                let end = len + GCM_TAG;
                let (packet, rest) = buffer.get_mut(..end)?.split_at_mut_checked(len)?;
                let (clear, text) = packet.split_at_mut_checked(header)?;
                copy(rest, &gcm.seal(nonce_of_gcm(nonce), clear, text)?);
                Some(end)
            }
        }
    }

    /// Decrypt an RTP packet. Its length after; `None`, and the packet as it was, if it is not authentic.
    pub(super) fn open_rtp(
        &self,
        (ssrc, index): (u32, u64),
        packet: &mut [u8],
        header: usize,
    ) -> Option<usize> {
        let nonce = self.nonce(ssrc, index);
        match &self.mode {
            Mode::Counter { aes, mac, tag } => {
                let len = packet.len().checked_sub(*tag)?;
                let (packet, tag) = packet.split_at_mut_checked(len)?;
                verify(mac, packet, rollover(index), tag)?;
                aes.xor(nonce << 16, packet.get_mut(header..)?);
                Some(len)
            }
            Mode::Gcm(gcm) => {
                let len = packet.len().checked_sub(GCM_TAG)?;
                let (packet, tag) = packet.split_at_mut_checked(len)?;
                let (clear, text) = packet.split_at_mut_checked(header)?;
                gcm.open(nonce_of_gcm(nonce), clear, text, *tag.first_chunk()?)?;
                Some(len)
            }
        }
    }

    /// Encrypt the RTCP packet of `len` bytes. `word` is its index with the bit that says that it is encrypted.
    pub(super) fn seal_rtcp(&self, ssrc: u32, word: u32, buffer: &mut [u8], len: usize) -> Option<usize> {
        let nonce = self.nonce(ssrc, index_of(word));
        let word = word.to_be_bytes();
        match &self.mode {
            Mode::Counter { aes, mac, tag } => {
                let end = len + 4 + tag;
                let (packet, rest) = buffer.get_mut(..end)?.split_at_mut_checked(len + 4)?;
                let (text, number) = packet.split_at_mut_checked(len)?;
                aes.xor(nonce << 16, text.get_mut(super::RTCP_CLEAR..)?);
                copy(number, &word);
                copy(rest, &authenticate(mac, packet, [].as_slice()));
                Some(end)
            }
            Mode::Gcm(gcm) => {
                let end = len + GCM_TAG + 4;
                let (packet, rest) = buffer.get_mut(..end)?.split_at_mut_checked(len)?;
                let (clear, text) = packet.split_at_mut_checked(super::RTCP_CLEAR)?;
                let tag = gcm.seal(nonce_of_gcm(nonce), &associated(clear, word), text)?;
                let (place, number) = rest.split_at_mut_checked(GCM_TAG)?;
                copy(place, &tag);
                copy(number, &word);
                Some(end)
            }
        }
    }

    /// The index and its bit that an RTCP packet carries.
    pub(super) fn rtcp_word(&self, packet: &[u8]) -> Option<u32> {
        let at = packet.len().checked_sub(self.tag_behind_identifier() + 4)?;
        Some(u32::from_be_bytes(*packet.get(at..)?.first_chunk()?))
    }

    /// Decrypt an RTCP packet. Its length after; `None`, and the packet as it was, if it is not authentic.
    /// What was sent unencrypted by RFC 3711 is taken in counter mode if it is authentic; nobody does so with GCM.
    pub(super) fn open_rtcp(&self, ssrc: u32, word: u32, packet: &mut [u8]) -> Option<usize> {
        let nonce = self.nonce(ssrc, index_of(word));
        let encrypted = word & super::ENCRYPTED != 0;
        match &self.mode {
            Mode::Counter { aes, mac, tag } => {
                let (packet, tag) = packet.split_at_mut_checked(packet.len().checked_sub(*tag)?)?;
                let len = packet.len().checked_sub(4)?;
                verify(mac, packet, [].as_slice(), tag)?;
                if encrypted {
                    aes.xor(nonce << 16, packet.get_mut(super::RTCP_CLEAR..len)?);
                }
                Some(len)
            }
            Mode::Gcm(_) if !encrypted => None,
            Mode::Gcm(gcm) => {
                let len = packet.len().checked_sub(GCM_TAG + 4)?;
                let (packet, rest) = packet.split_at_mut_checked(len)?;
                let (clear, text) = packet.split_at_mut_checked(super::RTCP_CLEAR)?;
                let clear = associated(clear, word.to_be_bytes());
                gcm.open(nonce_of_gcm(nonce), &clear, text, *rest.first_chunk()?)?;
                Some(len)
            }
        }
    }
}

fn index_of(word: u32) -> u64 {
    u64::from(word & !super::ENCRYPTED)
}

/// The roll-over counter, which authenticates an RTP packet without travelling in it.
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// RFC 7714 §8.1, §9.1: the low 96 bits.
fn nonce_of_gcm(nonce: u128) -> [u8; 12] {
    let [_, _, _, _, bytes @ ..] = nonce.to_be_bytes();
    bytes
}

/// What GCM authenticates of RTCP beside the text: RFC 7714 §9.2.
fn associated(clear: &[u8], word: [u8; 4]) -> [u8; super::RTCP_CLEAR + 4] {
    let mut all = [0; super::RTCP_CLEAR + 4];
    all.iter_mut().zip(clear.iter().chain(&word)).for_each(|(to, from)| *to = *from);
    all
}

fn authenticate(mac: &Hmac<Sha1>, packet: &[u8], more: impl AsRef<[u8]>) -> [u8; 20] {
    let mut mac = mac.clone();
    mac.update(packet);
    mac.update(more.as_ref());
    mac.finalize().into_bytes().into()
}

/// In constant time.
fn verify(mac: &Hmac<Sha1>, packet: &[u8], more: impl AsRef<[u8]>, tag: &[u8]) -> Option<()> {
    let mut mac = mac.clone();
    mac.update(packet);
    mac.update(more.as_ref());
    mac.verify_truncated_left(tag).ok()
}

/// As much of `from` as there is room for.
fn copy(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
