//! Digest access authentication, RFC 7616 and RFC 8760: what both sides share.
//! `server.rs` challenges and verifies, `client.rs` answers a challenge, `nonce.rs` makes and judges nonces,
//! `proofs.rs` is what one request of ours answered.

pub(crate) mod asking;
pub(crate) mod client;
pub(crate) mod nonce;
pub(crate) mod proofs;
pub(crate) mod server;

use std::fmt;

use crate::random::hex;

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-512/256 (RFC 8760).
    Sha512_256,
    /// SHA-256 (RFC 8760).
    Sha256,
    /// MD5, which most phones still only know.
    Md5,
}

impl Algorithm {
    const ALL: [Algorithm; 3] = [Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5];

    /// The name as the `algorithm` parameter writes it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha512_256 => "SHA-512-256",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// The algorithm of this name; an absent parameter is MD5 (RFC 7616 §3.3).
    pub(crate) fn named(name: Option<&str>) -> Option<Self> {
        let Some(name) = name else { return Some(Algorithm::Md5) };
        Self::ALL.into_iter().find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// The hash of parts joined by colons, in hexadecimal.
    fn hash(self, parts: &[&[u8]]) -> String {
        fn run<D: sha2::Digest>(parts: &[&[u8]]) -> String {
            let mut hash = D::new();
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    hash.update(b":");
                }
                hash.update(part);
            }
            hex(&hash.finalize())
        }
        match self {
            Algorithm::Sha512_256 => run::<sha2::Sha512_256>(parts),
            Algorithm::Sha256 => run::<sha2::Sha256>(parts),
            Algorithm::Md5 => run::<md5::Md5>(parts),
        }
    }

    /// H(user:realm:password).
    pub(crate) fn secret(self, user: &str, realm: &str, password: &str) -> String {
        self.hash(&[user.as_bytes(), realm.as_bytes(), password.as_bytes()])
    }

    /// The `response` parameter (RFC 7616 §3.4.1); without `qop` as RFC 2069 had it.
    pub(crate) fn response(
        self,
        secret: &str,
        nonce: &str,
        qop: Option<Qop<'_>>,
        method: &str,
        uri: &str,
    ) -> String {
        let (method, uri) = (method.as_bytes(), uri.as_bytes());
        let (secret, nonce) = (secret.as_bytes(), nonce.as_bytes());
        let request = match qop.and_then(|qop| qop.body) {
            Some(body) => self.hash(&[method, uri, self.hash(&[body]).as_bytes()]),
            None => self.hash(&[method, uri]),
        };
        match qop {
            Some(qop) => {
                let (count, client_nonce) = (qop.count.as_bytes(), qop.client_nonce.as_bytes());
                self.hash(&[secret, nonce, count, client_nonce, qop.name().as_bytes(), request.as_bytes()])
            }
            None => self.hash(&[secret, nonce, request.as_bytes()]),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a `qop` adds to a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Qop<'a> {
    /// `nc`, eight hexadecimal digits.
    pub(crate) count: &'a str,
    /// `cnonce`.
    pub(crate) client_nonce: &'a str,
    /// The body that `auth-int` protects too; `None` is `auth`.
    pub(crate) body: Option<&'a [u8]>,
}

impl Qop<'_> {
    fn name(&self) -> &'static str {
        match self.body {
            Some(_) => "auth-int",
            None => "auth",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 §3.9.1, in both algorithms.
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let check = |algorithm: Algorithm, expected: &str| {
            let secret = algorithm.secret("Mufasa", "http-auth@example.org", "Circle of Life");
            let qop = Qop {
                count: "00000001",
                client_nonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                body: None,
            };
            let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
            assert_eq!(algorithm.response(&secret, nonce, Some(qop), "GET", "/dir/index.html"), expected);
        };
        check(Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec");
        check(Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    /// The hashed name of the example of RFC 7616 §3.9.2, as erratum 4897 corrects it.
    #[test]
    fn sha_512_256_is_not_a_cut_sha_512() {
        let name: [&[u8]; 2] = ["J\u{e4}s\u{f8}n Doe".as_bytes(), b"api@example.org"];
        assert_eq!(
            Algorithm::Sha512_256.hash(&name),
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
        );
    }

    #[test]
    fn auth_int_covers_the_body() {
        let respond = |body: Option<&[u8]>| {
            let qop = Qop { count: "00000001", client_nonce: "c", body };
            Algorithm::Md5.response("s", "n", Some(qop), "MESSAGE", "sip:h")
        };
        let all = [respond(None), respond(Some(b"")), respond(Some(b"a")), respond(Some(b"b"))];
        let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn an_absent_algorithm_is_md5_and_an_unknown_one_is_none() {
        assert_eq!(Algorithm::named(None), Some(Algorithm::Md5));
        assert_eq!(Algorithm::named(Some("sha-256")), Some(Algorithm::Sha256));
        assert_eq!(Algorithm::named(Some("SHA-512-256")), Some(Algorithm::Sha512_256));
        assert_eq!(Algorithm::named(Some("MD5-sess")), None);
    }
}
