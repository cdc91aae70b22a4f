//! Who calls, in the words of those who are called.

use sip::Party;

use crate::trunk;

/// Who calls, as those are told who are dialled.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The number, or the name where there is none; empty if withheld.
    pub(crate) number: String,
    pub(crate) name: Option<String>,
    /// The account of the phone, if it is one of ours.
    pub(crate) account: Option<String>,
    /// The host of the caller's address.
    pub(crate) host: String,
    pub(crate) withheld: bool,
    /// Where the call was before, by Diversion, the newest first, and by History-Info, the oldest first.
    pub(crate) diversions: Vec<sip::Diversion>,
    pub(crate) history: Vec<sip::History>,
    /// Who had the call placed, as Referred-By has it.
    pub(crate) referred_by: Option<String>,
    /// Servers that the call may still pass.
    pub(crate) hops: u32,
}

impl Caller {
    /// Ourselves, under this number.
    pub(crate) fn ours(number: &str) -> Caller {
        Caller {
            number: number.to_owned(),
            name: None,
            account: None,
            host: String::new(),
            withheld: false,
            diversions: Vec::new(),
            history: Vec::new(),
            referred_by: None,
            // RFC 3261 §8.1.1.6
            hops: 70,
        }
    }

    /// The From header's value; `local` stands for a host that says nothing.
    pub(super) fn from(&self, local: &str) -> String {
        if self.withheld {
            return Party::anonymous().to_string();
        }
        let host = if self.host.is_empty() { local } else { &self.host };
        let party = Party::sip(&self.number, host);
        match &self.name {
            Some(name) => party.named(name).to_string(),
            None => party.to_string(),
        }
    }

    /// The user part of our Contact in calls on his behalf.
    pub(super) fn contact(&self) -> String {
        if self.withheld { "anonymous".to_owned() } else { self.number.clone() }
    }

    /// The same for a trunk, which shows him as its policy has it.
    pub(super) fn outside(&self) -> trunk::Caller {
        trunk::Caller {
            number: self.number.clone(),
            name: self.name.clone(),
            anonymous: self.withheld,
            asserted: self.asserted(),
        }
    }

    /// What phones are told beside it: where the call was before. Identities are for networks that are trusted with
    /// them, which phones are not (RFC 3325 §5).
    pub(super) fn asserted(&self) -> sip::Asserted {
        sip::Asserted {
            diversions: self.diversions.clone(),
            history: self.history.clone(),
            ..sip::Asserted::default()
        }
    }
}
