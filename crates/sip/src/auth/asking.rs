//! How a peer is to be asked for credentials: what its last ones lacked, and what it can read.

use super::Algorithm;
use super::server::Verdict;

/// What a challenge must take into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    /// The credentials were right but their nonce old: the challenge says so (RFC 7616 §3.3).
    pub(super) stale: bool,
    reader: Reader,
}

/// What a peer makes of several challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// It takes the first that it knows, as RFC 8760 §2.4 asks.
    Any,
    /// It gives up at the first that it does not know, and knows MD5 alone.
    Md5Only,
}

impl Asking {
    /// How to ask the agent of this name, after this verdict.
    pub(crate) fn new(verdict: &Verdict, agent: Option<&str>) -> Asking {
        // libre before 2.0 answers a challenge in SHA-256 with ENOSYS, wherever it stands in the list; sipsak reads the
        // first one only.
        let old = ["baresip v0.", "baresip v1.", "sipsak "];
        let gives_up = agent.is_some_and(|agent| old.iter().any(|name| agent.starts_with(name)));
        let reader = if gives_up { Reader::Md5Only } else { Reader::Any };
        Asking { stale: *verdict == Verdict::Stale, reader }
    }

    /// Whether the peer is to be asked for this algorithm.
    pub(super) fn wants(self, algorithm: Algorithm) -> bool {
        self.reader == Reader::Any || algorithm == Algorithm::Md5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_that_gives_up_at_sha_256_is_asked_for_md5_alone() {
        let asked = |agent| {
            let asking = Asking::new(&Verdict::Absent, agent);
            [Algorithm::Sha256, Algorithm::Md5].map(|algorithm| asking.wants(algorithm))
        };
        assert_eq!(asked(Some("baresip v1.0.0 (x86_64/linux)")), [false, true]);
        assert_eq!(asked(Some("sipsak 0.9.8.1")), [false, true]);
        assert_eq!(asked(Some("baresip v3.5.0")), [true, true]);
        assert_eq!(asked(None), [true, true]);
    }
}
