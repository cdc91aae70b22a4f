//! What a URI says of the server it names, before anybody is asked: RFC 3263 §4.1 and §4.2.
//! Host, port and transport only; records are `search.rs`'s.

use std::net::IpAddr;

use crate::flow::Transport;
use crate::message::{Scheme, Uri};

/// The server a URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The host to be found: `maddr` where there is one (RFC 3263 §4, TARGET).
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
    /// The transport, if the URI names one.
    pub(crate) transport: Option<Transport>,
    /// Whether only TLS will do.
    pub(crate) secure: bool,
}

/// A host as a URI writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    /// In lower case, without a final dot.
    Name(String),
}

impl Target {
    /// Reads a URI; `None` if it names no server that SIP can reach: a `tel:` URI, a transport we do not know.
    pub(crate) fn of(uri: &str) -> Option<Self> {
        let uri = Uri::parse(uri.trim()).ok()?;
        let secure = match uri.scheme {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Other => return None,
        };
        let host = match uri.param("maddr") {
            Some(maddr) if !maddr.is_empty() => Host::of(maddr)?,
            _ => Host::of(uri.host)?,
        };
        let transport = match uri.param("transport").filter(|t| !t.is_empty()) {
            None => None,
            Some(name) => Some(named(name, secure)?),
        };
        // `transport=tls` of RFC 2543 is deprecated and everywhere (RFC 3261 §26.2.2).
        let secure = secure || transport.is_some_and(Transport::is_secure);
        Some(Target { host, port: uri.port.filter(|port| *port != 0), transport, secure })
    }

    /// The transport where no record says one: UDP, or TLS for a sips URI (RFC 3263 §4.1).
    pub(crate) fn usual_transport(&self) -> Transport {
        self.transport.unwrap_or(if self.secure { Transport::Tls } else { Transport::Udp })
    }
}

impl Host {
    fn of(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Some(Host::Address(address));
        }
        name(text).map(Host::Name)
    }
}

/// A domain name in the form questions ask for it; `None` if DNS cannot hold it (RFC 1035 §2.3.4).
pub(crate) fn name(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |l: &str| {
        (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    (text.len() <= 253 && text.split('.').all(label)).then(|| text.to_ascii_lowercase())
}

/// Whether a URI names a server at all.
pub(crate) fn leads_somewhere(uri: &str) -> bool {
    Target::of(uri).is_some()
}

/// The transport a URI's parameter names; `sips:` makes each of them secure (RFC 3261 §26.2.2, RFC 7118 §5.2).
fn named(name: &str, secure: bool) -> Option<Transport> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    match (is("udp"), is("tcp"), is("tls"), is("ws"), is("wss")) {
        (true, ..) if !secure => Some(Transport::Udp),
        (_, true, ..) if !secure => Some(Transport::Tcp),
        (_, true, ..) | (_, _, true, ..) => Some(Transport::Tls),
        (_, _, _, true, _) if !secure => Some(Transport::Ws),
        (_, _, _, true, _) | (.., true) => Some(Transport::Wss),
        // SCTP, UDP in a sips URI, and what nobody knows.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, host: &str, port: Option<u16>, transport: Option<Transport>, secure: bool) {
        let host = Host::of(host).unwrap();
        assert_eq!(Target::of(uri), Some(Target { host, port, transport, secure }), "{uri}");
    }

    #[test]
    fn a_uri_fixes_what_it_names() {
        check("sip:bob@Example.COM.", "example.com", None, None, false);
        check("sip:bob@192.0.2.1:5070;transport=TCP", "192.0.2.1", Some(5070), Some(Transport::Tcp), false);
        check("sips:[2001:db8::1];transport=tcp", "2001:db8::1", None, Some(Transport::Tls), true);
        check("sip:h;transport=tls", "h", None, Some(Transport::Tls), true);
        check("sips:h;transport=ws", "h", None, Some(Transport::Wss), true);
        check("sip:bob@example.com;maddr=192.0.2.9", "192.0.2.9", None, None, false);
    }

    #[test]
    fn a_uri_that_sip_cannot_reach_has_no_target() {
        let long = format!("sip:{}.example.com", "a".repeat(64));
        for uri in [
            "tel:+15551234",
            "urn:x:y",
            "sip:",
            "sip:h;transport=sctp",
            "sips:h;transport=udp",
            "sip:a..b",
            &long,
        ] {
            assert_eq!(Target::of(uri), None, "{uri}");
        }
    }
}
