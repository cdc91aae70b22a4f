//! How the audio is secured: keys in the description (SDES, RFC 4568) or by a handshake beside it (DTLS, RFC 5763).
//!
//! The profile of the line says which: RTP/SAVP(F) has `a=crypto`, UDP/TLS/RTP/SAVP(F) has `a=fingerprint`.
//! Either may stand beside RTP/AVP(F) as well, where it is a wish (RFC 8643), and old gateways have fingerprints beside
//! RTP/SAVPF. The answer has the profile of the offer.
//!
//! Randomness and our certificate's fingerprint come from the caller.

mod base64;
mod crypto;
mod fingerprint;

use std::fmt;

use sdp_types::Media;

pub use self::crypto::{Key, Suite};
pub use self::fingerprint::{Digest, Fingerprint};
use super::agree::Role;
use crate::Reject;
use crate::attribute::values;

/// How much encryption is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// None: secured offers are refused.
    #[default]
    Off,
    /// Where the peer offers it; our own offers are plain.
    Offered,
    /// Our offers have it as a wish, RFC 8643; plain audio is taken.
    Preferred,
    /// Nothing else.
    Required,
}

/// What our own offers bring the keys by; the peer's may have either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keying {
    /// In the description.
    #[default]
    Sdes,
    /// By a handshake.
    Dtls,
}

/// Bytes of randomness that all keys of ours for a session are cut from.
pub const SECRETS: usize = Suite::OFFERED_LEN + Suite::LONGEST;

/// Randomness for one session's keys. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(pub [u8; SECRETS]);

impl Default for Secrets {
    /// No secret at all, for sessions that are not encrypted.
    fn default() -> Secrets {
        Secrets([0; SECRETS])
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// What we can do and want of encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encryption {
    /// How much.
    pub policy: Policy,
    /// How, in our offers.
    pub keying: Keying,
    /// What our keys are made of.
    pub secrets: Secrets,
    /// Of our certificate; `None` where there are no handshakes.
    pub fingerprint: Option<Fingerprint>,
    /// Whether our offers may be longer than a datagram takes: they go by a stream.
    pub roomy: bool,
}

/// How the audio is secured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Security {
    /// Not at all.
    #[default]
    None,
    /// With keys from the descriptions.
    Sdes {
        /// The tag of the line that was chosen.
        tag: u32,
        /// Of what we send.
        send: Key,
        /// Of what comes.
        receive: Key,
    },
    /// With keys from a handshake.
    Dtls {
        /// The peer's certificate has one of these; all are of one hash.
        fingerprints: Vec<Fingerprint>,
        /// Whether we begin.
        active: bool,
    },
}

/// What a profile says of encryption.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Profile {
    Plain,
    Sdes,
    Dtls,
}

fn profile(media: &Media) -> Option<Profile> {
    let is = |names: [&str; 2]| names.iter().any(|name| media.proto.eq_ignore_ascii_case(name));
    if is(["RTP/AVP", "RTP/AVPF"]) {
        Some(Profile::Plain)
    } else if is(["RTP/SAVP", "RTP/SAVPF"]) {
        Some(Profile::Sdes)
    } else if is(["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"]) {
        Some(Profile::Dtls)
    } else {
        None
    }
}

/// How a line of the peer's is secured; `now` is how it was until then.
pub(super) fn agree(
    session: &sdp_types::Session,
    media: &Media,
    role: Role<'_>,
    now: Option<&Security>,
) -> Result<Security, Reject> {
    let ours = &role.ours().encryption;
    let profile = profile(media).ok_or(Reject::Profile)?;
    if ours.policy == Policy::Off {
        return if profile == Profile::Plain { Ok(Security::None) } else { Err(Reject::Profile) };
    }
    let sdes = || match role {
        Role::Answering(_) => crypto::answer(media, ours, now),
        Role::Offered(..) => crypto::accept(media, ours, now),
    };
    let dtls = || {
        ours.fingerprint.as_ref()?;
        let fingerprints = fingerprint::of(session, media);
        (!fingerprints.is_empty())
            .then(|| Security::Dtls { fingerprints, active: active(session, media, role, now) })
    };
    let offered_dtls = matches!(role, Role::Offered(..)) && !offers_sdes(ours, now);
    let secured = match profile {
        Profile::Dtls => dtls(),
        _ if offered_dtls => dtls(),
        _ if matches!(role, Role::Offered(..)) => sdes(),
        _ => sdes().or_else(dtls),
    };
    match (secured, profile) {
        (Some(security), _) => Ok(security),
        (None, Profile::Plain) if ours.policy != Policy::Required => Ok(Security::None),
        _ => Err(Reject::Encryption),
    }
}

/// Who begins: RFC 5763 §5. We let the peer, where it leaves that to us, since only its packets open the way through
/// its NAT. Once the roles are shared they stay, RFC 8842 §5.3.
fn active(session: &sdp_types::Session, media: &Media, role: Role<'_>, now: Option<&Security>) -> bool {
    let setup = values(&media.attributes, "setup").next().or(values(&session.attributes, "setup").next());
    match (setup.map(|setup| setup.trim().to_ascii_lowercase()).as_deref(), role, now) {
        (Some("active"), ..) => false,
        (Some("passive"), ..) => true,
        (_, Role::Answering(_), Some(Security::Dtls { active, .. })) => *active,
        // RFC 5763 §5: an offer has to say it, an answer without one is active.
        _ => false,
    }
}

/// Whether an offer of ours has its keys in the description.
fn offers_sdes(ours: &Encryption, now: Option<&Security>) -> bool {
    match now {
        Some(Security::Sdes { .. }) => true,
        Some(Security::Dtls { .. }) => false,
        _ => ours.keying == Keying::Sdes || ours.fingerprint.is_none(),
    }
}

/// Whether our next offer has keys or fingerprints at all. What is secured stays so.
fn offers(ours: &Encryption, now: Option<&Security>) -> bool {
    match now {
        Some(Security::None) => false,
        Some(_) => true,
        None => matches!(ours.policy, Policy::Preferred | Policy::Required),
    }
}

/// The profile of the first offer of ours.
pub(super) fn offered_profile(ours: &Encryption) -> &'static str {
    match ours.policy {
        Policy::Required if offers_sdes(ours, None) => "RTP/SAVP",
        Policy::Required => "UDP/TLS/RTP/SAVP",
        _ => "RTP/AVP",
    }
}

/// What our offer says, as attributes.
pub(super) fn offer(ours: &Encryption, now: Option<&Security>) -> Vec<(&'static str, String)> {
    if !offers(ours, now) {
        return Vec::new();
    }
    match &ours.fingerprint {
        Some(fingerprint) if !offers_sdes(ours, now) => {
            vec![("fingerprint", fingerprint.to_string()), ("setup", "actpass".into())]
        }
        _ => crypto::offer(ours, now).into_iter().map(|line| ("crypto", line)).collect(),
    }
}

/// What our answer says, as attributes.
pub(super) fn answered(ours: &Encryption, security: &Security) -> Vec<(&'static str, String)> {
    match (security, &ours.fingerprint) {
        (Security::Sdes { tag, send, .. }, _) => vec![("crypto", crypto::line(*tag, send))],
        (Security::Dtls { active, .. }, Some(fingerprint)) => {
            let setup = if *active { "active" } else { "passive" };
            vec![("fingerprint", fingerprint.to_string()), ("setup", setup.into())]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
