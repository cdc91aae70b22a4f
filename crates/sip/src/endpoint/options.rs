//! Option tags: which extensions we have, and who may require them (RFC 3261 §19.2). The one place that lists them.
//! An extension is listed where it is true: what stands here is promised to every peer.

use std::time::Instant;

use super::{Endpoint, Request};
use crate::message::{Known, Method, Name};

/// What we have for calls: our `Supported` in INVITE, UPDATE, their answers and our answer to OPTIONS.
pub(crate) const FOR_CALLS: &str = "timer, 100rel, replaces, norefersub";

/// What we have for registrations (RFC 3327, RFC 5626).
pub(crate) const FOR_REGISTRATIONS: &str = "path, outbound";

/// What a request may require of proxies, one of which we are to our phones: privacy (RFC 3323) asks for nothing that
/// we would pass on unasked.
const OF_PROXIES: &str = "privacy";

impl Endpoint {
    /// 420 if the request requires what we lack (RFC 3261 §8.2.2.3). True if it was refused.
    pub(crate) fn refuse_extensions(&mut self, now: Instant, request: &Request<'_>) -> bool {
        let known = match request.core.method {
            Method::Known(Known::Register) => FOR_REGISTRATIONS,
            _ => FOR_CALLS,
        };
        let lacks = |known: &'static str| {
            move |option: &&str| !known.split(", ").any(|have| have.eq_ignore_ascii_case(option))
        };
        let message = request.message;
        let lacking: Vec<&str> = message
            .values(Name::Require)
            .filter(lacks(known))
            .chain(message.values(Name::ProxyRequire).filter(lacks(OF_PROXIES)))
            .collect();
        if lacking.is_empty() {
            return false;
        }
        self.refuse_with(now, request, 420, None, &[("Unsupported".into(), lacking.join(", "))]);
        true
    }

    /// Everything we have, for our answer to OPTIONS.
    pub(super) fn all_extensions() -> String {
        format!("{FOR_CALLS}, {FOR_REGISTRATIONS}")
    }
}

/// Whether a message supports an extension, or requires it.
pub(crate) fn supports(message: &crate::message::Message, option: &str) -> bool {
    message
        .values(Name::Supported)
        .chain(message.values(Name::Require))
        .any(|o| o.eq_ignore_ascii_case(option))
}
