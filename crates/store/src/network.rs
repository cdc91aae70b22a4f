//! Ranges of IP addresses, for the list of networks that flows may not talk to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses: `169.254.0.0/16`, `fe80::/10`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u32,
}

/// A text that is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network such as 169.254.0.0/16")]
pub struct NotANetwork;

impl Network {
    /// Whether `address` is in it. An IPv4 address written as an IPv6 one counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (base, address) = match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                // Both in the high bits, so that one shift serves both families.
                (u128::from(base.to_bits()) << 96, u128::from(address.to_bits()) << 96)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits(), address.to_bits()),
            _ => return false,
        };
        self.bits == 0 || (base ^ address) >> (128 - self.bits) == 0
    }

    /// Where a host learns secrets about itself (cloud metadata services): link-local addresses.
    pub fn link_local() -> Vec<Network> {
        vec![
            Network { base: IpAddr::from([169, 254, 0, 0]), bits: 16 },
            Network { base: IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 0]), bits: 10 },
        ]
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits.parse::<u32>().map_err(|_| NotANetwork)?)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| NotANetwork)?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most { Err(NotANetwork) } else { Ok(Network { base, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_in_its_network_in_either_family() {
        assert!(net("169.254.0.0/16").contains(IpAddr::from([169, 254, 169, 254])));
        assert!(net("169.254.0.0/16").contains("::ffff:169.254.169.254".parse().unwrap()));
        assert!(!net("169.254.0.0/16").contains(IpAddr::from([169, 253, 1, 1])));
        assert!(net("fe80::/10").contains("fe80::1".parse().unwrap()));
        assert!(!net("0.0.0.0/0").contains("fe80::1".parse().unwrap()));
        assert!(net("0.0.0.0/0").contains(IpAddr::from([1, 2, 3, 4])));
        assert!(net("192.0.2.1").contains(IpAddr::from([192, 0, 2, 1])));
        assert!("192.0.2.1/33".parse::<Network>().is_err());
    }
}
