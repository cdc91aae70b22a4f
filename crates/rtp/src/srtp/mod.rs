//! Secure RTP and RTCP: RFC 3711 with the suites of RFC 6188 and RFC 7714, in place, packet by packet.
//!
//! Each direction of a call has its own [`Keys`], which SDP (RFC 4568) or DTLS (RFC 5764) brought.
//! [`Protector`] is what sends with them, [`Unprotector`] what receives.
//! Both make their memory when they are made; a packet allocates nothing.
//! A packet that is refused is left as it came, and changes nothing here.
//!
//! Not here: several master keys at a time, key derivation rates, unprotected streams (RFC 4568 §6.3 lists them as
//! options that peers may refuse).

mod cipher;
mod derive;
mod profile;
mod protect;
mod stream;
mod unprotect;
mod window;

pub use profile::{Keys, LONGEST_KEYS, Profile};
pub use protect::Protector;
pub use unprotect::{Refused, Unprotector};

/// What a protected packet is longer at most: the tag of RFC 7714 and RTCP's index.
pub const OVERHEAD: usize = 20;

/// Bytes of RTCP that stay readable: the first packet's header and its sender, RFC 3711 §3.4.
const RTCP_CLEAR: usize = 8;

/// The bit beside RTCP's index that says that the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Where the header of an RTP packet ends: behind its CSRCs and its extension.
fn header(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let mut end = crate::packet::HEADER + usize::from(first & 0x0f) * 4;
    if first & 0x10 != 0 {
        let (_, words) = packet.get(end..)?.first_chunk::<4>()?.split_first_chunk::<2>()?;
        end += 4 + usize::from(u16::from_be_bytes(*words.first_chunk()?)) * 4;
    }
    (end <= packet.len()).then_some(end)
}

/// Sequence number and SSRC of an RTP packet.
fn name(packet: &[u8]) -> Option<(u16, u32)> {
    let [_, _, s0, s1, _, _, _, _, i0, i1, i2, i3] = *packet.first_chunk()?;
    Some((u16::from_be_bytes([s0, s1]), u32::from_be_bytes([i0, i1, i2, i3])))
}

/// The sender of an RTCP packet.
fn sender(packet: &[u8]) -> Option<u32> {
    let [first, _, _, _, i0, i1, i2, i3] = *packet.first_chunk::<RTCP_CLEAR>()?;
    (first >> 6 == 2).then(|| u32::from_be_bytes([i0, i1, i2, i3]))
}

#[cfg(test)]
mod tests;
