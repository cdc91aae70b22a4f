//! The recorders of a leg: they hear the same, and each ends by itself.
//!
//! They hang on each other, so that a worker that is given one more allocates nothing. What the leg says in its codec's
//! form is decoded once for all of them: one has the decoder, and leaves it to another when it ends.

use audio::Rate;
use audio::codec::Decoder;

use crate::recorder::{Progress, Recorder};
use crate::recording::Pause;

/// Those of one leg.
#[derive(Default)]
pub(crate) struct Recorders(Option<Box<Recorder>>);

impl Recorders {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// One more; the decoder comes back if one is there already, or nobody needs it.
    pub(crate) fn add(&mut self, mut recorder: Box<Recorder>, decoder: Option<Decoder>) -> Option<Decoder> {
        recorder.next = self.0.take();
        self.0 = Some(recorder);
        match self.decodes() {
            true => decoder,
            false => self.learn(decoder),
        }
    }

    /// The one of this tag is over.
    pub(crate) fn stop(&mut self, tag: u64) -> Option<Box<Recorder>> {
        self.take(|recorder| recorder.tag == tag)
    }

    /// Any that is there.
    pub(crate) fn pop(&mut self) -> Option<Box<Recorder>> {
        self.take(|_| true)
    }

    /// One that has come to its end by itself, as [`Recorders::close`] has found.
    pub(crate) fn take_over(&mut self) -> Option<Box<Recorder>> {
        self.take(Recorder::is_over)
    }

    fn take(&mut self, which: impl Fn(&Recorder) -> bool) -> Option<Box<Recorder>> {
        let mut at = &mut self.0;
        while at.as_ref().is_some_and(|recorder| !which(recorder)) {
            at = &mut at.as_mut()?.next;
        }
        let mut found = at.take()?;
        *at = found.next.take();
        if found.decodes() {
            let left = self.learn(found.learn(None));
            found.learn(left);
        }
        Some(found)
    }

    pub(crate) fn pause(&mut self, tag: u64, pause: Option<Pause>) {
        self.each(|recorder| {
            if recorder.tag == tag {
                recorder.pause(pause);
            }
        });
    }

    /// The far end pressed a key.
    pub(crate) fn press(&mut self, key: char) {
        self.each(|recorder| recorder.press(key));
    }

    /// As [`Recorder::owe`].
    pub(crate) fn owe(&mut self, samples: u64, rate: Rate) {
        self.each(|recorder| recorder.owe(samples, rate));
    }

    /// The next frame of what is heard.
    pub(crate) fn hear(&mut self, frame: &[i16], rate: Rate) {
        self.each(|recorder| recorder.hear(frame, rate));
    }

    /// As [`Recorder::settle`].
    pub(crate) fn settle(&mut self) {
        self.each(Recorder::settle);
    }

    /// As [`Recorder::turn_to`].
    pub(crate) fn turn_to(&mut self, ago: usize) {
        self.each(|recorder| recorder.turn_to(ago));
    }

    /// Whether any wants to know what is said.
    pub(crate) fn want_said(&self) -> bool {
        self.any(Recorder::wants_said)
    }

    /// What the leg says in this turn, as samples of `rate`.
    pub(crate) fn say(&mut self, frame: &[i16], rate: Rate) {
        self.each(|recorder| recorder.say(frame, rate));
    }

    /// What the leg says in this turn, as a payload of the codec that was learnt; `pcm` is room for its samples.
    pub(crate) fn say_encoded(&mut self, payload: &[u8], pcm: &mut [i16]) {
        let mut said = None;
        self.each(|recorder| said = said.or_else(|| recorder.decode(payload, pcm)));
        let Some((n, rate)) = said else { return };
        self.say(pcm.get(..n).unwrap_or_default(), rate);
    }

    /// What the leg says is of this decoder's codec from here on; the one that is not needed comes back.
    pub(crate) fn learn(&mut self, decoder: Option<Decoder>) -> Option<Decoder> {
        let (held, mut decoder, mut given) = (self.decodes(), decoder, false);
        self.each(|recorder| {
            if !given && recorder.wants_said() && recorder.decodes() == held {
                decoder = recorder.learn(decoder.take());
                given = true;
            }
        });
        decoder
    }

    /// The turn is over: whether somebody began to speak in it, and whether one is over.
    pub(crate) fn close(&mut self) -> (bool, bool) {
        let (mut talking, mut over) = (false, false);
        self.each(|recorder| match recorder.close() {
            Progress::Going => {}
            Progress::Talking => talking = true,
            Progress::Over => over = true,
        });
        (talking, over)
    }

    fn decodes(&self) -> bool {
        self.any(Recorder::decodes)
    }

    fn any(&self, is: impl Fn(&Recorder) -> bool) -> bool {
        std::iter::successors(self.0.as_deref(), |recorder| recorder.next.as_deref()).any(is)
    }

    fn each(&mut self, mut each: impl FnMut(&mut Recorder)) {
        let mut at = &mut self.0;
        while let Some(recorder) = at {
            each(recorder);
            at = &mut recorder.next;
        }
    }
}
