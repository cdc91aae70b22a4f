//! A phone that follows a script: wait for the voice to end, press a key, listen, hang up.
//!
//! Owns the steps' words and what is told of them while they run.
//! Each wait has a limit, and a script that does not come to its end says at which step.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use audio::Rate;

use super::{Call, Heard, Offer, Phone, PhoneError};

/// How long a pause ends what a voice says; those inside a sentence are shorter.
const PAUSE: Duration = Duration::from_millis(700);
/// How long a step waits if it does not say.
const LIMIT: Duration = Duration::from_secs(30);

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `wait-speech [limit]`: until there is sound.
    WaitSpeech(Duration),
    /// `wait-speech-end [pause] [limit]`: until there was sound and then none for `pause`.
    WaitSpeechEnd(Duration, Duration),
    /// `press 12#`: keys, as RFC 4733 events.
    Press(String),
    /// `listen 3s`
    Listen(Duration),
    /// `tone 440 1s`: sends a tone.
    Tone(u16, Duration),
    /// `wait-bye [limit]`: until the far end hangs up.
    WaitBye(Duration),
    /// `hangup`
    HangUp,
    /// `vanish`: goes away without a word.
    Vanish,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::WaitSpeech(_) => write!(f, "wait-speech"),
            Step::WaitSpeechEnd(..) => write!(f, "wait-speech-end"),
            Step::Press(keys) => write!(f, "press {keys}"),
            Step::Listen(time) => write!(f, "listen {}ms", time.as_millis()),
            Step::Tone(hertz, time) => write!(f, "tone {hertz} {}ms", time.as_millis()),
            Step::WaitBye(_) => write!(f, "wait-bye"),
            Step::HangUp => write!(f, "hangup"),
            Step::Vanish => write!(f, "vanish"),
        }
    }
}

/// What is told while a script runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The call was answered.
    Answered,
    /// A step begins.
    Begins(Step),
    /// The far end hung up.
    FarEndHungUp,
    /// The phone hung up.
    HungUp,
}

/// Why a script did not come to its end.
#[derive(Debug)]
pub enum ScriptError {
    /// A line is none of the steps.
    Unknown(String),
    /// The phone failed, or was refused.
    Phone(PhoneError),
    /// What the step waited for did not come in time.
    Missed(Step),
    /// The far end hung up before this step.
    Over(Step),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScriptError::Unknown(line) => write!(
                f,
                "`{line}` is none of wait-speech [limit], wait-speech-end [pause] [limit], press KEYS, listen TIME, \
                 tone HERTZ TIME, wait-bye [limit], hangup, vanish"
            ),
            ScriptError::Phone(error) => error.fmt(f),
            ScriptError::Missed(step) => write!(f, "nothing came in time for `{step}`"),
            ScriptError::Over(step) => write!(f, "the far end hung up before `{step}`"),
        }
    }
}

impl std::error::Error for ScriptError {}

impl From<PhoneError> for ScriptError {
    fn from(error: PhoneError) -> ScriptError {
        ScriptError::Phone(error)
    }
}

/// Steps in their order. Written one a line, or with `;` between them; `//` begins a remark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script(pub Vec<Step>);

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Script, ScriptError> {
        let lines = text.lines().flat_map(|line| line.split("//").next().unwrap_or_default().split(';'));
        let steps = lines.map(str::trim).filter(|line| !line.is_empty());
        steps
            .map(|line| step(line).ok_or_else(|| ScriptError::Unknown(line.to_owned())))
            .collect::<Result<_, _>>()
            .map(Script)
    }
}

fn step(line: &str) -> Option<Step> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let words: Vec<&str> = words.collect();
    let times: Option<Vec<Duration>> = words.iter().map(|word| time(word)).collect();
    Some(match (name, words.as_slice(), times.as_deref()) {
        ("wait-speech", _, Some([])) => Step::WaitSpeech(LIMIT),
        ("wait-speech", _, Some([limit])) => Step::WaitSpeech(*limit),
        ("wait-speech-end", _, Some([])) => Step::WaitSpeechEnd(PAUSE, LIMIT),
        ("wait-speech-end", _, Some([pause])) => Step::WaitSpeechEnd(*pause, LIMIT),
        ("wait-speech-end", _, Some([pause, limit])) => Step::WaitSpeechEnd(*pause, *limit),
        ("press", [keys], _) if keys.chars().all(|key| "0123456789*#ABCDabcd".contains(key)) => {
            Step::Press((*keys).to_owned())
        }
        ("listen", _, Some([length])) => Step::Listen(*length),
        ("tone", [hertz, length], _) => Step::Tone(hertz.parse().ok()?, time(length)?),
        ("wait-bye", _, Some([])) => Step::WaitBye(LIMIT),
        ("wait-bye", _, Some([limit])) => Step::WaitBye(*limit),
        ("hangup", [], _) => Step::HangUp,
        ("vanish", [], _) => Step::Vanish,
        _ => return None,
    })
}

/// `3s`, `1.5s`, `700ms`.
fn time(word: &str) -> Option<Duration> {
    let (number, scale) = match word.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (word.strip_suffix('s')?, 1.0),
    };
    let seconds = number.parse::<f64>().ok()? * scale;
    (0.0..86_400.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

impl Script {
    /// Calls `number` and does the steps; what was heard. Each thing that happens is told to `tell` with the time
    /// since the call was placed. A script without an end hangs up.
    pub fn run(
        &self,
        phone: &mut Phone,
        number: &str,
        mut tell: impl FnMut(Duration, Event),
    ) -> Result<Heard, ScriptError> {
        let placed = Instant::now();
        let mut call = phone.call(number, Offer::Early, LIMIT)?;
        tell(placed.elapsed(), Event::Answered);
        let mut over = false;
        for step in &self.0 {
            match step {
                Step::HangUp => break,
                Step::Vanish => return Ok(call.vanish()),
                _ => {}
            }
            // Listening and waiting for the end are as good as done; anything else has come too late.
            if over && !matches!(step, Step::Listen(_) | Step::WaitBye(_)) {
                return Err(ScriptError::Over(step.clone()));
            }
            tell(placed.elapsed(), Event::Begins(step.clone()));
            let done = take(step, &mut call)?;
            if call.is_over() && !over {
                over = true;
                tell(placed.elapsed(), Event::FarEndHungUp);
            }
            // A voice that ended with the call has ended.
            let ended_so =
                over && matches!(step, Step::WaitSpeechEnd(..)) && !call.stream.heard.samples.is_empty();
            if !done && !ended_so {
                return Err(if over {
                    ScriptError::Over(step.clone())
                } else {
                    ScriptError::Missed(step.clone())
                });
            }
        }
        let heard = call.hang_up()?;
        if !over {
            tell(placed.elapsed(), Event::HungUp);
        }
        Ok(heard)
    }
}

/// Does one step; whether it came to what it waited for.
fn take(step: &Step, call: &mut Call<'_>) -> Result<bool, PhoneError> {
    match step {
        Step::WaitSpeech(limit) => {
            let from = call.stream.heard.samples.len();
            let loud = |window: &[i16]| audio::level::rms_dbov(window) > crate::ear::FLOOR;
            call.run(*limit, |stream| {
                stream.heard.samples.get(from..).unwrap_or_default().chunks_exact(160).any(loud)
            })
        }
        Step::WaitSpeechEnd(pause, limit) => call.listen_until_quiet(*pause, *limit),
        Step::Press(keys) => call.press(keys).map(|()| true),
        Step::Listen(length) => call.listen(*length).map(|()| true),
        Step::Tone(hertz, length) => {
            let tone = audio::tone::render(&[*hertz], *length, Duration::ZERO, *length, Rate::NARROW);
            call.talk(&tone).map(|()| true)
        }
        Step::WaitBye(limit) => call.until_bye(*limit),
        Step::HangUp | Step::Vanish => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_line_by_line() {
        let text = "wait-speech-end // the greeting\npress 12#; listen 1.5s\n\nwait-speech-end 500ms 9s\ntone 440 1s\nwait-bye 3s\nhangup";
        let steps = vec![
            Step::WaitSpeechEnd(PAUSE, LIMIT),
            Step::Press("12#".into()),
            Step::Listen(Duration::from_millis(1500)),
            Step::WaitSpeechEnd(Duration::from_millis(500), Duration::from_secs(9)),
            Step::Tone(440, Duration::from_secs(1)),
            Step::WaitBye(Duration::from_secs(3)),
            Step::HangUp,
        ];
        assert_eq!(text.parse::<Script>().unwrap().0, steps);
    }

    #[test]
    fn what_is_no_step_is_named() {
        for line in
            ["dance", "press", "press x", "listen", "listen 3", "listen -1s", "hangup now", "tone a 1s"]
        {
            let error = line.parse::<Script>().unwrap_err();
            assert!(matches!(&error, ScriptError::Unknown(found) if found == line), "{error}");
        }
    }
}
