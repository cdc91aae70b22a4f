//! A phone of ours that wants a call to go elsewhere (300, 301, 302): a forwarding of its user's, made at the phone.
//!
//! The rules of forwarding hold: where the dialling follows none, this is none; circles end, the caller stays who he is,
//! and a phone sends to what its user may dial and no further. What stands in its Contact is read as a number, never as
//! an address to be called: on a host of ours that of a user, a group or a flow, on any other one outside, by a trunk.
//! The other phones of the user ring on beside it.

use std::sync::Arc;
use std::time::Instant;

use flow::ir::Callee;
use sip::{Party, Why};
use store::Permission;

use super::LegKey;
use super::forwarding::Leads;
use super::leg::CallLeg;
use super::run::Call;

/// One whom a phone names in its own place.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Whose phone it was.
    by: Arc<str>,
    number: String,
    /// Whether it is on a host of ours.
    inside: bool,
}

impl Call {
    /// A phone is over; whether it wanted the call to go elsewhere, and it does.
    pub(super) fn redirected(&mut self, now: Instant, key: LegKey, place: usize) -> bool {
        let local = self.leg(key).and_then(CallLeg::local).map(|ip| ip.to_string());
        let Some((by, targets)) = self.leg_mut(key).and_then(CallLeg::take_redirection) else { return false };
        let settings = self.shared.settings.load();
        let allowed =
            self.shared.users.load().get(&by).is_some_and(|user| settings.forwarding(user).by_phone);
        let follows = self.path(place).is_some_and(|path| path.follows());
        if !allowed || !follows {
            let why = if allowed { "here no call is sent on" } else { "is not to do so" };
            self.record.timeline.note(now, format!("a phone of {by} sends the call elsewhere: {why}"));
            return false;
        }
        let known = self.caller.account.is_some().then_some(&self.caller.host);
        let ours = self.shared.hosts.iter().chain(&local).chain(known);
        let ours: Vec<&str> = ours.map(|host| host.trim_matches(['[', ']'])).collect();
        let wanted = targets.iter().filter_map(|target| wanted(target, &by, &ours)).collect();
        if let Some(path) = self.path(place) {
            path.sent_to = wanted;
        }
        self.next_target(now, place)
    }

    /// Sends the call on to the next one whom a phone has named, if there is one.
    pub(super) fn next_target(&mut self, now: Instant, place: usize) -> bool {
        let users = self.shared.users.load_full();
        while let Some(wanted) = self.path(place).and_then(|path| path.sent_to.pop_front()) {
            let Some(user) = users.get(&wanted.by) else { continue };
            let number = &wanted.number;
            let outside = user.may(Permission::Outside);
            let leads = match wanted.inside {
                true => self.leads(&users, number, outside),
                false if outside && self.shared.trunks.takes(number) => {
                    Leads::To(vec![Callee::Trunk { name: None, number: number.clone() }])
                }
                false => Leads::Nowhere,
            };
            if self.send_to(now, place, user, (", at a phone", Why::Deflection), (number, leads)) {
                return true;
            }
        }
        false
    }
}

/// What the Contact of a phone of `by` means; `None` for what is no number and no name.
fn wanted(target: &str, by: &Arc<str>, ours: &[&str]) -> Option<Wanted> {
    let Party { user, host, .. } = Party::of(target)?;
    let host = host.trim_matches(['[', ']']);
    // An address in the place of a number would be called as one.
    let plain = !user.is_empty() && !user.contains([':', '@', '/', ' ']);
    let inside = host.is_empty() || ours.iter().any(|own| own.eq_ignore_ascii_case(host));
    plain.then(|| Wanted { by: by.clone(), number: user, inside })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(target: &str) -> Option<(String, bool)> {
        let wanted = wanted(target, &"bob".into(), &["pbx.example", "2001:db8::1"])?;
        Some((wanted.number, wanted.inside))
    }

    #[test]
    fn a_contact_is_read_as_a_number_and_never_as_an_address() {
        let some = |number: &str, inside| Some((number.to_owned(), inside));
        assert_eq!(read("sip:203@PBX.example:5070;transport=tcp"), some("203", true));
        assert_eq!(read("sip:203@[2001:db8::1]"), some("203", true));
        assert_eq!(read("tel:203"), some("203", true));
        assert_eq!(read("sip:+4722334455@elsewhere.example"), some("+4722334455", false));
        assert_eq!(read("sip:pbx.example"), None);
        assert_eq!(read("sip:sip%3Aevil%40elsewhere.example@pbx.example"), None);
        assert_eq!(read("https://pbx.example/203"), None);
    }
}
