//! A call's end of its media leg: from reserved ports to the released leg, and which command an event belongs to.
//!
//! What must not be lost of what is ordered (mute, masking, the end of things) is kept while the worker is too busy for it
//! ([`owed`]).
//!
//! Commands to a leg have numbers of their own, apart from the flow's tags: what a flow starts twice under one tag is two
//! things here.

mod owed;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use audio::Rate;
use flow::leg::{LegEvent, Tag};
use media::{Command, Engine, Form, LegId, LegReport, LegSetup, Pause, Ports};
use tokio::sync::mpsc;

use crate::call::recording::Ongoing;
use crate::call::{Legs, Mail};
use crate::error::Refusal;
use owed::Owed;

/// What a command to the leg is for.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    /// A prompt or echo.
    Sound,
    /// A detector, of which something was told or not.
    Detector { told: bool },
    /// Keys that are sent, beside whatever is heard.
    Keys,
    /// A recording; boxed, for most calls have none.
    Recording(Box<Ongoing>),
}

/// A command that the leg obeys.
struct Started {
    number: u64,
    tag: Tag,
    job: Job,
}

#[derive(Debug)]
enum State {
    /// Before the first sound.
    Reserved(Ports),
    /// Adopted.
    Live(LegId),
    /// Asked to let go; `true` once the worker took the order.
    Leaving(LegId, bool),
    /// Nothing is left.
    Gone,
}

/// See the module.
pub(crate) struct MediaEnd {
    engine: Engine,
    legs: Arc<Legs>,
    mail: mpsc::Sender<Box<Mail>>,
    state: State,
    setup: Option<Arc<LegSetup>>,
    /// Oldest first: one or two, for which a list takes a quarter of a table's memory.
    jobs: Vec<Started>,
    numbers: u64,
    /// The number of the bridge that the leg has an end of.
    bridge: Option<u64>,
    /// How loud the far end is heard.
    gain: f32,
    /// Oldest first; mostly none.
    owed: Vec<Owed>,
}

/// What became of a command.
pub(crate) enum Outcome {
    /// To tell the flow.
    Told(Tag, LegEvent),
    /// A detector found this; that it is over only if it has found nothing, and was not stopped.
    Found(Tag, media::Found),
    /// A recording is complete.
    Recorded { tag: Tag, ongoing: Ongoing, duration: Duration },
    /// A recording failed.
    RecordFailed { tag: Tag, ongoing: Ongoing, why: String },
}

impl MediaEnd {
    pub(crate) fn new(
        engine: Engine,
        legs: Arc<Legs>,
        ports: Ports,
        mail: mpsc::Sender<Box<Mail>>,
    ) -> MediaEnd {
        let state = State::Reserved(ports);
        let jobs = Vec::new();
        MediaEnd {
            engine,
            legs,
            mail,
            state,
            setup: None,
            jobs,
            numbers: 0,
            bridge: None,
            gain: 1.0,
            owed: Vec::new(),
        }
    }

    pub(crate) fn leg(&self) -> Option<LegId> {
        match self.state {
            State::Live(leg) => Some(leg),
            _ => None,
        }
    }

    /// Whether it is this leg, or was until it went.
    pub(crate) fn is_of(&self, leg: LegId) -> bool {
        matches!(self.state, State::Live(own) | State::Leaving(own, _) if own == leg)
    }

    /// The port that peers are told; 0 once it is of no more interest.
    pub(crate) fn rtp_port(&self) -> u16 {
        match &self.state {
            State::Reserved(ports) => ports.rtp_port(),
            _ => 0,
        }
    }

    /// The leg and a new number for its end of a bridge, which [`Engine::bridge`] makes; `None` without a leg.
    pub(crate) fn bridge_end(&mut self) -> Option<(LegId, u64)> {
        let leg = self.leg()?;
        self.numbers += 1;
        self.bridge = Some(self.numbers);
        Some((leg, self.numbers))
    }

    /// How loud the far end is heard: a factor, 0 for not at all. It stays with the leg.
    pub(crate) fn set_gain(&mut self, gain: f32) {
        if self.leg().is_some() && gain != self.gain {
            self.gain = gain;
            self.owe(Owed::Loudness(gain));
        }
    }

    /// Has the next packet of audio told of, unless the worker is too busy to hear of that.
    pub(crate) fn await_audio(&self) {
        self.leg().into_iter().for_each(|leg| drop(self.engine.send(leg, Command::Await)));
    }

    /// Takes the end of a bridge out of the leg.
    pub(crate) fn part(&mut self) {
        if let (Some(_), Some(number)) = (self.leg(), self.bridge.take()) {
            self.owe(Owed::Stop(number));
        }
    }

    /// The leg is in another call from here on, which has asked nothing of it yet; recordings are `nobody`'s, and those that
    /// follow a transfer go on.
    pub(crate) fn rehome(&mut self, mail: mpsc::Sender<Box<Mail>>, nobody: Tag) {
        let follows = |job: &Job| matches!(job, Job::Recording(ongoing) if ongoing.follows);
        let ends = self.jobs.iter().filter(|started| !follows(&started.job)).map(|ends| ends.number);
        let ends: Vec<u64> = ends.chain(self.bridge).collect();
        ends.into_iter().for_each(|number| {
            self.owe(Owed::Stop(number));
        });
        self.bridge = self.bridge.filter(|_| self.leg().is_none());
        // What a recording comes to is still to be written down.
        self.jobs.retain(|started| matches!(started.job, Job::Recording(_)));
        self.jobs.iter_mut().for_each(|started| started.tag = nobody);
        if let State::Live(leg) | State::Leaving(leg, _) = self.state {
            self.legs.rehome(leg, mail.clone());
        }
        self.mail = mail;
    }

    /// Whether the far end keeps us from sending: it holds us.
    pub(crate) fn is_held(&self) -> bool {
        self.leg().is_some() && self.setup.as_ref().is_some_and(|setup| !setup.send)
    }

    /// What prompts for the leg are encoded as, once it lives.
    pub(crate) fn form(&self) -> Option<Form> {
        self.leg().and(self.setup.as_ref()).map(|setup| setup.form())
    }

    /// The rate at which it hears and speaks, once it lives.
    pub(crate) fn rate(&self) -> Option<Rate> {
        self.leg().and(self.setup.as_ref()).map(|setup| setup.rate)
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    /// Puts the leg to work, best where a leg `beside` is that it may come to talk to. Does nothing if it already is.
    pub(crate) fn adopt(&mut self, setup: &Arc<LegSetup>, beside: Option<LegId>) -> Result<(), Refusal> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Reserved(ports) => {
                let adopted =
                    self.legs.adopt(&self.engine, ports, (LegSetup::clone(setup), beside), self.mail.clone());
                self.state = State::Live(adopted.map_err(|error| {
                    tracing::warn!(%error, "no media leg");
                    Refusal::MediaBusy
                })?);
                self.setup = Some(setup.clone());
                Ok(())
            }
            State::Live(leg) => {
                self.state = State::Live(leg);
                Ok(())
            }
            other => {
                self.state = other;
                Err(Refusal::MediaBusy)
            }
        }
    }

    /// A number for what the leg does next.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// What a re-INVITE agreed on. In another codec, what plays goes on where it was. Whether it is anything new.
    pub(crate) fn reconfigure(&mut self, setup: Arc<LegSetup>) -> Result<bool, media::Error> {
        let Some(leg) = self.leg() else { return Ok(false) };
        if self.setup.as_ref() == Some(&setup) {
            return Ok(false);
        }
        self.engine.send(leg, Command::Reconfigure(Box::new(LegSetup::clone(&setup))))?;
        self.setup = Some(setup);
        Ok(true)
    }

    /// A re-INVITE agreed on what there was: the far end may send from elsewhere from now on. A worker that is too busy to
    /// hear of it hears of the next.
    pub(crate) fn renew(&self) {
        self.leg().into_iter().for_each(|leg| drop(self.engine.send(leg, Command::Renew)));
    }

    /// RTP packets that came so far, as of at most a second ago.
    pub(crate) fn packets_in(&self) -> u64 {
        self.leg().and_then(|leg| self.engine.report(leg)).map_or(0, |report| report.packets_in)
    }

    /// Whether audio goes both ways, so that silence from the far end says something.
    pub(crate) fn expects_audio(&self) -> bool {
        self.setup.as_ref().is_some_and(|setup| setup.receive && setup.send)
    }

    /// Starts what `command` makes of the number it is given.
    pub(crate) fn start(
        &mut self,
        tag: Tag,
        job: Job,
        command: impl FnOnce(u64) -> Command,
    ) -> Result<(), media::Error> {
        let leg = self.leg().ok_or(media::Error::NoLeg)?;
        self.numbers += 1;
        self.engine.send(leg, command(self.numbers))?;
        // Most have one at a time: no room for four.
        self.jobs.reserve_exact(1);
        self.jobs.push(Started { number: self.numbers, tag, job });
        Ok(())
    }

    /// Whether it has an end of a bridge.
    pub(crate) fn is_bridged(&self) -> bool {
        self.bridge.is_some()
    }

    /// The recordings that run.
    pub(crate) fn recordings(&self) -> impl Iterator<Item = &Ongoing> {
        self.jobs.iter().filter_map(|started| match &started.job {
            Job::Recording(ongoing) => Some(&**ongoing),
            Job::Sound | Job::Keys | Job::Detector { .. } => None,
        })
    }

    /// Whether anything that was started with `tag` goes on.
    pub(crate) fn is_doing(&self, tag: Tag) -> bool {
        self.jobs.iter().any(|started| started.tag == tag)
    }

    /// What was started last with `tag` goes on with these prompts, the same in another form.
    pub(crate) fn swap(&self, tag: Tag, items: Vec<Arc<media::Prompt>>) -> Result<(), media::Error> {
        let leg = self.leg().ok_or(media::Error::NoLeg)?;
        match self.sound(tag) {
            Some(number) => self.engine.send(leg, Command::Swap { tag: number, items }),
            None => Ok(()),
        }
    }

    /// The number of the sound that was started last with `tag`, whatever keys are sent beside it.
    fn sound(&self, tag: Tag) -> Option<u64> {
        let is_sound = |started: &&Started| started.tag == tag && matches!(started.job, Job::Sound);
        self.jobs.iter().rfind(is_sound).map(|started| started.number)
    }

    /// Stops what the flow started with `tag`; its own event follows. Whether there was such a thing.
    pub(crate) fn stop(&mut self, tag: Tag) -> bool {
        let of_tag = self.jobs.iter().filter(|started| started.tag == tag);
        let numbers: Vec<u64> = of_tag.map(|started| started.number).collect();
        // Of a detector nothing more is to be heard, also of what is on its way.
        self.jobs.retain(|started| started.tag != tag || !matches!(started.job, Job::Detector { .. }));
        numbers.into_iter().filter(|number| self.owe(Owed::Stop(*number))).count() > 0
    }

    /// Sends what `command` makes of the number of the sound that was started last with `tag`; that number, `None` if
    /// there is no such sound.
    pub(crate) fn steer(
        &self,
        tag: Tag,
        command: impl FnOnce(u64) -> Command,
    ) -> Result<Option<u64>, media::Error> {
        let leg = self.leg().ok_or(media::Error::NoLeg)?;
        let number = self.sound(tag);
        number.map(|number| self.engine.send(leg, command(number)).map(|()| number)).transpose()
    }

    /// Leaves out what those recordings hear, or goes on with them; which they are.
    pub(crate) fn pause_recordings(
        &mut self,
        is_meant: impl Fn(Tag, &Ongoing) -> bool,
        pause: Option<Pause>,
    ) -> Vec<String> {
        let meant = self.jobs.iter().filter_map(|started| match &started.job {
            Job::Recording(ongoing) if is_meant(started.tag, ongoing) => {
                Some((started.number, ongoing.id.clone()))
            }
            _ => None,
        });
        let (numbers, ids): (Vec<u64>, Vec<String>) = meant.unzip();
        for number in numbers {
            self.owe(Owed::Pause(number, pause));
        }
        ids
    }

    /// Ends the recording of this id; its event follows.
    pub(crate) fn stop_recording(&mut self, id: &str) {
        let is_meant = |job: &Job| matches!(job, Job::Recording(ongoing) if ongoing.id == id);
        let meant = self.jobs.iter().find(|started| is_meant(&started.job)).map(|started| started.number);
        if let Some(number) = meant {
            self.owe(Owed::Stop(number));
        }
    }

    /// What was started under this number is over; `None` if that is known already.
    fn ended(&mut self, number: u64) -> Option<Started> {
        let at = self.jobs.iter().position(|started| started.number == number)?;
        Some(self.jobs.remove(at))
    }

    /// What an event means for a command of the flow. One that is not known has ended already.
    pub(crate) fn outcome(&mut self, event: &media::Event) -> Option<Outcome> {
        match event {
            media::Event::Played { tag, stopped, .. } => {
                Some(Outcome::Told(self.ended(*tag)?.tag, LegEvent::Played { stopped: *stopped }))
            }
            media::Event::Detected { tag, what: media::Found::Over, .. } => match self.ended(*tag)? {
                // A leg that goes takes its detectors along.
                Started { tag, job: Job::Detector { told: false }, .. } if self.leg().is_some() => {
                    Some(Outcome::Found(tag, media::Found::Over))
                }
                _ => None,
            },
            media::Event::Detected { tag, what, .. } => {
                let started = self.jobs.iter_mut().find(|started| started.number == *tag)?;
                started.job = Job::Detector { told: true };
                Some(Outcome::Found(started.tag, *what))
            }
            media::Event::DigitsSent { tag, .. } => {
                Some(Outcome::Told(self.ended(*tag)?.tag, LegEvent::DigitsSent))
            }
            media::Event::Recorded { tag, duration, .. } => match self.ended(*tag)? {
                Started { tag, job: Job::Recording(ongoing), .. } => {
                    Some(Outcome::Recorded { tag, ongoing: *ongoing, duration: *duration })
                }
                Started { .. } => None,
            },
            media::Event::RecordFailed { tag, why, .. } => match self.ended(*tag)? {
                Started { tag, job: Job::Recording(ongoing), .. } => {
                    Some(Outcome::RecordFailed { tag, ongoing: *ongoing, why: why.clone() })
                }
                Started { .. } => None,
            },
            _ => None,
        }
    }

    /// Lets the leg go; ports that were never used go back at once. Done again by
    /// [`MediaEnd::settle`] if the worker is too busy.
    pub(crate) fn release(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Gone) {
            State::Live(leg) | State::Leaving(leg, false) => match self.engine.send(leg, Command::Release) {
                Ok(()) => State::Leaving(leg, true),
                Err(media::Error::Busy) => State::Leaving(leg, false),
                // The engine does not know the leg any more.
                Err(_) => State::Gone,
            },
            State::Reserved(_) | State::Gone => State::Gone,
            leaving => leaving,
        };
    }

    /// The worker was too busy to take the order to let go.
    fn owes_release(&self) -> bool {
        matches!(self.state, State::Leaving(_, false))
    }

    /// The worker has let go.
    pub(crate) fn released(&mut self, report: &LegReport) -> String {
        self.state = State::Gone;
        self.jobs.clear();
        let mut words = format!(
            "{} released: {} packets in, {} out, {} lost, jitter {:.1} ms",
            report.codec.name(),
            report.packets_in,
            report.packets_out,
            report.lost,
            report.jitter_ms
        );
        if let Some(mos) = report.mos {
            words.push_str(&format!(", MOS {mos:.1}"));
        }
        if let Some(mos) = report.remote_mos {
            words.push_str(&format!(", there {mos:.1}"));
        }
        words
    }
}

impl Drop for MediaEnd {
    fn drop(&mut self) {
        // A call that ends in an orderly way has released its leg; this is for one whose task is torn down.
        if matches!(self.state, State::Live(_) | State::Leaving(_, false)) {
            self.release();
        }
    }
}
