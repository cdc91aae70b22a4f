//! Which addresses flows may talk to.
//!
//! A flow's URLs are written by customers and by their web servers, so they must not lead to what stands beside the
//! switch: its own API, databases, the cloud's metadata. Public addresses are open, all others are closed until a
//! setting opens them. The first of these that fits decides:
//!
//! 1. a network of `flows.denied_networks` is closed,
//! 2. a network of `flows.allowed_networks` is open, and so is a single server that the switch was told of,
//! 3. what is no public address is closed,
//! 4. the rest is open.
//!
//! An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4) is judged as itself as well.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use store::Network;

/// The rules. The default opens what is public and nothing else.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    /// `flows.allowed_networks`
    pub(super) allowed: Vec<Network>,
    /// `flows.denied_networks`
    pub(super) denied: Vec<Network>,
    /// Single servers, by address and port.
    pub(super) servers: Vec<SocketAddr>,
}

/// An address that flows may not talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The operator closed its network.
    #[error("{0} is in {1}, which flows.denied_networks closes to flows")]
    Denied(IpAddr, Network),
    /// Nobody opened it.
    #[error(
        "{0} is {1}, and flows may talk to public addresses only; flows.allowed_networks = \"{0}\" opens it"
    )]
    NotPublic(IpAddr, &'static str),
}

impl Refused {
    /// The address.
    pub(super) fn address(self) -> IpAddr {
        match self {
            Refused::Denied(address, _) | Refused::NotPublic(address, _) => address,
        }
    }
}

impl Guard {
    /// Whether flows may talk to `address`; at which port is known only of addresses that stand in a URL.
    pub(super) fn judge(&self, address: IpAddr, port: Option<u16>) -> Result<(), Refused> {
        let address = address.to_canonical();
        let faces = [Some(address), embedded(address).map(IpAddr::V4)];
        let faces = || faces.into_iter().flatten();
        let within = |networks: &[Network]| {
            networks.iter().find(|network| faces().any(|face| network.contains(face))).copied()
        };
        if let Some(network) = within(&self.denied) {
            return Err(Refused::Denied(address, network));
        }
        let told_of = port.is_some_and(|port| self.servers.contains(&SocketAddr::new(address, port)));
        if told_of || within(&self.allowed).is_some() {
            return Ok(());
        }
        match faces().find_map(kind) {
            Some(kind) => Err(Refused::NotPublic(address, kind)),
            None => Ok(()),
        }
    }
}

/// The IPv4 address that packets to an IPv6 one end at: NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let (bits, parts) = (address.to_bits(), address.segments());
    let low = |shift: u32| Some(Ipv4Addr::from_bits((bits >> shift) as u32));
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => low(0),
        [0x2002, ..] => low(80),
        _ => None,
    }
}

/// What is special about an address, by the registries of RFC 6890; `None` for a public one.
fn kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "an unspecified address",
        [127, ..] => "a loopback address",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [169, 254, ..] => "a link-local address",
        [100, 64..=127, ..] => "a carrier's private address",
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => "a reserved address",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [224..=239, ..] => "a multicast address",
        [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

fn kind_v6(address: Ipv6Addr) -> Option<&'static str> {
    let parts = address.segments();
    Some(match parts {
        _ if address.is_unspecified() => "an unspecified address",
        _ if address.is_loopback() => "a loopback address",
        [0xfc00..=0xfdff, ..] => "a private address",
        [0xfe80..=0xfebf, ..] => "a link-local address",
        [0xff00..=0xffff, ..] => "a multicast address",
        // What is inside decides.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x2002, ..] => return None,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "an address for documentation",
        // Teredo, ORCHID and their like (RFC 2928).
        [0x2001, 0..=0x1ff, ..] => "a reserved address",
        // RFC 4291 §2.4: unicast addresses of the whole world.
        [0x2000..=0x3fff, ..] => return None,
        _ => "a reserved address",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_public_addresses_are_open_by_themselves() {
        let guard = Guard::default();
        let open = [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.167.1.1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ];
        for address in open {
            assert_eq!(guard.judge(ip(address), Some(80)), Ok(()), "{address}");
        }
        let closed = [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("100.64.0.1", "carrier"),
            ("100.127.255.255", "carrier"),
            ("127.0.0.1", "loopback"),
            ("127.255.0.9", "loopback"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("192.0.0.8", "reserved"),
            ("198.18.0.1", "reserved"),
            ("192.0.2.1", "documentation"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::127.0.0.1", "reserved"),
            ("fc00::1", "private"),
            ("fdff::1", "private"),
            ("fe80::1", "link-local"),
            ("fec0::1", "reserved"),
            ("ff02::1", "multicast"),
            ("2001:db8::1", "documentation"),
            ("2001::1", "reserved"),
            ("64:ff9b:1::a00:1", "reserved"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:10.1.2.3", "private"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b::7f00:1", "loopback"),
            ("2002:7f00:1::", "loopback"),
            ("2002:a9fe:a9fe::1", "link-local"),
        ];
        for (address, kind) in closed {
            let refused = guard.judge(ip(address), Some(80)).unwrap_err();
            assert!(
                matches!(refused, Refused::NotPublic(_, said) if said.contains(kind)),
                "{address}: {refused}"
            );
        }
    }

    #[test]
    fn denied_goes_before_allowed_and_allowed_before_the_kind() {
        let guard = Guard {
            allowed: networks(&["10.0.0.0/8", "0.0.0.0/0"]),
            denied: networks(&["10.1.0.0/16", "169.254.0.0/16", "8.8.8.8"]),
            servers: Vec::new(),
        };
        for open in ["10.2.0.1", "192.168.1.1", "127.0.0.1", "1.1.1.1", "64:ff9b::10.2.0.1"] {
            assert_eq!(guard.judge(ip(open), None), Ok(()), "{open}");
        }
        for closed in ["10.1.2.3", "169.254.169.254", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::10.1.2.3"] {
            assert!(matches!(guard.judge(ip(closed), None), Err(Refused::Denied(..))), "{closed}");
        }
        // Of IPv6 nothing was said.
        assert!(guard.judge(ip("fd00::1"), None).is_err());
    }

    #[test]
    fn a_server_that_is_named_is_open_at_its_port_only() {
        let guard = Guard { servers: vec!["127.0.0.1:8090".parse().unwrap()], ..Guard::default() };
        assert_eq!(guard.judge(ip("127.0.0.1"), Some(8090)), Ok(()));
        assert!(guard.judge(ip("127.0.0.1"), Some(8080)).is_err());
        assert!(guard.judge(ip("127.0.0.2"), Some(8090)).is_err());
        assert!(guard.judge(ip("127.0.0.1"), None).is_err(), "a name that leads there has no port yet");
    }
}
