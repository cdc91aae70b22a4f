//! Addresses as the kernel reads and writes them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::SockAddr;

/// Room for either kind; more than `sockaddr_in6`, so that what follows is aligned.
pub(super) const ROOM: usize = 32;

/// Read one of IPv4 or IPv6.
pub(super) fn read(bytes: &[u8]) -> Option<SocketAddr> {
    let word = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let family = libc::c_int::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
    match family {
        libc::AF_INET => {
            let ip: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), word(2)?))
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            let flow = u32::from_ne_bytes(bytes.get(4..8)?.try_into().ok()?);
            let scope = u32::from_ne_bytes(bytes.get(24..28)?.try_into().ok()?);
            Some(SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::from(ip), word(2)?, flow, scope)))
        }
        _ => None,
    }
}

/// Write one; its length.
pub(super) fn write(address: SocketAddr, bytes: &mut [u8; ROOM]) -> u32 {
    let address = SockAddr::from(address);
    let len = (address.len() as usize).min(ROOM);
    // SAFETY: the storage that `address` is kept in is larger than any address, and initialised.
    let from = unsafe { std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), len) };
    if let Some(to) = bytes.get_mut(..len) {
        to.copy_from_slice(from);
    }
    len as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_as_they_were_written() {
        for text in ["192.0.2.7:4000", "[2001:db8::7]:65535", "[::ffff:192.0.2.1]:9", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut bytes = [0; ROOM];
            let len = write(address, &mut bytes);
            assert_eq!(len, if address.is_ipv4() { 16 } else { 28 });
            assert_eq!(read(&bytes), Some(address));
        }
        let scoped = SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 5, 7, 3));
        let mut bytes = [0; ROOM];
        write(scoped, &mut bytes);
        assert_eq!(read(&bytes), Some(scoped));
    }

    #[test]
    fn what_is_no_address_is_none() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[1, 0, 3, 3]), None);
        assert_eq!(read(&[2, 0, 3]), None);
    }
}
