//! How a leg's two directions sound: the E-model and the voice metrics, fed with what the leg knows.

use std::time::Duration;

use audio::Rate;
use audio::codec::Codec;
use rtp::burst::Clusters;
use rtp::quality::{Equipment, Way, mos, r_factor, r_listening};
use rtp::rtcp::{UNKNOWN, VoiceMetrics};

use crate::command::LegSetup;
use crate::rtcp::Rtcp;
use crate::rx::Rx;

/// What a buffer adds where none of ours runs, as the peer's.
const USUAL_BUFFER: Duration = Duration::from_millis(40);

/// A leg's codec, as the E-model has it.
fn equipment(setup: &LegSetup) -> Equipment {
    let wide = setup.rate > Rate::NARROW;
    match setup.codec {
        Codec::G722 => Equipment::G722,
        Codec::Opus if wide => Equipment::OPUS,
        Codec::Opus => Equipment::OPUS_NARROW,
        Codec::L16(_) if wide => Equipment::L16,
        _ => Equipment::G711,
    }
}

/// How the peer is heard; `None` before it was.
pub(crate) struct Hearing {
    loss: f32,
    late: f32,
    clusters: Clusters,
    equipment: Equipment,
    way: Way,
}

impl Hearing {
    pub(crate) fn of(setup: &LegSetup, rx: &Rx, rtcp: &Rtcp) -> Option<Hearing> {
        let packets = rx.packets();
        if packets == 0 {
            return None;
        }
        let (lost, late) = (rx.lost().max(0) as f32, rx.late as f32);
        let sent = (packets as f32 + lost).max(1.0);
        let clusters = rx.clusters();
        let buffer = rx.ears.as_ref().map_or(USUAL_BUFFER, |ears| ears.delay());
        let delay = rtcp.round_trip.unwrap_or_default() / 2 + setup.ptime + buffer;
        let loss = ((lost + late) / sent).min(1.0);
        let way = Way { delay, loss, burst_ratio: clusters.ratio };
        Some(Hearing {
            loss: lost / sent,
            late: (late / sent).min(1.0),
            clusters,
            equipment: equipment(setup),
            way,
        })
    }

    /// The opinion of a conversation.
    pub(crate) fn mos(&self) -> f32 {
        mos(&self.equipment, r_factor(&self.equipment, &self.way))
    }

    /// For the peer, of its stream `ssrc`.
    pub(crate) fn metrics(&self, ssrc: u32, setup: &LegSetup, rx: &Rx, rtcp: &Rtcp) -> VoiceMetrics {
        let share = |part: f32| (part * 256.0).clamp(0.0, 255.0) as u8;
        let ms = |packets: f32| (packets * setup.ptime.as_millis() as f32).clamp(0.0, 65_535.0) as u16;
        let short = |span: Duration| span.as_millis().min(65_535) as u16;
        let tenths = |r: f32| (mos(&self.equipment, r) * 10.0).round() as u8;
        let r = r_factor(&self.equipment, &self.way);
        let ears = rx.ears.as_ref();
        let buffer = ears.map_or(Duration::ZERO, |ears| ears.delay());
        VoiceMetrics {
            ssrc,
            loss_rate: share(self.loss),
            discard_rate: share(self.late),
            burst_density: share(self.clusters.burst_density),
            gap_density: share(self.clusters.gap_density),
            burst_ms: ms(self.clusters.burst),
            gap_ms: ms(self.clusters.gap),
            round_trip_ms: rtcp.round_trip.map_or(0, short),
            end_system_ms: short(buffer + 2 * setup.ptime),
            // RFC 3611 §4.7.5: on the scale of a narrow call, 0 to 100.
            r_factor: if self.equipment.wide { r / 1.29 } else { r }.clamp(0.0, 100.0) as u8,
            mos_listening: tenths(r_listening(&self.equipment, &self.way)),
            mos_conversation: tenths(r),
            buffer_ms: short(buffer),
            buffer_high_ms: ears.map_or(0, |ears| short(ears.target())),
            buffer_most_ms: ears.map_or(0, |ears| short(ears.most())),
        }
    }
}

/// How the peer hears us, of `sent` packets: as it says, or by the losses that it reports.
pub(crate) fn remote_mos(setup: &LegSetup, rtcp: &Rtcp, sent: u64) -> Option<f32> {
    let equipment = equipment(setup);
    if let Some(voice) = &rtcp.remote_voice {
        let said =
            [voice.mos_conversation, voice.mos_listening].into_iter().find(|mos| (10..=50).contains(mos));
        if let Some(tenths) = said {
            return Some(f32::from(tenths) / 10.0);
        }
        if voice.r_factor <= 100 && voice.r_factor != UNKNOWN {
            return Some(mos(&Equipment::G711, voice.r_factor.into()));
        }
    }
    let lost = rtcp.remote_lost?.max(0) as f32;
    let delay = rtcp.round_trip.unwrap_or_default() / 2 + setup.ptime + USUAL_BUFFER;
    let way = Way { delay, loss: (lost / sent.max(1) as f32).min(1.0), burst_ratio: 1.0 };
    Some(mos(&equipment, r_factor(&equipment, &way)))
}
