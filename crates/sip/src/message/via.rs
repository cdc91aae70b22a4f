//! One value of a Via header: RFC 3261 §20.42, with `rport` of RFC 3581.
//! Borrowed from its text; white space is allowed wherever the grammar allows it.

use super::{lex, uri};

/// A Via value in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Via<'a> {
    pub(crate) transport: &'a str,
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    pub(crate) branch: Option<&'a str>,
    /// Whether there is an `rport` parameter: the sender asks for symmetric responses.
    pub(crate) rport: bool,
    /// The parameters with their leading `;`.
    pub(crate) params: &'a str,
}

impl<'a> Via<'a> {
    /// Reads one value, or says what was expected instead.
    pub(crate) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let (head, params) = lex::head_and_params(text);
        let mut parts = head.splitn(3, '/');
        let mut part = || parts.next().map(str::trim);
        if !part().is_some_and(|p| p.eq_ignore_ascii_case("SIP")) || part() != Some("2.0") {
            return Err("SIP/2.0");
        }
        let (transport, sent_by) =
            part().and_then(|p| p.split_once([' ', '\t'])).ok_or("a transport and a host")?;
        if !lex::is_token(transport) {
            return Err("a transport");
        }
        let (host, port) = uri::host_and_port(sent_by.trim())?;
        let branch = lex::param(params, "branch").filter(|b| !b.is_empty());
        let rport = lex::param(params, "rport").is_some();
        Ok(Via { transport, host, port, branch, rport, params })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_via_with_and_without_white_space() {
        let via = Via::parse("SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bKx").unwrap();
        assert_eq!((via.transport, via.host, via.port), ("UDP", "192.0.2.1", Some(5062)));
        assert_eq!((via.branch, via.rport), (Some("z9hG4bKx"), true));
        let via =
            Via::parse("SIP  / 2.0  /TCP     spindle.example.com   ; branch  =   z9hG4bK9ikj8 ").unwrap();
        assert_eq!(
            (via.transport, via.host, via.branch),
            ("TCP", "spindle.example.com", Some("z9hG4bK9ikj8"))
        );
        let via = Via::parse("SIP/2.0/TLS [2001:db8::9:1];received=[2001:db8::9:255]").unwrap();
        assert_eq!((via.host, via.port), ("[2001:db8::9:1]", None));
    }

    #[test]
    fn says_what_was_expected() {
        assert_eq!(Via::parse("SIP/7.0/UDP h"), Err("SIP/2.0"));
        assert_eq!(Via::parse("SIP/2.0/UDP"), Err("a transport and a host"));
        assert_eq!(Via::parse("SIP/2.0/UDP ;branch=x"), Err("a transport and a host"));
        assert_eq!(Via::parse("SIP/2.0/UDP h@x;branch=x"), Err("a host"));
        assert_eq!(Via::parse(""), Err("SIP/2.0"));
    }
}
