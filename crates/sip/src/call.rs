//! What a call is told and tells: the facts of an INVITE that came, and of one to send.
//! Owned strings, since they leave the SIP core for the call's own task.

use std::net::SocketAddr;

use crate::body::Body;
use crate::flow::{Flow, Next, Transport};
use crate::message::identity::Asserted;
use crate::message::write::clean;
use crate::message::{Scheme, Uri};
use crate::session::Replaces;

/// What an INVITE says, in the words a call needs.
#[derive(Clone, Debug, PartialEq)]
pub struct InviteFacts {
    /// The Call-ID.
    pub call_id: String,
    /// Who is called: the Request-URI.
    pub request_uri: Party,
    /// The From header.
    pub from: Party,
    /// The To header.
    pub to: Party,
    /// Where the INVITE came from.
    pub flow: Flow,
    /// Who the caller proved to be.
    pub identity: Identity,
    /// The peer's offer; `None` asks us to offer in the 200, and the answer comes in `Confirmed`.
    pub offer: Option<Body>,
    /// The methods the peer allows.
    pub allow: Vec<String>,
    /// The options the peer supports.
    pub supported: Vec<String>,
    /// The peer's software.
    pub user_agent: Option<String>,
    /// Who calls by the word of the network, and whom the call passed on its way.
    pub asserted: Asserted,
    /// Headers whose name starts with `X-`, in order.
    pub x_headers: Vec<(String, String)>,
    /// The peer's Contact URI: the dialog's remote target.
    pub contact: String,
    /// The dialog it is to take over (RFC 3891); [`crate::Endpoint::replaced`] finds it.
    pub replaces: Option<Replaces>,
    /// Hops left; a call placed on behalf of this one should have one less.
    pub max_forwards: u32,
}

impl InviteFacts {
    /// The facts of an INVITE that says nothing, which came by `flow`.
    pub fn new(flow: Flow) -> Self {
        InviteFacts {
            call_id: String::new(),
            request_uri: Party::default(),
            from: Party::default(),
            to: Party::default(),
            flow,
            identity: Identity::Anonymous,
            offer: None,
            allow: Vec::new(),
            supported: Vec::new(),
            user_agent: None,
            asserted: Asserted::default(),
            x_headers: Vec::new(),
            contact: String::new(),
            replaces: None,
            max_forwards: 70,
        }
    }
}

/// One side of a call, as a header names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// The display name, unquoted.
    pub display: Option<String>,
    /// The user part, unescaped; the number of a `tel:` URI; empty if there is none.
    pub user: String,
    /// The host; empty in a `tel:` URI.
    pub host: String,
    /// The URI as it stands.
    pub uri: String,
}

impl Party {
    /// The party that a `sip:`, `sips:` or `tel:` URI names; `None` for any other text.
    pub fn of(uri: &str) -> Option<Party> {
        let parsed = Uri::parse(uri).ok().filter(|parsed| parsed.scheme != Scheme::Other)?;
        Some(Party::of_uri(None, uri, &parsed))
    }
}

/// Who a caller proved to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody: no credentials, or wrong ones.
    Anonymous,
    /// This user, by digest.
    User(String),
}

/// The Contact we give: where the peer sends its next requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    uri: String,
}

impl Contact {
    /// `sip:user@address`, with the transport unless it is UDP. An empty user leaves the user out.
    pub fn new(user: &str, address: SocketAddr, transport: Transport) -> Self {
        let uri = rsip::Uri {
            scheme: Some(rsip::Scheme::Sip),
            auth: (!user.is_empty()).then(|| rsip::Auth { user: escaped(user), password: None }),
            // rsip prints an IPv6 host without brackets, so the host goes in as text.
            host_with_port: rsip::HostWithPort {
                host: rsip::Host::Domain(rsip::Domain::from(host(address))),
                port: Some(address.port().into()),
            },
            params: Vec::new(),
            headers: Vec::new(),
        };
        let mut uri = uri.to_string();
        if let Some(name) = transport.uri_name() {
            uri.push_str(";transport=");
            uri.push_str(name);
        }
        Contact { uri }
    }

    /// A URI of the caller's own making.
    pub fn from_uri(uri: &str) -> Self {
        Contact { uri: clean(uri).into_owned() }
    }

    /// The URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

/// An address as a host: IPv6 in brackets.
pub(crate) fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(a) => a.ip().to_string(),
        SocketAddr::V6(a) => format!("[{}]", a.ip()),
    }
}

/// The user part of a URI with everything escaped that must be (RFC 3261 §25.1, `user`).
pub(crate) fn escaped(user: &str) -> String {
    let mut text = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// A call to place.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Where it goes first.
    pub next: Next,
    /// The Request-URI.
    pub target: String,
    /// The From header's value without a tag, such as `"Bob" <sip:bob@example.com>`.
    pub from: String,
    /// The To header's value.
    pub to: String,
    /// The user part of our Contact; its address is that of the way the request takes.
    pub user: String,
    /// Our offer.
    pub offer: Offer,
    /// What to answer a challenge with.
    pub credentials: Option<Credentials>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Whether a 3xx is followed, to at most five targets (RFC 3261 §8.1.3.4). [`crate::Event::Redirected`] is told
    /// either way.
    pub follow: bool,
    /// Hops the request may take; 70 unless the call continues another one.
    pub max_forwards: u32,
}

/// The offer of an INVITE of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// None: the peer offers in its 200.
    None,
    /// This one.
    Ready(Body),
    /// One that names our address towards the peer: [`crate::Event::Reached`] asks for it each time a hop is tried.
    WhenReached,
}

/// A name and a password to answer a challenge with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The digest user name.
    pub user: String,
    /// The digest secret.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(user: &str, address: &str, transport: Transport, expected: &str) {
        assert_eq!(Contact::new(user, address.parse().unwrap(), transport).uri(), expected);
    }

    #[test]
    fn a_contact_is_escaped_and_names_its_transport() {
        check("", "192.0.2.1:5060", Transport::Udp, "sip:192.0.2.1:5060");
        check("1001", "192.0.2.1:5062", Transport::Tcp, "sip:1001@192.0.2.1:5062;transport=tcp");
        check("a b@c", "[2001:db8::1]:5060", Transport::Udp, "sip:a%20b%40c@[2001:db8::1]:5060");
    }
}
