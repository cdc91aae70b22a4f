//! Session keys from master keys: RFC 3711 §4.3 with a key derivation rate of zero, so once a session.

use super::Keys;
use super::cipher::Aes;

/// What a session key is for; RFC 3711 §4.3.2 numbers them.
#[derive(Clone, Copy)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Fill `key` with a session key: the keystream of AES in counter mode under the master key.
pub(super) fn derive(keys: &Keys, label: Label, key: &mut [u8]) -> Option<()> {
    let mut start = [0; 16];
    start.iter_mut().zip(keys.salt()).for_each(|(to, from)| *to = from);
    // The label stands above 48 bits of index, which are zero, at the right end of the salt's 112 bits.
    let start = u128::from_be_bytes(start) ^ ((label as u128) << 64);
    key.fill(0);
    Aes::new(keys.key())?.xor(start, key);
    Some(())
}
