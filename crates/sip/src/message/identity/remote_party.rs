//! Remote-Party-ID, draft-ietf-sip-privacy-04 §5: never an RFC, still what many trunks and PBXs speak.

use std::fmt;

use super::{Hidden, party};
use crate::call::Party;
use crate::message::Address;

/// Which side of the call a Remote-Party-ID names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// Who calls; also where the header does not say.
    #[default]
    Calling,
    /// Who is called.
    Called,
}

/// One Remote-Party-ID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteParty {
    /// Whom it names.
    pub party: Party,
    /// Which side that is.
    pub side: Side,
    /// What of it is not to be shown.
    pub hidden: Hidden,
    /// Whether the sender verified it; `None` where it does not say.
    pub screened: Option<bool>,
}

impl RemoteParty {
    /// The calling party, verified.
    pub fn calling(party: Party, hidden: Hidden) -> Self {
        RemoteParty { party, side: Side::Calling, hidden, screened: Some(true) }
    }

    pub(super) fn of(address: &Address<'_>) -> Self {
        let is = |name, value: &str| address.param(name).map(|v| v.eq_ignore_ascii_case(value));
        RemoteParty {
            party: party(address),
            side: if is("party", "called") == Some(true) { Side::Called } else { Side::Calling },
            hidden: Hidden::of(address),
            screened: is("screen", "yes"),
        }
    }
}

impl fmt::Display for RemoteParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Calling => "calling",
            Side::Called => "called",
        };
        write!(f, "{};party={side};privacy={}", self.party, self.hidden)?;
        match self.screened {
            Some(true) => f.write_str(";screen=yes"),
            Some(false) => f.write_str(";screen=no"),
            None => Ok(()),
        }
    }
}
