//! What documents name beside sounds where something is to be heard: `tone_stream://`, `silence_stream://`, `tts://`, and
//! `tone://` and `recording://`, which are ours.

use std::time::Duration;

use crate::ir::Tone;
use crate::leg::{Prompt, Speech};

/// What a telephone network tells by a tone, in the way of a country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Which.
    pub what: Sign,
    /// An ISO 3166 code of two letters in lower case; `None` for that of the configuration.
    pub country: Option<String>,
    /// How long in all; `None` for one turn of its cadence.
    pub total: Option<Duration>,
}

/// The signals of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Dial now.
    Dial,
    /// It rings there.
    Ringback,
    /// The other end talks to somebody else.
    Busy,
    /// The network could not get there.
    Congestion,
}

impl Sign {
    const ALL: [Sign; 4] = [Sign::Dial, Sign::Ringback, Sign::Busy, Sign::Congestion];

    /// Its name in documents.
    pub fn word(self) -> &'static str {
        match self {
            Sign::Dial => "dial",
            Sign::Ringback => "ringback",
            Sign::Busy => "busy",
            Sign::Congestion => "congestion",
        }
    }
}

impl Signal {
    /// One turn of it, in the way of the configured country.
    pub fn usual(what: Sign) -> Signal {
        Signal { what, country: None, total: None }
    }

    /// The name that means it, as [`named`] reads it.
    pub fn name(&self) -> String {
        let country = self.country.iter().map(|country| format!(";country={country}"));
        let total = self.total.iter().map(|total| format!(";ms={}", total.as_millis()));
        format!("tone://{}{}", self.what.word(), country.chain(total).collect::<String>())
    }
}

/// Half a second of 440 Hz, as before a recording.
const BEEP: Duration = Duration::from_millis(500);

/// What is heard by a name that is neither a sound's nor an address: `tone://busy;country=de;ms=3000`, `tone://beep`,
/// `recording://ID`. `None` for all others.
///
/// # Errors
/// What was expected in place of a tone that does not exist.
pub fn named(name: &str) -> Option<Result<Prompt, String>> {
    if let Some(id) = name.strip_prefix("recording://") {
        return Some(Ok(Prompt::Recording(id.trim().to_owned())));
    }
    let rest = name.strip_prefix("tone://").or_else(|| {
        let rest = name.strip_prefix("tone_stream://")?;
        // `v=-7;%(500,0,440)` begins with how loud it is to be.
        (rest.starts_with(|c: char| c.is_ascii_lowercase()) && !rest.contains("%(")).then_some(rest)
    })?;
    Some(network(rest))
}

fn network(rest: &str) -> Result<Prompt, String> {
    let mut parts = rest.split(';').map(str::trim);
    let word = parts.next().unwrap_or_default();
    let (mut country, mut total) = (None, None);
    for part in parts.filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("country", code)) if code.len() == 2 && code.chars().all(|c| c.is_ascii_alphabetic()) => {
                country = Some(code.to_ascii_lowercase());
            }
            Some(("ms", ms)) if ms.parse::<u32>().is_ok() => {
                total = ms.parse().ok().map(Duration::from_millis);
            }
            _ => {
                return Err(format!(
                    "`{part}`: expected `country=` with two letters, or `ms=` with a number"
                ));
            }
        }
    }
    if word == "beep" {
        let total = total.unwrap_or(BEEP);
        return Ok(Prompt::Tone(Tone { hertz: vec![440], on: total, off: Duration::ZERO, total }));
    }
    let what = Sign::ALL.into_iter().find(|sign| sign.word() == word);
    let what = what.ok_or_else(|| {
        format!("`{word}`: expected `dial`, `ringback`, `busy`, `congestion` or `beep` after `tone://`")
    })?;
    Ok(Prompt::Signal(Signal { what, country, total }))
}

/// What is heard by this name: a tone, silence, a text that is spoken, or the sound of that name. Nothing if it says
/// what it is and cannot be read.
pub fn prompts(name: &str) -> Vec<Prompt> {
    if let Some(prompt) = named(name) {
        return prompt.into_iter().collect();
    }
    if let Some(text) = name.strip_prefix("tts://") {
        return vec![Prompt::Speech(Speech { text: text.to_owned(), ..Speech::default() })];
    }
    if let Some(rest) = name.strip_prefix("silence_stream://") {
        let millis = rest.split(',').next().and_then(|millis| millis.trim().parse().ok());
        return millis.map(|millis| Prompt::Silence(Duration::from_millis(millis))).into_iter().collect();
    }
    match name.strip_prefix("tone_stream://").or_else(|| name.starts_with("%(").then_some(name)) {
        Some(tones) => stream(tones).into_iter().map(Prompt::Tone).collect(),
        None => vec![Prompt::Sound(name.to_owned())],
    }
}

/// The tones of `%(500,0,440,480);%(…);loops=2`; what is not understood is left out.
pub(crate) fn stream(text: &str) -> Vec<Tone> {
    let loops = text.split(';').find_map(|part| part.trim().strip_prefix("loops=")?.parse::<i64>().ok());
    let loops = loops.map_or(1, |loops| u32::try_from(loops).unwrap_or(u32::MAX).max(1));
    let parts = text.split("%(").skip(1).filter_map(|part| part.split_once(')'));
    let tones: Vec<Tone> = parts.filter_map(|(part, _)| cadence(part)).collect();
    match tones.as_slice() {
        [tone] => vec![Tone { total: tone.total.saturating_mul(loops).min(LONGEST_TONE), ..tone.clone() }],
        // A cadence of several parts is repeated as a whole; a hundred times is longer than anyone listens.
        _ => (0..loops.min(100)).flat_map(|_| tones.clone()).collect(),
    }
}

/// Longest tone, for `loops=-1`, which means for ever.
const LONGEST_TONE: Duration = Duration::from_secs(3_600);

fn cadence(part: &str) -> Option<Tone> {
    let mut numbers = part.split(',').map(|number| number.trim().parse::<f64>().ok());
    let mut millis = || numbers.next().flatten().map(|millis| Duration::from_millis(millis.max(0.0) as u64));
    let (on, off) = (millis()?, millis()?);
    let hertz: Vec<u16> = numbers.flatten().map(|hertz| hertz as u16).collect();
    (!hertz.is_empty()).then(|| Tone { hertz, on, off, total: on + off })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: &[u16], on: u64, off: u64, total: u64) -> Tone {
        let millis = Duration::from_millis;
        Tone { hertz: hertz.to_vec(), on: millis(on), off: millis(off), total: millis(total) }
    }

    #[test]
    fn a_tone_stream_is_read_with_its_cadence_and_loops() {
        assert_eq!(stream("%(500,0,440)"), [tone(&[440], 500, 0, 500)]);
        assert_eq!(stream("%(2000, 4000, 440, 480);loops=2"), [tone(&[440, 480], 2000, 4000, 12_000)]);
        let two = [tone(&[350], 100, 0, 100), tone(&[440], 100, 50, 150)];
        assert_eq!(stream("%(100,0,350);%(100,50,440)"), two);
        assert_eq!(stream("%(100,0,350);loops=-1").first().map(|tone| tone.total), Some(LONGEST_TONE));
        assert_eq!(stream("L=1;v=-7"), []);
    }

    #[test]
    fn a_name_is_a_tone_a_silence_a_text_or_a_sound() {
        let heard = [
            prompts("tone_stream://%(2000,4000,440,480)"),
            prompts("%(2000,4000,440,480)"),
            prompts("silence_stream://250,1400"),
            prompts("welcome"),
        ];
        let ringing = vec![Prompt::Tone(tone(&[440, 480], 2_000, 4_000, 6_000))];
        let silence = vec![Prompt::Silence(Duration::from_millis(250))];
        assert_eq!(heard, [ringing.clone(), ringing, silence, vec![Prompt::Sound("welcome".to_owned())]]);
        assert!(
            matches!(prompts("tts://Wait").as_slice(), [Prompt::Speech(speech)] if speech.text == "Wait")
        );
        assert_eq!(prompts("tone_stream://what"), []);
    }

    #[test]
    fn a_networks_signal_is_named_with_country_and_length_and_one_that_is_not_there_is_told() {
        let of = |name: &str| named(name).and_then(Result::ok);
        let busy = Signal::usual(Sign::Busy);
        assert_eq!(of("tone://busy"), Some(Prompt::Signal(busy.clone())));
        assert_eq!(of("tone_stream://busy"), Some(Prompt::Signal(busy)));
        let german = Signal {
            what: Sign::Ringback,
            country: Some("de".to_owned()),
            total: Some(Duration::from_millis(3_000)),
        };
        assert_eq!(german.name(), "tone://ringback;country=de;ms=3000");
        assert_eq!(of("tone://ringback; country=DE;ms=3000"), Some(Prompt::Signal(german)));
        assert_eq!(of("tone://beep;ms=200"), Some(Prompt::Tone(tone(&[440], 200, 0, 200))));
        assert_eq!(of("recording://a-1"), Some(Prompt::Recording("a-1".to_owned())));
        for (name, word) in
            [("tone://bussy", "`bussy`"), ("tone://busy;land=de", "`land=de`"), ("tone://", "``")]
        {
            assert!(matches!(named(name), Some(Err(why)) if why.contains(word)), "{name}");
        }
        for name in
            ["busy", "tone_stream://%(500,0,440)", "tone_stream://v=-7;%(500,0,440)", "https://a/b.wav"]
        {
            assert!(named(name).is_none(), "{name}");
        }
        assert_eq!(prompts("tone_stream://v=-7;%(500,0,440)"), [Prompt::Tone(tone(&[440], 500, 0, 500))]);
        assert_eq!(prompts("tone://dial"), [Prompt::Signal(Signal::usual(Sign::Dial))]);
    }
}
