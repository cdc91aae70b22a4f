//! What can be read of a handshake's datagrams without a handshake: its first words, and what nobody has to mean.
//!
//! Until there are keys, everything is in clear and anybody can have sent it (RFC 6347 §4.1.2.7).

/// Bytes of a cookie.
pub(crate) const COOKIE: usize = 16;

/// Bytes of a HelloVerifyRequest with one: two headers, a version, a length.
pub(crate) const VERIFY: usize = RECORD + MESSAGE + 3 + COOKIE;

/// Bytes of the header of a record, and of a message of the handshake.
const RECORD: usize = 13;
const MESSAGE: usize = 12;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// A ClientHello, as far as its first fragment goes: RFC 6347 §4.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello<'a> {
    /// The sequence number of its record.
    pub(crate) record: [u8; 6],
    /// Its number among the client's messages: 0 without a cookie, 1 with the one that it was given.
    pub(crate) message: u16,
    /// What tells one try of a client from its next.
    pub(crate) random: [u8; 32],
    pub(crate) cookie: &'a [u8],
}

impl<'a> Hello<'a> {
    /// `None` if the datagram does not begin with one.
    pub(crate) fn read(datagram: &'a [u8]) -> Option<Hello<'a>> {
        let (record, rest) = datagram.split_first_chunk::<RECORD>()?;
        let (message, body) = rest.split_first_chunk::<MESSAGE>()?;
        let [HANDSHAKE, 254, _, 0, 0, seq @ .., _, _] = record else { return None };
        let [1, _, _, _, m0, m1, 0, 0, 0, _, _, _] = message else { return None };
        let (random, rest) = body.get(2..)?.split_first_chunk()?;
        let (len, rest) = rest.split_first()?;
        let (len, rest) = rest.get(usize::from(*len)..)?.split_first()?;
        let cookie = rest.get(..usize::from(*len))?;
        Some(Hello { record: *seq, message: u16::from_be_bytes([*m0, *m1]), random: *random, cookie })
    }

    /// A HelloVerifyRequest, which asks for the hello once more, with this cookie. It is no longer than what it answers.
    pub(crate) fn verify(&self, cookie: &[u8; COOKIE]) -> [u8; VERIFY] {
        const BODY: u8 = 3 + COOKIE as u8;
        let mut bytes = [0; VERIFY];
        let (record, rest) = bytes.split_at_mut(RECORD);
        let (message, body) = rest.split_at_mut(MESSAGE);
        record[..3].copy_from_slice(&[HANDSHAKE, 254, 255]);
        record[5..11].copy_from_slice(&self.record);
        record[12] = MESSAGE as u8 + BODY;
        (message[0], message[3], message[11]) = (3, BODY, BODY);
        body[..3].copy_from_slice(&[254, 255, COOKIE as u8]);
        body[3..].copy_from_slice(cookie);
        bytes
    }
}

/// A hello without a cookie. It brings a handshake of OpenSSL's, which has to ask for a cookie itself, to where the one with
/// the cookie is due, which has been asked for and judged before (`guard/callers.rs`).
pub(super) const OPENING: [u8; RECORD + MESSAGE + 42] = {
    let mut bytes = [0; RECORD + MESSAGE + 42];
    (bytes[0], bytes[1], bytes[2], bytes[12]) = (HANDSHAKE, 254, 255, MESSAGE as u8 + 42);
    (bytes[13], bytes[16], bytes[24]) = (1, 42, 42);
    // DTLS 1.2, neither session nor cookie, one suite (TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), one compression: none.
    (bytes[25], bytes[26]) = (254, 253);
    (bytes[62], bytes[63], bytes[64], bytes[65]) = (2, 0xc0, 0x2b, 1);
    bytes
};

/// What a datagram is to a handshake that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It may be a part of it.
    Part,
    /// An alert in clear, and which (RFC 5246 §7.2). Whoever wants to end the call could have sent it.
    Alert(u8),
    /// Nothing that is said before there are keys, or cut off.
    Nothing,
}

impl Worth {
    pub(super) fn of(datagram: &[u8]) -> Worth {
        let mut rest = datagram;
        while let Some((header, behind)) = rest.split_first_chunk::<RECORD>() {
            let [kind, 254, _, epoch @ .., l0, l1] = header else { return Worth::Nothing };
            let Some((body, next)) = behind.split_at_checked(u16::from_be_bytes([*l0, *l1]).into()) else {
                return Worth::Nothing;
            };
            match (*kind, body) {
                _ if epoch[..2] != [0, 0] => {}
                (ALERT, [_, what]) => return Worth::Alert(*what),
                (CHANGE_CIPHER_SPEC | HANDSHAKE, _) => {}
                _ => return Worth::Nothing,
            }
            rest = next;
        }
        if rest.is_empty() { Worth::Part } else { Worth::Nothing }
    }
}

/// Adds `first` to the numbers of the records in clear: an answer to a hello has its number (RFC 6347 §4.2.1), since
/// lower ones have been taken by what asked for the cookie.
pub(super) fn renumber(datagram: &mut [u8], first: u64) {
    let mut rest = datagram;
    while let Some((header, behind)) = rest.split_first_chunk_mut::<RECORD>() {
        let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
        if header[3..5] == [0, 0] {
            let mut number = [0; 8];
            number[2..].copy_from_slice(&header[5..11]);
            let number = u64::from_be_bytes(number).wrapping_add(first).to_be_bytes();
            header[5..11].copy_from_slice(&number[2..]);
        }
        rest = behind.get_mut(len..).unwrap_or_default();
    }
}
