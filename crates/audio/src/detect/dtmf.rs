//! Keys in the sound itself, for the peers that do not send them as RFC 4733 events.
//!
//! Blocks of 6.4 ms are correlated with the eight frequencies (the bins that Goertzel's algorithm gives, from a table).
//! Two blocks together are a window of 12.75 ms, whose zeros fall well between the eight; what four such windows in a row
//! take for the same key is looked at closely in [`proof`] before it counts.
//!
//! ITU-T Q.24: tones of 40 ms count and of 23 ms do not, pauses of 40 ms part two keys and interruptions of 10 ms do not,
//! pitches may be off by 1.5 % and not by 3.5 %, the high tone may be 4 dB louder and 8 dB quieter than the low one.

mod proof;

use std::f64::consts::TAU;
use std::sync::LazyLock;
use std::time::Duration;

use super::narrow::Narrow;
use crate::Rate;
use crate::tone::{COLUMNS, KEYS, ROWS};

/// Samples a second that the work is done in.
const RATE: f32 = 8_000.0;
/// Samples a block.
const BLOCK: usize = 51;
/// Samples a window.
const WINDOW: f32 = 2.0 * BLOCK as f32;
/// The quietest tone that counts, as the mean square of either: -36 dBm0, a full-scale sine being +3.17.
const QUIETEST: f32 = 32_768.0 * 32_768.0 * 6e-5;
/// The share of a window's energy in the two tones at least; what 1.5 % off leaves, and some noise.
const SHARE: f32 = 0.55;
/// Each tone stands this much out of its group: 6 dB.
const STANDS_OUT: f32 = 4.0;
/// The quietest block of a beginning key against the loudest: a block that the tone only half fills is not of it.
const STEADY: f32 = 0.4;
/// A held tone goes on while it has this share of its power: -8 dB.
const GOES_ON: f32 = 0.16;
/// Windows without the tones until a key was let go: 25 ms.
const GAP: u8 = 4;

/// What the keys did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// A key went down, about 35 ms ago.
    Down(char),
    /// It was let go.
    Up {
        /// Which.
        key: char,
        /// How long it was held, to about 7 ms.
        held: Duration,
    },
}

/// Listens for keys; feed it every sample in order. Allocates when it is made, never after.
#[derive(Debug, Clone)]
pub struct Dtmf {
    narrow: Narrow,
    listener: Listener,
}

impl Dtmf {
    /// A detector for sound of `rate`.
    pub fn new(rate: Rate) -> Dtmf {
        Dtmf { narrow: Narrow::new(rate), listener: Listener::new() }
    }

    /// Takes the next samples and calls `told` for what the keys did in them.
    pub fn push(&mut self, samples: &[i16], mut told: impl FnMut(Press)) {
        let listener = &mut self.listener;
        self.narrow.feed(samples, |samples| listener.push(samples, &mut told));
    }

    /// The key that is down.
    pub fn held(&self) -> Option<char> {
        self.listener.held.map(|held| held.key())
    }
}

/// Cosines and sines of the eight frequencies, rows first: a line for each sample of a block.
struct Table {
    lines: [[f32; 16]; BLOCK],
    /// How far each turns in a block, as a complex number.
    turn: [(f32, f32); 8],
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let angle = |at: usize, samples: usize| {
        let hertz = if at < 4 { ROWS[at] } else { COLUMNS[at - 4] };
        TAU * f64::from(hertz) * samples as f64 / f64::from(RATE)
    };
    let entry = |sample, at: usize| {
        let angle = angle(at % 8, sample);
        if at < 8 { angle.cos() as f32 } else { -angle.sin() as f32 }
    };
    Table {
        lines: std::array::from_fn(|sample| std::array::from_fn(|at| entry(sample, at))),
        turn: std::array::from_fn(|at| (angle(at, BLOCK).cos() as f32, -angle(at, BLOCK).sin() as f32)),
    }
});

/// What a block came to.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    energy: f32,
    /// Real parts of the eight, then imaginary ones.
    bins: [f32; 16],
}

/// A key by its place in [`KEYS`], and the powers of its tones.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    key: usize,
    low: f32,
    high: f32,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    candidate: Candidate,
    blocks: u32,
    /// Windows without it, since the last with it.
    missed: u8,
}

impl Held {
    fn key(&self) -> char {
        KEYS.get(self.candidate.key).copied().unwrap_or('?')
    }

    fn up(&self) -> Press {
        // The last window may be filled by less than half of it.
        let samples = (self.blocks as usize * BLOCK).saturating_sub(BLOCK / 2);
        Press::Up { key: self.key(), held: Rate::NARROW.duration(samples) }
    }
}

#[derive(Clone)]
struct Listener {
    table: &'static Table,
    /// The last blocks' samples, oldest first, and the one being filled.
    recent: [i16; proof::SPAN],
    filled: usize,
    last: Block,
    /// Energies of the last blocks.
    energies: [f32; proof::BLOCKS],
    /// The last window's key, and how many windows in a row were it.
    candidate: Option<usize>,
    run: usize,
    held: Option<Held>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("run", &self.run).field("held", &self.held).finish_non_exhaustive()
    }
}

impl Listener {
    fn new() -> Listener {
        Listener {
            table: &TABLE,
            recent: [0; proof::SPAN],
            filled: 0,
            last: Block::default(),
            energies: [0.0; proof::BLOCKS],
            candidate: None,
            run: 0,
            held: None,
        }
    }

    fn push(&mut self, mut samples: &[i16], told: &mut impl FnMut(Press)) {
        const START: usize = proof::SPAN - BLOCK;
        while !samples.is_empty() {
            let (some, rest) = samples.split_at(samples.len().min(BLOCK - self.filled));
            let from = START + self.filled;
            self.recent[from..from + some.len()].copy_from_slice(some);
            self.filled += some.len();
            samples = rest;
            if self.filled == BLOCK {
                self.filled = 0;
                self.block(told);
                self.recent.copy_within(BLOCK.., 0);
            }
        }
    }

    /// The newest block is full.
    fn block(&mut self, told: &mut impl FnMut(Press)) {
        let (_, samples) = self.recent.split_at(proof::SPAN - BLOCK);
        let now = measure(self.table, samples);
        self.energies.rotate_left(1);
        self.energies[proof::BLOCKS - 1] = now.energy;
        let before = std::mem::replace(&mut self.last, now);
        if before.energy + now.energy < QUIETEST * WINDOW && self.held.is_none() {
            self.candidate = None;
            return;
        }
        let powers = powers(self.table, &before, &now);
        let candidate = judge(&powers, before.energy + now.energy);
        let key = candidate.map(|candidate| candidate.key);
        self.run = if key == self.candidate { self.run + 1 } else { 1 };
        self.candidate = key;
        self.hold(&powers, told);
        if let Some(candidate) = candidate
            && self.run >= proof::BLOCKS - 1
            && self.held.is_none_or(|held| held.candidate.key != candidate.key)
            && self.is_proved(candidate.key)
        {
            let begun = Held { candidate, blocks: proof::BLOCKS as u32, missed: 0 };
            if let Some(before) = self.held.replace(begun) {
                told(before.up());
            }
            told(Press::Down(begun.key()));
        }
    }

    /// Whether the key that is held still is.
    fn hold(&mut self, powers: &[f32; 8], told: &mut impl FnMut(Press)) {
        let Some(held) = &mut self.held else { return };
        let Candidate { key, low, high } = held.candidate;
        let there = powers[key / 4] >= GOES_ON * low && powers[4 + key % 4] >= GOES_ON * high;
        if there {
            held.blocks += u32::from(held.missed) + 1;
            held.missed = 0;
            return;
        }
        held.missed += 1;
        if held.missed >= GAP {
            told(held.up());
            self.held = None;
        }
    }

    fn is_proved(&self, key: usize) -> bool {
        let loudest = self.energies.iter().copied().fold(0.0, f32::max);
        let steady = self.energies.iter().all(|energy| *energy >= STEADY * loudest);
        let samples = std::array::from_fn(|at| f32::from(self.recent[at]));
        steady && proof::proves(&samples, ROWS[key / 4], COLUMNS[key % 4])
    }
}

fn measure(table: &Table, samples: &[i16]) -> Block {
    let mut sound = [0.0f32; BLOCK];
    for (to, &sample) in sound.iter_mut().zip(samples) {
        *to = f32::from(sample);
    }
    let mut energies = [0.0f32; 8];
    for some in sound.chunks(8) {
        for (energy, x) in energies.iter_mut().zip(some) {
            *energy += x * x;
        }
    }
    let energy = energies.iter().sum();
    if energy < QUIETEST * BLOCK as f32 / 4.0 {
        return Block { energy, bins: [0.0; 16] };
    }
    // Two sums each, one for every other sample: an addition need not wait for the one before it.
    let (mut even, mut odd) = ([0.0f32; 16], [0.0f32; 16]);
    for (lines, pair) in table.lines.chunks(2).zip(sound.chunks(2)) {
        if let ([first, second], [x, y]) = (lines, pair) {
            for at in 0..16 {
                even[at] += x * first[at];
                odd[at] += y * second[at];
            }
        }
    }
    let ([.., line], [.., x]) = (&table.lines, &sound);
    for at in 0..16 {
        even[at] += x * line[at];
    }
    Block { energy, bins: std::array::from_fn(|at| even[at] + odd[at]) }
}

/// The powers of the eight over two blocks.
fn powers(table: &Table, before: &Block, now: &Block) -> [f32; 8] {
    std::array::from_fn(|at| {
        let (turn_re, turn_im) = table.turn[at];
        let (re, im) = (now.bins[at], now.bins[at + 8]);
        let re_both = before.bins[at] + re * turn_re - im * turn_im;
        let im_both = before.bins[at + 8] + re * turn_im + im * turn_re;
        re_both * re_both + im_both * im_both
    })
}

/// Which key a window sounds like.
fn judge(powers: &[f32; 8], energy: f32) -> Option<Candidate> {
    let (rows, columns) = powers.split_at(4);
    let (row, low) = strongest(rows)?;
    let (column, high) = strongest(columns)?;
    // A sine's power here is its energy times half the window.
    let pure = low + high >= SHARE * energy * (WINDOW / 2.0);
    pure.then_some(Candidate { key: row * 4 + column, low, high })
}

/// The one that stands out of its group, and its power.
fn strongest(group: &[f32]) -> Option<(usize, f32)> {
    let (at, &most) = group.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let others = group.iter().enumerate().filter(|&(other, _)| other != at);
    others.map(|(_, power)| power * STANDS_OUT).all(|power| power <= most).then_some((at, most))
}

#[cfg(test)]
mod tests;
