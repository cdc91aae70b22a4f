//! URIs: sip, sips and tel, read tolerantly without copying, and compared as RFC 3261 §19.1.4 says.
//! rsip's Uri loses parameters after a space and has no `tel:`, so it serves only for what we write.

use super::lex;

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Sip,
    Sips,
    Tel,
    Other,
}

/// Parameters longer than this compare as text, in bytes.
const LONGEST_COMPARED: usize = 2048;

/// A URI in parts, borrowed from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uri<'a> {
    pub(crate) scheme: Scheme,
    /// The user part, still escaped, without a password; the number of a tel URI.
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    /// The host; empty in tel URIs and those of unknown schemes.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    /// The parameters with their leading `;`.
    pub(crate) params: &'a str,
    /// The headers after `?`.
    pub(crate) headers: &'a str,
}

impl<'a> Uri<'a> {
    /// Reads a URI, or says what was expected instead.
    pub(crate) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if text.bytes().any(|b| b <= b' ' || b == b'<' || b == b'>' || b == b'"') {
            return Err("a URI without spaces, quotes or brackets");
        }
        let (scheme, rest) = text.split_once(':').ok_or("a URI scheme")?;
        let scheme = match scheme {
            s if s.eq_ignore_ascii_case("sip") => Scheme::Sip,
            s if s.eq_ignore_ascii_case("sips") => Scheme::Sips,
            s if s.eq_ignore_ascii_case("tel") => Scheme::Tel,
            s if s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) && !s.is_empty() => {
                Scheme::Other
            }
            _ => return Err("a URI scheme"),
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => Self::sip(scheme, rest),
            Scheme::Tel => {
                let number = rest.split(';').next().unwrap_or("");
                if number.is_empty() {
                    return Err("a telephone number");
                }
                let params = rest.get(number.len()..).unwrap_or("");
                Ok(Uri {
                    scheme,
                    user: Some(number),
                    password: None,
                    host: "",
                    port: None,
                    params,
                    headers: "",
                })
            }
            Scheme::Other => {
                Ok(Uri { scheme, user: None, password: None, host: "", port: None, params: "", headers: "" })
            }
        }
    }

    fn sip(scheme: Scheme, rest: &'a str) -> Result<Self, &'static str> {
        // A user part may hold `;` and `?`, so the `@` comes first.
        let (userinfo, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let (user, password) = match userinfo.map(|u| u.split_once(':').unwrap_or((u, ""))) {
            Some(("", _)) => return Err("a user before @"),
            Some((user, "")) => (Some(user), None),
            Some((user, password)) => (Some(user), Some(password)),
            None => (None, None),
        };
        let end = rest.find([';', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (params, headers) = tail.split_once('?').unwrap_or((tail, ""));
        let (host, port) = host_and_port(authority)?;
        Ok(Uri { scheme, user, password, host, port, params, headers })
    }

    /// A parameter's value; a flag's is empty.
    pub(crate) fn param(&self, name: &str) -> Option<&'a str> {
        lex::param(self.params, name)
    }

    /// RFC 3261 §19.1.4, on SIP and SIPS URIs; others compare by their parts alone.
    pub(crate) fn equivalent(&self, other: &Uri<'_>) -> bool {
        if self.scheme != other.scheme
            || self.user.map(lex::unescaped) != other.user.map(lex::unescaped)
            || self.password.map(lex::unescaped) != other.password.map(lex::unescaped)
            || !self.host.eq_ignore_ascii_case(other.host)
            || self.port != other.port
            || !self.headers.eq_ignore_ascii_case(other.headers)
        {
            return false;
        }
        // Each parameter is looked for in the other's: only text no phone sends makes that slow.
        if self.params.len().max(other.params.len()) > LONGEST_COMPARED {
            return self.params == other.params;
        }
        self.params_agree(other) && other.params_agree(self)
    }

    /// Every parameter of ours is the same there, or absent there and one that may be.
    fn params_agree(&self, other: &Uri<'_>) -> bool {
        lex::params(self.params).all(|(name, value)| match other.param(name) {
            Some(theirs) => lex::unescaped(value.unwrap_or("")).eq_ignore_ascii_case(&lex::unescaped(theirs)),
            None => {
                !["user", "ttl", "method", "maddr", "transport"].iter().any(|n| n.eq_ignore_ascii_case(name))
            }
        })
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`, checked.
pub(crate) fn host_and_port(text: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = if let Some(inner) = text.strip_prefix('[') {
        let (address, after) = inner.split_once(']').ok_or("a ] after an IPv6 address")?;
        if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.') {
            return Err("an IPv6 address in brackets");
        }
        let host = text.get(..address.len() + 2).unwrap_or(text);
        match after.trim() {
            "" => (host, None),
            after => (host, Some(after.strip_prefix(':').ok_or("a port")?)),
        }
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host.trim(), Some(port)),
            None => (text.trim(), None),
        }
    };
    if !host.starts_with('[')
        && (host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)))
    {
        return Err("a host");
    }
    let port = match port.map(str::trim) {
        None => None,
        Some(digits) => {
            Some(lex::number(digits, 65_535).and_then(|n| u16::try_from(n).ok()).ok_or("a port")?)
        }
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, user: Option<&str>, host: &str, port: Option<u16>, params: &str) {
        let uri = Uri::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((uri.user, uri.host, uri.port, uri.params), (user, host, port, params), "{text}");
    }

    #[test]
    fn reads_the_parts() {
        check("sip:bob@example.com", Some("bob"), "example.com", None, "");
        check("SIP:example.com:5070;lr", None, "example.com", Some(5070), ";lr");
        check(
            "sips:a:pw@[2001:db8::1]:5061;transport=tcp?x=y",
            Some("a"),
            "[2001:db8::1]",
            Some(5061),
            ";transport=tcp",
        );
        check(
            "sip:user;par=u%40example.net@example.com",
            Some("user;par=u%40example.net"),
            "example.com",
            None,
            "",
        );
        check("tel:+1-201;phone-context=x", Some("+1-201"), "", None, ";phone-context=x");
        check("urn:service:sos", None, "", None, "");
    }

    #[test]
    fn says_what_was_expected() {
        let check = |text: &str, expected: &str| {
            assert_eq!(
                Uri::parse(text),
                Err(match expected {
                    "host" => "a host",
                    "port" => "a port",
                    "scheme" => "a URI scheme",
                    "user" => "a user before @",
                    "number" => "a telephone number",
                    _ => "a URI without spaces, quotes or brackets",
                }),
                "{text}"
            )
        };
        check("sip:", "host");
        check("sip:@h", "user");
        check("sip:h:99999", "port");
        check("bob", "scheme");
        check("tel:", "number");
        check("sip:a b@c", "clean");
        check("<sip:a@b>", "clean");
    }

    #[test]
    fn the_rfcs_examples_of_equality_hold() {
        let check = |a: &str, b: &str, equal: bool| {
            assert_eq!(Uri::parse(a).unwrap().equivalent(&Uri::parse(b).unwrap()), equal, "{a} {b}");
        };
        check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true);
        check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true);
        check("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true);
        check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false);
        check("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false);
        check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false);
    }
}
