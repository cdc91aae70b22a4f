//! Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3.
//! A key is one string, so that a peer's text is compared whole and never cut; its copies share it.

use std::sync::Arc;

use crate::message::{Core, Known, Message, Method};

/// The cookie of RFC 3261 §8.1.1.7.
const COOKIE: &str = "z9hG4bK";

/// Names a transaction by what its messages carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(Arc<str>);

impl Key {
    /// The server transaction a request belongs to; an ACK belongs to its INVITE's.
    pub(crate) fn server(message: &Message, core: &Core<'_>) -> Self {
        let method = if core.method.is(Known::Ack) { "INVITE" } else { core.method_token };
        Self::of_server(message, core, method)
    }

    /// The INVITE transaction a CANCEL means.
    pub(crate) fn cancelled(message: &Message, core: &Core<'_>) -> Self {
        Self::of_server(message, core, "INVITE")
    }

    fn of_server(message: &Message, core: &Core<'_>, method: &str) -> Self {
        let sent_by = core.via.host.to_ascii_lowercase();
        let port = core.via.port.unwrap_or(5060);
        let text = match core.via.branch.filter(|b| b.starts_with(COOKIE) && b.len() > COOKIE.len()) {
            // The Call-ID is not in the RFC's rule; it keeps apart the calls of phones that use one branch for all.
            Some(branch) => format!("s {method} {branch} {sent_by}:{port} {}", core.call_id),
            // RFC 2543 peers: no branch to go by.
            None => format!(
                "o {method} {} {sent_by}:{port} {} {} {} {}",
                core.via.branch.unwrap_or(""),
                core.call_id,
                core.cseq,
                core.from.tag().unwrap_or(""),
                message.request_uri(),
            ),
        };
        Key(text.into())
    }

    /// The client transaction a response belongs to, or a request of ours starts.
    pub(crate) fn client(branch: &str, method: Method, method_token: &str) -> Self {
        debug_assert!(!method.is(Known::Ack), "an ACK has no transaction");
        Key(format!("c {method_token} {branch}").into())
    }

    /// What a request has in common with a copy that came another way (RFC 3261 §8.2.2.2).
    pub(crate) fn merged(core: &Core<'_>) -> Self {
        let tag = core.from.tag().unwrap_or("");
        Key(format!("m {} {} {} {tag}", core.method_token, core.call_id, core.cseq).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn key(method: &str, via: &str, to: &str, call_id: &str) -> Key {
        let text = format!(
            "{method} sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:x@h>{to}\r\nCall-ID: {call_id}\r\nCSeq: 7 {method}\r\n\r\n"
        );
        let message = Message::parse(Bytes::from(text)).unwrap();
        let core = message.core().unwrap();
        Key::server(&message, &core)
    }

    #[test]
    fn an_ack_of_a_failure_belongs_to_its_invite_and_nothing_else_does() {
        let invite = key("INVITE", "h;branch=z9hG4bK1", "", "c");
        assert_eq!(key("ACK", "H:5060;branch=z9hG4bK1", ";tag=2", "c"), invite);
        assert_ne!(key("INVITE", "h;branch=z9hG4bK2", "", "c"), invite);
        assert_ne!(key("INVITE", "other;branch=z9hG4bK1", "", "c"), invite);
        assert_ne!(key("INVITE", "h;branch=z9hG4bK1", "", "d"), invite);
        assert_ne!(key("BYE", "h;branch=z9hG4bK1", "", "c"), invite);
    }

    #[test]
    fn peers_without_the_cookie_are_told_apart_by_call_and_number() {
        let invite = key("INVITE", "h", "", "c");
        assert_eq!(key("ACK", "h", ";tag=2", "c"), invite);
        assert_ne!(key("INVITE", "h", "", "d"), invite);
    }
}
