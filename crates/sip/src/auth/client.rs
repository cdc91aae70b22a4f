//! Our side as the one who is asked: reads a challenge and makes the credentials it wants.
//! Of several challenges the first we can answer is taken, since they come in the server's order (RFC 8760 §2.4).

use super::{Algorithm, Qop};
use crate::call::Credentials;
use crate::message::{Message, Name, lex};

/// A challenge we can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    protection: Protection,
}

/// What a challenge lets us protect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// No `qop`: as RFC 2069 had it.
    Plain,
    /// `auth`.
    Request,
    /// `auth-int` alone: the body too.
    Body,
}

impl Challenge {
    /// Reads `Digest name=value, ...`; `None` if we cannot answer it.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (scheme, rest) = line.trim().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let (mut realm, mut nonce, mut opaque, mut qop) = (String::new(), None, None, None);
        let mut algorithm = Some(Algorithm::Md5);
        for (name, value) in lex::list(rest).map(lex::pair) {
            let text = lex::unquoted(value.unwrap_or("")).into_owned();
            match name {
                n if n.eq_ignore_ascii_case("realm") => realm = text,
                n if n.eq_ignore_ascii_case("nonce") => nonce = Some(text),
                n if n.eq_ignore_ascii_case("opaque") => opaque = Some(text),
                n if n.eq_ignore_ascii_case("algorithm") => algorithm = Algorithm::named(Some(&text)),
                n if n.eq_ignore_ascii_case("qop") => qop = Some(text),
                _ => {}
            }
        }
        let offers =
            |wanted: &str, list: &str| list.split(',').any(|q| q.trim().eq_ignore_ascii_case(wanted));
        let protection = match qop.as_deref() {
            None => Protection::Plain,
            // Both are offered more often than bodies come through unchanged.
            Some(list) if offers("auth", list) => Protection::Request,
            Some(list) if offers("auth-int", list) => Protection::Body,
            Some(_) => return None,
        };
        Some(Challenge { realm, nonce: nonce?, opaque, algorithm: algorithm?, protection })
    }

    /// The challenges of a 401 or 407 that we can answer, one a realm and of each realm the first,
    /// and the header the answers go into (RFC 3261 §22.3, RFC 8760 §2.4).
    pub(crate) fn all(response: &Message) -> (Vec<Self>, &'static str) {
        let (name, header) = match response.status() {
            Some(401) => (Name::WwwAuthenticate, "Authorization"),
            Some(407) => (Name::ProxyAuthenticate, "Proxy-Authorization"),
            _ => return (Vec::new(), ""),
        };
        let mut all: Vec<Self> = Vec::new();
        for challenge in response.lines(name).filter_map(Challenge::parse) {
            if !all.iter().any(|known| known.realm == challenge.realm) {
                all.push(challenge);
            }
        }
        // More realms than any chain of proxies has are an attempt to make us hash.
        all.truncate(8);
        (all, header)
    }

    /// Whose users are asked for.
    pub(crate) fn realm(&self) -> &str {
        &self.realm
    }

    /// The first challenge of a 401 or 407 that we can answer, and the header the answer goes into.
    pub(crate) fn of(response: &Message) -> Option<(Self, &'static str)> {
        let (all, header) = Challenge::all(response);
        Some((all.into_iter().next()?, header))
    }
}

/// The value of the header that answers a challenge for a request without a body;
/// `count` is how often its nonce was used, this time included.
pub(crate) fn answer(
    challenge: &Challenge,
    user: &Credentials,
    method: &str,
    uri: &str,
    count: u32,
    client_nonce: &str,
) -> String {
    answer_with(challenge, user, method, uri, b"", count, client_nonce)
}

/// The value of the header that answers a challenge; `count` is how often its nonce was used, this time included.
pub(crate) fn answer_with(
    challenge: &Challenge,
    user: &Credentials,
    method: &str,
    uri: &str,
    body: &[u8],
    count: u32,
    client_nonce: &str,
) -> String {
    let Challenge { realm, nonce, opaque, algorithm, protection } = challenge;
    let secret = algorithm.secret(&user.user, realm, &user.password);
    let count = format!("{count:08x}");
    let qop = match protection {
        Protection::Plain => None,
        Protection::Request => Some(Qop { count: &count, client_nonce, body: None }),
        Protection::Body => Some(Qop { count: &count, client_nonce, body: Some(body) }),
    };
    let response = algorithm.response(&secret, nonce, qop, method, uri);
    let mut text = format!(
        "Digest username={}, realm={}, nonce={}, uri=\"{uri}\", response=\"{response}\", algorithm={algorithm}",
        quoted(&user.user),
        quoted(realm),
        quoted(nonce),
    );
    if let Some(qop) = qop {
        text.push_str(&format!(", qop={}, nc={count}, cnonce=\"{client_nonce}\"", qop.name()));
    }
    if let Some(opaque) = opaque {
        text.push_str(&format!(", opaque={}", quoted(opaque)));
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn taken(challenges: &str) -> Option<(Algorithm, Protection, &'static str)> {
        let text = format!("SIP/2.0 407 x\r\n{challenges}\r\n");
        let message = Message::parse(Bytes::from(text)).unwrap();
        Challenge::of(&message).map(|(c, header)| (c.algorithm, c.protection, header))
    }

    #[test]
    fn the_first_challenge_we_can_answer_is_taken() {
        let line =
            |algorithm: &str| format!("Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"{algorithm}\r\n");
        let header = "Proxy-Authorization";
        let both =
            line(", algorithm=SHA-3, qop=\"auth\"") + &line(", algorithm=SHA-256, qop=\"auth-int,auth\"");
        assert_eq!(taken(&both), Some((Algorithm::Sha256, Protection::Request, header)));
        assert_eq!(taken(&line("")), Some((Algorithm::Md5, Protection::Plain, header)));
        assert_eq!(taken(&line(", qop=\"auth-int\"")), Some((Algorithm::Md5, Protection::Body, header)));
        let strong = line(", algorithm=SHA-512-256, qop=\"auth\"");
        assert_eq!(taken(&strong), Some((Algorithm::Sha512_256, Protection::Request, header)));
        assert_eq!(taken(&line(", qop=\"other\"")), None);
        assert_eq!(taken("Proxy-Authenticate: Basic realm=\"r\"\r\n"), None);
        assert_eq!(taken(""), None);
    }

    #[test]
    fn every_realm_gets_its_answer_with_what_it_gave_to_be_returned() {
        let text = "SIP/2.0 401 x\r\n\
            WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", opaque=\"o\\\"p\", algorithm=SHA-256, qop=\"auth\"\r\n\
            WWW-Authenticate: Digest realm=\"a\", nonce=\"2\", algorithm=MD5, qop=\"auth\"\r\n\
            WWW-Authenticate: Digest realm=\"b\", nonce=\"3\", qop=\"auth-int\"\r\n\r\n";
        let message = Message::parse(Bytes::from(text)).unwrap();
        let user = Credentials { user: "al".into(), password: "pw".into() };
        let (all, header) = Challenge::all(&message);
        assert_eq!((all.len(), header), (2, "Authorization"));
        let has = |at: usize, part: &str| {
            let text = answer_with(&all[at], &user, "MESSAGE", "sip:h", b"hi", 1, "cn");
            assert!(text.contains(part), "{part} in {text}");
        };
        has(0, "realm=\"a\", nonce=\"1\"");
        has(0, "opaque=\"o\\\"p\"");
        has(0, "qop=auth, nc=00000001");
        has(1, "realm=\"b\", nonce=\"3\"");
        has(1, "qop=auth-int");
    }
}
