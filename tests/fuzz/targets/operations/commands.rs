//! The commands a storm gives its endpoints, in place or not. A new command of the endpoint belongs here.

use sip::{Body, Credentials, Hop, Invite, Known, Next, Offer, Reason, Request, Termination};

use super::{ADDRESSES, TRANSPORTS, World, body, contact, flow};

impl World {
    fn invite(&mut self, of: usize) {
        let rng = &mut self.rng;
        let remote = ADDRESSES[1 - of].parse().expect("an address");
        let transport = TRANSPORTS[rng.usize(..TRANSPORTS.len())];
        let next = match rng.u8(..4) {
            0 => Next::Hop(Hop { transport, remote, name: None }),
            1 => Next::Uri(
                ["sip:192.0.2.2", "sip:192.0.2.1;transport=tcp", "tel:1", "sip:nowhere.invalid", "%"]
                    [rng.usize(..5)]
                .into(),
            ),
            _ => Next::Flow(flow(of, transport)),
        };
        let offer = match rng.u8(..3) {
            0 => Offer::None,
            1 => Offer::WhenReached,
            _ => Offer::Ready(body()),
        };
        let headers = match rng.u8(..4) {
            0 => vec![("Require".to_owned(), "100rel".to_owned())],
            1 => vec![("Replaces".to_owned(), "a;to-tag=b;from-tag=c".to_owned())],
            _ => Vec::new(),
        };
        let password = if rng.bool() { "secret" } else { "wrong" };
        let invite = Invite {
            next,
            target: format!("sip:x@{}", ADDRESSES[1 - of]),
            from: "\"A\" <sip:alice@h>".into(),
            to: "sip:x@h".into(),
            user: "ivr".into(),
            offer,
            credentials: rng.bool().then(|| Credentials { user: "alice".into(), password: password.into() }),
            headers,
            max_forwards: rng.u32(..71),
            follow: rng.bool(),
        };
        let side = &mut self.sides[of];
        let session = side.endpoint.invite(self.now, invite);
        side.begun += 1;
        side.live.insert(session);
    }

    fn request(&mut self, of: usize) {
        let rng = &mut self.rng;
        let method = [
            Known::Options,
            Known::Register,
            Known::Message,
            Known::Subscribe,
            Known::Publish,
            Known::Notify,
        ][rng.usize(..6)];
        let package = ["dialog", "presence", "message-summary", "presence", "x"][rng.usize(..5)];
        let headers = vec![
            ("Expires".to_owned(), rng.u32(..4_000).to_string()),
            ("Event".to_owned(), package.to_owned()),
            ("Accept".to_owned(), "*/*".to_owned()),
        ];
        let request = Request {
            method,
            next: Next::Flow(flow(of, TRANSPORTS[rng.usize(..TRANSPORTS.len())])),
            target: "sip:alice@192.0.2.2".into(),
            from: "sip:alice@h".into(),
            to: "sip:alice@h".into(),
            user: rng.bool().then(|| "alice".into()),
            headers,
            body: rng
                .bool()
                .then(|| Body { content_type: "application/pidf+xml".into(), bytes: "<presence/>".into() }),
            credentials: rng.bool().then(|| Credentials { user: "alice".into(), password: "secret".into() }),
        };
        let side = &mut self.sides[of];
        let id = side.endpoint.request(self.now, request);
        side.asked.insert(id);
    }

    /// A command to some subscription.
    fn watcher(&mut self, of: usize) {
        let (now, rng) = (self.now, &mut self.rng);
        let side = &mut self.sides[of];
        let Some(id) = side.watchers.iter().nth(rng.usize(..side.watchers.len().max(1))).copied() else {
            return;
        };
        let state = || Body { content_type: "application/x".into(), bytes: "x".into() };
        let endpoint = &mut side.endpoint;
        let _ = match rng.u8(..6) {
            0 => endpoint.accept_subscription(now, id, rng.bool().then(state)),
            1 => endpoint.refuse_subscription(now, id, rng.u16(..)),
            2 => endpoint.end_subscription(now, id, Termination::Deactivated, rng.bool().then(state)),
            _ => endpoint.notify(now, id, state()),
        };
    }

    /// A command to some session, in place or not.
    pub(super) fn command(&mut self, of: usize) {
        let now = self.now;
        let choice = self.rng.u8(..21);
        match choice {
            0..3 => return self.invite(of),
            3 | 4 if self.rng.bool() => return self.request(of),
            3 => return self.watcher(of),
            4 => return self.sides[of].endpoint.draining(self.rng.u8(..4) == 0),
            _ => {}
        }
        let Some(session) = self.some_session(of) else { return self.invite(of) };
        let rng = &mut self.rng;
        let some = rng.bool().then(body);
        let refer = match self.sides[of].refers.len() {
            0 => None,
            all => Some(self.sides[of].refers[rng.usize(..all)]),
        };
        let endpoint = &mut self.sides[of].endpoint;
        // Most of these are out of place, and must then do nothing.
        let _ = match choice {
            5 => endpoint.answer(now, session, some, contact(of)),
            6 => endpoint.progress(now, session, rng.u16(..), some, contact(of)),
            7 => endpoint.reject(now, session, rng.u16(..), Some("No\r\nEvil: 1"), Vec::new()),
            8 => endpoint.challenge(now, session),
            9 => endpoint.answer_reinvite(now, session, some.ok_or(rng.u16(..))),
            10 => endpoint.acknowledge(now, session, some),
            11 => endpoint.acknowledge_early(now, session, rng.u32(..3), some),
            12 | 13 => endpoint.reinvite(now, session, some),
            14 => endpoint.update(now, session, some),
            15 => endpoint.offer(now, session, some),
            16 => endpoint.refer(now, session, "sip:c@d", Vec::new()).map(drop),
            17 => refer.map_or(Ok(()), |id| {
                endpoint.answer_refer(now, id, if rng.bool() { Ok(()) } else { Err(500) })
            }),
            18 => refer.map_or(Ok(()), |id| endpoint.notify_refer(now, id, rng.u16(..))),
            19 => {
                let key =
                    Body { content_type: "application/dtmf-relay".into(), bytes: "Signal=5\r\n".into() };
                endpoint.info(now, session, &key)
            }
            _ => {
                let reason = if rng.bool() { Reason::normal() } else { Reason::status(rng.u16(..)) };
                endpoint.hang_up(now, session, reason);
                Ok(())
            }
        };
    }
}
