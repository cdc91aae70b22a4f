//! The rate at which a leg works: its codec's own, or that of the party it talks to.

use std::sync::Arc;

use audio::Rate;
use audio::codec::Codec;
use media::LegSetup;

use super::CallLeg;

impl CallLeg {
    /// The codec and the milliseconds a packet that were agreed on, also before anything was heard.
    pub(crate) fn speaks(&self) -> Option<(Codec, u32)> {
        let setup = self.table.setup()?;
        Some((setup.codec, setup.ptime.as_millis() as u32))
    }

    /// Works at the rate that suits a party with this codec; with none, at its own.
    pub(crate) fn meet(&mut self, partner: Option<Codec>) {
        self.partner = partner;
        if let Some(setup) = self.table.setup() {
            // A worker that is too busy is asked again with the next change; the two hear each other all the same.
            let _ = self.reconfigure(self.tuned(setup));
        }
    }

    /// What was agreed on, at the rate that suits.
    pub(super) fn tuned(&self, setup: &Arc<LegSetup>) -> Arc<LegSetup> {
        let rate = self.table.codecs().rate(setup.codec, self.partner);
        if rate == setup.rate {
            return setup.clone();
        }
        Arc::new(LegSetup { rate, ..LegSetup::clone(setup) })
    }

    /// The rate at which the media leg works, once there is one.
    pub(crate) fn rate(&self) -> Option<Rate> {
        self.media.rate()
    }
}
