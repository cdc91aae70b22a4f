//! What is known of one stream of the peer's: how often its sequence numbers rolled over, and what came of it.

use super::window::Window;

/// The index whose low bits are `seq` and that lies nearest to `highest`: RFC 3711 §3.3.1.
/// `None` if that would be before the first.
pub(super) fn nearest(highest: u64, seq: u16) -> Option<u64> {
    let ahead = i64::from(seq.wrapping_sub(highest as u16) as i16);
    highest.checked_add_signed(ahead)
}

/// A stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub(super) ssrc: u32,
    pub(super) rtp: Window,
    pub(super) rtcp: Window,
    /// The highest index under the keys before these, which some peers count on from.
    pub(super) before: Option<u64>,
    /// When it was last heard, by the count of packets.
    pub(super) heard: u64,
}

impl Stream {
    pub(super) fn new(ssrc: u32, before: Option<u64>) -> Stream {
        Stream { ssrc, rtp: Window::default(), rtcp: Window::default(), before, heard: 0 }
    }

    /// The indices that a packet's number can mean, the most likely first: one, once the stream is known.
    ///
    /// A stream's first packet may come after its first roll-over if those before it were lost, and after a change of
    /// keys RFC 3711 §3.3.1 has the counter go on, which half of all implementations begin anew.
    pub(super) fn indices(&self, seq: u16) -> [Option<u64>; 3] {
        match self.rtp.highest() {
            Some(highest) => [nearest(highest, seq), None, None],
            None => {
                let first = u64::from(seq);
                let on = self.before.and_then(|before| nearest(before, seq)).filter(|on| *on != first);
                let rolled = (seq < 1 << 15).then_some(first + (1 << 16)).filter(|next| Some(*next) != on);
                [Some(first), on, rolled]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_index_is_meant() {
        assert_eq!(nearest(10, 12), Some(12));
        assert_eq!(nearest(65_530, 2), Some(65_538));
        assert_eq!(nearest(65_538, 65_530), Some(65_530));
        assert_eq!(nearest(3, 65_530), None, "before the first");
        assert_eq!(nearest((5 << 16) + 40_000, 100), Some((6 << 16) + 100));
    }

    #[test]
    fn a_stream_that_begins_may_have_rolled_over_unseen() {
        assert_eq!(Stream::new(1, None).indices(3), [Some(3), None, Some(65_539)]);
        assert_eq!(Stream::new(1, None).indices(40_000), [Some(40_000), None, None]);
        let went_on = Stream::new(1, Some((2 << 16) + 5));
        assert_eq!(went_on.indices(6), [Some(6), Some((2 << 16) + 6), Some(65_542)]);
    }
}
