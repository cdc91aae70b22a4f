//! What a phone or a carrier is told of a call that is placed to it, and who it sees.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use flow::ir::Dial;
use sip::{Invite, Next, Offer, Party};

use super::caller::Caller;
use super::dial::Dial as Dialling;
use super::leg::CallLeg;
use super::run::Call;
use super::{LegKey, Mark};
use crate::codecs::Codecs;
use crate::sip_io::Owner;
use crate::trunk::Pass;

/// A call to be placed.
#[derive(Debug)]
pub(super) struct Placing {
    pub(super) invite: Invite,
    /// What to offer.
    pub(super) codecs: Arc<Codecs>,
    /// Its place among a trunk's calls.
    pub(super) pass: Option<Pass>,
}

impl Placing {
    /// The same, to the phone with this account.
    pub(super) fn for_account(self, users: &store::Users, account: &str) -> Placing {
        Placing { codecs: self.codecs.pressed_by(users.dtmf(account)), ..self }
    }
}

/// What a dialling wants those who are called to see.
#[derive(Debug)]
pub(super) struct Wishes {
    /// The caller as phones of ours see him.
    pub(super) inside: Caller,
    /// As those see him who are reached by a trunk.
    pub(super) outside: Caller,
    /// More headers.
    pub(super) headers: Vec<(String, String)>,
    /// How phones of ours are to ring.
    ringing: Vec<(String, String)>,
    /// By which they answer by themselves: those in a call are not asked to, unless it is to barge in.
    auto: Vec<(String, String)>,
    barge: bool,
    /// The user part by which phones are called, if not as they registered.
    request_user: Option<String>,
}

/// Headers that a flow may not write: they are the call's own.
const OURS: [&str; 14] = [
    "via",
    "from",
    "to",
    "call-id",
    "cseq",
    "contact",
    "max-forwards",
    "content-length",
    "content-type",
    "route",
    "record-route",
    "authorization",
    "proxy-authorization",
    "require",
];

impl Call {
    /// What `dial` wants those who are called to see.
    pub(super) fn wishes(&self, now: Instant, dial: &Dial<String>) -> Wishes {
        let alert = dial.alert.iter().map(|alert| ("Alert-Info".to_owned(), alert.clone()));
        // RFC 5373; phones that do not know it know this Alert-Info or this Call-Info.
        let modes = [
            ("Call-Info", "<http://www.notused.com>;answer-after=0"),
            ("Answer-Mode", "Auto"),
            ("Alert-Info", "<http://www.notused.com>;info=alert-autoanswer;delay=0"),
        ];
        let auto = dial.auto_answer.then_some(modes);
        let auto = auto.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let fit = |headers: Vec<(String, String)>| -> Vec<(String, String)> {
            let plain =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            let fits = |(name, value): &(String, String)| {
                let known = OURS.contains(&name.to_ascii_lowercase().as_str());
                let fits = !known && plain(name) && !name.contains([':', ' ']) && plain(value);
                if !fits {
                    self.record.timeline.note(now, format!("the header {name} cannot be sent"));
                }
                fits
            };
            headers.into_iter().filter(fits).collect()
        };
        Wishes {
            inside: self.shown(&dial.identity, "internal"),
            outside: self.shown(dial.outside.as_ref().unwrap_or(&dial.identity), "external"),
            headers: fit(dial.headers.clone()),
            ringing: fit(alert.collect()),
            auto: auto.collect(),
            barge: dial.barge,
            request_user: dial.request_user.clone().filter(|user| !user.is_empty()),
        }
    }

    /// What a phone is told of the call; `user` is whose it is, where it is one of ours.
    pub(super) fn phone(
        &self,
        dials: &Dialling,
        place: usize,
        user: Option<&str>,
        next: Next,
        target: String,
        routes: Vec<(String, String)>,
    ) -> Placing {
        let local = match &next {
            Next::Flow(flow) => match flow.local.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            },
            Next::Hop(_) | Next::Uri(_) => self.caller.host.clone(),
        };
        // The one who is called, not the phone (RFC 3261 §8.1.1.2); those who watch him see it too.
        let to = match user {
            Some(user) => Party::sip(user, &local).to_string(),
            None => format!("<{target}>"),
        };
        let caller = dials.inside(place);
        let dials = &dials.wishes;
        let target = match &dials.request_user {
            Some(name) if user.is_some() => with_user(&target, name),
            _ => target,
        };
        let mut headers = routes;
        headers.extend(caller.asserted().headers());
        headers.extend(dials.headers.iter().chain(&dials.ringing).cloned());
        let engaged = || user.is_some_and(|user| self.shared.book.engages(user, self.record.id));
        if !dials.auto.is_empty() && (dials.barge || !engaged()) {
            headers.extend(dials.auto.iter().cloned());
        }
        headers.extend(caller.referred_by.iter().map(|by| ("Referred-By".to_owned(), by.clone())));
        let invite = Invite {
            next,
            to,
            target,
            from: caller.from(&local),
            user: caller.contact(),
            offer: Offer::WhenReached,
            credentials: None,
            headers,
            // A phone that sends calls elsewhere would send them past what its user may call.
            follow: user.is_none(),
            max_forwards: caller.hops,
        };
        Placing { invite, codecs: self.offered(), pass: None }
    }

    /// Places a call to `party`, as a leg of this one; the SIP status of why not.
    pub(super) fn place(&mut self, now: Instant, party: &str, placing: Placing) -> Result<LegKey, u16> {
        let Placing { invite, codecs, pass } = placing;
        // A registered phone is one of ours; whom a URI or a carrier leads to is anybody.
        let is_ours = matches!(invite.next, Next::Flow(_)) && pass.is_none();
        let mark = self.record.add_leg(party.to_owned());
        let owner = self.owner(mark);
        let key = owner.leg;
        let mut leg = CallLeg::place(self.shared.clone(), owner, invite, codecs).map_err(|refusal| {
            self.record.timeline.note(now, format!("{mark} {refusal}"));
            refusal.status()
        })?;
        if is_ours {
            leg.prove();
            leg.belong_to(&self.shared.users.load(), party);
        }
        if let Some(pass) = pass {
            leg.carry(pass);
        }
        metrics::counter!("offhook_legs_placed_total").increment(1);
        self.legs.push(leg);
        Ok(key)
    }

    /// What to offer on behalf of the caller: its codec and packet time first, so that what one says can be passed on to
    /// the other as it is.
    pub(super) fn offered(&self) -> Arc<Codecs> {
        let ours = &self.shared.codecs;
        let caller = self.dial.as_ref().map(|dial| dial.caller).or(self.subject);
        match caller.and_then(|key| self.leg(key)).and_then(CallLeg::speaks) {
            Some((codec, ptime_ms)) => Arc::new(ours.led_by(codec, ptime_ms)),
            None => ours.clone(),
        }
    }

    /// The address of a new leg of this call.
    pub(super) fn owner(&self, mark: Mark) -> Owner {
        let (mail, record) = (self.record.mail().clone(), self.record.clone());
        Owner { leg: self.shared.leg_key(), mark, mail, record }
    }
}

/// The same address with another user part.
fn with_user(uri: &str, user: &str) -> String {
    let (scheme, rest) = uri.split_once(':').unwrap_or(("sip", uri));
    // What comes after a host may have an `@` of its own; a host is told by its dot or bracket.
    let host = match rest.split_once('@') {
        Some((before, host)) if !before.starts_with('[') && !host_first(before) => host,
        _ => rest,
    };
    let user = Party::sip(user, "x").uri;
    let user = user.trim_start_matches("sip:").trim_end_matches("@x");
    format!("{scheme}:{user}@{host}")
}

/// Whether what stands before an `@` is a host with parameters already.
fn host_first(before: &str) -> bool {
    let (first, rest) = before.split_once([';', '?']).unwrap_or((before, ""));
    !rest.is_empty() && first.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_part_of_a_contact_is_exchanged_and_nothing_else() {
        for (uri, expected) in [
            ("sip:bob@192.0.2.1:5062;transport=tcp", "sip:7@192.0.2.1:5062;transport=tcp"),
            ("sips:bob;x=y@[2001:db8::1]", "sips:7@[2001:db8::1]"),
            ("sip:192.0.2.1;ob", "sip:7@192.0.2.1;ob"),
            ("sip:[2001:db8::1]:5060;pn=a@b", "sip:7@[2001:db8::1]:5060;pn=a@b"),
        ] {
            assert_eq!(with_user(uri, "7"), expected, "{uri}");
        }
        assert_eq!(with_user("sip:bob@h", "a b"), "sip:a%20b@h");
    }
}
