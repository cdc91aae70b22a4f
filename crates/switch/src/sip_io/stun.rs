//! STUN on the SIP port: phones keep their NAT open by asking which address they come from (RFC 5626 §4.4.2).
//!
//! Binding requests are answered, and nothing else: no authentication, no attributes that must be understood.

use std::net::{IpAddr, SocketAddr};

/// RFC 5389 §6.
const MAGIC: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const REQUEST: [u8; 2] = [0x00, 0x01];
const SUCCESS: [u8; 2] = [0x01, 0x01];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];
/// Attributes from here on may be ignored (RFC 5389 §15).
const OPTIONAL: u8 = 0x80;

/// The answer to a binding request that came from `remote`; `None` if it is something else.
pub(super) fn answer(datagram: &[u8], remote: SocketAddr) -> Option<Vec<u8>> {
    let (header, mut attributes) = datagram.split_at_checked(20)?;
    let (start, rest) = header.split_at(4);
    let (magic, transaction) = rest.split_at(4);
    let length = u16::try_from(attributes.len()).ok()?.to_be_bytes();
    if start != [REQUEST, length].concat() || magic != MAGIC {
        return None;
    }
    while let Some((head, after)) = attributes.split_at_checked(4) {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).next_multiple_of(4);
        if head[0] < OPTIONAL {
            return None;
        }
        attributes = after.get(length..)?;
    }
    let port = remote.port() ^ u16::from_be_bytes([MAGIC[0], MAGIC[1]]);
    let mask = [&MAGIC[..], transaction].concat();
    let (family, octets) = match remote.ip() {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let hidden: Vec<u8> = octets.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let length = hidden.len() as u16 + 4;
    Some(
        [
            &SUCCESS[..],
            &(length + 4).to_be_bytes(),
            &MAGIC,
            transaction,
            &XOR_MAPPED_ADDRESS,
            &length.to_be_bytes(),
            &[0, family],
            &port.to_be_bytes(),
            &hidden,
        ]
        .concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let length = (attributes.len() as u16).to_be_bytes();
        [&REQUEST[..], &length, &MAGIC, b"abcdefghijkl", attributes].concat()
    }

    #[test]
    fn a_binding_request_is_told_where_it_came_from() {
        let remote = "192.0.2.1:32853".parse().unwrap();
        let software = [0x80, 0x22, 0, 3, b'x', b'y', b'z', 0];
        for request in [request(&[]), request(&software)] {
            let answer = answer(&request, remote).unwrap();
            assert_eq!(&answer[..8], &[1, 1, 0, 12, 0x21, 0x12, 0xA4, 0x42]);
            // The address of RFC 5769 §2.2.
            assert_eq!(&answer[20..], &[0, 0x20, 0, 8, 0, 1, 0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43]);
        }
        let six = answer(&request(&[]), "[2001:db8::1]:9".parse().unwrap()).unwrap();
        assert_eq!((six.len(), &six[..4]), (44, &[1u8, 1, 0, 24][..]));
    }

    #[test]
    fn anything_else_is_not_answered() {
        let remote = "192.0.2.1:5060".parse().unwrap();
        let needed = [0x00, 0x06, 0, 4, b'u', b's', b'e', b'r'];
        let cut = [0x80, 0x22, 0, 9, b'x', b'y', b'z', 0];
        for wrong in [
            request(&needed),
            request(&cut),
            request(&[])[..19].to_vec(),
            b"OPTIONS sip:h SIP/2.0\r\n".to_vec(),
        ] {
            assert_eq!(answer(&wrong, remote), None);
        }
    }
}
