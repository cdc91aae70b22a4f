//! What a leg says and hears: prompts, music, the ringing tone, the other party, keys.

use std::sync::Arc;

use flow::leg::{LegEvent, Prompt, Tag};
use media::{LegSetup, Start};

use super::{CallLeg, NOTICE, OWN, Own};
use crate::call::attend;
use crate::call::hold::MUSIC;
use crate::studio::PromptError;

impl CallLeg {
    /// The prompts of an errand of the player are ready, or will not be.
    pub(crate) fn prompts_ready(
        &mut self,
        errand: u64,
        result: Result<Vec<Arc<media::Prompt>>, PromptError>,
    ) {
        let told = self.player.ready(&mut self.media, errand, result);
        if let Some((tag, event)) = told {
            self.tell_played(tag, event);
        }
    }

    /// Plays music, from where it is by now, until [`CallLeg::end_music`], over whatever the leg hears.
    pub(crate) fn play_music(&mut self, music: Vec<Prompt>) {
        self.own = Own::Music(music.clone());
        self.play_from(OWN, music, flow::ir::Repeat::Forever, Start::Now);
    }

    /// Whether the flow's prompts are heard, or soon will be.
    pub(in crate::call) fn is_speaking(&self) -> bool {
        self.player.at_work().is_some_and(|tag| tag != OWN)
    }

    /// The flow has something to say: music gives way to it.
    pub(super) fn speak(&mut self, tag: Tag, prompts: Vec<Prompt>, repeat: flow::ir::Repeat) {
        if matches!(self.own, Own::Music(_)) {
            self.own = Own::Nothing;
        }
        self.play(tag, prompts, repeat);
    }

    /// Tells the far end something that nobody waits for.
    pub(in crate::call) fn notify(&mut self, prompts: Vec<Prompt>) {
        self.speak(NOTICE, prompts, flow::ir::Repeat::Times(1));
    }

    /// A tone in place of words that cannot be said.
    pub(super) fn beep(&mut self) {
        self.play(OWN, vec![attend::tone()], flow::ir::Repeat::Times(1));
    }

    /// Whether it is this music that the leg hears.
    pub(crate) fn hears_music(&self, music: &[Prompt]) -> bool {
        matches!(&self.own, Own::Music(own) if own == music)
    }

    /// Ends the music, if it is that what the call plays.
    pub(crate) fn end_music(&mut self) {
        if matches!(self.own, Own::Music(_)) {
            self.hush();
        }
    }

    /// Tells the flow what came of what is played. Music that cannot be played is replaced by the usual one.
    fn tell_played(&mut self, tag: Tag, event: LegEvent) {
        let usual = [Prompt::Sound(MUSIC.to_owned())];
        let failed = tag == OWN && matches!(event, LegEvent::Failed { .. });
        match &self.own {
            Own::Music(music) if failed && *music != usual => {
                self.play_from(OWN, usual.into(), flow::ir::Repeat::Forever, Start::Now);
            }
            _ => self.tell(tag, event),
        }
    }

    /// Ends what the call itself plays.
    pub(crate) fn hush(&mut self) {
        if std::mem::replace(&mut self.own, Own::Nothing) != Own::Nothing {
            self.stop_play(OWN);
        }
    }

    pub(super) fn play(&mut self, tag: Tag, prompts: Vec<Prompt>, repeat: flow::ir::Repeat) {
        self.play_from(tag, prompts, repeat, Start::BEGINNING);
    }

    fn play_from(&mut self, tag: Tag, prompts: Vec<Prompt>, repeat: flow::ir::Repeat, start: Start) {
        let told = self.player.start(&mut self.media, tag, prompts, repeat, start);
        for (tag, event) in told.into_iter().flatten() {
            self.tell_played(tag, event);
        }
    }

    /// Changes the media leg; what plays goes on. Whether it is anything new.
    pub(super) fn reconfigure(&mut self, setup: Arc<LegSetup>) -> Result<bool, media::Error> {
        let changed = self.media.reconfigure(setup)?;
        if changed && let Some((tag, event)) = self.player.reform(&mut self.media) {
            self.tell(tag, event);
        }
        Ok(changed)
    }

    pub(super) fn stop_play(&mut self, started: Tag) {
        match self.player.stop(started) {
            Some((tag, event)) => self.tell(tag, event),
            None if self.forget_recording(started) || self.stop_keys(started) => {}
            None => {
                self.media.stop(started);
            }
        }
    }

    /// The media leg and the number of its end of a new bridge.
    pub(crate) fn bridge_end(&mut self) -> Option<(media::LegId, u64)> {
        self.media.bridge_end()
    }

    /// Takes the end of a bridge out of the leg.
    pub(crate) fn part(&mut self) {
        self.media.part();
    }

    /// Nobody hears the far end, or everybody does again.
    pub(crate) fn mute(&mut self, on: bool) {
        self.loudness.0 = on;
        self.settle_loudness();
    }

    /// How loud the far end is heard from here on, as a factor.
    pub(crate) fn set_gain(&mut self, gain: f32) {
        self.loudness.1 = gain;
        self.settle_loudness();
    }

    pub(super) fn settle_loudness(&mut self) {
        let gain = match self.loudness {
            (true, _) => 0.0,
            (false, gain) => gain,
        };
        self.media.set_gain(gain);
    }

    /// Lets the caller hear that it rings: 180, and the tone if it hears us already, by an answer or by early media, which
    /// phones go on playing whatever they are told.
    pub(crate) fn ring(&mut self, ringback: Vec<Prompt>) {
        self.session.ring();
        if self.has_media() && self.own != Own::Ringing {
            self.own = Own::Ringing;
            self.play(OWN, ringback, flow::ir::Repeat::Forever);
        }
    }

    /// Has it told when the far end's next sound comes.
    pub(in crate::call) fn await_audio(&self) {
        self.media.await_audio();
    }

    /// Packets of audio that came so far, as of at most a second ago.
    pub(in crate::call) fn packets_in(&self) -> u64 {
        self.media.packets_in()
    }

    /// Lets the caller hear this while it rings, also before the answer (183).
    pub(crate) fn ring_by(&mut self, sound: Vec<Prompt>) {
        if !matches!(self.own, Own::Ringing | Own::Ringback) {
            self.own = Own::Ringback;
            self.play(OWN, sound, flow::ir::Repeat::Forever);
        }
    }
}
