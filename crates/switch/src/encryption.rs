//! How much calls are encrypted, and the words of `sdp` about it made those of `media`.

use media::{Profile, SrtpKeys as Keys};
use rustls::crypto::ring;
use sdp::negotiate::security::{self, Digest, Fingerprint, Key, Keying, Policy, SECRETS, Secrets};

/// The settings of `[media]` about encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// How much.
    pub policy: Policy,
    /// What our own offers bring the keys by.
    pub keying: Keying,
    /// Of the certificate that this start of the server shows in handshakes.
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl Default for Encryption {
    /// Where the other end offers it.
    fn default() -> Encryption {
        Encryption::new(Policy::Offered, Keying::Sdes)
    }
}

impl Encryption {
    /// The certificate comes when the server starts.
    pub fn new(policy: Policy, keying: Keying) -> Encryption {
        Encryption { policy, keying, fingerprint: None }
    }

    /// With the certificate of this start, by its fingerprint.
    pub(crate) fn certified(mut self, sha_256: &[u8]) -> Encryption {
        self.fingerprint = Some(Fingerprint { digest: Digest::Sha256, bytes: sha_256.to_vec() });
        self
    }

    /// For one session, with keys of its own. Without good randomness there is no encryption, which is then refused.
    pub(crate) fn described(&self) -> security::Encryption {
        let mut secrets = [0; SECRETS];
        let random = ring::default_provider().secure_random.fill(&mut secrets);
        security::Encryption {
            policy: if random.is_ok() { self.policy } else { Policy::Off },
            keying: self.keying,
            secrets: Secrets(secrets),
            fingerprint: self.fingerprint.clone(),
            roomy: false,
        }
    }
}

/// What was agreed on, for the leg; `None` if it cannot be done, which `sdp` does not agree on.
pub(crate) fn agreed(security: &security::Security) -> Option<media::Security> {
    Some(match security {
        security::Security::None => media::Security::None,
        security::Security::Sdes { send, receive, .. } => media::Security::Keys {
            send: keys(send)?,
            receive: keys(receive)?,
            identifier: receive.identifier,
        },
        security::Security::Dtls { fingerprints, active } => media::Security::Handshake {
            fingerprints: fingerprints
                .iter()
                .map(|one| media::Fingerprint {
                    hash: one.digest.name().to_owned(),
                    bytes: one.bytes.clone(),
                })
                .collect(),
            active: *active,
        },
    })
}

fn keys(key: &Key) -> Option<Keys> {
    let profile = Profile::ALL.into_iter().find(|profile| profile.name() == key.suite.name)?;
    Keys::new(profile, &key.bytes)
}

/// For the timeline: `, SRTP AES_CM_128_HMAC_SHA1_80`.
pub(crate) fn words(security: &security::Security) -> String {
    match security {
        security::Security::None => String::new(),
        security::Security::Sdes { send, .. } => format!(", SRTP {}", send.suite.name),
        security::Security::Dtls { .. } => ", DTLS-SRTP".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use sdp::negotiate::security::Suite;

    use super::*;

    #[test]
    fn every_suite_of_sdp_is_one_of_rtp() {
        for suite in Suite::ALL {
            let profile = Profile::ALL.into_iter().find(|profile| profile.name() == suite.name);
            assert_eq!(profile.map(Profile::keys_len), Some(suite.len), "{}", suite.name);
        }
    }

    #[test]
    fn no_two_sessions_have_the_same_secrets() {
        let encryption = Encryption::default();
        assert_ne!(encryption.described().secrets, encryption.described().secrets);
    }
}
