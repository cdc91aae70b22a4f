//! The disk thread's end of a recording's ring: takes what came and brings it to the file's rate.

use audio::Rate;
use audio::resample::Conversion;
use audio::write::Layout;
use rtrb::Consumer;

use crate::recorder::Mark;

/// See the module.
pub(crate) struct Intake {
    ring: Consumer<i16>,
    /// Where the ring's rate changes.
    marks: Option<Consumer<Mark>>,
    /// Samples that were taken.
    taken: u64,
    layout: Layout,
    /// One for each channel; none where the ring has the file's rate.
    conversions: Vec<Conversion>,
}

impl Intake {
    /// Of a ring with samples at `rate`.
    pub(crate) fn new(ring: Consumer<i16>, rate: Rate, layout: Layout) -> Intake {
        Intake { ring, marks: None, taken: 0, layout, conversions: conversions(rate, layout) }
    }

    /// The same, whose ring may change its rate.
    pub(crate) fn marked(mut self, marks: Consumer<Mark>) -> Intake {
        self.marks = Some(marks);
        self
    }

    /// Whether nothing more comes.
    pub(super) fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Appends what came, at the file's rate.
    pub(super) fn take(&mut self, out: &mut Vec<i16>) {
        // A mark is set before what comes behind it: none is overlooked that lies in what is ready.
        let mut ready = self.ring.slots();
        loop {
            let mark = self.marks.as_ref().and_then(|marks| marks.peek().ok().copied());
            let until = mark.map_or(u64::MAX, |(at, _)| at.saturating_sub(self.taken));
            let n = ready.min(usize::try_from(until).unwrap_or(usize::MAX));
            self.pass(n, out);
            ready -= n;
            match (mark, &mut self.marks) {
                (Some((at, rate)), Some(marks)) if at <= self.taken => {
                    let _ = marks.pop();
                    self.end(out);
                    self.conversions = conversions(rate, self.layout);
                }
                _ => return,
            }
        }
    }

    /// Appends what is still under way: the recording is over, or goes on at another rate.
    pub(super) fn end(&mut self, out: &mut Vec<i16>) {
        let mut channels = vec![Vec::new(); self.conversions.len()];
        for (conversion, channel) in self.conversions.iter_mut().zip(&mut channels) {
            conversion.end(channel);
        }
        interleave(&channels, out);
    }

    fn pass(&mut self, n: usize, out: &mut Vec<i16>) {
        let Ok(chunk) = self.ring.read_chunk(n) else { return };
        let (first, second) = chunk.as_slices();
        match self.conversions.as_mut_slice() {
            [] => out.extend(first.iter().chain(second)),
            [conversion] => {
                conversion.push(first, out);
                conversion.push(second, out);
            }
            conversions => {
                let mut channels = vec![Vec::new(); conversions.len()];
                for (nth, (conversion, channel)) in conversions.iter_mut().zip(&mut channels).enumerate() {
                    let of = usize::from(self.layout.channels());
                    let side: Vec<i16> = first.iter().chain(second).skip(nth).step_by(of).copied().collect();
                    conversion.push(&side, channel);
                }
                interleave(&channels, out);
            }
        }
        chunk.commit_all();
        self.taken += n as u64;
    }
}

fn conversions(rate: Rate, layout: Layout) -> Vec<Conversion> {
    match rate == layout.rate {
        true => Vec::new(),
        false => (0..layout.channels()).map(|_| Conversion::new(rate, layout.rate)).collect(),
    }
}

fn interleave(channels: &[Vec<i16>], out: &mut Vec<i16>) {
    let length = channels.first().map_or(0, Vec::len);
    out.extend(
        (0..length).flat_map(|at| channels.iter().filter_map(move |channel| channel.get(at).copied())),
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use audio::level::rms_dbov;
    use audio::{Pcm, tone};
    use rtrb::RingBuffer;

    use super::*;
    use crate::id::LegId;
    use crate::recorder::{MARKS, RING, Recorder};
    use crate::recording::{Recording, Sides, Verdict};

    /// What a leg of these rates, one after the other, hears and says, and what is in the file of it.
    fn recorded(parts: &[(Rate, &Pcm, &Pcm)], sides: Sides, file: Rate) -> Vec<i16> {
        let (write, ring) = RingBuffer::new(400_000);
        let (tell, marks) = RingBuffer::new(MARKS);
        let layout = Layout { rate: file, stereo: sides == Sides::Stereo };
        let first = parts[0].0;
        let order = Recording { sides, ..Recording::new("a") };
        let leg = LegId { home: 0, place: 0, generation: 0 };
        let recorder = Recorder::new((leg, 1), write, first, &order, Verdict::default());
        let mut recorder = recorder.marking(tell);
        let mut intake = Intake::new(ring, first, layout).marked(marks);
        let mut out = Vec::new();
        for (rate, heard, said) in parts {
            let frame = rate.samples(Duration::from_millis(20));
            for (heard, said) in heard.samples.chunks(frame).zip(said.samples.chunks(frame)) {
                recorder.hear(heard, *rate);
                if recorder.wants_said() {
                    recorder.say(said, *rate);
                }
                recorder.close();
            }
            // One part is taken by itself, the others with what follows.
            if out.is_empty() {
                intake.take(&mut out);
            }
        }
        intake.take(&mut out);
        intake.end(&mut out);
        out
    }

    fn beep(hertz: u16, rate: Rate) -> Pcm {
        tone::beep(hertz, Duration::from_secs(1), rate)
    }

    /// How loud what is in `samples` is at all pitches but this one and those near to it, in dB against the whole.
    fn others(samples: &[i16], rate: Rate, hertz: f64) -> f64 {
        // The tone is taken out by the sine that is most like it.
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let turn = |n: usize| std::f64::consts::TAU * hertz * n as f64 / f64::from(rate.0);
        let (mut a, mut b, mut all) = (0.0, 0.0, 0.0);
        for (n, sample) in middle.iter().enumerate() {
            a += f64::from(*sample) * turn(n).cos();
            b += f64::from(*sample) * turn(n).sin();
            all += f64::from(*sample).powi(2);
        }
        let half = middle.len() as f64 / 2.0;
        let rest = |(n, sample): (usize, &i16)| {
            (f64::from(*sample) - a / half * turn(n).cos() - b / half * turn(n).sin()).powi(2)
        };
        10.0 * (middle.iter().enumerate().map(rest).sum::<f64>() / all).log10()
    }

    #[test]
    fn a_file_of_another_rate_has_neither_images_nor_aliases() {
        let (narrow, wide) = (Rate::NARROW, Rate::WIDE);
        let up = recorded(&[(narrow, &beep(3_000, narrow), &beep(3_000, narrow))], Sides::Heard, wide);
        assert_eq!(up.len(), 16_000);
        let images = others(&up, wide, 3_000.0);
        assert!(images < -50.0, "{images} dB beside the tone");
        let down = recorded(&[(wide, &beep(3_000, wide), &beep(3_000, wide))], Sides::Heard, narrow);
        assert_eq!(down.len(), 8_000);
        assert!(others(&down, narrow, 3_000.0) < -50.0);
        // What a narrow file cannot hold is not in it at another pitch.
        let gone = recorded(&[(wide, &beep(5_000, wide), &beep(5_000, wide))], Sides::Heard, narrow);
        let level = rms_dbov(&gone[2_000..6_000]) - rms_dbov(&beep(5_000, wide).samples);
        assert!(level < -50.0, "{level} dB of what was there");
    }

    #[test]
    fn both_channels_stay_beside_each_other_at_another_rate() {
        let (narrow, wide) = (Rate::NARROW, Rate::WIDE);
        let (heard, said) = (beep(400, narrow), beep(1_300, narrow));
        let both = recorded(&[(narrow, &heard, &said)], Sides::Stereo, wide);
        let side = |nth: usize| both.iter().skip(nth).step_by(2).copied().collect::<Vec<i16>>();
        assert!(side(0) == heard.resampled(wide).samples && side(1) == said.resampled(wide).samples);
    }

    #[test]
    fn a_leg_that_changes_its_codec_is_recorded_as_wide_as_it_is() {
        let (narrow, wide) = (Rate::NARROW, Rate::WIDE);
        let (low, high) = (beep(600, narrow), beep(6_000, wide));
        for sides in [Sides::Heard, Sides::Mixed] {
            let silence = [Pcm::silence(narrow, low.duration()), Pcm::silence(wide, high.duration())];
            let parts =
                [(narrow, &low, &silence[0]), (wide, &high, &silence[1]), (narrow, &low, &silence[0])];
            let all = recorded(&parts, sides, wide);
            assert_eq!(all.len(), 48_000, "{sides:?}");
            assert!(others(&all[..16_000], wide, 600.0) < -50.0);
            assert!(all[16_100..31_900] == high.samples[100..15_900], "it is not resampled");
            assert!(others(&all[32_000..], wide, 600.0) < -50.0);
        }
    }

    #[test]
    fn a_leg_that_becomes_much_wider_loses_nothing_between_two_rounds() {
        let (narrow, full) = (Rate::NARROW, Rate::FULL);
        let (write, ring) = RingBuffer::new(narrow.samples(RING));
        let (tell, marks) = RingBuffer::new(MARKS);
        let leg = LegId { home: 0, place: 0, generation: 0 };
        let recorder = Recorder::new((leg, 1), write, narrow, &Recording::new("a"), Verdict::default());
        let mut recorder = recorder.marking(tell);
        let mut intake = Intake::new(ring, narrow, Layout::mono(narrow)).marked(marks);
        let mut out = Vec::new();
        for turn in 0..200 {
            let rate = if turn < 50 { narrow } else { full };
            recorder.hear(&vec![5_000; rate.samples(Duration::from_millis(20))], rate);
            recorder.close();
            // Every half a second.
            if turn % 25 == 24 {
                intake.take(&mut out);
            }
        }
        intake.end(&mut out);
        assert_eq!(out.len(), 32_000);
        let holes = out.chunks(40).filter(|part| part.iter().all(|sample| *sample < 4_000)).count();
        assert_eq!(holes, 0);
    }
}
