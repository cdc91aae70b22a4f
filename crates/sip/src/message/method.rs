//! The request method: rsip's vocabulary, plus the methods it has no word for.
//! rsip reads methods in any case and fails on unknown ones; RFC 3261 §7.1 makes them case-sensitive tokens and
//! RFC 3261 §21.5.2 wants 501 for unknown ones, so the reading is ours.

use std::fmt;

/// A method as it stands in a request line or in CSeq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One we have a word for.
    Known(rsip::Method),
    /// An extension method; its text stays in the message.
    Other,
}

pub use rsip::Method as Known;

impl Method {
    /// Reads a method token.
    pub(crate) fn of(token: &str) -> Self {
        Method::Known(match token {
            "ACK" => Known::Ack,
            "BYE" => Known::Bye,
            "CANCEL" => Known::Cancel,
            "INFO" => Known::Info,
            "INVITE" => Known::Invite,
            "MESSAGE" => Known::Message,
            "NOTIFY" => Known::Notify,
            "OPTIONS" => Known::Options,
            "PRACK" => Known::PRack,
            "PUBLISH" => Known::Publish,
            "REFER" => Known::Refer,
            "REGISTER" => Known::Register,
            "SUBSCRIBE" => Known::Subscribe,
            "UPDATE" => Known::Update,
            _ => return Method::Other,
        })
    }

    /// Whether it is this one.
    pub(crate) fn is(self, known: Known) -> bool {
        self == Method::Known(known)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Method::Known(known) => known.fmt(f),
            Method::Other => f.write_str("an extension method"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_rsip_is_read_back_from_its_name() {
        for known in Known::all() {
            assert_eq!(Method::of(&known.to_string()), Method::Known(known));
        }
    }

    #[test]
    fn methods_are_case_sensitive() {
        assert_eq!(Method::of("invite"), Method::Other);
        assert_eq!(Method::of("NEWMETHOD"), Method::Other);
    }
}
