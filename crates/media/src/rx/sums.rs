//! What a leg's ears have counted, over all streams that they heard.

use rtp::burst::Clusters;
use rtp::receiver::Receiver;

use super::{Past, Rx};

impl Rx {
    pub(super) fn sums(&self) -> Past {
        let Some(stream) = &self.stream else { return self.past };
        Past {
            packets: self.past.packets + stream.packets(),
            lost: self.past.lost + stream.lost(),
            duplicates: self.past.duplicates + stream.duplicates(),
            out_of_order: self.past.out_of_order + stream.out_of_order(),
        }
    }

    pub(crate) fn packets(&self) -> u64 {
        self.sums().packets
    }

    pub(crate) fn lost(&self) -> i64 {
        self.sums().lost
    }

    pub(crate) fn duplicates(&self) -> u64 {
        self.sums().duplicates
    }

    pub(crate) fn out_of_order(&self) -> u64 {
        self.sums().out_of_order
    }

    /// How the current stream's losses cluster.
    pub(crate) fn clusters(&self) -> Clusters {
        self.stream.as_ref().map_or(Clusters { ratio: 1.0, ..Clusters::default() }, |s| s.bursts().clusters())
    }

    /// Whose stream is heard.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(Receiver::ssrc)
    }

    /// How what was heard came about: samples made up, and samples in all.
    pub(super) fn tally(&self) -> (u64, u64) {
        let (made, all) = self.heard_before;
        let Some(tally) = self.ears.as_ref().map(|ears| ears.tally()) else { return (made, all) };
        (made + tally.concealed, all + tally.concealed + tally.played)
    }

    /// The share of what was heard that was made up.
    pub(crate) fn concealed(&self) -> Option<f32> {
        let (made, all) = self.tally();
        (all > 0).then(|| made as f32 / all as f32)
    }

    pub(crate) fn jitter_ms(&self) -> f32 {
        self.stream.as_ref().map_or(0.0, Receiver::jitter_ms)
    }
}
