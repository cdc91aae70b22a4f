//! What a leg tells of itself.

use std::net::SocketAddr;

use super::Leg;
use crate::guard::Security;
use crate::quality::{self, Hearing};
use crate::report::{LegReport, Saying, Secured};
use crate::source::Source;

impl Leg {
    fn secured(&self) -> Secured {
        let profile = self.tx.guard.as_ref().map(|guard| guard.profile());
        match (profile, &self.setup.security) {
            (None, _) => Secured::No,
            (Some(None), Security::None) => Secured::No,
            (Some(None), _) => Secured::NotYet,
            (Some(Some(profile)), Security::Handshake { .. }) => Secured::Dtls(profile),
            (Some(Some(profile)), _) => Secured::Srtp(profile),
        }
    }

    pub(crate) fn report(&self) -> LegReport {
        let remote = self.rx.latch.remote();
        LegReport {
            packets_in: self.rx.packets(),
            packets_out: self.tx.packets,
            lost: self.rx.lost(),
            jitter_ms: self.rx.jitter_ms(),
            duplicates: self.rx.duplicates(),
            out_of_order: self.rx.out_of_order(),
            late: self.rx.late,
            strangers: self.rx.strangers,
            unusable: self.rx.unusable,
            round_trip_ms: self.rtcp.round_trip.map(|trip| trip.as_secs_f32() * 1_000.0),
            remote_lost: self.rtcp.remote_lost,
            forged: self.tx.guard.as_ref().map_or(0, |guard| guard.forged),
            replayed: self.tx.guard.as_ref().map_or(0, |guard| guard.replayed),
            secured: self.secured(),
            remote: SocketAddr::new(remote.ip().to_canonical(), remote.port()),
            latched: self.rx.latch.is_latched(),
            codec: self.setup.codec,
            ptime_ms: self.pace.ms() as u16,
            buffer_ms: self.rx.ears.as_ref().map(|ears| ears.depth().as_millis() as u16),
            delay_ms: self.rx.ears.as_ref().map(|ears| ears.delay().as_millis() as u16),
            concealed: self.rx.concealed(),
            bursts: self.rx.clusters(),
            mos: Hearing::of(&self.setup, &self.rx, &self.rtcp).map(|hearing| hearing.mos()),
            remote_mos: quality::remote_mos(&self.setup, &self.rtcp, self.tx.packets),
            saying: match self.source {
                _ if !self.setup.send => Saying::Held,
                _ if self.dialling.is_some() => Saying::Digits,
                Source::Silence if self.is_in_room() => Saying::Room,
                Source::Silence | Source::Echo { .. } if self.is_relayed() => Saying::Relay,
                Source::Silence if self.bridge.is_some() => Saying::Bridge,
                Source::Silence => Saying::Silence,
                Source::Prompts(_) => Saying::Prompt,
                Source::Echo { .. } => Saying::Echo,
            },
            recording: !self.recorders.is_empty(),
        }
    }
}
