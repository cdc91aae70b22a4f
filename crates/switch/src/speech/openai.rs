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
