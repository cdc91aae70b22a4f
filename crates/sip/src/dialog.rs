//! A dialog: RFC 3261 §12. Ids, route set, sequence numbers, remote target, and how a request in it is written.
//! It knows nothing of calls: `session` decides what to send when.

use std::net::{IpAddr, SocketAddr};

use crate::error::ParseError;
use crate::flow::{Flow, Hop, Transport};
use crate::locate::{Host, Target};
use crate::message::write::Writer;
use crate::message::{Core, Known, Message, Name, Scheme, Uri, lex};

/// One side of a dialog, ours.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    pub(crate) call_id: String,
    /// Whether the Call-ID is ours: who waits longer after a collision (RFC 3261 §14.1).
    pub(crate) owns_call_id: bool,
    /// Our address with our tag, as our From is to be written.
    local: String,
    pub(crate) local_tag: String,
    /// The peer's address with its tag, as our To is to be written.
    remote: String,
    pub(crate) remote_tag: String,
    /// The peer's Contact: what our requests ask for.
    pub(crate) target: String,
    /// The proxies our requests go through, first first.
    routes: Vec<String>,
    pub(crate) local_cseq: u32,
    pub(crate) remote_cseq: Option<u32>,
    /// Where the peer's last request came from: the way back through its NAT.
    pub(crate) flow: Flow,
    /// The way to the name our requests go to, once it was found (RFC 3263).
    pub(crate) located: Option<Flow>,
    /// Whether that name may be another one since it was last asked for.
    moved: bool,
}

/// What a request in a dialog is written with, besides the dialog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp<'a> {
    pub(crate) branch: &'a str,
    pub(crate) user_agent: &'a str,
}

/// How a sequence number stands to the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Next,
    /// Lower than one already seen: to be answered 500 (RFC 3261 §12.2.2).
    Stale,
}

impl Dialog {
    /// The dialog an INVITE asks us for. An INVITE without a usable Contact cannot make one.
    pub(crate) fn of_invite(
        invite: &Message,
        core: &Core<'_>,
        flow: Flow,
        local_tag: String,
    ) -> Result<Self, ParseError> {
        let target = contact(invite)?.ok_or(ParseError {
            at: 0,
            header: Some(Name::Contact.text()),
            expected: "the header",
        })?;
        Ok(Dialog {
            call_id: core.call_id.to_owned(),
            owns_call_id: false,
            local: format!("{};tag={local_tag}", invite.line(Name::To).unwrap_or("")),
            local_tag,
            remote: invite.line(Name::From).unwrap_or("").to_owned(),
            // A peer of RFC 2543 may have no tag.
            remote_tag: core.from.tag().unwrap_or("").to_owned(),
            target,
            routes: invite.values(Name::RecordRoute).map(str::to_owned).collect(),
            local_cseq: 0,
            remote_cseq: Some(core.cseq),
            flow,
            located: None,
            moved: true,
        })
    }

    /// What an INVITE of ours is written with: a dialog without a peer yet.
    pub(crate) fn placed(
        call_id: String,
        local: String,
        local_tag: String,
        to: String,
        target: String,
        flow: Flow,
    ) -> Self {
        Dialog {
            call_id,
            owns_call_id: true,
            local,
            local_tag,
            remote: if to.contains('<') { to } else { format!("<{to}>") },
            remote_tag: String::new(),
            target,
            routes: Vec::new(),
            local_cseq: 0,
            remote_cseq: None,
            flow,
            located: None,
            moved: false,
        }
    }

    /// The dialog a 2xx to our INVITE makes. Without a usable Contact, requests go to where the INVITE went.
    pub(crate) fn of_response(invite: &Message, response: &Message, core: &Core<'_>, flow: Flow) -> Self {
        let target = contact(response).ok().flatten().unwrap_or_else(|| invite.request_uri().to_owned());
        let mut routes: Vec<String> = response.values(Name::RecordRoute).map(str::to_owned).collect();
        routes.reverse();
        Dialog {
            call_id: core.call_id.to_owned(),
            owns_call_id: true,
            local: invite.line(Name::From).unwrap_or("").to_owned(),
            local_tag: core.from.tag().unwrap_or("").to_owned(),
            remote: response.line(Name::To).unwrap_or("").to_owned(),
            remote_tag: core.to.tag().unwrap_or("").to_owned(),
            target,
            routes,
            local_cseq: core.cseq,
            remote_cseq: None,
            flow,
            located: None,
            moved: true,
        }
    }

    /// Starts a request. An ACK takes `cseq` of the INVITE it acknowledges; every other method the next number.
    pub(crate) fn request(
        &mut self,
        method: Known,
        cseq: Option<u32>,
        stamp: Stamp<'_>,
    ) -> (Writer, Flow, u32) {
        let cseq = cseq.unwrap_or_else(|| self.next_cseq());
        self.start(method, cseq, 70, stamp)
    }

    /// Starts the INVITE that is to make the dialog.
    pub(crate) fn invite(&mut self, max_forwards: u32, stamp: Stamp<'_>) -> (Writer, Flow, u32) {
        let cseq = self.next_cseq();
        self.start(Known::Invite, cseq, max_forwards, stamp)
    }

    /// The next request has the number of the last one.
    pub(crate) fn repeat_cseq(&mut self) {
        self.local_cseq = self.local_cseq.saturating_sub(1);
    }

    /// The number of our next request.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        // The number starts low and a dialog does not live for 2^31 requests.
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.local_cseq
    }

    fn start(&self, method: Known, cseq: u32, max_forwards: u32, stamp: Stamp<'_>) -> (Writer, Flow, u32) {
        let flow = self.next_hop();
        let strict = self.strict_route();
        let mut writer = Writer::request(method, &self.request_uri());
        writer.via(&flow, stamp.branch);
        writer.header("Max-Forwards", max_forwards);
        writer.header("From", &self.local);
        writer.header("To", &self.remote);
        writer.header("Call-ID", &self.call_id);
        writer.header("CSeq", format_args!("{cseq} {method}"));
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer.header("Route", route);
        }
        if strict.is_some() {
            // RFC 3261 §12.2.1.1: a strict router is asked for itself, and the target is the last route.
            writer.header("Route", format_args!("<{}>", self.target));
        }
        writer.header("User-Agent", stamp.user_agent);
        (writer, flow, cseq)
    }

    /// What the request line of a request in the dialog asks for.
    pub(crate) fn request_uri(&self) -> String {
        self.strict_route().unwrap_or_else(|| self.target.clone())
    }

    /// The first route's URI if that proxy does not know loose routing.
    fn strict_route(&self) -> Option<String> {
        let address = crate::message::Address::parse(self.routes.first()?).ok()?;
        let strict = address.uri.param("lr").is_none() && lex::param(address.params, "lr").is_none();
        strict.then(|| address.uri_text.to_owned())
    }

    /// Where a request goes.
    ///
    /// Without a route set, back to where the peer's last request came from: a Contact behind a NAT cannot be
    /// reached any other way, and one in the open is the same place. With one, to the first proxy. A name, of either,
    /// counts once it was located. Streams are always reused.
    pub(crate) fn next_hop(&self) -> Flow {
        let route = || {
            let address = crate::message::Address::parse(self.routes.first()?).ok()?;
            let host = address.uri.host.trim_start_matches('[').trim_end_matches(']');
            let ip: IpAddr = host.parse().ok()?;
            Some(SocketAddr::new(ip, address.uri.port.unwrap_or(5060)))
        };
        match self.flow.transport {
            Transport::Udp => match (route(), self.located) {
                (Some(remote), _) => Flow { remote, ..self.flow },
                (None, Some(located)) => located,
                (None, None) => self.flow,
            },
            _ => self.flow,
        }
    }

    /// The URI our requests go to first.
    fn first_hop(&self) -> Option<String> {
        match self.routes.first() {
            Some(route) => {
                crate::message::Address::parse(route).ok().map(|address| address.uri_text.to_owned())
            }
            None => Some(self.target.clone()),
        }
    }

    /// That URI if it names a host, so that it is to be located.
    pub(crate) fn named_hop(&self) -> Option<String> {
        let by_name = |uri: &String| matches!(Target::of(uri), Some(Target { host: Host::Name(_), .. }));
        self.first_hop().filter(|_| self.flow.transport == Transport::Udp).filter(by_name)
    }

    /// The stream that may take the place of a datagram to `flow`: where our requests go by their URI, and not just
    /// by the hole that the peer made in its NAT, and unless that URI fixes the transport.
    pub(crate) fn stream(&self, flow: &Flow) -> Option<Hop> {
        let target = Target::of(&self.first_hop()?).filter(|target| target.transport.is_none())?;
        let there = match target.host {
            Host::Address(ip) => flow.remote == SocketAddr::new(ip, target.port.unwrap_or(5060)),
            Host::Name(_) => self.located == Some(*flow),
        };
        there.then_some(Hop { transport: Transport::Tcp, remote: flow.remote, name: None })
    }

    /// Whether the first hop may be another one than when this was last asked.
    pub(crate) fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// Notes a request of the peer: its number, and where it came from.
    pub(crate) fn note(&mut self, cseq: u32, flow: Flow) -> Order {
        if self.remote_cseq.is_some_and(|last| cseq <= last) {
            return Order::Stale;
        }
        self.remote_cseq = Some(cseq);
        self.flow = flow;
        Order::Next
    }

    /// The 2xx of an early dialog: its route set and target count from now on (RFC 3261 §13.2.2.4).
    pub(crate) fn confirm(&mut self, answered: Dialog) {
        let Dialog { remote, target, routes, flow, .. } = answered;
        *self = Dialog { remote, target, routes, flow, located: None, moved: true, ..self.clone() };
    }

    /// Target refresh: the Contact of an INVITE, UPDATE or their 2xx (RFC 3261 §12.2).
    pub(crate) fn refresh(&mut self, message: &Message) {
        if let Ok(Some(target)) = contact(message)
            && target != self.target
        {
            self.target = target;
            self.moved = true;
            if self.routes.is_empty() {
                self.located = None;
            }
        }
    }
}

/// The URI of the one Contact of a request or response that makes or refreshes a dialog.
fn contact(message: &Message) -> Result<Option<String>, ParseError> {
    let addresses = message.addresses(Name::Contact)?;
    let Some(first) = addresses.first() else { return Ok(None) };
    match Uri::parse(first.uri_text).map(|u| u.scheme) {
        Ok(Scheme::Sip | Scheme::Sips) => Ok(Some(first.uri_text.to_owned())),
        _ => Err(ParseError { at: 0, header: Some(Name::Contact.text()), expected: "a SIP URI" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn dialog(extra: &str) -> Dialog {
        let text = format!(
            "INVITE sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: A <sip:a@h>;tag=1\r\nTo: <sip:x@h>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\nContact: <sip:a@10.0.0.1;x=y>\r\n{extra}\r\n"
        );
        let message = Message::parse(Bytes::from(text)).unwrap();
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.9:5060".parse().unwrap(),
            remote: "198.51.100.7:40000".parse().unwrap(),
        };
        Dialog::of_invite(&message, &message.core().unwrap(), flow, "us".into()).unwrap()
    }

    fn check(extra: &str, uri: &str, routes: &[&str], remote: &str) {
        let (writer, flow, cseq) =
            dialog(extra).request(Known::Bye, None, Stamp { branch: "z9hG4bKb", user_agent: "u" });
        let message = Message::parse(writer.finish(None)).unwrap();
        let core = message.core().unwrap();
        assert_eq!((message.request_uri(), flow.remote, cseq), (uri, remote.parse().unwrap(), 1), "{extra}");
        assert_eq!(message.values(Name::Route).collect::<Vec<_>>(), routes, "{extra}");
        assert_eq!((core.from.tag(), core.to.tag()), (Some("us"), Some("1")));
    }

    #[test]
    fn requests_follow_the_route_set_or_the_flow() {
        let contact = "sip:a@10.0.0.1;x=y";
        check("", contact, &[], "198.51.100.7:40000");
        check(
            "Record-Route: <sip:192.0.2.50;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\n",
            contact,
            &["<sip:192.0.2.50;lr>", "<sip:p2;lr>", "<sip:p3;lr>"],
            "192.0.2.50:5060",
        );
        check(
            "Record-Route: <sip:p1.example.com;lr>\r\n",
            contact,
            &["<sip:p1.example.com;lr>"],
            "198.51.100.7:40000",
        );
        check(
            "Record-Route: <sip:p1>, <sip:p2;lr>\r\n",
            "sip:p1",
            &["<sip:p2;lr>", "<sip:a@10.0.0.1;x=y>"],
            "198.51.100.7:40000",
        );
    }

    #[test]
    fn a_number_seen_before_is_stale_and_the_flow_follows_the_peer() {
        let mut dialog = dialog("");
        let moved = Flow { remote: "198.51.100.7:40001".parse().unwrap(), ..dialog.flow };
        assert_eq!(dialog.note(7, moved), Order::Stale);
        assert_eq!(dialog.note(9, moved), Order::Next);
        assert_eq!(dialog.flow, moved);
        assert_eq!(dialog.note(8, moved), Order::Stale);
    }
}
