//! Where a message came from and where one goes: the socket pair a flow is.
//! Owns the two small types every input and output carries; resolves and opens nothing.

use std::fmt;
use std::net::SocketAddr;

/// What carries a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Transport {
    /// Datagrams: unreliable, so transactions retransmit.
    Udp,
    /// A byte stream cut into messages by [`crate::stream::Framer`].
    Tcp,
    /// TCP within TLS (RFC 3261 §26.2.1).
    Tls,
    /// A WebSocket, whose messages are whole (RFC 7118).
    Ws,
    /// A WebSocket within TLS.
    Wss,
}

impl Transport {
    /// Whether the transport itself delivers: then transactions never retransmit (RFC 3261 §17).
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Whether it is encrypted.
    pub fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// The name as a Via header writes it (RFC 7118 §5.2 for the last two).
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The value of a URI's `transport` parameter; `None` for UDP, which needs none.
    pub fn uri_name(self) -> Option<&'static str> {
        match self {
            Transport::Udp => None,
            Transport::Tcp => Some("tcp"),
            Transport::Tls => Some("tls"),
            // RFC 7118 §5.2: `ws` also where TLS is below; the Via tells them apart.
            Transport::Ws | Transport::Wss => Some("ws"),
        }
    }

    /// The port of a URI that names none (RFC 3261 §19.1.2, RFC 7118 §5.2.1).
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A socket pair.
///
/// `local` is what our Via and Contact name, so it must be an address the peer can reach and not `0.0.0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address, as seen by our socket.
    pub remote: SocketAddr,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} to {}", self.transport, self.local, self.remote)
    }
}

/// An address to send to, as locating a server finds it (RFC 3263).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hop {
    /// The transport.
    pub transport: Transport,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The host that was asked for: what a TLS certificate must name, and the Host of a WebSocket.
    pub name: Option<String>,
}

/// Where a request of ours goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A way that is open: that of a registered contact, or the one a peer's request came by.
    Flow(Flow),
    /// An address that needs no question.
    Hop(Hop),
    /// A URI whose server is to be located (RFC 3263).
    Uri(String),
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport, self.remote)?;
        match &self.name {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}
