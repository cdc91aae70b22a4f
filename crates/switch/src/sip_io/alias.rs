//! Whether a stream that came in may carry requests to its peer: connection reuse (RFC 5923).
//!
//! The peer asks for it by `alias` in its Via, and the Via's sent-by is then a place requests may be meant for.
//! Nobody may take a place that is not his: over TLS the certificate must name the host, over TCP the host must be the
//! very address that the connection comes from.

use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use sip::glance::Glance;
use sip::{Flow, Transport};

use super::streams::Target;
use super::tls;

/// Who is at the other end of a stream, as far as that is proved.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// The certificate it showed, if that was verified.
    pub(super) certificate: Option<CertificateDer<'static>>,
}

impl Peer {
    /// The place that a message claims for its stream and that its sender has proved to hold.
    pub(super) fn proved(&self, flow: &Flow, message: &Bytes) -> Option<Target> {
        let glance = Glance::of(message);
        // A response has our own Via.
        glance.method?;
        let (host, port) = glance.alias()?;
        let mut remote = flow.remote;
        remote.set_port(port.unwrap_or(flow.transport.default_port()));
        let address = host.trim_start_matches('[').trim_end_matches(']').parse() == Ok(remote.ip());
        let name = match flow.transport {
            Transport::Tcp => address.then_some(None),
            Transport::Tls => {
                let named = self.certificate.as_ref().is_some_and(|shown| tls::names(shown, host));
                named.then(|| (!address).then(|| host.to_ascii_lowercase()))
            }
            // A WebSocket's client has no place to be reached at (RFC 7118 §5).
            _ => None,
        }?;
        Some(Target { transport: flow.transport, remote, name })
    }
}
