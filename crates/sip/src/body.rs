//! A message body, carried as bytes: this crate does not know SDP.
//! Owns the one thing it must know about bodies, which is how to find the SDP part of a multipart one.

use bytes::Bytes;

use crate::message::lex;

/// A body and its media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The media type with its parameters, as in Content-Type.
    pub content_type: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// The media type of session descriptions.
pub(crate) const SDP: &str = "application/sdp";

impl Body {
    /// A session description.
    pub fn sdp(bytes: impl Into<Bytes>) -> Self {
        Body { content_type: SDP.into(), bytes: bytes.into() }
    }

    /// Whether the media type, parameters aside, is this one.
    pub fn is(&self, media_type: &str) -> bool {
        essence(&self.content_type).eq_ignore_ascii_case(media_type)
    }
}

/// A media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or("").trim()
}

/// What a body is to a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No body, or only parts that may be ignored.
    Nothing,
    /// A session description, alone or a part of a multipart body.
    Sdp(Body),
    /// Something that had to be understood and is not: 415.
    Unknown,
}

/// Finds the session description in a body (RFC 5621 §3 for multipart, RFC 3261 §20.11 for `handling`).
pub(crate) fn find_sdp(content_type: Option<&str>, disposition: Option<&str>, bytes: &Bytes) -> Found {
    if bytes.is_empty() {
        return Found::Nothing;
    }
    let optional = disposition.is_some_and(is_optional);
    let Some(content_type) = content_type else {
        // A body of no stated type in an INVITE: phones that forget the header mean SDP.
        return if bytes.starts_with(b"v=") { Found::Sdp(Body::sdp(bytes.clone())) } else { Found::Unknown };
    };
    let kind = essence(content_type);
    if kind.eq_ignore_ascii_case(SDP) {
        return Found::Sdp(Body::sdp(bytes.clone()));
    }
    if kind.get(..10).is_some_and(|k| k.eq_ignore_ascii_case("multipart/")) {
        return match boundary(content_type).map(|b| find_part(b.as_bytes(), bytes)) {
            Some(Some(part)) => Found::Sdp(Body::sdp(part)),
            Some(None) => Found::Nothing,
            None => Found::Unknown,
        };
    }
    if optional { Found::Nothing } else { Found::Unknown }
}

fn is_optional(disposition: &str) -> bool {
    lex::params(disposition).any(|(name, value)| {
        name.eq_ignore_ascii_case("handling") && value.is_some_and(|v| v.eq_ignore_ascii_case("optional"))
    })
}

fn boundary(content_type: &str) -> Option<String> {
    lex::params(content_type)
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
        .and_then(|(_, value)| value)
        .map(|value| lex::unquoted(value).into_owned())
        .filter(|b| !b.is_empty() && b.len() <= 70)
}

/// The first SDP part. One pass over the lines: a delimiter is a line that starts with `--boundary`.
fn find_part(boundary: &[u8], bytes: &Bytes) -> Option<Bytes> {
    let mut at = 0;
    let mut part: Option<usize> = None;
    while at < bytes.len() {
        let rest = bytes.get(at..)?;
        let line = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |p| p + 1);
        let is_delimiter =
            rest.strip_prefix(b"--").is_some_and(|r| r.get(..boundary.len()) == Some(boundary));
        if is_delimiter {
            if let Some(found) = part.and_then(|start| sdp_of(bytes, start, at)) {
                return Some(found);
            }
            part = Some(at + line);
        }
        at += line;
    }
    part.and_then(|start| sdp_of(bytes, start, bytes.len()))
}

/// The content of the part at `start..end` if its headers say it is SDP.
fn sdp_of(bytes: &Bytes, start: usize, end: usize) -> Option<Bytes> {
    let mut at = start;
    let mut is_sdp = false;
    loop {
        let rest = bytes.get(at..end)?;
        let line = rest.iter().position(|b| *b == b'\n').map(|p| p + 1)?;
        let text = std::str::from_utf8(rest.get(..line)?).unwrap_or("").trim();
        at += line;
        if text.is_empty() {
            break;
        }
        if let Some((name, value)) = text.split_once(':') {
            let name = name.trim();
            if name.eq_ignore_ascii_case("content-type") || name.eq_ignore_ascii_case("c") {
                is_sdp = essence(value).eq_ignore_ascii_case(SDP);
            }
        }
    }
    is_sdp.then(|| bytes.slice(at..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: Option<&str>, disposition: Option<&str>, body: &'static str, expected: Found) {
        assert_eq!(find_sdp(content_type, disposition, &Bytes::from_static(body.as_bytes())), expected);
    }

    #[test]
    fn finds_the_session_description_or_says_there_is_none() {
        let sdp = |text: &'static str| Found::Sdp(Body::sdp(text.as_bytes()));
        check(None, None, "", Found::Nothing);
        check(Some("application/sdp"), None, "v=0\r\n", sdp("v=0\r\n"));
        check(Some("Application/SDP ; charset=x"), None, "v=0\r\n", sdp("v=0\r\n"));
        check(None, None, "v=0\r\n", sdp("v=0\r\n"));
        check(None, None, "hello", Found::Unknown);
        check(Some("text/plain"), None, "hello", Found::Unknown);
        check(Some("text/plain"), Some("render;handling=optional"), "hello", Found::Nothing);
        let parts = "--b1\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b1--\r\n";
        check(Some("multipart/mixed;boundary=b1"), None, parts, sdp("v=0\r\n"));
        check(Some("multipart/mixed;boundary=\"b1\""), None, parts, sdp("v=0\r\n"));
        check(Some("multipart/mixed;boundary=other"), None, parts, Found::Nothing);
        check(Some("multipart/mixed"), None, parts, Found::Unknown);
    }
}
