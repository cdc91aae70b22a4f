//! One handshake with one address: datagrams in and out, keys at the end (RFC 5764).
//!
//! OpenSSL repeats what was lost by itself, whenever it is asked to go on and its timer (RFC 6347 §4.2.4) has run out.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::srtp::SrtpProfileId;
use openssl::ssl::{ErrorCode, Ssl, SslStream};
use rtp::srtp::{Keys, Profile};

use super::hello::{self, Hello, OPENING};
use super::identity::Identity;
use crate::guard::Fingerprint;

/// Bytes of a datagram of ours, which every network carries.
const MTU: u32 = 1_200;

/// Datagrams of the peer's that may wait for us.
const WAITING: usize = 32;

/// How far it is.
pub(super) enum Progress {
    Going,
    /// The keys of what we send and of what comes.
    Done(Keys, Keys),
    /// Why there will be none. What came was in clear: anybody can have sent it.
    Broken(String),
    /// Why there will be none, though who is there went through all of the handshake.
    Refused(String),
}

pub(super) struct Association {
    stream: SslStream<Wire>,
    role: Role,
    done: bool,
}

/// RFC 5763 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// We begin.
    Client,
    /// The other end does. What is added to the numbers of our records in clear.
    Server(u64),
}

impl Association {
    /// A handshake that is to come.
    pub(super) fn new(identity: &Identity, role: Role) -> Result<Association, ErrorStack> {
        let mut ssl = Ssl::new(&identity.context)?;
        ssl.set_mtu(MTU)?;
        match role {
            Role::Client => ssl.set_connect_state(),
            Role::Server(_) => ssl.set_accept_state(),
        }
        Ok(Association { stream: SslStream::new(ssl, Wire::default())?, role, done: false })
    }

    /// One that we begin.
    pub(super) fn begin(identity: &Identity) -> Result<Association, ErrorStack> {
        Association::new(identity, Role::Client)
    }

    /// One with a client that has echoed its cookie in this hello, which is to be received next.
    pub(super) fn answer(identity: &Identity, hello: &Hello) -> Result<Association, ErrorStack> {
        let [n0, n1, n2, n3, n4, n5] = hello.record;
        let number = u64::from_be_bytes([0, 0, n0, n1, n2, n3, n4, n5]);
        // The first of our numbers goes into asking for the cookie, which has been done.
        let mut association = Association::new(identity, Role::Server(number.saturating_sub(1)))?;
        association.receive(&OPENING);
        let _ = association.stream.do_handshake();
        association.outgoing();
        Ok(association)
    }

    /// Whether the other end began.
    pub(super) fn answers(&self) -> bool {
        self.role != Role::Client
    }

    /// A datagram came; [`Association::advance`] reads it.
    pub(super) fn receive(&mut self, datagram: &[u8]) {
        let waiting = &mut self.stream.get_mut().incoming;
        if waiting.len() < WAITING {
            waiting.push_back(datagram.to_vec());
        }
    }

    /// Whether nothing came that is not read yet.
    pub(super) fn is_quiet(&self) -> bool {
        self.stream.get_ref().incoming.is_empty()
    }

    /// What is to be sent.
    pub(super) fn outgoing(&mut self) -> Vec<Vec<u8>> {
        let mut datagrams = std::mem::take(&mut self.stream.get_mut().outgoing);
        if let Role::Server(first @ 1..) = self.role {
            datagrams.iter_mut().for_each(|datagram| hello::renumber(datagram, first));
        }
        datagrams
    }

    /// Once it is done: the peer missed our last words if it repeats its own; reading them says ours again.
    pub(super) fn repeat(&mut self) {
        let mut bytes = [0; 64];
        while matches!(self.stream.ssl_read(&mut bytes), Ok(read) if read > 0) {}
        self.stream.get_mut().incoming.clear();
    }

    /// Goes on with what came, and repeats what is due. The peer's certificate must have one of `fingerprints`.
    pub(super) fn advance(&mut self, fingerprints: &[Fingerprint]) -> Progress {
        if self.done {
            self.repeat();
            return Progress::Going;
        }
        match self.stream.do_handshake() {
            Ok(()) => {}
            Err(error) if matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE) => {
                return Progress::Going;
            }
            Err(error) => return Progress::Broken(format!("the handshake failed: {error}")),
        }
        self.done = true;
        if let Err(why) = self.judge(fingerprints) {
            return Progress::Refused(why);
        }
        match self.keys() {
            Some((send, receive)) => Progress::Done(send, receive),
            None => Progress::Refused("the peer knows no SRTP suite of ours".to_owned()),
        }
    }

    /// RFC 5763 §5: the certificate is the one that the session description speaks of.
    fn judge(&self, fingerprints: &[Fingerprint]) -> Result<(), String> {
        let shown = self.stream.ssl().peer_certificate().ok_or("the peer showed no certificate")?;
        let matches = |wanted: &Fingerprint| {
            let digest = MessageDigest::from_name(&wanted.hash.replace('-', ""))?;
            Some(*shown.digest(digest).ok()? == *wanted.bytes)
        };
        match fingerprints.iter().any(|wanted| matches(wanted) == Some(true)) {
            true => Ok(()),
            false => Err("the peer's certificate has another fingerprint than it signalled".to_owned()),
        }
    }

    /// RFC 5764 §4.2: the keys of the client and of the server, then their salts.
    fn keys(&self) -> Option<(Keys, Keys)> {
        let profile = match self.stream.ssl().selected_srtp_profile()?.id() {
            SrtpProfileId::SRTP_AES128_CM_SHA1_80 => Profile::Aes128Sha1_80,
            SrtpProfileId::SRTP_AES128_CM_SHA1_32 => Profile::Aes128Sha1_32,
            SrtpProfileId::SRTP_AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
            SrtpProfileId::SRTP_AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
            _ => return None,
        };
        let mut material = vec![0; 2 * profile.keys_len()];
        self.stream.ssl().export_keying_material(&mut material, "EXTRACTOR-dtls_srtp", None).ok()?;
        let (keys, salts) = material.split_at(2 * profile.key_len());
        let of = |side: usize| {
            let key = keys.chunks(profile.key_len()).nth(side)?;
            let salt = salts.chunks(profile.salt_len()).nth(side)?;
            Keys::new(profile, &[key, salt].concat())
        };
        let (client, server) = (of(0)?, of(1)?);
        Some(if self.role == Role::Client { (client, server) } else { (server, client) })
    }
}

/// What OpenSSL takes for a socket.
#[derive(Debug, Default)]
struct Wire {
    incoming: VecDeque<Vec<u8>>,
    outgoing: Vec<Vec<u8>>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.pop_front().ok_or(ErrorKind::WouldBlock)?;
        let len = datagram.len().min(buffer.len());
        buffer[..len].copy_from_slice(&datagram[..len]);
        Ok(len)
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.push(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
