//! `a=fingerprint`, RFC 8122 §5: which certificate the peer will show.

use std::fmt;

use sdp_types::Media;

use crate::attribute::values;

/// A hash function that fingerprints are made with; the weakest first. MD5 and MD2 are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// `sha-1`, which old phones offer.
    Sha1,
    /// `sha-224`
    Sha224,
    /// `sha-256`, which everybody has.
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
}

use Digest::*;

impl Digest {
    const ALL: [Digest; 5] = [Sha1, Sha224, Sha256, Sha384, Sha512];

    /// As RFC 8122 §5 writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Sha1 => "sha-1",
            Sha224 => "sha-224",
            Sha256 => "sha-256",
            Sha384 => "sha-384",
            Sha512 => "sha-512",
        }
    }

    const fn len(self) -> usize {
        match self {
            Sha1 => 20,
            Sha224 => 28,
            Sha256 => 32,
            Sha384 => 48,
            Sha512 => 64,
        }
    }
}

/// The hash of a certificate. It is written as `sha-256 4A:AD:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Made with.
    pub digest: Digest,
    /// The hash of the certificate's DER form.
    pub bytes: Vec<u8>,
}

impl Fingerprint {
    /// `None` if the hash is unknown or what follows is not of its length.
    fn read(value: &str) -> Option<Fingerprint> {
        let mut fields = value.split_ascii_whitespace();
        let (name, hash) = (fields.next()?, fields.next()?);
        let digest = Digest::ALL.into_iter().find(|digest| digest.name().eq_ignore_ascii_case(name))?;
        let pairs = hash.split(':').map(|pair| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2));
        let bytes: Vec<u8> = pairs.collect::<Option<_>>()?;
        (bytes.len() == digest.len()).then_some(Fingerprint { digest, bytes })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.digest.name())?;
        for (at, byte) in self.bytes.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// Those that count are the line's, else the session's, made with the best hash among them (RFC 8122 §5); at most a few.
pub(super) fn of(session: &sdp_types::Session, media: &Media) -> Vec<Fingerprint> {
    let of = |attributes| -> Vec<Fingerprint> {
        values(attributes, "fingerprint").filter_map(Fingerprint::read).take(8).collect()
    };
    let mut all = of(&media.attributes);
    if all.is_empty() {
        all = of(&session.attributes);
    }
    let best = all.iter().map(|one| one.digest).max();
    all.retain(|one| Some(one.digest) == best);
    all
}
