//! Who is calling, as peers and networks say it beside From: P-Asserted-Identity and P-Preferred-Identity (RFC 3325),
//! Remote-Party-ID (draft-ietf-sip-privacy-04, which trunks still speak), Privacy (RFC 3323), Diversion (RFC 5806),
//! History-Info (RFC 7044) and Referred-By (RFC 3892).
//! Owned values, read tolerantly and written so that nothing in them can become a header of its own.
//! Nothing is judged here: what to believe, and of whom, is the caller's to decide.

mod diversion;
mod hidden;
mod history;
mod party;
mod privacy;
mod remote_party;

pub use self::diversion::{Diversion, Why};
pub use self::hidden::Hidden;
pub use self::history::{History, Retarget};
pub(crate) use self::party::party;
pub use self::privacy::{Privacy, Wanted};
pub use self::remote_party::{RemoteParty, Side};
use super::{Address, Message, Name};
use crate::call::Party;

/// So many values of one header are read; nobody's call was diverted more often.
const MOST: usize = 32;

/// What a request says of its parties beside From and To. To be believed only from peers one trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asserted {
    /// P-Asserted-Identity: at most one `sip:` and one `tel:` by RFC 3325 §9.1, but all that came.
    pub p_asserted: Vec<Party>,
    /// P-Preferred-Identity: what the caller would like to be asserted.
    pub p_preferred: Vec<Party>,
    /// Remote-Party-ID.
    pub remote_party: Vec<RemoteParty>,
    /// Privacy.
    pub privacy: Privacy,
    /// Diversion, the newest first.
    pub diversions: Vec<Diversion>,
    /// History-Info, the oldest first.
    pub history: Vec<History>,
    /// Referred-By: who asked for the call.
    pub referred_by: Option<Party>,
}

impl Asserted {
    /// Reads what a message says; values that cannot be read are left out.
    pub fn of(message: &Message) -> Self {
        let addresses = |name| message.values(name).take(MOST).filter_map(|v| Address::parse(v).ok());
        Asserted {
            p_asserted: addresses(Name::PAssertedIdentity).map(|a| party(&a)).collect(),
            p_preferred: addresses(Name::PPreferredIdentity).map(|a| party(&a)).collect(),
            remote_party: addresses(Name::RemotePartyId).map(|a| RemoteParty::of(&a)).collect(),
            privacy: Privacy::of(message.lines(Name::Privacy)),
            diversions: addresses(Name::Diversion).map(|a| Diversion::of(&a)).collect(),
            history: addresses(Name::HistoryInfo).map(|a| History::of(&a)).collect(),
            referred_by: addresses(Name::ReferredBy).next().map(|a| party(&a)),
        }
    }

    /// The headers that say this, for [`crate::Invite`]; one line for each value.
    pub fn headers(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut add = |name: Name, value: String| all.push((name.text().to_owned(), value));
        self.p_asserted.iter().for_each(|v| add(Name::PAssertedIdentity, v.to_string()));
        self.p_preferred.iter().for_each(|v| add(Name::PPreferredIdentity, v.to_string()));
        self.remote_party.iter().for_each(|v| add(Name::RemotePartyId, v.to_string()));
        if self.privacy != Privacy::Unsaid {
            add(Name::Privacy, self.privacy.to_string());
        }
        self.diversions.iter().for_each(|v| add(Name::Diversion, v.to_string()));
        self.history.iter().for_each(|v| add(Name::HistoryInfo, v.to_string()));
        self.referred_by.iter().for_each(|v| add(Name::ReferredBy, v.to_string()));
        all
    }

    /// Notes that a call for `from` goes on to `to`: one more Diversion in front (RFC 5806 §4), and in the history the
    /// reason at the target that was left and an entry for the new one (RFC 7044 §9).
    pub fn divert(&mut self, from: &Party, to: &Party, why: Why) {
        self.diversions.insert(0, Diversion::new(from.clone(), why));
        if self.history.is_empty() {
            self.history.push(History::first(from.clone()));
        }
        let Some(left) = self.history.last_mut() else { return };
        if left.reason.is_none() {
            left.reason = Some(why.reason());
        }
        let next = left.next(to.clone(), Retarget::Mapped);
        self.history.push(next);
    }

    /// Who is calling by the network's word: an asserted identity, else the calling side of Remote-Party-ID.
    pub fn caller(&self) -> Option<&Party> {
        let remote = || self.remote_party.iter().find(|r| r.side == Side::Calling).map(|r| &r.party);
        self.p_asserted.first().or_else(remote)
    }

    /// Whether the caller asked not to be shown to the other end.
    pub fn is_anonymous(&self) -> bool {
        let hidden = |r: &RemoteParty| r.side == Side::Calling && r.hidden != Hidden::Nothing;
        self.privacy.hides_caller() || self.remote_party.iter().any(hidden)
    }
}

#[cfg(test)]
mod tests;
