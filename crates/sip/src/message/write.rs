//! Messages to bytes. rsip gives the words (methods, status codes); the bytes are ours, because rsip passes bodies
//! through lossy UTF-8 and cannot repeat a Via, From or To exactly as it came, which RFC 3261 §8.2.6.2 asks for.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use bytes::Bytes;

use super::header::Name;
use super::{Known, Message, lex, phrase};
use crate::body::Body;
use crate::call::host;
use crate::flow::Flow;

/// A message being written.
#[derive(Debug)]
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    /// Starts a request.
    pub(crate) fn request(method: Known, uri: &str) -> Self {
        let mut out = String::with_capacity(1024);
        // Writing to a String cannot fail.
        let _ = write!(out, "{method} {} SIP/2.0\r\n", clean(uri));
        Writer { out }
    }

    /// Starts a response to `request`, which came over `flow`: status line, Via, From, To, Call-ID, CSeq.
    ///
    /// `to_tag` is added to To unless To has a tag.
    pub(crate) fn response(
        request: &Message,
        flow: &Flow,
        status: u16,
        text: Option<&str>,
        to_tag: &str,
    ) -> Self {
        let mut writer = Writer { out: String::with_capacity(1024) };
        let text = clean(text.unwrap_or_else(|| phrase(status)));
        let _ = write!(writer.out, "SIP/2.0 {status} {text}\r\n");
        for (index, line) in request.lines(Name::Via).enumerate() {
            if index == 0 {
                writer.top_via(line, flow);
            } else {
                writer.header("Via", line);
            }
        }
        if let Some(from) = request.line(Name::From) {
            writer.header("From", from);
        }
        if let Some(to) = request.line(Name::To) {
            let tagged = super::Address::parse(to).is_ok_and(|a| a.tag().is_some());
            if tagged || to_tag.is_empty() || status == 100 {
                writer.header("To", to);
            } else {
                writer.header("To", format_args!("{to};tag={to_tag}"));
            }
        }
        for name in [Name::CallId, Name::CSeq] {
            if let Some(line) = request.line(name) {
                writer.header(name.text(), line);
            }
        }
        writer
    }

    /// The topmost Via with `received` and `rport` filled in (RFC 3261 §18.2.1, RFC 3581 §4).
    fn top_via(&mut self, line: &str, flow: &Flow) {
        let first = lex::list(line).next().unwrap_or(line);
        let rest = line.trim_start().get(first.len()..).unwrap_or("");
        let Ok(via) = super::Via::parse(first) else { return self.header("Via", line) };
        let source = host(flow.remote);
        let (head, _) = lex::head_and_params(first);
        let _ = write!(self.out, "Via: {}", head.trim_end());
        for (name, value) in lex::params(via.params) {
            // Both are ours to set: what the sender wrote there is dropped.
            if name.eq_ignore_ascii_case("received") || name.eq_ignore_ascii_case("rport") {
                continue;
            }
            let _ = match value {
                Some(value) => write!(self.out, ";{name}={value}"),
                None => write!(self.out, ";{name}"),
            };
        }
        if via.rport {
            let _ = write!(self.out, ";rport={}", flow.remote.port());
        }
        if via.rport || via.host != source {
            // An IPv6 address stands here without brackets (RFC 3261 §25.1, `via-received`).
            let _ = write!(self.out, ";received={}", flow.remote.ip());
        }
        let _ = write!(self.out, "{rest}\r\n");
    }

    /// Adds our Via, asking for symmetric responses (RFC 3581).
    pub(crate) fn via(&mut self, flow: &Flow, branch: &str) {
        let local = flow.local;
        self.header("Via", format_args!("SIP/2.0/{} {local};branch={branch};rport", flow.transport));
    }

    /// Adds a header. Line ends in the value become spaces: nothing can inject a header.
    pub(crate) fn header(&mut self, name: &str, value: impl Display) {
        self.out.push_str(name);
        self.out.push_str(": ");
        let start = self.out.len();
        let _ = write!(self.out, "{value}");
        if self.out.get(start..).is_some_and(has_control) {
            let cleaned = clean(self.out.get(start..).unwrap_or("")).into_owned();
            self.out.truncate(start);
            self.out.push_str(&cleaned);
        }
        self.out.push_str("\r\n");
    }

    /// Adds headers of the caller's. A name that is no token, or one we set, is left out.
    pub(crate) fn headers(&mut self, headers: &[(String, String)]) {
        for (name, value) in headers {
            let ours = matches!(
                Name::of(name),
                Name::Via
                    | Name::From
                    | Name::To
                    | Name::CallId
                    | Name::CSeq
                    | Name::ContentLength
                    | Name::ContentType
            );
            if lex::is_token(name) && !ours {
                self.header(name, value);
            }
        }
    }

    /// Ends the message with its body.
    pub(crate) fn finish(mut self, body: Option<&Body>) -> Bytes {
        if let Some(body) = body {
            self.header("Content-Type", &body.content_type);
        }
        let length = body.map_or(0, |b| b.bytes.len());
        let _ = write!(self.out, "Content-Length: {length}\r\n\r\n");
        let mut bytes = self.out.into_bytes();
        if let Some(body) = body {
            bytes.extend_from_slice(&body.bytes);
        }
        Bytes::from(bytes)
    }
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|b| b < b' ' && b != b'\t')
}

/// Text with control characters as spaces.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if has_control(text) {
        Cow::Owned(text.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A request of ours as it is to be sent by another flow: its Via names that, and its Contact too if `contact`.
/// `None` if it is none of ours.
pub(crate) fn rerouted(bytes: &Bytes, from: &Flow, to: &Flow, contact: bool) -> Option<Bytes> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let old = format!("Via: SIP/2.0/{} {};", from.transport, from.local);
    let address = |flow: &Flow| format!("{}:{}", host(flow.local), flow.local.port());
    let named = match to.transport.uri_name() {
        Some(name) => format!("{};transport={name}", address(to)),
        None => address(to),
    };
    let mut out = String::with_capacity(head.len() + 64);
    let mut found = false;
    for (index, line) in head.split("\r\n").enumerate() {
        if index > 0 {
            out.push_str("\r\n");
        }
        match line.strip_prefix(&old) {
            Some(rest) if !found => {
                found = true;
                let _ = write!(out, "Via: SIP/2.0/{} {};{rest}", to.transport, to.local);
            }
            _ if contact && line.starts_with("Contact: <") => {
                out.push_str(&line.replacen(&address(from), &named, 1));
            }
            _ => out.push_str(line),
        }
    }
    let mut all = out.into_bytes();
    all.extend_from_slice(bytes.get(end..)?);
    found.then(|| all.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Transport;

    fn response(via: &str) -> String {
        let text = format!(
            "INVITE sip:x@h SIP/2.0\r\n{via}\r\nf: <sip:a@h>;tag=1\r\nt: <sip:x@h>\r\ni: c1\r\nCSeq: 7 INVITE\r\n\r\n"
        );
        let request = Message::parse(Bytes::from(text)).unwrap();
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.9:5060".parse().unwrap(),
            remote: "198.51.100.7:40000".parse().unwrap(),
        };
        let bytes = Writer::response(&request, &flow, 486, None, "tt").finish(None);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_response_repeats_what_it_must_and_says_where_the_request_came_from() {
        let text = response(
            "v: SIP/2.0/UDP 10.0.0.1:5062 ;branch=z9hG4bK1;rport;x=\"a,b\", SIP/2.0/TCP p\r\nVia: SIP/2.0/TLS q",
        );
        assert_eq!(
            text,
            "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;x=\"a,b\";rport=40000;received=198.51.100.7, SIP/2.0/TCP p\r\nVia: SIP/2.0/TLS q\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:x@h>;tag=tt\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n"
        );
        let text = response("Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1");
        assert!(text.contains("\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\n"), "{text}");
    }

    #[test]
    fn nothing_can_inject_a_header() {
        let mut writer = Writer::request(Known::Bye, "sip:a@b\r\nX: y");
        writer.header("Reason", "x\r\nEvil: 1");
        writer.headers(&[
            ("Bad Name".into(), "1".into()),
            ("X-A".into(), "b\nc".into()),
            ("Via".into(), "z".into()),
        ]);
        let bytes = writer.finish(Some(&Body {
            content_type: "text/plain\r\n".into(),
            bytes: Bytes::from_static(b"\xff"),
        }));
        assert_eq!(&bytes[..], b"BYE sip:a@b  X: y SIP/2.0\r\nReason: x  Evil: 1\r\nX-A: b c\r\nContent-Type: text/plain  \r\nContent-Length: 1\r\n\r\n\xff");
    }
}
