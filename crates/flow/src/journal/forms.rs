//! How the engine's types are written down; the engine itself knows no documents.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::{Facts, HttpFailure, HttpReply, Settings};
use crate::ir::Cause;
use crate::rooms::Rooms;

#[derive(Serialize, Deserialize)]
#[serde(remote = "Facts")]
pub(super) struct FactsForm {
    call_id: String,
    sip_call_id: String,
    direction: String,
    caller_number: String,
    caller_name: String,
    caller_domain: String,
    called_number: String,
    called_name: String,
    called_domain: String,
    user: Option<String>,
    caller_address: String,
    account_id: String,
    flow_id: String,
    language: String,
    capture_group: Option<String>,
    #[serde(default)]
    capture_groups: Vec<(String, String)>,
    #[serde(default)]
    reference_type: String,
    #[serde(default)]
    reference_id: String,
    #[serde(default)]
    master_call_id: String,
    #[serde(default)]
    preflow: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Settings")]
pub(super) struct SettingsForm {
    budget: u32,
    frames: usize,
    default_language: String,
    #[serde(default, skip_serializing_if = "Rooms::is_empty")]
    rooms: Rooms,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HttpReply")]
pub(super) struct ReplyForm {
    status: u16,
    content_type: String,
    #[serde(with = "self::body")]
    body: Vec<u8>,
    #[serde(default)]
    note: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HttpFailure")]
pub(super) struct FailureForm {
    why: String,
    timeout: bool,
}

/// For [`LegEvent`](crate::leg::LegEvent).
#[derive(Serialize, Deserialize)]
#[serde(remote = "Cause", rename_all = "snake_case")]
pub(crate) enum CauseForm {
    Unavailable,
    Unsupported,
    Prompt,
    Http,
    Missing,
    Recording,
    Status(u16),
}

/// A document that others hold as well.
pub(super) mod shared {
    use std::sync::Arc;

    use serde_json::Value;

    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Arc<Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (**value).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Value>, D::Error> {
        Value::deserialize(deserializer).map(Arc::new)
    }
}

/// Bytes as text where they are text, else in hex.
mod body {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Body {
        Text(String),
        Hex(String),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let body = match std::str::from_utf8(bytes) {
            Ok(text) => Body::Text(text.to_owned()),
            Err(_) => Body::Hex(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        };
        body.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let hex = match Body::deserialize(deserializer)? {
            Body::Text(text) => return Ok(text.into_bytes()),
            Body::Hex(hex) => hex,
        };
        let pairs = hex.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        pairs.collect::<Option<_>>().ok_or_else(|| serde::de::Error::custom("expected hex"))
    }
}
