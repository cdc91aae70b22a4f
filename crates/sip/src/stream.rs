//! Cuts messages out of a byte stream: Content-Length framing (RFC 3261 §18.3) and the keepalives of RFC 5626 §4.4.1.
//! Owns the bytes not yet cut; reads nothing itself. Each byte is looked at a constant number of times.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::FrameError;

/// The limit of [`Framer::default`]: more than any INVITE, less than an attack.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// What came out of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message.
    Message(Bytes),
    /// A double CRLF: the peer wants [`PONG`] back.
    Ping,
    /// A CRLF that answers our [`PING`].
    Pong,
}

/// Asks the peer whether it is there (RFC 5626 §3.5.1).
pub const PING: &[u8] = b"\r\n\r\n";

/// The answer to a ping.
pub const PONG: &[u8] = b"\r\n";

/// What stands at the start of the bytes.
enum Lead {
    Ping,
    Pong,
    /// It may become a ping.
    Wait,
    Message,
}

/// Cuts one stream.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    limit: usize,
    /// Where the header line being searched starts.
    line: usize,
    /// How far the search for its end has come.
    scanned: usize,
    /// Where the body starts and how long it is, once known.
    body: Option<(usize, usize)>,
    /// A ping of ours has not been answered yet.
    pinged: bool,
}

impl Default for Framer {
    fn default() -> Self {
        Framer::new(DEFAULT_LIMIT)
    }
}

impl Framer {
    /// A framer that refuses messages of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Framer { buffer: BytesMut::new(), limit, line: 0, scanned: 0, body: None, pinged: false }
    }

    /// Adds bytes as they were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// A ping was sent: a line end alone is its answer.
    pub fn expect_pong(&mut self) {
        self.pinged = true;
    }

    /// How many bytes wait for the rest of their message.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame; `None` needs more bytes. After an error the stream cannot go on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.body.is_none() && self.scanned == 0 {
            match self.skip_blank_lines() {
                Lead::Ping => return Ok(Some(Frame::Ping)),
                Lead::Pong => {
                    self.pinged = false;
                    return Ok(Some(Frame::Pong));
                }
                Lead::Wait => return Ok(None),
                Lead::Message => {}
            }
        }
        if self.body.is_none() {
            self.body = self.find_body()?;
        }
        let Some((start, length)) = self.body else { return Ok(None) };
        let total = start.saturating_add(length);
        if total > self.limit {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        self.body = None;
        self.line = 0;
        self.scanned = 0;
        Ok(Some(Frame::Message(self.buffer.split_to(total).freeze())))
    }

    /// Drops line ends before a message. Two CRLF together are a ping.
    fn skip_blank_lines(&mut self) -> Lead {
        loop {
            if self.buffer.starts_with(PING) {
                self.buffer.advance(PING.len());
                return Lead::Ping;
            }
            let pong = self.buffer.starts_with(PONG) && self.buffer.get(PONG.len()) != Some(&b'\r');
            if self.pinged && pong {
                self.buffer.advance(PONG.len());
                return Lead::Pong;
            }
            if PING.starts_with(&self.buffer) {
                return Lead::Wait;
            }
            match self.buffer.first() {
                Some(b'\r' | b'\n') => self.buffer.advance(1),
                _ => return Lead::Message,
            }
        }
    }

    /// The start and length of the body, once the empty line after the headers is there.
    fn find_body(&mut self) -> Result<Option<(usize, usize)>, FrameError> {
        loop {
            let rest = self.buffer.get(self.scanned..).unwrap_or_default();
            let found = rest.iter().position(|b| *b == b'\n');
            self.scanned = found.map_or(self.buffer.len(), |at| self.scanned + at + 1);
            if self.scanned > self.limit {
                return Err(FrameError::TooLong { limit: self.limit });
            }
            if found.is_none() {
                return Ok(None);
            }
            let line = self.buffer.get(self.line..self.scanned).unwrap_or_default();
            let is_end = self.line > 0 && (line == b"\r\n" || line == b"\n");
            self.line = self.scanned;
            if is_end {
                let length = content_length(self.buffer.get(..self.scanned).unwrap_or_default())?;
                return Ok(Some((self.scanned, length)));
            }
        }
    }
}

/// Content-Length of a whole header section; 0 where it is absent (RFC 3261 §20.14 demands it, but be tolerant).
fn content_length(head: &[u8]) -> Result<usize, FrameError> {
    let mut length = None;
    for line in head.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let name = line.get(..colon).unwrap_or_default().trim_ascii();
        if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        let digits = !value.is_empty() && value.len() <= 9 && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|v| v.parse::<usize>().ok());
        let number = number.ok_or(FrameError::BadLength)?;
        if length.is_some_and(|l| l != number) {
            return Err(FrameError::BadLength);
        }
        length = Some(number);
    }
    Ok(length.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_alone_is_a_pong_only_where_one_is_due() {
        let mut framer = Framer::default();
        framer.push(b"\r\n");
        assert_eq!(framer.next_frame(), Ok(None));
        framer.push(b"\r\n");
        assert_eq!(framer.next_frame(), Ok(Some(Frame::Ping)));
        framer.expect_pong();
        framer.push(PING);
        assert_eq!(framer.next_frame(), Ok(Some(Frame::Ping)), "the peer's own");
        framer.push(PONG);
        assert_eq!(framer.next_frame(), Ok(Some(Frame::Pong)));
        framer.push(PONG);
        assert_eq!(framer.next_frame(), Ok(None));
    }
}
