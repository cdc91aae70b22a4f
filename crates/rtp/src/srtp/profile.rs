//! The suites by their names, and the keys of one direction.

use std::fmt;

/// How packets are encrypted and authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// RFC 7714: AES-256 in GCM.
    AeadAes256Gcm,
    /// RFC 7714: AES-128 in GCM.
    AeadAes128Gcm,
    /// RFC 6188: AES-256 in counter mode, tags of 80 bits.
    Aes256Sha1_80,
    /// RFC 6188: AES-192 in counter mode, tags of 80 bits.
    Aes192Sha1_80,
    /// RFC 3711's own: AES-128 in counter mode, tags of 80 bits.
    Aes128Sha1_80,
    /// RFC 6188: AES-256 in counter mode, tags of 32 bits on RTP.
    Aes256Sha1_32,
    /// RFC 6188: AES-192 in counter mode, tags of 32 bits on RTP.
    Aes192Sha1_32,
    /// AES-128 in counter mode, tags of 32 bits on RTP.
    Aes128Sha1_32,
}

use Profile::*;

impl Profile {
    /// All of them, the strongest first.
    pub const ALL: [Profile; 8] = [
        AeadAes256Gcm,
        AeadAes128Gcm,
        Aes256Sha1_80,
        Aes192Sha1_80,
        Aes128Sha1_80,
        Aes256Sha1_32,
        Aes192Sha1_32,
        Aes128Sha1_32,
    ];

    /// The name in SDP: RFC 4568 §6.2, RFC 6188 §4.1, RFC 7714 §14.2.
    pub const fn name(self) -> &'static str {
        match self {
            AeadAes256Gcm => "AEAD_AES_256_GCM",
            AeadAes128Gcm => "AEAD_AES_128_GCM",
            Aes256Sha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Aes192Sha1_80 => "AES_192_CM_HMAC_SHA1_80",
            Aes128Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Aes256Sha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Aes192Sha1_32 => "AES_192_CM_HMAC_SHA1_32",
            Aes128Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// Bytes of a master key.
    pub const fn key_len(self) -> usize {
        match self {
            AeadAes256Gcm | Aes256Sha1_80 | Aes256Sha1_32 => 32,
            Aes192Sha1_80 | Aes192Sha1_32 => 24,
            AeadAes128Gcm | Aes128Sha1_80 | Aes128Sha1_32 => 16,
        }
    }

    /// Bytes of a master salt.
    pub const fn salt_len(self) -> usize {
        if self.is_gcm() { 12 } else { 14 }
    }

    /// Bytes of a master key and its salt, which is how both SDP and DTLS bring them.
    pub const fn keys_len(self) -> usize {
        self.key_len() + self.salt_len()
    }

    pub(super) const fn is_gcm(self) -> bool {
        matches!(self, AeadAes256Gcm | AeadAes128Gcm)
    }

    /// Bytes of the tag behind an RTP packet; RTCP's is of 80 bits in counter mode, RFC 4568 §6.2.2.
    pub(super) const fn tag_len(self) -> usize {
        match self {
            AeadAes256Gcm | AeadAes128Gcm => 16,
            Aes256Sha1_80 | Aes192Sha1_80 | Aes128Sha1_80 => 10,
            Aes256Sha1_32 | Aes192Sha1_32 | Aes128Sha1_32 => 4,
        }
    }
}

/// Bytes of the longest master key with its salt.
pub const LONGEST_KEYS: usize = 46;

/// The master key and salt of one direction. They are not shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    profile: Profile,
    bytes: [u8; LONGEST_KEYS],
}

impl Keys {
    /// The key and, behind it, the salt; `None` if they are not [`Profile::keys_len`] bytes.
    pub fn new(profile: Profile, key_and_salt: &[u8]) -> Option<Keys> {
        let mut bytes = [0; LONGEST_KEYS];
        if key_and_salt.len() != profile.keys_len() {
            return None;
        }
        bytes.get_mut(..key_and_salt.len())?.copy_from_slice(key_and_salt);
        Some(Keys { profile, bytes })
    }

    /// What they are for.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The master key.
    pub(super) fn key(&self) -> &[u8] {
        self.bytes.get(..self.profile.key_len()).unwrap_or_default()
    }

    /// The master salt; that of RFC 7714 filled up with zeros to the 14 bytes that the derivation takes (§11 there).
    pub(super) fn salt(&self) -> [u8; 14] {
        let mut salt = [0; 14];
        let theirs = self.bytes.get(self.profile.key_len()..self.profile.keys_len()).unwrap_or_default();
        salt.iter_mut().zip(theirs).for_each(|(to, from)| *to = *from);
        salt
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.profile.name())
    }
}
