//! What one request of ours proved so far: the challenges it answered, so that each is answered once.
//! A proxy and the server behind it may both ask, each for itself; a nonce that went stale is exchanged (RFC 7616 §3.3).

use super::client::{Challenge, answer_with};
use crate::call::Credentials;
use crate::message::{Message, Name, lex};
use crate::random::Random;

/// A request asked more often than this is asked in circles.
const MOST: u8 = 4;

/// The challenges answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proofs {
    given: Vec<Proof>,
    asked: u8,
}

#[derive(Clone, Debug)]
struct Proof {
    challenge: Challenge,
    header: &'static str,
    /// How often the nonce was used.
    count: u32,
    /// Whether the challenge was answered in the request at hand, and not in an earlier one.
    fresh: bool,
}

impl Proofs {
    /// Takes what a 401 or 407 asks; false if it cannot be answered, or was answered and is refused.
    pub(crate) fn take(&mut self, response: &Message) -> bool {
        let Some((challenge, header)) = Challenge::of(response) else { return false };
        self.asked += 1;
        if self.asked > MOST {
            return false;
        }
        let asked = |p: &&mut Proof| p.header == header && p.challenge.realm() == challenge.realm();
        match self.given.iter_mut().find(asked) {
            Some(proof) if proof.fresh && !is_stale(response) => false,
            Some(proof) => {
                *proof = Proof { challenge, header, count: 0, fresh: true };
                true
            }
            None => {
                self.given.push(Proof { challenge, header, count: 0, fresh: true });
                true
            }
        }
    }

    /// Another request begins, which may use what is known once more.
    pub(crate) fn again(&mut self) {
        self.asked = 0;
        for proof in &mut self.given {
            proof.fresh = false;
        }
    }

    /// The headers that answer all of it.
    pub(crate) fn headers(
        &mut self,
        random: &mut Random,
        user: &Credentials,
        method: &str,
        uri: &str,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        for proof in &mut self.given {
            proof.count += 1;
            let client_nonce = random.token();
            let value = answer_with(&proof.challenge, user, method, uri, body, proof.count, &client_nonce);
            headers.push((proof.header.to_owned(), value));
        }
        headers
    }
}

/// Whether the nonce was at fault and not the password.
fn is_stale(response: &Message) -> bool {
    let name = if response.status() == Some(407) { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
    response.lines(name).any(|line| {
        let rest = line.trim().split_once([' ', '\t']).map_or("", |(_, rest)| rest);
        lex::list(rest).map(lex::pair).any(|(name, value)| {
            name.eq_ignore_ascii_case("stale")
                && value.is_some_and(|v| lex::unquoted(v).eq_ignore_ascii_case("true"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn asks(status: u16, realm: &str, nonce: &str, more: &str) -> Message {
        let header = if status == 407 { "Proxy-Authenticate" } else { "WWW-Authenticate" };
        let text = format!(
            "SIP/2.0 {status} x\r\n{header}: Digest realm=\"{realm}\", nonce=\"{nonce}\"{more}\r\n\r\n"
        );
        Message::parse(Bytes::from(text)).unwrap()
    }

    #[test]
    fn each_challenge_is_answered_once_and_a_stale_nonce_is_exchanged() {
        let mut proofs = Proofs::default();
        assert!(proofs.take(&asks(407, "proxy", "n1", "")));
        assert!(proofs.take(&asks(401, "home", "n2", "")));
        assert!(!proofs.take(&asks(401, "home", "n3", "")));
        assert!(proofs.take(&asks(401, "home", "n3", ", stale=TRUE")));
        assert!(!proofs.take(&asks(401, "home", "n4", ", stale=true")), "asked in circles");
        proofs.again();
        assert!(proofs.take(&asks(401, "home", "n5", "")));
        let user = Credentials { user: "u".into(), password: "p".into() };
        let headers = proofs.headers(&mut Random::new(1), &user, "OPTIONS", "sip:h", b"");
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Proxy-Authorization", "Authorization"]);
        assert!(headers[1].1.contains("n5"));
    }

    #[test]
    fn a_body_is_proved_to_who_asks_for_auth_int() {
        let mut proofs = Proofs::default();
        assert!(proofs.take(&asks(407, "proxy", "n1", ", qop=\"auth-int\"")));
        let user = Credentials { user: "u".into(), password: "p".into() };
        let proof = |body: &[u8]| {
            let mut fresh = proofs.clone();
            fresh.headers(&mut Random::new(1), &user, "INVITE", "sip:h", body).remove(0).1
        };
        let (one, other) = (proof(b"v=0"), proof(b"v=1"));
        assert!(one.contains("qop=auth-int"), "{one}");
        assert_ne!(one, other);
        assert_eq!(one, proof(b"v=0"));
    }
}
