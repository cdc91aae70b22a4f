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
    qop: bool,
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
        let qop = match qop {
            None => false,
            Some(list) if list.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")) => true,
            // Only auth-int: not for us.
            Some(_) => return None,
        };
        Some(Challenge { realm, nonce: nonce?, opaque, algorithm: algorithm?, qop })
    }

    /// The first challenge of a 401 or 407 that we can answer, and the header the answer goes into.
    pub(crate) fn of(response: &Message) -> Option<(Self, &'static str)> {
        let (name, header) = match response.status()? {
            401 => (Name::WwwAuthenticate, "Authorization"),
            407 => (Name::ProxyAuthenticate, "Proxy-Authorization"),
            _ => return None,
        };
        let challenge = response.lines(name).find_map(Challenge::parse)?;
        Some((challenge, header))
    }
}

/// The value of the header that answers a challenge; `count` is how often its nonce was used, this time included.
pub(crate) fn answer(
    challenge: &Challenge,
    user: &Credentials,
    method: &str,
    uri: &str,
    count: u32,
    client_nonce: &str,
) -> String {
    let Challenge { realm, nonce, opaque, algorithm, qop } = challenge;
    let secret = algorithm.secret(&user.user, realm, &user.password);
    let count = format!("{count:08x}");
    let qop = qop.then_some(Qop { count: &count, client_nonce });
    let response = algorithm.response(&secret, nonce, qop, method, uri);
    let mut text = format!(
        "Digest username={}, realm={}, nonce={}, uri=\"{uri}\", response=\"{response}\", algorithm={algorithm}",
        quoted(&user.user),
        quoted(realm),
        quoted(nonce),
    );
    if qop.is_some() {
        text.push_str(&format!(", qop=auth, nc={count}, cnonce=\"{client_nonce}\""));
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

    fn taken(challenges: &str) -> Option<(Algorithm, bool, &'static str)> {
        let text = format!("SIP/2.0 407 x\r\n{challenges}\r\n");
        let message = Message::parse(Bytes::from(text)).unwrap();
        Challenge::of(&message).map(|(c, header)| (c.algorithm, c.qop, header))
    }

    #[test]
    fn the_first_challenge_we_can_answer_is_taken() {
        let line =
            |algorithm: &str| format!("Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"{algorithm}\r\n");
        let header = "Proxy-Authorization";
        let both = line(", algorithm=SHA-512-256, qop=\"auth\"")
            + &line(", algorithm=SHA-256, qop=\"auth-int,auth\"");
        assert_eq!(taken(&both), Some((Algorithm::Sha256, true, header)));
        assert_eq!(taken(&line("")), Some((Algorithm::Md5, false, header)));
        assert_eq!(taken(&line(", qop=\"auth-int\"")), None);
        assert_eq!(taken("Proxy-Authenticate: Basic realm=\"r\"\r\n"), None);
        assert_eq!(taken(""), None);
    }
}
