//! espeak-ng as a process of its own: text on its standard input, WAV from its standard output.
//!
//! A process, because its licence is the GPL and because a crash or a hang in it must not be ours.
//! At most one for each core at a time; one whose request is given up is killed.

use std::process::Stdio;

use audio::Pcm;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use super::{LARGEST, Speaker, SpeechError, Spoken, Utterance, VoiceWish, decoded, excerpt, ssml};

/// Words a minute. espeak-ng's own 175 is fast for a telephone.
const PACE: &str = "160";

pub(super) struct Espeak {
    program: String,
    seats: Semaphore,
}

impl Espeak {
    pub(super) fn new() -> Espeak {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Espeak { program: "espeak-ng".into(), seats: Semaphore::new(cores) }
    }

    #[cfg(test)]
    pub(super) fn running(program: &str) -> Espeak {
        Espeak { program: program.into(), ..Espeak::new() }
    }

    async fn speak_as_wished(&self, utterance: &Utterance) -> Result<Pcm, SpeechError> {
        let _seat = self.seats.acquire().await.map_err(|_| SpeechError::Aborted)?;
        let voices = voices(utterance);
        let mut failure = SpeechError::Espeak("no voice to try".into());
        for (tried, voice) in voices.iter().enumerate() {
            match self.run(voice, &utterance.text).await {
                Ok(sound) => {
                    if tried > 0 {
                        tracing::warn!(
                            wanted = voices.first(),
                            used = voice,
                            "espeak-ng has no such voice; another one speaks"
                        );
                    }
                    return Ok(sound);
                }
                Err(SpeechError::Espeak(why)) if why.contains("does not exist") => {
                    failure = SpeechError::Espeak(why)
                }
                Err(error) => return Err(error),
            }
        }
        Err(failure)
    }

    async fn run(&self, voice: &str, text: &str) -> Result<Pcm, SpeechError> {
        let mut command = Command::new(&self.program);
        // `-b 1`: the text is UTF-8, whatever the locale.
        command.args(["-v", voice, "-s", PACE, "-b", "1", "--stdin", "--stdout"]);
        if ssml::is_ssml(text) {
            command.arg("-m");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(SpeechError::NoEspeak)?;
        let (sound, complaint) = converse(&mut child, text).await?;
        if sound.len() > LARGEST {
            return Err(SpeechError::TooLarge(LARGEST));
        }
        let status = child.wait().await.map_err(SpeechError::NoEspeak)?;
        if !status.success() || sound.is_empty() {
            let complaint = excerpt(complaint.trim());
            return Err(SpeechError::Espeak(if complaint.is_empty() {
                status.to_string()
            } else {
                complaint
            }));
        }
        decoded(sound).await
    }
}

impl Speaker for Espeak {
    fn identity(&self) -> String {
        format!("espeak-ng {PACE}")
    }

    fn speak<'a>(&'a self, utterance: &'a Utterance) -> Spoken<'a> {
        Box::pin(self.speak_as_wished(utterance))
    }
}

/// Writes the text while reading sound and complaints, so that no pipe fills up and stops everything.
async fn converse(child: &mut Child, text: &str) -> Result<(Vec<u8>, String), SpeechError> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(SpeechError::Aborted);
    };
    let mut sound = Vec::new();
    let mut complaint = Vec::new();
    let tell = async {
        // One that does not read to the end has a reason, which it tells by its exit.
        let _ = stdin.write_all(text.as_bytes()).await;
        drop(stdin);
    };
    // Markup can ask for hours of silence: one byte beyond the limit is enough to know.
    let mut stdout = stdout.take(LARGEST as u64 + 1);
    let mut stderr = stderr.take(4_096);
    let listen = async {
        let read = stdout.read_to_end(&mut sound).await;
        // Whoever would go on writing gets a closed pipe.
        drop(stdout);
        read
    };
    let ((), read, _) = tokio::join!(tell, listen, stderr.read_to_end(&mut complaint));
    read.map_err(SpeechError::NoEspeak)?;
    Ok((sound, String::from_utf8_lossy(&complaint).into_owned()))
}

/// The voices to try, best first: the named one, then the language, its base, and the default language, each in the wished gender.
pub(super) fn voices(utterance: &Utterance) -> Vec<String> {
    let variant = match &utterance.voice {
        VoiceWish::Any => "",
        VoiceWish::Male => "+m3",
        VoiceWish::Female => "+f3",
        VoiceWish::Named(_) => "",
    };
    let named = match &utterance.voice {
        VoiceWish::Named(name) => Some(name.clone()),
        _ => None,
    };
    let mut voices: Vec<String> = named.filter(|name| is_name(name)).into_iter().collect();
    for language in [&utterance.language, &utterance.fallback, "en"] {
        let language = language.replace('_', "-").to_ascii_lowercase();
        let base = language.split('-').next().unwrap_or_default().to_owned();
        for tag in [language, base] {
            let voice = format!("{tag}{variant}");
            if is_name(&tag) && !voices.contains(&voice) {
                voices.push(voice);
            }
        }
    }
    voices
}

/// Whether this can be a voice's name; espeak-ng would open a path.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+');
    !name.is_empty() && !name.starts_with('-') && name.chars().all(allowed)
}
