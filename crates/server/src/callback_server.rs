//! The demo's web server: it answers the requests that flows make while a call runs.
//!
//! Number 1101 pivots to `/collected` (Kazoo), and a Voxology configuration may name `/voxology`.
//! `offhook serve` runs it beside the demo's flows; `examples/callback_server.rs` runs it alone.
//! It keeps nothing between two requests, as a developer's own first callback script would.

use axum::extract::Form;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// What it answers at `/`.
const ABOUT: &str = "offhook's demo callback server\n\n\
    GET or POST /collected   the keys of a Kazoo collect_dtmf (Digits or Digits[name]), as a tts node\n\
    POST /voxology           a Voxology callback: asks for keys, then says them\n";

/// All its addresses.
pub fn router() -> Router {
    Router::new()
        .route("/", get(|| async { ABOUT }))
        .route("/collected", any(collected))
        .route("/voxology", post(voxology))
        .fallback(|uri: Uri| async move {
            tracing::info!(%uri, "asked for something that is not here");
            (StatusCode::NOT_FOUND, Json(json!({"error": {"code": "not_found", "message": "see /"}})))
        })
}

/// Kazoo's "Processing collected DTMF": the caller hears what was typed.
///
/// The fields come in the query of a GET or as the form of a POST.
async fn collected(Form(fields): Form<Vec<(String, String)>>) -> Response {
    let call = field(&fields, |name| name == "Call-ID").unwrap_or_default();
    // One collection by name, or the last input by its old name.
    let digits = field(&fields, |name| name == "Digits" || name.starts_with("Digits[")).unwrap_or_default();
    tracing::info!(call, digits, "keys collected");
    let text = if digits.is_empty() {
        "We didn't get that".to_owned()
    } else {
        format!("You typed {}", one_by_one(digits))
    };
    Json(json!({"module": "tts", "data": {"text": text}, "children": {}})).into_response()
}

/// Voxology's loop: the first callback asks for keys, the next one says them.
async fn voxology(Json(callback): Json<Value>) -> Json<Value> {
    let kind = callback["type"].as_str().unwrap_or_default();
    tracing::info!(kind, call = callback["call_id"].as_str(), "callback");
    let say = |text: &str| json!({"type": "SAY", "params": {"text": text}});
    let actions = match (kind, callback["key_presses"][0]["digits"].as_str()) {
        ("init_call", _) => {
            let prompt = say("Please enter up to four digits, then press pound.");
            let params = json!({"num_digits": 4, "finish_on_key": "pound", "timeout": 5000});
            vec![json!({"type": "COLLECT", "name": "typed", "params": params, "actions": [prompt]})]
        }
        ("live_call", Some("") | None) => vec![say("We didn't get that"), json!({"type": "HANGUP"})],
        ("live_call", Some(digits)) => {
            vec![say(&format!("You typed {}", one_by_one(digits))), json!({"type": "HANGUP"})]
        }
        _ => vec![],
    };
    Json(json!({"actions": actions}))
}

fn field(fields: &[(String, String)], wanted: impl Fn(&str) -> bool) -> Option<&str> {
    fields.iter().find(|(name, _)| wanted(name)).map(|(_, value)| value.as_str())
}

/// `1234` as a voice should read it: key by key, not as a number.
fn one_by_one(digits: &str) -> String {
    let keys: Vec<String> = digits
        .chars()
        .map(|key| match key {
            '*' => "star".to_owned(),
            '#' => "pound".to_owned(),
            key => key.to_string(),
        })
        .collect();
    keys.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(fields: &[(&str, &str)]) -> String {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = collected(Form(fields)).await;
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.expect("a short body");
        let node: Value = serde_json::from_slice(&body).expect("JSON");
        node["data"]["text"].as_str().expect("a text").to_owned()
    }

    #[tokio::test]
    async fn keys_are_said_back_one_by_one() {
        assert_eq!(said(&[("Call-ID", "x"), ("Digits[custom_name]", "12*")]).await, "You typed 1, 2, star");
        assert_eq!(said(&[("Digits", "7")]).await, "You typed 7");
        assert_eq!(said(&[("Digits[custom_name]", "")]).await, "We didn't get that");
        assert_eq!(said(&[]).await, "We didn't get that");
    }

    #[tokio::test]
    async fn a_voxology_call_is_asked_then_answered_then_left_alone() {
        let kinds = |reply: &Value| {
            let list = reply["actions"].as_array().expect("actions").iter();
            list.map(|action| action["type"].as_str().expect("a type").to_owned()).collect::<Vec<_>>()
        };
        let asked = voxology(Json(json!({"type": "init_call"}))).await;
        assert_eq!(kinds(&asked.0), ["COLLECT"]);
        let answered = voxology(Json(json!({"type": "live_call", "key_presses": [{"digits": "12"}]}))).await;
        assert_eq!(answered["actions"][0]["params"]["text"], "You typed 1, 2");
        assert_eq!(kinds(&answered.0), ["SAY", "HANGUP"]);
        assert!(kinds(&voxology(Json(json!({"type": "end_call"}))).await.0).is_empty());
    }
}
