//! Why a call ends, as the Reason header has it (RFC 3326): what we say, and what a peer said.

use std::fmt::Write as _;

use crate::message::lex;

/// What to tell the peer when hanging up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The final status if the call was not answered yet.
    pub status: u16,
    /// The cause of a Reason header, if one is wanted.
    pub cause: Option<Cause>,
    /// The text of that header.
    pub text: Option<String>,
}

/// A cause in one of the protocols that Reason knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A cause of the telephone network, ITU-T Q.850: 16 is normal clearing.
    Q850(u8),
    /// A SIP status.
    Sip(u16),
}

impl Reason {
    /// Normal clearing: BYE or CANCEL with cause 16, or 480 to a call not answered yet.
    pub fn normal() -> Self {
        Reason { status: 480, cause: Some(Cause::Q850(16)), text: None }
    }

    /// A status for a call not answered yet; no Reason header.
    pub fn status(status: u16) -> Self {
        Reason { status, cause: None, text: None }
    }

    /// Another phone answered the same call: this one shows no missed call (RFC 3326 §3.1).
    pub fn completed_elsewhere() -> Self {
        Reason {
            status: 480,
            cause: Some(Cause::Sip(200)),
            text: Some("Call completed elsewhere".to_owned()),
        }
    }

    /// The Reason header.
    pub(crate) fn header(&self) -> Option<(String, String)> {
        let mut value = match self.cause? {
            Cause::Q850(cause) => format!("Q.850;cause={cause}"),
            Cause::Sip(status) => format!("SIP;cause={status}"),
        };
        if let Some(text) = &self.text {
            // Writing to a String cannot fail.
            let _ = write!(value, ";text=\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        }
        Some(("Reason".to_owned(), value))
    }
}

impl Cause {
    /// The cause and the text of a Reason header's first value that we know the protocol of.
    pub fn parse(header: &str) -> Option<(Cause, Option<String>)> {
        lex::list(header).find_map(|value| {
            let (protocol, params) = lex::head_and_params(value);
            let number = lex::number(lex::param(params, "cause")?, 999)?;
            let cause = match protocol.trim() {
                p if p.eq_ignore_ascii_case("Q.850") => Cause::Q850(u8::try_from(number).ok()?),
                p if p.eq_ignore_ascii_case("SIP") => Cause::Sip(u16::try_from(number).ok()?),
                _ => return None,
            };
            Some((cause, lex::param(params, "text").map(|text| lex::unquoted(text).into_owned())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_as_it_is_read() {
        let (_, header) = Reason::completed_elsewhere().header().unwrap();
        assert_eq!(header, "SIP;cause=200;text=\"Call completed elsewhere\"");
        let text = Some("Call completed elsewhere".to_owned());
        assert_eq!(Cause::parse(&header), Some((Cause::Sip(200), text)));
        assert_eq!(Reason::status(486).header(), None);
    }

    #[test]
    fn the_first_cause_of_a_known_protocol_counts() {
        let check = |header: &str, cause| assert_eq!(Cause::parse(header).map(|c| c.0), cause, "{header}");
        check("X;cause=1, Q.850 ;cause=17;text=\"User, busy\"", Some(Cause::Q850(17)));
        check("sip;CAUSE=603", Some(Cause::Sip(603)));
        check("Q.850;cause=1000", None);
        check("SIP", None);
    }
}
