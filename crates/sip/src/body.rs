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

/// Bodies nest no deeper than this; what is deeper is not looked at.
const DEEPEST: usize = 4;

/// Finds the session description in a body (RFC 5621 for multipart, RFC 3261 §20.11 for `handling`).
pub(crate) fn find_sdp(content_type: Option<&str>, disposition: Option<&str>, bytes: &Bytes) -> Found {
    if bytes.is_empty() {
        return Found::Nothing;
    }
    let Some(content_type) = content_type else {
        // A body of no stated type in an INVITE: phones that forget the header mean SDP.
        return if bytes.starts_with(b"v=") { Found::Sdp(Body::sdp(bytes.clone())) } else { Found::Unknown };
    };
    match look(content_type, bytes, DEEPEST) {
        Found::Unknown if disposition.is_some_and(|d| has_handling(d, "optional")) => Found::Nothing,
        found => found,
    }
}

/// What one body of a stated type is.
fn look(content_type: &str, bytes: &Bytes, depth: usize) -> Found {
    let kind = essence(content_type);
    if kind.eq_ignore_ascii_case(SDP) {
        return Found::Sdp(Body::sdp(bytes.clone()));
    }
    if !kind.get(..10).is_some_and(|k| k.eq_ignore_ascii_case("multipart/")) || depth == 0 {
        return Found::Unknown;
    }
    let Some(boundary) = boundary(content_type) else { return Found::Unknown };
    let is_alternative = kind.eq_ignore_ascii_case("multipart/alternative");
    let mut best = Found::Nothing;
    for part in parts(boundary.as_bytes(), bytes) {
        let Some(part) = Part::read(&part) else { continue };
        match part.look(depth - 1) {
            // RFC 2046 §5.1.4: of alternatives the last that is understood; of a mixture the first is the session.
            Found::Sdp(found) if is_alternative || best == Found::Nothing => best = Found::Sdp(found),
            // A part that says nothing of its handling may be passed over, although RFC 3261 §20.11 has it required:
            // gateways put ISUP and locations beside the description and say nothing.
            Found::Unknown if !is_alternative && has_handling(&part.disposition, "required") => {
                return Found::Unknown;
            }
            _ => {}
        }
    }
    best
}

fn has_handling(disposition: &str, how: &str) -> bool {
    lex::param(lex::head_and_params(disposition).1, "handling")
        .is_some_and(|value| lex::unquoted(value).eq_ignore_ascii_case(how))
}

fn boundary(content_type: &str) -> Option<String> {
    lex::params(content_type)
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
        .and_then(|(_, value)| value)
        .map(|value| lex::unquoted(value).into_owned())
        .filter(|b| !b.is_empty() && b.len() <= 70)
}

/// The parts of a multipart body, headers included. One pass over the lines: a delimiter is a line that starts with
/// `--boundary`. What stands before the first and after the closing one is nothing's.
fn parts(boundary: &[u8], bytes: &Bytes) -> Vec<Bytes> {
    let (mut at, mut begun, mut all) = (0, None, Vec::new());
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let line = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |p| p + 1);
        let delimiter = rest.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary));
        // `--b1x` is no delimiter of `b1`, but part of what it stands in.
        let after = delimiter.map(|rest| rest.get(..line.saturating_sub(boundary.len() + 2)).unwrap_or(rest));
        let is_close = after.is_some_and(|after| after.starts_with(b"--"));
        if is_close || after.is_some_and(|after| after.trim_ascii().is_empty()) {
            if let Some(start) = begun {
                all.push(bytes.slice(start..at));
            }
            begun = (!is_close).then_some(at + line);
            if is_close {
                break;
            }
        }
        at += line;
    }
    // Never closed: what there is counts.
    all.extend(begun.filter(|start| *start <= bytes.len()).map(|start| bytes.slice(start..)));
    all
}

/// One part: what its headers say, and its content.
struct Part {
    /// Empty where it does not say, which means text (RFC 2046 §5.1).
    content_type: String,
    disposition: String,
    /// Whether its bytes are written in some other way than as they are.
    is_encoded: bool,
    content: Bytes,
}

impl Part {
    /// Reads a part's headers; `None` if they never end.
    fn read(bytes: &Bytes) -> Option<Part> {
        let mut part = Part {
            content_type: String::new(),
            disposition: String::new(),
            is_encoded: false,
            content: Bytes::new(),
        };
        let mut at = 0;
        loop {
            let rest = bytes.get(at..)?;
            let line = rest.iter().position(|b| *b == b'\n').map(|p| p + 1)?;
            let text = std::str::from_utf8(rest.get(..line)?).unwrap_or("x").trim();
            at += line;
            if text.is_empty() {
                part.content = bytes.slice(at..);
                return Some(part);
            }
            let (name, value) = text.split_once(':').unwrap_or((text, ""));
            match name.trim() {
                n if n.eq_ignore_ascii_case("content-type") || n.eq_ignore_ascii_case("c") => {
                    part.content_type = value.trim().to_owned();
                }
                n if n.eq_ignore_ascii_case("content-disposition") => {
                    part.disposition = value.trim().to_owned();
                }
                n if n.eq_ignore_ascii_case("content-transfer-encoding") => {
                    let value = value.trim();
                    part.is_encoded =
                        !["binary", "7bit", "8bit"].iter().any(|e| value.eq_ignore_ascii_case(e));
                }
                _ => {}
            }
        }
    }

    fn look(&self, depth: usize) -> Found {
        // RFC 3959: an early session is another one.
        let purpose = lex::head_and_params(&self.disposition).0.trim();
        if self.is_encoded || purpose.eq_ignore_ascii_case("early-session") {
            return Found::Unknown;
        }
        look(&self.content_type, &self.content, depth)
    }
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

    /// A multipart body of these parts, each with its headers.
    fn multipart(boundary: &str, parts: &[&str]) -> String {
        let parts: String = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect();
        format!("preamble\r\n{parts}--{boundary}--\r\nepilogue\r\n")
    }

    fn found(content_type: &str, body: &str) -> Option<String> {
        match find_sdp(Some(content_type), None, &Bytes::from(body.to_owned())) {
            Found::Sdp(body) => Some(String::from_utf8(body.bytes.trim_ascii_end().to_vec()).unwrap()),
            Found::Nothing => None,
            Found::Unknown => Some("415".into()),
        }
    }

    #[test]
    fn descriptions_are_found_beside_isup_and_locations() {
        let sdp = "Content-Type: application/sdp\r\n\r\nv=0";
        let isup = "Content-Type: application/ISUP; version=itu-t92+\r\nContent-Disposition: signal; handling=optional\r\n\r\n\u{1}\u{2}";
        let pidf = "Content-Type: application/pidf+xml\r\nContent-ID: <a@b>\r\n\r\n<presence/>";
        let mixed = "multipart/mixed; boundary=\"b1\"";
        assert_eq!(found(mixed, &multipart("b1", &[sdp, isup])).as_deref(), Some("v=0"));
        assert_eq!(found(mixed, &multipart("b1", &[isup, pidf, sdp])).as_deref(), Some("v=0"));
        assert_eq!(found(mixed, &multipart("b1", &[isup, pidf])), None);
        assert_eq!(
            found("Multipart/Related;boundary=b1", &multipart("b1", &[pidf, sdp])).as_deref(),
            Some("v=0")
        );
        assert_eq!(found(mixed, &multipart("b1", &[sdp, sdp]).replace("\r\n", "\n")).as_deref(), Some("v=0"));
        // What must be understood and is not.
        let strict = isup.replace("optional", "required");
        assert_eq!(found(mixed, &multipart("b1", &[sdp, &strict])).as_deref(), Some("415"));
        // Never closed, and a delimiter that only looks like one.
        assert_eq!(found(mixed, &format!("--b1\r\n{sdp}")).as_deref(), Some("v=0"));
        assert_eq!(found(mixed, &format!("--b1x\r\n{sdp}")), None);
        assert_eq!(found(mixed, "--b1"), None);
        assert_eq!(found(mixed, "--b1\r\nContent-Type: application/sdp"), None);
    }

    #[test]
    fn of_alternatives_the_last_is_taken_and_of_a_mixture_the_first() {
        let part = |name: &str| format!("Content-Type: application/sdp\r\n\r\nv=0\r\ns={name}");
        let (one, two) = (part("one"), part("two"));
        let other = "Content-Type: application/sdpng\r\n\r\nx";
        let body = multipart("b1", &[&one, &two, other]);
        assert_eq!(found("multipart/alternative;boundary=b1", &body).as_deref(), Some("v=0\r\ns=two"));
        assert_eq!(found("multipart/mixed;boundary=b1", &body).as_deref(), Some("v=0\r\ns=one"));
        // An early session is another session, and what is encoded is not read.
        let early = one.replace("\r\n\r\n", "\r\nContent-Disposition: early-session\r\n\r\n");
        let coded = one.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        let body = multipart("b1", &[&early, &coded, &two]);
        assert_eq!(found("multipart/mixed;boundary=b1", &body).as_deref(), Some("v=0\r\ns=two"));
    }

    #[test]
    fn bodies_may_nest_but_not_without_end() {
        let sdp = "Content-Type: application/sdp\r\n\r\nv=0".to_owned();
        let nest = |levels: usize| {
            (0..levels).fold(sdp.clone(), |inner, level| {
                let boundary = format!("b{level}");
                let body = multipart(&boundary, &[&inner]);
                format!("Content-Type: multipart/alternative;boundary={boundary}\r\n\r\n{body}")
            })
        };
        for (levels, expected) in [(0, Some("v=0")), (3, Some("v=0")), (4, None), (40, None)] {
            let body = multipart("outer", &[&nest(levels)]);
            assert_eq!(found("multipart/mixed;boundary=outer", &body).as_deref(), expected, "{levels}");
        }
    }
}
