//! The simulated world: a leg that plays nothing and servers that answer from the script.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    Documents, feature, ring,
    script::{Callee, Script},
};
use crate::{
    engine::{HttpFailure, HttpReply, HttpRequest, Input},
    ir::{Cause, Dial, Feature, Program, Repeat, Timings},
    leg::{Detection, DialOutcome, Leaving, LegCommand, LegEvent, Prompt, Tag},
    lower::{self, Dialect},
};

/// A server's answer takes so long.
const SERVER: Duration = Duration::from_millis(50);
/// A character of speech, 17 a second.
const CHARACTER: Duration = Duration::from_millis(60);
/// Shortest speech.
const WORD: Duration = Duration::from_millis(300);
/// Any sound.
const SOUND: Duration = Duration::from_secs(2);

/// What will happen, and what is going on.
#[derive(Debug)]
pub(super) struct World {
    /// Whether the flow has answered.
    pub(super) answered: bool,
    /// What will happen, by time and then in the order in which it was begun.
    coming: Vec<(Duration, Input)>,
    /// What other people will do, to be told.
    telling: Vec<(Duration, Tag, String)>,
    /// What they just did.
    pub(super) remarks: Vec<String>,
    playing: Vec<Tag>,
    recording: Vec<Recording>,
    recorded: u32,
    replies: VecDeque<Result<HttpReply, HttpFailure>>,
    documents: Vec<(String, Option<Arc<Program>>)>,
    callees: VecDeque<Callee>,
    dialling: Vec<Tag>,
    features: Vec<(String, String, Option<Duration>)>,
    /// Features that go on.
    lasting: Vec<Tag>,
    rooms: VecDeque<(Duration, Leaving)>,
    answers: VecDeque<(Duration, Detection)>,
    joined: Vec<Tag>,
}

/// A recording that is going on.
#[derive(Debug)]
struct Recording {
    tag: Tag,
    number: u32,
    began: Duration,
}

impl Recording {
    fn end(&self, duration: Duration) -> LegEvent {
        LegEvent::Recorded { id: format!("recording-{}", self.number), duration }
    }
}

impl World {
    pub(super) fn new(script: &Script, dialect: Dialect) -> World {
        let program = |document: &Value| {
            lower::lower(Some(dialect), document).ok().map(|lowered| Arc::new(lowered.program))
        };
        World {
            answered: false,
            coming: Vec::new(),
            telling: Vec::new(),
            remarks: Vec::new(),
            features: script.features.clone(),
            lasting: Vec::new(),
            playing: Vec::new(),
            recording: Vec::new(),
            recorded: 0,
            replies: script.replies.clone(),
            callees: script.callees.clone(),
            dialling: Vec::new(),
            rooms: script.rooms.clone(),
            answers: script.answers.clone(),
            joined: Vec::new(),
            documents: script
                .documents
                .iter()
                .map(|(id, document)| (id.clone(), program(document)))
                .collect(),
        }
    }

    /// When the next thing happens.
    pub(super) fn due(&self) -> Option<Duration> {
        let told = self.telling.iter().map(|(due, ..)| *due);
        self.coming.iter().map(|(due, _)| *due).chain(told).min()
    }

    /// What happens now, if anything does.
    pub(super) fn happen(&mut self, now: Duration) -> Option<Input> {
        let (told, later): (Vec<_>, Vec<_>) = self.telling.drain(..).partition(|(due, ..)| *due <= now);
        self.telling = later;
        self.remarks.extend(told.into_iter().map(|(_, _, words)| words));
        let due = self.coming.iter().map(|(due, _)| *due).min().filter(|due| *due <= now)?;
        let at = self.coming.iter().position(|(time, _)| *time == due)?;
        let (_, input) = self.coming.remove(at);
        if let Input::Leg(tag, LegEvent::Played { .. }) = &input {
            self.playing.retain(|playing| playing != tag);
        }
        match &input {
            Input::Leg(tag, LegEvent::Answered)
                if self.dialling.contains(tag) || self.lasting.contains(tag) =>
            {
                self.answered = true;
            }
            Input::Leg(tag, LegEvent::Finished { .. }) => self.lasting.retain(|lasting| lasting != tag),
            Input::Leg(tag, LegEvent::Left { .. }) => self.joined.retain(|joined| joined != tag),
            Input::Leg(tag, LegEvent::Dialled { .. }) => self.dialling.retain(|dialling| dialling != tag),
            _ => {}
        }
        if let Input::Leg(tag, LegEvent::Recorded { .. }) = &input {
            self.recording.retain(|recording| recording.tag != *tag);
        }
        Some(input)
    }

    pub(super) fn perform(&mut self, now: Duration, tag: Tag, command: LegCommand) {
        match command {
            LegCommand::Answer => {
                self.answered = true;
                self.event(now, tag, LegEvent::Answered);
            }
            LegCommand::Play { prompts, repeat } => {
                self.playing.push(tag);
                let once: Duration = prompts.iter().map(length).sum();
                if let Repeat::Times(times) = repeat {
                    self.event(now + once * times, tag, LegEvent::Played { stopped: false });
                }
            }
            LegCommand::Stop(what) => self.stop(now, what),
            LegCommand::SendDigits { digits, duration, gap } => {
                let count = u32::try_from(digits.chars().count()).unwrap_or(u32::MAX);
                let length = duration * count + gap * count.saturating_sub(1);
                self.event(now + length, tag, LegEvent::DigitsSent);
            }
            LegCommand::Record { limit, silence, .. } => {
                self.recorded += 1;
                let recording = Recording { tag, number: self.recorded, began: now };
                // The simulated caller says nothing.
                if let Some(length) = [limit, silence].into_iter().flatten().min() {
                    self.event(now + length, tag, recording.end(length));
                }
                self.recording.push(recording);
            }
            LegCommand::Dial(dial) => self.dial(now, tag, &dial),
            LegCommand::Feature(feature) => self.feature(now, tag, &feature),
            LegCommand::Conference(_) => self.join(now, tag),
            LegCommand::Detect { follows, timings } => self.detect(now, tag, follows, &timings),
            LegCommand::Echo | LegCommand::Mask(..) | LegCommand::Hangup { .. } => {}
        }
    }

    pub(super) fn request(&mut self, now: Duration, tag: Tag, request: &HttpRequest) {
        // A request that nobody waits for takes no reply from the script.
        let reply = if request.wait {
            self.replies
                .pop_front()
                .unwrap_or_else(|| Err(HttpFailure { why: "the script has no reply".into(), timeout: false }))
        } else {
            Ok(HttpReply { status: 200, content_type: String::new(), body: Vec::new(), note: String::new() })
        };
        let late = matches!(&reply, Err(failure) if failure.timeout);
        let after = if late { request.timeout } else { SERVER };
        self.coming.push((now + after, Input::Http(tag, reply)));
    }

    /// Documents of the script go before those of the store.
    pub(super) fn look_up(&mut self, now: Duration, tag: Tag, id: &str, store: Documents<'_>) {
        let found = self.documents.iter().find(|(name, _)| name == id);
        let program = found.map_or_else(|| store(id), |(_, program)| program.clone());
        self.coming.push((now, Input::Document(tag, program)));
    }

    /// The caller hangs up: what was being recorded is closed.
    pub(super) fn close(&mut self, now: Duration) -> Vec<(Tag, LegEvent)> {
        let open = std::mem::take(&mut self.recording);
        self.coming.retain(|(_, input)| !matches!(input, Input::Leg(..)));
        self.telling.clear();
        open.into_iter().map(|open| (open.tag, open.end(now.saturating_sub(open.began)))).collect()
    }

    /// Stays as long as the script says; without a word, until the caller hangs up.
    fn join(&mut self, now: Duration, tag: Tag) {
        self.joined.push(tag);
        let end = self.rooms.pop_front();
        if !matches!(end, Some((_, Leaving::Full | Leaving::Locked))) {
            self.event(now, tag, LegEvent::Joined);
        }
        if let Some((after, how)) = end {
            self.event(now + after, tag, LegEvent::Left { how });
        }
    }

    /// Who answered, as the script says; without a word, nobody can tell.
    fn detect(&mut self, now: Duration, tag: Tag, follows: bool, timings: &Timings) {
        let limit = timings.total.unwrap_or(Timings::TOTAL);
        let greeting = follows.then_some(timings.beep.unwrap_or(Timings::BEEP));
        let (mut after, mut found) = self.answers.pop_front().unwrap_or((limit, Detection::Unknown));
        if after >= limit && found.kind() != Detection::Machine {
            (after, found) = (limit, Detection::Unknown);
        }
        self.event(now + after.min(limit), tag, LegEvent::Detected(found.kind()));
        // The time of a beep is that of the beep; the machine is known before it.
        if let Some(greeting) = greeting.filter(|_| found.kind() == Detection::Machine) {
            let end = if found == Detection::Machine { Detection::GreetingOver } else { found };
            self.event(now + after.min(limit) + (after / 2).min(greeting), tag, LegEvent::Detected(end));
        }
    }

    fn dial(&mut self, now: Duration, tag: Tag, dial: &Dial<String>) {
        self.dialling.push(tag);
        let plan = ring::plan(dial, &mut self.callees);
        self.telling.extend(plan.remarks.into_iter().map(|(at, words)| (now + at, tag, words)));
        if let Some(at) = plan.answered {
            self.event(now + at, tag, LegEvent::Answered);
        }
        let (at, outcome, status) = plan.end;
        self.event(now + at, tag, LegEvent::Dialled { outcome, status });
    }

    /// Comes to the word that the script has for it, or to its usual one.
    fn feature(&mut self, now: Duration, tag: Tag, feature: &Feature<String>) {
        self.lasting.push(tag);
        let name = feature.name().to_ascii_lowercase();
        let said = self.features.iter().position(|(of, ..)| *of == name).map(|at| self.features.remove(at));
        let usual = feature::usual(feature);
        let over = match said {
            Some((_, word, after)) => {
                // What cannot be done is known at once.
                let lasts = !feature::REFUSALS.contains(&word.as_str());
                let usual = usual.map(|(after, _)| after).filter(|_| lasts);
                Some((after.or(usual).unwrap_or_default(), word))
            }
            None => usual.map(|(after, word)| (after, word.to_owned())),
        };
        // What takes time connects the caller with somebody or something, and answers for that.
        // Who waits in a queue in vain was connected with nobody.
        let waits = matches!(feature, Feature::Queue(_));
        let lasts = over.as_ref().is_none_or(|(after, word)| !after.is_zero() && (!waits || word == "done"));
        if lasts && !self.answered {
            self.event(now, tag, LegEvent::Answered);
        }
        match over {
            Some((after, word)) if word == "unconfigured" => {
                let why = format!("{} is not configured", feature.name());
                self.event(now + after, tag, LegEvent::Failed { cause: Cause::Unavailable, why });
            }
            Some((after, word)) => self.event(now + after, tag, LegEvent::Finished { word }),
            None => {}
        }
    }

    fn stop(&mut self, now: Duration, tag: Tag) {
        let open = |(_, input): &(Duration, Input)| !matches!(input, Input::Leg(of, _) if *of == tag);
        self.coming.retain(open);
        self.telling.retain(|(_, of, _)| *of != tag);
        if self.lasting.contains(&tag) {
            self.event(now, tag, LegEvent::Finished { word: "stopped".to_owned() });
        }
        if self.dialling.contains(&tag) {
            self.event(now, tag, LegEvent::Dialled { outcome: DialOutcome::Cancelled, status: 487 });
        }
        if self.joined.contains(&tag) {
            self.event(now, tag, LegEvent::Left { how: Leaving::Stopped });
        }
        if self.playing.contains(&tag) {
            self.playing.retain(|playing| *playing != tag);
            self.event(now, tag, LegEvent::Played { stopped: true });
        }
        if let Some(at) = self.recording.iter().position(|recording| recording.tag == tag) {
            let open = self.recording.remove(at);
            self.event(now, tag, open.end(now.saturating_sub(open.began)));
        }
    }

    fn event(&mut self, due: Duration, tag: Tag, event: LegEvent) {
        self.coming.push((due, Input::Leg(tag, event)));
    }
}

fn length(prompt: &Prompt) -> Duration {
    match prompt {
        Prompt::Speech(speech) => {
            let mut tag = false;
            let spoken = speech.text.chars().filter(|c| {
                let inside = tag || *c == '<';
                tag = inside && *c != '>';
                !inside
            });
            let count = u32::try_from(spoken.count()).unwrap_or(u32::MAX);
            (CHARACTER.saturating_mul(count)).max(WORD)
        }
        Prompt::Sound(_) => SOUND,
        Prompt::Tone(tone) => tone.total,
        Prompt::Signal(signal) => signal.total.unwrap_or(SOUND),
        Prompt::Silence(length) => *length,
        Prompt::Recording(_) => Duration::from_secs(2),
    }
}
