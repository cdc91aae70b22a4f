//! What runs showed, in rows.

/// What a run showed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Figures {
    /// CPU time of the thread, in microseconds a leg and 20 ms.
    pub(crate) us: f64,
    /// The same of the thread that writes recordings.
    pub(crate) disk: f64,
    /// Packets that the phones missed, in thousandths.
    pub(crate) lost: f64,
    /// How late slots began: the medians' and the 99th percentile's bucket, in microseconds.
    pub(crate) late: Option<(Option<u64>, Option<u64>)>,
    /// How long packets that were passed on had been there, the same way.
    pub(crate) transit: Option<(Option<u64>, Option<u64>)>,
    /// Packets that the phones said meanwhile.
    pub(crate) turns: f64,
}

pub(crate) fn head() {
    println!(
        "{:<26}{:<7}{:>6}{:>14}{:>16}{:>10}{:>9}{:>22}{:>22}",
        "what",
        "io",
        "legs",
        "µs/leg/20 ms",
        "ms CPU/call-s",
        "of floor",
        "lost ‰",
        "late p50/p99 µs",
        "transit p50/p99 µs"
    );
}

pub(crate) fn row(what: &str, io: &str, legs: usize, figures: &Figures, floor: f64) {
    let edge = |us: Option<u64>| us.map_or("> 25000".into(), |us| format!("≤ {us}"));
    let both = |pair: Option<(Option<u64>, Option<u64>)>| {
        pair.map_or("-".into(), |(half, most)| format!("{} / {}", edge(half), edge(most)))
    };
    println!(
        "{what:<26}{io:<7}{legs:>6}{:>14.2}{:>16.3}{:>10.2}{:>9.2}{:>22}{:>22}",
        figures.us,
        figures.us * 50.0 / 1_000.0,
        figures.us / floor,
        figures.lost,
        both(figures.late),
        both(figures.transit),
    );
    if figures.disk > 0.0 {
        let ms = figures.disk * 50.0 / 1_000.0;
        println!("{:<26}{io:<7}{legs:>6}{:>14.2}{ms:>16.3}", "  its disk thread", figures.disk);
    }
}

/// The middle one by cost: a machine's speed changes within seconds.
pub(crate) fn median(mut runs: Vec<Figures>) -> Figures {
    runs.sort_by(|one, other| one.us.total_cmp(&other.us));
    runs[runs.len() / 2]
}
