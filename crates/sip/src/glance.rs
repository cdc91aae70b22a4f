//! A glance at a message: what is needed to choose who handles it, without parsing it.
//! Total over any bytes, and only a hint: what it finds decides where a message is judged, not how.

/// RFC 3261 §8.1.1.7.
const COOKIE: &str = "z9hG4bK";

/// What stands out in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance<'a> {
    /// The method of a request; `None` for a response, or what is no message.
    pub method: Option<&'a str>,
    /// The first Call-ID header's value.
    pub call_id: Option<&'a str>,
    /// The first value of the first Via header.
    pub via: Option<&'a str>,
    /// Whether the To header has a tag: the message belongs to a dialog.
    pub tagged: bool,
}

impl<'a> Glance<'a> {
    /// Looks at the start line and the headers up to the empty line.
    pub fn of(message: &'a [u8]) -> Glance<'a> {
        let mut lines = Lines(message);
        let mut glance = Glance::default();
        // Blank lines may stand before a message (RFC 3261 §7.5).
        let start = lines.by_ref().find(|line| !line.is_empty()).unwrap_or_default();
        if !start.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"SIP/")) {
            glance.method =
                start.split(|b| *b == b' ').next().and_then(|m| text(m)).filter(|m| !m.is_empty());
        }
        for line in lines {
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
            let name = line.get(..colon).unwrap_or_default().trim_ascii();
            let value = || line.get(colon + 1..).map(<[u8]>::trim_ascii).and_then(text);
            let is = |long: &[u8], short: &[u8]| {
                name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short)
            };
            if glance.call_id.is_none() && is(b"call-id", b"i") {
                glance.call_id = value();
            } else if glance.via.is_none() && is(b"via", b"v") {
                glance.via = value().map(|v| v.split(',').next().unwrap_or(v).trim());
            } else if !glance.tagged && is(b"to", b"t") {
                glance.tagged =
                    value().is_some_and(|v| param(v.rsplit('>').next().unwrap_or(v), "tag").is_some());
            }
        }
        glance
    }

    /// The branch of the first Via.
    pub fn branch(&self) -> Option<&'a str> {
        param(self.via?, "branch")
    }

    /// The sent-by of the first Via, if its sender lets the connection be used for requests to it (RFC 5923 §6).
    pub fn alias(&self) -> Option<(&'a str, Option<u16>)> {
        let via = self.via?;
        param(via, "alias")?;
        let head = via.split(';').next().unwrap_or(via).trim();
        let sent_by = head.rsplit([' ', '\t']).next().unwrap_or(head);
        crate::message::host_and_port(sent_by).ok()
    }
}

/// Which of several endpoints judges a message.
///
/// Bindings and subscriptions are with the first, and so is what asks for them; calls go by Call-ID, as do requests in
/// their dialogs; responses go to the endpoint that made the branch. What shows none of these goes to the first.
pub fn shard(message: &[u8], shards: u8) -> u8 {
    if shards <= 1 {
        return 0;
    }
    let glance = Glance::of(message);
    match glance.method {
        Some("REGISTER" | "SUBSCRIBE" | "PUBLISH") => 0,
        Some("MESSAGE" | "OPTIONS") if !glance.tagged => 0,
        Some(_) => glance.call_id.map_or(0, |call_id| shard_of_call(call_id, shards)),
        None => glance.branch().and_then(shard_of_branch).filter(|shard| *shard < shards).unwrap_or(0),
    }
}

/// Which of several endpoints has the calls of this Call-ID.
///
/// Call-IDs are compared byte by byte (RFC 3261 §20.8). The hash is FNV-1a.
pub fn shard_of_call(call_id: &str, shards: u8) -> u8 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = call_id.bytes().fold(0x811C_9DC5, step);
    // Its low bits depend on the last bytes alone too much.
    ((hash ^ hash >> 15) % u32::from(shards.max(1))) as u8
}

/// A branch that names its endpoint.
pub(crate) fn branch_of(shard: u8, token: &str) -> String {
    format!("{COOKIE}{shard:02x}.{token}")
}

fn shard_of_branch(branch: &str) -> Option<u8> {
    let (shard, _) = branch.strip_prefix(COOKIE)?.split_once('.')?;
    u8::from_str_radix(shard, 16).ok()
}

/// A parameter's value; empty for one without.
fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|param| {
        let (key, value) = param.split_once('=').unwrap_or((param, ""));
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Lines without their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|b| *b == b'\n').unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_stands_out_in_long_and_compact_form() {
        let message = b"\r\nINVITE sip:a@h SIP/2.0\r\nv: SIP/2.0/TLS b.example:5071 ;alias; branch = z9hG4bKx, SIP/2.0/UDP c\r\n\
            t: \"x;tag=no\" <sip:a@h;tag=no>\r\ni : 1@x \r\n\r\nCall-ID: body";
        let glance = Glance::of(message);
        assert_eq!((glance.method, glance.call_id), (Some("INVITE"), Some("1@x")));
        assert_eq!((glance.branch(), glance.tagged), (Some("z9hG4bKx"), false));
        assert_eq!(glance.alias(), Some(("b.example", Some(5071))));
        let glance = Glance::of(
            b"SIP/2.0 200 OK\nTo: <sip:a@h>;tag=1\nCall-ID: 2\nVia: SIP/2.0/UDP [::1];branch=q\n\n",
        );
        assert_eq!((glance.method, glance.call_id, glance.tagged), (None, Some("2"), true));
        assert_eq!((glance.branch(), glance.alias()), (Some("q"), None));
    }

    #[test]
    fn calls_stay_together_and_the_registrar_is_with_the_first() {
        let request = |method: &str, call_id: &str, to: &str| {
            format!("{method} sip:h SIP/2.0\r\ni: {call_id}\r\nt: <sip:a@h>{to}\r\n\r\n").into_bytes()
        };
        let mut seen = [0; 4];
        for n in 0..400 {
            let call_id = format!("{n}@host");
            let home = shard(&request("INVITE", &call_id, ""), 4);
            seen[usize::from(home)] += 1;
            for method in ["ACK", "BYE", "CANCEL", "NOTIFY", "OPTIONS", "MESSAGE"] {
                assert_eq!(shard(&request(method, &call_id, ";tag=1"), 4), home);
            }
            for method in ["REGISTER", "SUBSCRIBE", "PUBLISH", "OPTIONS", "MESSAGE"] {
                assert_eq!(shard(&request(method, &call_id, ""), 4), 0);
            }
            assert_eq!(shard(&request("INVITE", &call_id, ""), 1), 0);
        }
        assert!(seen.iter().all(|count| (60..140).contains(count)), "{seen:?}");
    }

    #[test]
    fn branches_and_call_ids_lead_back() {
        for own in 0..3 {
            let mut random = crate::random::Random::new(7).of_shard(own, 3);
            let response = format!("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch={}\r\n\r\n", random.branch());
            assert_eq!(shard(response.as_bytes(), 3), own);
            assert_eq!(shard_of_call(&random.call_id(), 3), own);
        }
        let strange = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKff.1\r\n\r\n";
        assert_eq!(shard(strange, 3), 0);
    }

    #[test]
    fn garbage_shows_nothing() {
        for bytes in [&b""[..], b"\r\n\r\n", b"\0\xff\n:\n", b"SIP/2.0 200", b"x"] {
            let glance = Glance::of(bytes);
            assert_eq!((glance.call_id, glance.branch(), glance.alias()), (None, None, None));
        }
    }
}
