//! What a leg costs: thread CPU time of a worker a leg and packet time, against a floor in the same run and over the same
//! backend that does nothing but receive and send the same packets on as many sockets, on the same 5 ms grid.
//!
//! `cargo bench -p media --bench slot`, or with numbers of legs, backends and jobs: `-- 200 1000 uring relay echo`.
//! `-- rooms 100 400` is about members of rooms, `-- transcode 20 60` about pairs of two codecs.
//! A machine's speed swings: the ratio to the floor is what counts, and the getppid beside it tells how fast it was.

use media::IoMode;

mod floor;
mod legs;
mod phones;
mod report;
mod rooms;
mod thread;
mod transcode;

/// What was asked for.
struct Asked {
    words: Vec<String>,
}

impl Asked {
    fn named(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }

    /// How many legs, members or pairs.
    fn sizes(&self, usual: &[usize]) -> Vec<usize> {
        let sizes: Vec<usize> = self.words.iter().filter_map(|word| word.parse().ok()).collect();
        if sizes.is_empty() { usual.to_vec() } else { sizes }
    }

    fn modes(&self) -> Vec<(&'static str, IoMode)> {
        let both = [("poll", IoMode::Poll), ("uring", IoMode::Uring)];
        let all = !both.iter().any(|(name, _)| self.named(name));
        both.into_iter().filter(|(name, _)| all || self.named(name)).collect()
    }
}

fn main() {
    let asked = Asked { words: std::env::args().skip(1).collect() };
    println!("getppid {:.0} ns", thread::getppid());
    if asked.named("rooms") {
        rooms::tables(&asked);
    } else if asked.named("transcode") {
        transcode::table(&asked);
    } else {
        legs::tables(&asked);
    }
    println!("getppid {:.0} ns", thread::getppid());
}
