//! An HTTP server with OpenAI's speech endpoint: OpenAI itself, and the many that copy it.
//!
//! The text is posted as JSON and the answer's body is sound, preferably WAV; any format the audio crate reads will do.

use std::fmt;

use audio::Pcm;
use serde_json::json;

use super::{LARGEST, Speaker, SpeechError, Spoken, Utterance, VoiceWish, decoded, excerpt, ssml};

/// The path of the endpoint below a server's base URL.
const PATH: &str = "/v1/audio/speech";

/// Which server, and what to ask of it.
#[derive(Clone)]
pub struct OpenAi {
    /// The server's base URL, or the endpoint's own, which ends in `/audio/speech`.
    pub url: String,
    /// The model asked for.
    pub model: String,
    /// Sent as a bearer token.
    pub key: Option<String>,
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Configurations are logged; keys are not.
        let key = self.key.as_ref().map(|_| "hidden");
        f.debug_struct("OpenAi")
            .field("url", &self.url)
            .field("model", &self.model)
            .field("key", &key)
            .finish()
    }
}

pub(super) struct Client {
    server: OpenAi,
    endpoint: String,
    http: reqwest::Client,
}

impl Client {
    pub(super) fn new(server: OpenAi, http: reqwest::Client) -> Client {
        let url = server.url.trim_end_matches('/');
        let endpoint = if url.ends_with("/audio/speech") {
            url.to_owned()
        } else {
            // `…/v1` is how OpenAI's own clients write the base.
            format!("{}{PATH}", url.trim_end_matches("/v1"))
        };
        Client { server, endpoint, http }
    }

    async fn ask(&self, utterance: &Utterance) -> Result<Pcm, SpeechError> {
        let text = &utterance.text;
        let input = if ssml::is_ssml(text) { ssml::words(text) } else { text.clone() };
        let body = json!({
            "model": self.server.model,
            "input": input,
            "voice": voice(&utterance.voice),
            "response_format": "wav",
        });
        let mut request = self.http.post(&self.endpoint).json(&body);
        if let Some(key) = &self.server.key {
            request = request.bearer_auth(key);
        }
        let mut response = request.send().await.map_err(SpeechError::Unreachable)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(SpeechError::Unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(SpeechError::TooLarge(LARGEST));
            }
        }
        if !status.is_success() {
            let why = excerpt(&String::from_utf8_lossy(&bytes));
            return Err(SpeechError::Refused { status: status.as_u16(), why });
        }
        decoded(bytes).await
    }
}

impl Speaker for Client {
    fn identity(&self) -> String {
        format!("openai {} {}", self.endpoint, self.server.model)
    }

    fn speak<'a>(&'a self, utterance: &'a Utterance) -> Spoken<'a> {
        Box::pin(self.ask(utterance))
    }
}

/// OpenAI's voices for those who only say what kind; a name is sent as it is.
fn voice(wish: &VoiceWish) -> &str {
    match wish {
        VoiceWish::Any => "alloy",
        VoiceWish::Male => "onyx",
        VoiceWish::Female => "nova",
        VoiceWish::Named(name) => name,
    }
}

#[cfg(test)]
mod tests {
    //! With a real if tiny HTTP server.

    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use flow::leg::Speech;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::tests::{beep, client, speech};
    use super::super::{Config, Provider, Voice};
    use super::*;

    /// Answers every request on a loopback port with `answer`, or not at all if it is empty; keeps what was asked.
    async fn server(answer: Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (answer, log) = (answer.clone(), log.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    // The body is one line of JSON, which ends in a brace.
                    while !request.ends_with(b"}") {
                        let mut part = [0; 4_096];
                        let Ok(length @ 1..) = stream.read(&mut part).await else { return };
                        request.extend_from_slice(&part[..length]);
                    }
                    log.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(&answer).await;
                });
            }
        });
        (url, asked)
    }

    fn reply(status: &str, body: &[u8]) -> Vec<u8> {
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    fn asking(url: &str) -> Voice {
        let server = OpenAi { url: url.into(), model: "tts-1".into(), key: Some("sesame".into()) };
        let config = Config {
            provider: Provider::OpenAi(server),
            deadline: Duration::from_millis(500),
            ..Config::default()
        };
        Voice::new(config, client())
    }

    #[tokio::test]
    async fn the_server_is_asked_as_openai_is_and_its_wav_played() {
        let mut wav = audio::write::wav::to_bytes(&beep());
        // As the real one streams: sizes unknown.
        wav[40..44].copy_from_slice(&[0xFF; 4]);
        let (url, asked) = server(reply("200 OK", &wav)).await;
        let wish = Speech {
            text: "<speak>Tom &amp; <b>Jerry</b></speak>".into(),
            language: String::new(),
            voice: "female".into(),
        };
        let sound = asking(&url).speak(&wish).await.unwrap();
        assert_eq!(sound.duration(), Duration::from_millis(200));
        assert!((sound.speech_dbov() + 19.0).abs() < 0.5);
        let request = asked.lock().unwrap().remove(0);
        assert!(request.starts_with("POST /v1/audio/speech HTTP/1.1\r\n"), "{request}");
        assert!(request.to_ascii_lowercase().contains("authorization: bearer sesame\r\n"), "{request}");
        let body: serde_json::Value =
            serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        let expected = json_body("Tom & Jerry", "nova");
        assert_eq!(body, expected);
    }

    fn json_body(input: &str, voice: &str) -> serde_json::Value {
        serde_json::json!({ "model": "tts-1", "input": input, "voice": voice, "response_format": "wav" })
    }

    #[tokio::test]
    async fn base_and_endpoint_urls_both_work() {
        for path in ["", "/", "/v1", "/v1/audio/speech"] {
            let (url, asked) = server(reply("200 OK", &audio::write::wav::to_bytes(&beep()))).await;
            asking(&format!("{url}{path}")).speak(&speech("Hi")).await.unwrap();
            assert!(asked.lock().unwrap()[0].starts_with("POST /v1/audio/speech "), "{path}");
        }
    }

    #[tokio::test]
    async fn whatever_a_server_does_wrong_is_an_error_in_time() {
        let (url, _) = server(reply("500 Oops", b"{\"error\":\"no voice today\"}")).await;
        let refused = asking(&url).speak(&speech("Hi")).await;
        assert!(
            matches!(&refused, Err(SpeechError::Refused { status: 500, why }) if why.contains("today")),
            "{refused:?}"
        );
        let (url, _) = server(reply("200 OK", b"<html>nonsense</html>")).await;
        assert!(matches!(asking(&url).speak(&speech("Hi")).await, Err(SpeechError::NotSound(_))));
        let (url, _) = server(reply("200 OK", b"")).await;
        assert!(matches!(asking(&url).speak(&speech("Hi")).await, Err(SpeechError::NotSound(_))));
        let (url, _) = server(b"garbage\r\n\r\n".to_vec()).await;
        assert!(matches!(asking(&url).speak(&speech("Hi")).await, Err(SpeechError::Unreachable(_))));
        let (url, _) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nRIFF".to_vec()).await;
        let broken = asking(&url).speak(&speech("Hi")).await;
        assert!(matches!(broken, Err(SpeechError::Unreachable(_) | SpeechError::Timeout(_))), "{broken:?}");
        let (url, _) = server(Vec::new()).await;
        assert!(matches!(asking(&url).speak(&speech("Hi")).await, Err(SpeechError::Timeout(_))));
        assert!(matches!(
            asking("http://127.0.0.1:1").speak(&speech("Hi")).await,
            Err(SpeechError::Unreachable(_))
        ));
        assert!(matches!(asking("no url").speak(&speech("Hi")).await, Err(SpeechError::Unreachable(_))));
    }

    #[test]
    fn a_key_is_not_shown() {
        let server = OpenAi { url: "http://x".into(), model: "m".into(), key: Some("sesame".into()) };
        assert!(!format!("{:?}", Provider::OpenAi(server)).contains("sesame"));
    }
}
