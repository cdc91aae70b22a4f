//! The 16-bit sequence number of an RTP packet: it wraps, and is compared by the shorter way round.

/// RFC 3550 §5.1: the sequence number, one more with each packet, modulo 2^16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u16);

impl Seq {
    /// How far `self` lies after `earlier`; negative if it lies before. The shorter way round the circle.
    pub fn since(self, earlier: Seq) -> i16 {
        self.0.wrapping_sub(earlier.0) as i16
    }

    /// The sequence number `n` packets on.
    #[must_use]
    pub fn plus(self, n: u16) -> Seq {
        Seq(self.0.wrapping_add(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_take_the_shorter_way_round() {
        assert_eq!(Seq(3).since(Seq(65_534)), 5);
        assert_eq!(Seq(65_534).since(Seq(3)), -5);
        assert_eq!(Seq(7).since(Seq(7)), 0);
        assert_eq!(Seq(65_535).plus(2), Seq(1));
    }
}
