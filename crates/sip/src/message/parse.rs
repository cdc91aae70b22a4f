//! The lexer: bytes to start line, header offsets and body, in one pass and total.
//! It undoes folding (RFC 3261 §7.3.1) in place, takes bare line feeds, and notes the first problem instead of
//! giving up, because a request with one bad header still deserves a 400.

use bytes::{Bytes, BytesMut};

use super::header::{Field, Name, Span};
use super::{Message, Method, Start, Version, lex};
use crate::error::ParseError;

pub(super) fn message(bytes: Bytes) -> Result<Message, ParseError> {
    let lead = bytes.iter().take_while(|b| **b == b'\r' || **b == b'\n').count();
    let mut lines = Lines { bytes: &bytes, at: lead };
    let first = lines.next().ok_or(ParseError { at: 0, header: None, expected: "a start line" })?;
    let (start, mut problem) = start_line(&bytes, first)?;
    let mut fields: Vec<Field> = Vec::with_capacity(24);
    let mut folded = false;
    let mut ended = false;
    let mut head_end = bytes.len();
    for line in lines.by_ref() {
        if line.start == line.end {
            head_end = line.start;
            ended = true;
            break;
        }
        let text = bytes.get(line.start..line.end).unwrap_or_default();
        if matches!(text.first(), Some(b' ' | b'\t')) {
            match fields.last_mut() {
                Some(field) => {
                    field.value.end = line.end;
                    folded = true;
                }
                None => note(&mut problem, line.start, None, "a header before a folded line"),
            }
            continue;
        }
        match field(text, line.start) {
            Some(field) => fields.push(field),
            None => note(&mut problem, line.start, None, "a header name and a colon"),
        }
    }
    if !ended {
        note(&mut problem, bytes.len(), None, "an empty line after the headers");
    }
    let body_start = lines.at.min(bytes.len());
    let head = clean_head(bytes.slice(..head_end), folded);
    let mut message = Message { head, start, fields, body: Bytes::new(), problem };
    message.trim_values();
    let rest = bytes.slice(body_start..);
    match message.content_length() {
        Ok(None) => message.body = rest,
        // RFC 3261 §18.3: what follows the body in a datagram is discarded, and a short body is an error.
        Ok(Some(length)) if length <= rest.len() => message.body = rest.slice(..length),
        Ok(Some(_)) => {
            note(
                &mut message.problem,
                body_start,
                Some(Name::ContentLength),
                "no more than the bytes that came",
            );
        }
        Err(problem) => message.problem = message.problem.or(Some(problem)),
    }
    Ok(message)
}

/// Lines ending in LF or CRLF; the last may end with the bytes.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let rest = self.bytes.get(self.at..).filter(|r| !r.is_empty())?;
        let start = self.at;
        let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        self.at = (start + length + 1).min(self.bytes.len());
        let line = rest.get(..length)?;
        let trimmed = line.strip_suffix(b"\r").unwrap_or(line);
        Some(Span { start, end: start + trimmed.len() })
    }
}

fn note(problem: &mut Option<ParseError>, at: usize, header: Option<Name>, expected: &'static str) {
    if problem.is_none() {
        *problem = Some(ParseError { at, header: header.map(Name::text), expected });
    }
}

/// A request or status line. What cannot be answered is an error; what can is a problem.
fn start_line(bytes: &[u8], line: Span) -> Result<(Start, Option<ParseError>), ParseError> {
    let error = |at: usize, expected| ParseError { at, header: None, expected };
    let text = bytes.get(line.start..line.end).unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|e| error(line.start + e.valid_up_to(), "UTF-8"))?;
    if let Some(rest) = text.strip_prefix("SIP/2.0 ") {
        let digits = rest.get(..3).unwrap_or("");
        let status = lex::number(digits, 699).filter(|n| *n >= 100 && digits.len() == 3);
        let status = status.filter(|_| rest.get(3..4).is_none_or(|c| c == " "));
        let status = status.and_then(|n| u16::try_from(n).ok());
        let status = status.ok_or(error(line.start + 8, "a status code from 100 to 699"))?;
        return Ok((Start::Response { status }, None));
    }
    let (token, rest) = text.split_once(' ').ok_or(error(line.start, "a request or status line"))?;
    let (uri, version) =
        rest.trim_end().rsplit_once(' ').ok_or(error(line.start, "a request or status line"))?;
    let is_sip = version.get(..4).is_some_and(|v| v.eq_ignore_ascii_case("SIP/"));
    if !lex::is_token(token) || !is_sip {
        return Err(error(line.start, "a request or status line"));
    }
    let uri_at = line.start + token.len() + 1;
    let mut problem = None;
    if uri.is_empty() || uri.bytes().any(|b| b <= b' ' || b == b'<' || b == b'>' || b == b'"') {
        note(&mut problem, uri_at, None, "a Request-URI without spaces, quotes or brackets");
    } else if rest.trim_end() != rest {
        note(&mut problem, line.end, None, "nothing after the version");
    }
    let start = Start::Request {
        method: Method::of(token),
        token: Span { start: line.start, end: line.start + token.len() },
        uri: Span { start: uri_at, end: uri_at + uri.len() },
        version: if version.eq_ignore_ascii_case("SIP/2.0") { Version::Two } else { Version::Other },
    };
    Ok((start, problem))
}

/// `name HCOLON value`; white space before the colon is allowed (RFC 3261 §25.1, `HCOLON`).
fn field(text: &[u8], start: usize) -> Option<Field> {
    let colon = text.iter().position(|b| *b == b':')?;
    let label = std::str::from_utf8(text.get(..colon)?).ok()?.trim_end_matches([' ', '\t']);
    if !lex::is_token(label) {
        return None;
    }
    Some(Field {
        name: Name::of(label),
        label: Span { start, end: start + label.len() },
        value: Span { start: start + colon + 1, end: start + text.len() },
    })
}

/// The head as valid UTF-8 without line ends inside values. Copied only if something has to change.
fn clean_head(head: Bytes, folded: bool) -> Bytes {
    let valid = std::str::from_utf8(&head).is_ok();
    if valid && !folded {
        return head;
    }
    let mut copy = BytesMut::with_capacity(head.len());
    let mut rest: &[u8] = &head;
    // Bytes that are no UTF-8 become as many `?`, so every offset stays.
    while let Err(e) = std::str::from_utf8(rest) {
        let (good, bad) = rest.split_at_checked(e.valid_up_to()).unwrap_or((rest, &[]));
        let skip = e.error_len().unwrap_or(bad.len()).max(1).min(bad.len());
        copy.extend_from_slice(good);
        copy.extend(std::iter::repeat_n(b'?', skip));
        rest = bad.get(skip..).unwrap_or_default();
    }
    copy.extend_from_slice(rest);
    for byte in copy.iter_mut().filter(|b| **b == b'\r' || **b == b'\n') {
        *byte = b' ';
    }
    copy.freeze()
}

impl Message {
    /// Shrinks every value to what is left without white space around it.
    fn trim_values(&mut self) {
        for field in &mut self.fields {
            let text = self.head.get(field.value.start..field.value.end).unwrap_or_default();
            let lead = text.len() - text.trim_ascii_start().len();
            field.value.start += lead;
            field.value.end = field.value.start + text.trim_ascii().len();
        }
    }

    /// Content-Length, checked; `None` where there is none.
    fn content_length(&self) -> Result<Option<usize>, ParseError> {
        let error = |at, expected| ParseError { at, header: Some(Name::ContentLength.text()), expected };
        let mut length = None;
        for (at, text) in self.fields(Name::ContentLength) {
            let number = lex::number(text, u32::MAX).ok_or(error(at, "a number"))?;
            if length.is_some_and(|l| l != number) {
                return Err(error(at, "one such header only"));
            }
            length = Some(number);
        }
        Ok(length.map(|l| usize::try_from(l).unwrap_or(usize::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Message {
        Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn refused(text: &str, at: usize, expected: &str) {
        let error = Message::parse(Bytes::copy_from_slice(text.as_bytes())).expect_err(text);
        assert_eq!((error.at, error.expected), (at, expected), "{text}");
    }

    fn problem(text: &str, at: usize, header: Option<&str>, expected: &str) {
        let problem = parsed(text).problem().unwrap_or_else(|| panic!("no problem in {text}"));
        assert_eq!((problem.at, problem.header, problem.expected), (at, header, expected), "{text}");
    }

    #[test]
    fn reads_compact_folded_and_listed_headers() {
        let m = parsed(
            "OPTIONS sip:h SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1 ,\r\n SIP/2.0/TCP b\r\nVIA : SIP/2.0/UDP c\r\nSubject:\r\n\tone\r\n  two\r\nl: 2\r\n\r\nhi there",
        );
        assert_eq!(m.method(), Some(Method::Known(super::super::Known::Options)));
        assert_eq!(
            m.values(Name::Via).collect::<Vec<_>>(),
            ["SIP/2.0/UDP a;branch=z9hG4bK1", "SIP/2.0/TCP b", "SIP/2.0/UDP c"]
        );
        assert_eq!(m.others().collect::<Vec<_>>(), [("Subject", "one    two")]);
        assert_eq!((&m.body()[..], m.problem()), (&b"hi"[..], None));
    }

    #[test]
    fn takes_bare_line_feeds_and_leading_blank_lines() {
        let m = parsed("\r\n\nSIP/2.0 200 OK\nCall-ID: x\n\nbody");
        assert_eq!((m.status(), m.line(Name::CallId), &m.body()[..]), (Some(200), Some("x"), &b"body"[..]));
        assert_eq!(parsed("SIP/2.0 180\r\n\r\n").status(), Some(180));
    }

    #[test]
    fn bytes_that_are_no_utf8_become_marks_and_offsets_stay() {
        let m = Message::parse(Bytes::from_static(
            b"OPTIONS sip:h SIP/2.0\r\nY: a\xff\xfeb\r\nTo: <sip:t@h>\r\n\r\n",
        ))
        .unwrap();
        assert_eq!(m.others().collect::<Vec<_>>(), [("Y", "a??b")]);
        assert_eq!(m.line(Name::To), Some("<sip:t@h>"));
    }

    #[test]
    fn refuses_what_is_no_message() {
        refused("", 0, "a start line");
        refused("\r\n\r\n", 0, "a start line");
        refused("hello", 0, "a request or status line");
        refused("GET / HTTP/1.1\r\n\r\n", 0, "a request or status line");
        refused("SIP/2.0 4294967301 better not\r\n\r\n", 8, "a status code from 100 to 699");
        refused("SIP/2.0 099 x\r\n\r\n", 8, "a status code from 100 to 699");
    }

    #[test]
    fn notes_the_first_problem_and_where_it_is() {
        problem("OPTIONS sip:h SIP/2.0\r\nno colon\r\nTo: x\r\n\r\n", 23, None, "a header name and a colon");
        problem("OPTIONS sip:h SIP/2.0\r\n folded\r\n\r\n", 23, None, "a header before a folded line");
        problem(
            "OPTIONS <sip:h> SIP/2.0\r\n\r\n",
            8,
            None,
            "a Request-URI without spaces, quotes or brackets",
        );
        problem(
            "OPTIONS sip:h; lr SIP/2.0\r\n\r\n",
            8,
            None,
            "a Request-URI without spaces, quotes or brackets",
        );
        problem("OPTIONS sip:h SIP/2.0  \r\n\r\n", 23, None, "nothing after the version");
        problem(
            "OPTIONS sip:h SIP/2.0\r\nl: 5\r\n\r\nhi",
            31,
            Some("Content-Length"),
            "no more than the bytes that came",
        );
        problem("OPTIONS sip:h SIP/2.0\r\nl: -5\r\n\r\nhi", 26, Some("Content-Length"), "a number");
        problem(
            "OPTIONS sip:h SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nhi",
            32,
            Some("Content-Length"),
            "one such header only",
        );
        problem("OPTIONS sip:h SIP/2.0\r\nTo: x", 28, None, "an empty line after the headers");
    }
}
