//! How a desk phone registers, and answers whoever asks for its password.

use super::Set;
use crate::ua::{Message, digest};

impl Set {
    pub(super) fn register_now(&mut self, expires: u32) {
        self.registered = None;
        let call_id = format!("register-{}-{}", self.user, self.address().port());
        self.register = Some((call_id, expires));
        self.send_register("");
    }

    fn send_register(&mut self, authorization: &str) {
        let Some((call_id, expires)) = self.register.clone() else { return };
        self.requests += 1;
        let (user, server, local) = (&self.user, self.server, self.address());
        let text = format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{call_id}{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{server}>;tag=reg\r\nTo: <sip:{user}@{server}>\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{local}>\r\nExpires: {expires}\r\n\
             {authorization}Content-Length: 0\r\n\r\n",
            cseq = self.requests,
        );
        self.send(&text);
    }

    pub(super) fn registered_now(&mut self, message: &Message) {
        match message.status() {
            Some(401) if self.registered.is_none() => {
                let target = format!("sip:{}", self.server);
                let header = self.authorize(message, "REGISTER", &target);
                self.send_register(&header);
            }
            Some(status) if status >= 200 => self.registered = Some(status),
            _ => {}
        }
    }

    /// The header that answers a challenge; empty if there is none.
    pub(in crate::ua) fn authorize(&self, message: &Message, method: &str, target: &str) -> String {
        let (name, reply) = match message.status() {
            Some(401) => ("www-authenticate", "Authorization"),
            _ => ("proxy-authenticate", "Proxy-Authorization"),
        };
        let answer =
            message.all(name).find_map(|c| digest::answer(c, method, target, &self.user, &self.password));
        answer.map(|value| format!("{reply}: {value}\r\n")).unwrap_or_default()
    }
}
