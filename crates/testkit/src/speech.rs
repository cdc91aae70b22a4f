//! People to be heard in tests: espeak-ng as a process, and the lines they talk over.

use std::process::{Command, Stdio};

use audio::{Pcm, Rate};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// A voice of espeak-ng: a language, and a variant such as `+f3`.
    pub voice: &'static str,
    /// Words a minute.
    pub pace: u32,
    /// 0 to 99, 50 being usual.
    pub pitch: u32,
}

/// Some of both sexes, high and low, quick and slow, in English.
pub const SPEAKERS: [Speaker; 6] = [
    Speaker { voice: "en-us", pace: 160, pitch: 50 },
    Speaker { voice: "en-gb+f3", pace: 175, pitch: 60 },
    Speaker { voice: "en-us+m3", pace: 140, pitch: 30 },
    Speaker { voice: "en-gb-scotland+f2", pace: 190, pitch: 75 },
    Speaker { voice: "en-gb+m7", pace: 200, pitch: 20 },
    Speaker { voice: "en-us+f5", pace: 150, pitch: 90 },
];

/// What people talk about, by language.
pub const TALK: [(&str, &str); 6] = [
    (
        "en",
        "I was going to call you earlier, but the meeting took all morning and then the train was late again. \
         Could you send me the numbers for the third quarter, please? We need seven hundred and twenty of them, not \
         eight hundred. Yes, the blue ones. Oh, I see, who would have known? We move on Tuesday, do you know where \
         you are going to put the piano? You ought to ask Lou, he knew all the rules by noon.",
    ),
    (
        "de",
        "Guten Tag, ich wollte nur fragen, ob die Lieferung schon unterwegs ist. Wir haben über die Sache mit der \
         Rechnung gesprochen, und es fehlen noch zwei Unterschriften. Die Müllers wohnen jetzt am Bodensee, in einem \
         großen Haus mit Garten. Um sieben Uhr dreißig fährt der nächste Zug nach Köln.",
    ),
    (
        "fr",
        "Bonjour, je vous appelle au sujet de notre rendez-vous de jeudi prochain. Il faudrait que nous puissions \
         nous voir un peu plus tôt, vers neuf heures et demie. Avez-vous reçu le courrier que je vous ai envoyé \
         lundi? Tout va bien ici, il pleut souvent, mais les enfants sont heureux.",
    ),
    (
        "es",
        "Buenas tardes, quería saber si todavía tienen habitaciones libres para el próximo fin de semana. Somos \
         cuatro personas y un perro pequeño. El número de mi tarjeta es cinco, cuatro, siete, dos, nueve. Muchas \
         gracias, nos vemos el domingo en la estación.",
    ),
    (
        "it",
        "Pronto, sono io, ascolta, domani non posso venire perché devo andare dal dottore. Chiediamo a Luigi se può \
         portare la macchina in officina, poi ci vediamo alle sei davanti alla chiesa. Va bene così? Allora a presto.",
    ),
    (
        "pl",
        "Dzień dobry, dzwonię w sprawie ogłoszenia o mieszkaniu przy ulicy Długiej. Czy jest ono jeszcze do \
         wynajęcia? Chciałabym je obejrzeć w przyszłym tygodniu, najlepiej we wtorek po południu albo w środę.",
    ),
];

impl Speaker {
    /// Says `text`; at 8 kHz, at whatever level espeak-ng likes.
    ///
    /// # Panics
    /// Without an espeak-ng that knows the voice.
    pub fn say(self, text: &str) -> Pcm {
        let output = Command::new("espeak-ng")
            .args(["-v", self.voice, "-s", &self.pace.to_string(), "-p", &self.pitch.to_string()])
            .args(["-b", "1", "--stdout", text])
            .stderr(Stdio::null())
            .output()
            .expect("espeak-ng runs");
        let sound = audio::read::decode(output.stdout, Some("wav")).expect("espeak-ng speaks");
        sound.resampled(Rate::NARROW)
    }
}

/// White noise, the same for the same seed, added to `samples` at `dbov`.
pub fn add_noise(samples: &mut [i16], dbov: f32, seed: u64) {
    let deviation = 32_768.0 * 10f32.powf(dbov / 20.0);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for sample in samples {
        // Four evenly distributed numbers make a fair bell; their sum's deviation is 1/√3 of one's range.
        let sum: f32 = (0..4)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
            })
            .sum();
        *sample = (f32::from(*sample) + sum * 3f32.sqrt() * deviation) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::level::rms_dbov;

    #[test]
    fn people_speak_and_lines_hiss() {
        let sound = SPEAKERS[1].say("Hello");
        assert!(sound.duration().as_millis() > 300 && sound.speech_dbov() > -35.0);
        let mut hiss = [0; 8_000];
        add_noise(&mut hiss, -40.0, 1);
        assert!((rms_dbov(&hiss) + 40.0).abs() < 0.5, "{}", rms_dbov(&hiss));
    }
}
