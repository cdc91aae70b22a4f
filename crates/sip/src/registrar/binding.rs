//! A registered contact: what is kept of it, which other contact it is the same as, and the way to its phone.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use crate::call::host;
use crate::flow::{Flow, Transport};
use crate::message::{Address, Scheme, Uri};

/// A registered contact.
///
/// A request to it asks for [`Binding::contact`], goes out over [`Binding::flow`] and carries [`Binding::routes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Whose.
    pub user: Arc<str>,
    /// The Contact URI.
    pub contact: String,
    /// The way to the phone: where the REGISTER came from, which leads through its NAT and reuses its stream.
    /// A phone in the open that did not ask for symmetry is reached at the port of its Contact.
    pub flow: Flow,
    /// The proxies to pass, first first (RFC 3327).
    pub path: Vec<String>,
    /// When it ends.
    pub expires: Instant,
    /// Its `q` in thousandths: how much this contact is to be preferred to the user's others (RFC 3261 §20.10).
    pub priority: u16,
    /// The Contact's parameters but `expires`, to be repeated to the phone.
    pub(super) params: Box<str>,
    /// `+sip.instance`: the same phone, whatever its address.
    pub(super) instance: Option<Box<str>>,
    /// `reg-id`: which of that phone's flows (RFC 5626 §4.2).
    pub(super) reg_id: Option<u32>,
    pub(super) call_id: Box<str>,
    pub(super) cseq: u32,
    /// Counts up with each registration, so that of equal contacts the newer goes first.
    pub(super) age: u64,
}

impl Binding {
    /// Whether calls can be sent there: contacts of other schemes are kept and listed only (RFC 3261 §10.2.1).
    pub fn is_callable(&self) -> bool {
        Uri::parse(&self.contact).is_ok_and(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips))
    }

    /// The Route headers of a request to it: the Path it registered with (RFC 3327 §5.3).
    pub fn routes(&self) -> Vec<(String, String)> {
        self.path.iter().map(|hop| ("Route".to_owned(), hop.clone())).collect()
    }

    /// The phone's instance URN, where it gave one (RFC 5626 §4.1).
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// The Contact value a response lists it with.
    pub(crate) fn line(&self, now: Instant) -> String {
        let left = self.expires.saturating_duration_since(now).as_secs();
        format!("<{}>{};expires={left}", self.contact, self.params)
    }

    /// Whether a later request of the same phone was served already (RFC 3261 §10.3 step 7).
    pub(super) fn is_later_than(&self, call_id: &str, cseq: u32) -> bool {
        &*self.call_id == call_id && self.cseq >= cseq
    }

    /// Whether `new` takes the place of this one.
    ///
    /// An instance that comes back is the same phone: with its `reg-id` the same flow (RFC 5626 §6), and without one
    /// still itself, since phones change port and Call-ID with each refresh. Two contacts of one REGISTER are two
    /// flows of that phone, though. All others are compared by URI.
    pub(super) fn gives_way_to(&self, new: &Binding) -> bool {
        let together = self.call_id == new.call_id && self.cseq == new.cseq;
        match (&self.instance, &new.instance) {
            (Some(a), Some(b)) if a != b => false,
            (Some(_), Some(_)) if !(together && new.reg_id.is_none()) => self.reg_id == new.reg_id,
            _ => self.is_at(&new.contact),
        }
    }

    /// Whether its URI is this one: RFC 3261 §19.1.4 for SIP, the text for others.
    fn is_at(&self, contact: &str) -> bool {
        match (Uri::parse(&self.contact), Uri::parse(contact)) {
            (Ok(a), Ok(b)) if a.scheme != Scheme::Other => a.equivalent(&b),
            _ => self.contact == contact,
        }
    }
}

/// The way to a phone that registered over this flow.
///
/// Over a stream it is the stream. Over UDP it is where the datagram came from, unless the phone shows that it listens
/// elsewhere: it asked for no symmetric response, and its Contact names the address it sends from with another port.
/// A Path names the proxy that is next (RFC 3327 §5.3).
pub(super) fn way(flow: Flow, symmetric: bool, contact: &Uri<'_>, path: &[String]) -> Flow {
    if flow.transport != Transport::Udp {
        return flow;
    }
    if let Some(first) = path.first() {
        let proxy = Address::parse(first).ok().and_then(|address| place(&address.uri));
        return Flow { remote: proxy.unwrap_or(flow.remote), ..flow };
    }
    let in_the_open = contact.host == host(flow.remote);
    match place(contact) {
        Some(remote) if in_the_open && !symmetric => Flow { remote, ..flow },
        _ => flow,
    }
}

/// The address a URI names, if it names one and not a host.
fn place(uri: &Uri<'_>) -> Option<SocketAddr> {
    let ip: IpAddr = uri.host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(SocketAddr::new(ip, uri.port.filter(|port| *port != 0).unwrap_or(5060)))
}
