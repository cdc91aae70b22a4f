//! How loud the parties of a call are heard: muting, and making somebody louder or softer.

use flow::ir::{Cause, Mute, Side};

use super::LegKey;
use super::feature::Came;
use super::hold::nobody;
use super::leg::CallLeg;
use super::run::Call;

/// Factors of the steps up and down, as FreeSWITCH has them.
const LOUDER: [f32; 4] = [1.3, 2.3, 3.3, 4.3];
const SOFTER: [f32; 4] = [0.8, 0.6, 0.4, 0.2];

impl Call {
    /// Keeps a party from being heard by the other, in a conference and in recordings, or lets it be heard again.
    pub(super) fn mute(&mut self, sides: (Option<LegKey>, Option<LegKey>), mute: Mute) -> Came {
        let chosen = chosen(sides, mute.side);
        let mut legs: Vec<&mut CallLeg> =
            self.legs.iter_mut().filter(|leg| chosen.contains(&leg.key())).collect();
        if legs.is_empty() {
            return nobody("to mute");
        }
        legs.iter_mut().for_each(|leg| leg.mute(mute.on));
        Ok("done")
    }

    /// Makes louder or softer what the one who asks says (`mode` `read`) or hears (`write`), which is what the other says.
    /// A voice's pitch and tempo stay as they are.
    pub(super) fn sound(
        &mut self,
        (own, other): (Option<LegKey>, Option<LegKey>),
        settings: &[(String, String)],
    ) -> Came {
        let setting =
            |name: &str| settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let Some(steps) = setting("gain") else {
            return match setting("action") {
                Some("stop") => Ok("done"),
                _ => Err((Cause::Unavailable, "a voice's pitch and tempo are not changed here".to_owned())),
            };
        };
        let gain = factor(steps.parse().unwrap_or(0.0));
        let key = if setting("mode") == Some("read") { own } else { other };
        match key.and_then(|key| self.leg_mut(key)) {
            Some(leg) => leg.set_gain(gain),
            None => return nobody("to be heard"),
        }
        Ok("done")
    }
}

/// The parties of a side.
pub(super) fn chosen((own, other): (Option<LegKey>, Option<LegKey>), side: Side) -> Vec<LegKey> {
    let keys = match side {
        Side::Own => [own, None],
        Side::Peer => [other, None],
        Side::Both => [own, other],
    };
    keys.into_iter().flatten().collect()
}

/// The factor of so many steps, -4 to 4.
fn factor(steps: f32) -> f32 {
    let step = (steps.abs().round().min(4.0) as usize).wrapping_sub(1);
    let table = if steps < 0.0 { SOFTER } else { LOUDER };
    table.get(step).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn steps_have_factors_and_what_is_beyond_them_is_the_last() {
        for (steps, factor) in
            [(0.0, 1.0), (1.0, 1.3), (4.0, 4.3), (9.0, 4.3), (-1.0, 0.8), (-4.0, 0.2), (-7.0, 0.2)]
        {
            assert_eq!(super::factor(steps), factor, "{steps}");
        }
    }
}
