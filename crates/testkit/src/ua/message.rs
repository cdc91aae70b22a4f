//! SIP text as the scripted phone reads and writes it: just enough, and independent of the `sip` crate it tests.

/// A message that came in.
#[derive(Clone, Debug)]
pub struct Message {
    /// The first line.
    pub start: String,
    /// Header names in lower case, with values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Message {
    /// Reads a datagram; `None` if it is no SIP message.
    pub fn parse(bytes: &[u8]) -> Option<Message> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Message { start, headers, body: body.to_owned() })
    }

    /// The status code, if it is a response.
    pub fn status(&self) -> Option<u16> {
        self.start.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method, if it is a request.
    pub fn method(&self) -> Option<&str> {
        if self.status().is_some() { None } else { self.start.split(' ').next() }
    }

    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// Every header of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The method that a CSeq names.
    pub fn cseq_method(&self) -> Option<&str> {
        self.header("cseq")?.split_whitespace().nth(1)
    }

    /// A response to this request, with the headers that RFC 3261 §8.2.6.2 copies.
    pub fn reply(&self, status: &str, more: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["via", "record-route", "from", "to", "call-id", "cseq"] {
            for value in self.all(name) {
                text += &format!("{name}: {value}\r\n");
            }
        }
        text + more + "Content-Length: 0\r\n\r\n"
    }

    /// Where the SDP in the body wants its audio: address and port.
    pub fn media(&self) -> Option<std::net::SocketAddr> {
        let connection = self
            .body
            .lines()
            .find_map(|line| line.strip_prefix("c=IN IP4 ").or_else(|| line.strip_prefix("c=IN IP6 ")))?
            .trim();
        let port = self.body.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()?;
        Some(std::net::SocketAddr::new(connection.parse().ok()?, port.parse().ok()?))
    }
}
