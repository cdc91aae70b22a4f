//! Requests of phones that have a password: sent, challenged, and sent again with what the challenge asks for.

use sha2::Digest;

use crate::harness::*;

/// A request of a phone, outside of dialogs unless `to` has a tag.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) user: &'a str,
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) call: &'a str,
    /// What follows the To URI.
    pub(crate) to: &'a str,
    /// Whole header lines.
    pub(crate) headers: &'a str,
    pub(crate) body: &'a str,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: &'a str, uri: &'a str, call: &'a str) -> Self {
        Ask { user: "alice", method, uri, call, to: "", headers: "", body: "" }
    }

    pub(crate) fn text(&self, cseq: u32, extra: &str) -> String {
        let Ask { user, method, uri, call, to, headers, body } = *self;
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bK{call}{cseq}{method};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@example.com>;tag=peer\r\n\
             To: <{uri}>{to}\r\n\
             Call-ID: {call}\r\n\
             CSeq: {cseq} {method}\r\n\
             {headers}{extra}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends it, answers the challenge, and returns all that the endpoint sent after that.
    #[track_caller]
    pub(crate) fn send(&self, b: &mut Bench, cseq: u32, expected: &[&str]) -> Vec<String> {
        b.hear(&self.text(cseq, ""));
        let refusal = b.sent.pop().expect("a challenge").1;
        assert!(b.sent.is_empty(), "more than a challenge");
        let credentials = credentials(&refusal, self.method, self.uri, self.user, password(self.user), 1);
        b.hear(&self.text(cseq + 1, &credentials));
        b.sends(expected)
    }
}

fn password(user: &str) -> &str {
    match user {
        "alice" => "secret",
        _ => "hidden",
    }
}

/// The header line that answers the last challenge of a 401 or 407, which is the one in MD5.
pub(crate) fn credentials(
    refusal: &str,
    method: &str,
    uri: &str,
    user: &str,
    password: &str,
    count: u32,
) -> String {
    let is_proxy = refusal.starts_with("SIP/2.0 407");
    let (asks, answers) = match is_proxy {
        true => ("Proxy-Authenticate: ", "Proxy-Authorization"),
        false => ("WWW-Authenticate: ", "Authorization"),
    };
    let challenge = refusal.lines().filter_map(|l| l.strip_prefix(asks)).next_back().expect(refusal);
    let part = |name: &str| challenge.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
    let (realm, nonce) = (part("realm"), part("nonce"));
    let hash =
        |text: String| -> String { md5::Md5::digest(text).iter().map(|b| format!("{b:02x}")).collect() };
    let (a1, a2) = (hash(format!("{user}:{realm}:{password}")), hash(format!("{method}:{uri}")));
    let response = hash(format!("{a1}:{nonce}:{count:08x}:cn:auth:{a2}"));
    format!(
        "{answers}: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5, cnonce=\"cn\", qop=auth, nc={count:08x}\r\n"
    )
}
