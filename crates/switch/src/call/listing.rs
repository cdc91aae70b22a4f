//! The legs of a call by their names, and what others see of them ([`crate::lines`]): written down whenever the call has
//! become quiet.

use super::LegKey;
use super::leg::CallLeg;
use super::run::Call;
use crate::lines::Standing;

impl Call {
    /// The leg of this name, if it is here.
    pub(super) fn leg(&self, key: LegKey) -> Option<&CallLeg> {
        self.legs.iter().find(|leg| leg.key() == key)
    }

    /// The same, to be told something.
    pub(super) fn leg_mut(&mut self, key: LegKey) -> Option<&mut CallLeg> {
        self.legs.iter_mut().find(|leg| leg.key() == key)
    }

    /// Writes down for others who rings and who talks.
    pub(super) fn list(&mut self) {
        let up = || self.legs.iter().filter(|leg| leg.is_up()).map(|leg| (leg, self.standing(leg.key())));
        if !self.listing.is(up().map(|(leg, standing)| (leg.key(), standing))) {
            let legs: Vec<_> = up().map(|(leg, how)| (leg.key(), how, leg.owned().cloned())).collect();
            self.listing.write(legs.into_iter());
        }
    }

    fn standing(&self, key: LegKey) -> Standing {
        let rings = |key| self.dial.as_ref().is_some_and(|dial| dial.rings(key));
        match self.bridge.as_ref().and_then(|bridge| bridge.partner(key)) {
            _ if rings(key) => Standing::Ringing,
            Some(other) if !rings(other) => Standing::Talking,
            None if self.leg(key).is_some_and(|leg| leg.attending.is_some()) => Standing::Confers,
            _ => Standing::Engaged,
        }
    }

    /// Whether a leg talks to another.
    pub(super) fn talks(&self, key: LegKey) -> bool {
        self.bridge.as_ref().is_some_and(|bridge| bridge.partner(key).is_some())
    }
}
