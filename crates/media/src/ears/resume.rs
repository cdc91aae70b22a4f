//! Where packets begin to be heard, and where they are passed on instead.

use std::time::Duration;

use super::Ears;

impl Ears {
    /// Whether something was heard since the stream began, if only silence that the peer described.
    pub(crate) fn has_begun(&self) -> bool {
        self.opened || self.noisy
    }

    /// The next packet that is held, written to `payload`, for somebody who decodes it: how long it is missing before, its
    /// length, and how long it lasts, by the codec's clock.
    pub(crate) fn hand_over(&mut self, payload: &mut [u8]) -> Option<(u32, usize, u32)> {
        self.packets.hand_over(payload)
    }

    /// The stream was not listened to for a while, and packets of it are so late.
    pub(crate) fn resume(&mut self, late: Duration) {
        self.reset();
        self.packets.resume(late);
    }

    /// Another stream begins.
    pub(crate) fn reset(&mut self) {
        self.packets.reset();
        self.decoders.reset();
        (self.begin, self.end) = (0, 0);
        self.concealer.reset();
        self.pacer.reset();
        self.noisy = false;
        self.opened = false;
        self.unsure = 0;
    }
}
