//! Which of our addresses a peer can reach.
//!
//! The system's routing table knows; connecting a UDP socket asks it without sending anything.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Mutex;

/// Answers kept; a scanner must not fill the memory.
const CACHED: usize = 1024;

/// Finds and remembers our address towards a peer.
#[derive(Debug)]
pub(crate) struct Addresses {
    advertise: Option<IpAddr>,
    known: Mutex<HashMap<IpAddr, IpAddr>>,
}

impl Addresses {
    /// `advertise` is told to every peer that is not on this machine.
    pub(crate) fn new(advertise: Option<IpAddr>) -> Addresses {
        Addresses { advertise, known: Mutex::new(HashMap::new()) }
    }

    /// Our address as `peer` should see it. `bound` is the local address of the socket it talks to, perhaps a wildcard.
    pub(crate) fn towards(&self, peer: IpAddr, bound: IpAddr) -> IpAddr {
        match self.advertise {
            // An address of the other family is of no use to the peer.
            Some(advertise) if !peer.is_loopback() && advertise.is_ipv4() == peer.is_ipv4() => {
                return advertise;
            }
            _ if !bound.is_unspecified() && bound.is_ipv4() == peer.is_ipv4() => return bound,
            _ => {}
        }
        let mut known = crate::lock(&self.known);
        if let Some(ours) = known.get(&peer) {
            return *ours;
        }
        let ours = ask_the_system(peer).unwrap_or(match peer {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
        if known.len() >= CACHED {
            known.clear();
        }
        known.insert(peer, ours);
        ours
    }

    /// Asks the system again from here on: a laptop changes networks, a lease ends.
    pub(crate) fn forget(&self) {
        crate::lock(&self.known).clear();
    }
}

fn ask_the_system(peer: IpAddr) -> Option<IpAddr> {
    let any = match peer {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    // The port does not matter: nothing is sent.
    socket.connect(SocketAddr::new(peer, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    #[test]
    fn a_peer_on_this_machine_gets_the_loopback_address() {
        assert_eq!(Addresses::new(None).towards(HERE, ANY), HERE);
    }

    #[test]
    fn the_advertised_address_is_for_peers_elsewhere_only() {
        let public = IpAddr::from([203, 0, 113, 7]);
        let addresses = Addresses::new(Some(public));
        assert_eq!(addresses.towards(IpAddr::from([198, 51, 100, 1]), ANY), public);
        assert_eq!(addresses.towards(HERE, ANY), HERE);
    }

    #[test]
    fn a_socket_bound_to_one_address_is_reached_there() {
        let bound = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(Addresses::new(None).towards(IpAddr::from([198, 51, 100, 1]), bound), bound);
    }
}
