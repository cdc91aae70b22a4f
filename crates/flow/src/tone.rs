//! What documents name beside sounds where something is to be heard: `tone_stream://`, `silence_stream://`, `tts://`.

use std::time::Duration;

use crate::ir::Tone;
use crate::leg::{Prompt, Speech};

/// What is heard by this name: a tone, silence, a text that is spoken, or the sound of that name. Nothing if it says
/// what it is and cannot be read.
pub fn prompts(name: &str) -> Vec<Prompt> {
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
}
