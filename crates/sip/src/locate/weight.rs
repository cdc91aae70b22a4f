//! The order of SRV records: by priority, and within one by chance, as their weights say (RFC 2782).
//! The chance is a seed, so that one search sees one order however often it looks.

/// A place where a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: &'a str,
}

/// The places in the order to try them.
pub(super) fn ordered(mut places: Vec<Place<'_>>, seed: u64) -> Vec<Place<'_>> {
    // Those without a weight come first in a priority, so that they have a small chance (RFC 2782, "Weight").
    places.sort_by_key(|p| (p.priority, p.weight != 0));
    let mut chance = Chance(seed);
    let mut all = Vec::with_capacity(places.len());
    while let Some(first) = places.first() {
        let priority = first.priority;
        let group = places.iter().take_while(|p| p.priority == priority).count();
        let sum: u64 = places.iter().take(group).map(|p| u64::from(p.weight)).sum();
        let mut left = chance.up_to(sum);
        let drawn = places.iter().take(group).position(|p| match left.checked_sub(u64::from(p.weight)) {
            Some(0) | None => true,
            Some(rest) => {
                left = rest;
                false
            }
        });
        all.push(places.remove(drawn.unwrap_or(0)));
    }
    all
}

/// SplitMix64: even enough for sharing load, and of no use to anybody who guesses it.
struct Chance(u64);

impl Chance {
    /// A number from 0 to `most`.
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // Weights are 16 bits: the bias of a remainder is nothing here.
        z % most.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(priority: u16, weight: u16, target: &str) -> Place<'_> {
        Place { priority, weight, port: 5060, target }
    }

    #[test]
    fn priorities_come_in_order_and_weights_share_the_load() {
        let places =
            vec![place(20, 0, "backup"), place(10, 60, "big"), place(10, 20, "small"), place(10, 0, "none")];
        let (mut big, mut none) = (0, 0);
        for seed in 0..8000 {
            let order = ordered(places.clone(), seed);
            assert_eq!(order.len(), 4);
            assert_eq!(order[3].target, "backup");
            big += usize::from(order[0].target == "big");
            none += usize::from(order[0].target == "none");
        }
        // 60 of 80, and one chance in 81.
        assert!((5700..6300).contains(&big), "{big}");
        assert!((40..200).contains(&none), "{none}");
        assert_eq!(ordered(places.clone(), 5), ordered(places, 5));
    }
}
