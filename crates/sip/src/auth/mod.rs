//! Digest access authentication, RFC 7616 and RFC 8760: what both sides share.
//! `server.rs` challenges and verifies, `client.rs` answers a challenge, `nonce.rs` makes and judges nonces.

pub(crate) mod asking;
pub(crate) mod client;
pub(crate) mod nonce;
pub(crate) mod server;

use std::fmt;

use crate::random::hex;

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// SHA-256 (RFC 8760).
    Sha256,
    /// MD5, which most phones still only know.
    Md5,
}

impl Algorithm {
    /// The name as the `algorithm` parameter writes it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// The algorithm of this name; an absent parameter is MD5 (RFC 7616 §3.3).
    pub(crate) fn named(name: Option<&str>) -> Option<Self> {
        let Some(name) = name else { return Some(Algorithm::Md5) };
        [Algorithm::Sha256, Algorithm::Md5].into_iter().find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// The hash of parts joined by colons, in hexadecimal.
    fn hash(self, parts: &[&str]) -> String {
        fn run<D: sha2::Digest>(parts: &[&str]) -> String {
            let mut hash = D::new();
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    hash.update(b":");
                }
                hash.update(part.as_bytes());
            }
            hex(&hash.finalize())
        }
        match self {
            Algorithm::Sha256 => run::<sha2::Sha256>(parts),
            Algorithm::Md5 => run::<md5::Md5>(parts),
        }
    }

    /// H(user:realm:password).
    pub(crate) fn secret(self, user: &str, realm: &str, password: &str) -> String {
        self.hash(&[user, realm, password])
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
        let request = self.hash(&[method, uri]);
        match qop {
            Some(Qop { count, client_nonce }) => {
                self.hash(&[secret, nonce, count, client_nonce, "auth", &request])
            }
            None => self.hash(&[secret, nonce, &request]),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What `qop=auth` adds to a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Qop<'a> {
    /// `nc`, eight hexadecimal digits.
    pub(crate) count: &'a str,
    /// `cnonce`.
    pub(crate) client_nonce: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 §3.9.1, in both algorithms.
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let check = |algorithm: Algorithm, expected: &str| {
            let secret = algorithm.secret("Mufasa", "http-auth@example.org", "Circle of Life");
            let qop = Qop { count: "00000001", client_nonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" };
            let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
            assert_eq!(algorithm.response(&secret, nonce, Some(qop), "GET", "/dir/index.html"), expected);
        };
        check(Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec");
        check(Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    #[test]
    fn an_absent_algorithm_is_md5_and_an_unknown_one_is_none() {
        assert_eq!(Algorithm::named(None), Some(Algorithm::Md5));
        assert_eq!(Algorithm::named(Some("sha-256")), Some(Algorithm::Sha256));
        assert_eq!(Algorithm::named(Some("SHA-512-256")), None);
    }
}
