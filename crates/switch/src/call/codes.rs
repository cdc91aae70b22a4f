//! The star codes of the parties' phones: the flow is told of them before it hears a key of their conversation.

use std::sync::Arc;
use std::time::Instant;

use flow::engine::Input;
use flow::ir::Side;
use store::Document;

use super::LegKey;
use super::run::Call;

impl Call {
    /// A party pressed a key: what the flow has asked for hears it before all others, and the flow knows whose star codes
    /// count before it hears the key itself.
    pub(super) fn begin_key(&mut self, now: Instant, key: LegKey, digit: char) {
        self.feature_key(now, key, digit);
        self.tell_codes(now, key);
    }

    /// Tells the flow whose phones have which star codes, if that is not what it was told last.
    fn tell_codes(&mut self, now: Instant, pressed: LegKey) {
        let Some(subject) = self.subject.filter(|_| self.flow_runs()) else { return };
        let partner = self.bridge.as_ref().and_then(|bridge| bridge.partner(subject));
        let Some(partner) = partner.filter(|partner| [subject, *partner].contains(&pressed)) else { return };
        for (side, key) in [(Side::Own, subject), (Side::Peer, partner)] {
            let owned = self.leg(key).and_then(|leg| leg.owned());
            let users = self.shared.users.load();
            let codes = owned.and_then(|owned| users.star_codes(&owned.account)).cloned();
            let place = usize::from(side == Side::Peer);
            let known = self.codes.as_ref().and_then(|both| both.get(place)?.as_ref());
            if known.map(Arc::as_ptr) == codes.as_ref().map(Arc::as_ptr) {
                continue;
            }
            let input =
                Input::Codes(side, codes.as_ref().map(|document: &Arc<Document>| self.forced(document)));
            self.journal(now, &input, codes.as_ref());
            if let Some(known) = self.codes.get_or_insert_default().get_mut(place) {
                *known = codes;
            }
            self.machine.handle(now, input);
        }
    }
}
