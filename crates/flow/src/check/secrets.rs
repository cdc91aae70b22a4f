//! URLs in a document, and the secrets in them.

use serde_json::Value;

use crate::ir::Pointer;
use crate::lower::{Code, Diagnostic};

/// Names of query parameters that hold secrets, compared without case, `-` and `_`.
const SECRETS: [&str; 18] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "clientsecret",
    "key",
    "pass",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "secret",
    "sig",
    "signature",
    "token",
];

/// Most nesting that is looked into; documents are not deeper.
const DEEPEST: u32 = 150;

/// Tells of secrets in URLs.
pub(super) fn check(document: &Value, diagnostics: &mut Vec<Diagnostic>) {
    let mut texts = Vec::new();
    collect(document, &Pointer::default(), DEEPEST, &mut texts);
    for (pointer, text) in texts {
        let Some(what) = url(text).and_then(secret) else { continue };
        let message = format!("{what}: it is written to logs, traces and the other side's logs");
        diagnostics.push(Diagnostic::new(Code::SecretInUrl, &pointer, message));
    }
}

/// The whole HTTP URLs of a document that have no variables in them.
pub(super) fn urls(document: &Value) -> Vec<(Pointer, String)> {
    let mut texts = Vec::new();
    collect(document, &Pointer::default(), DEEPEST, &mut texts);
    let whole = |text: &str| {
        let lower = text.to_ascii_lowercase();
        (lower.starts_with("http://") || lower.starts_with("https://"))
            && !text.contains(['$', '{', '}', '<', '>'])
            && !text.contains(char::is_whitespace)
    };
    texts.into_iter().filter(|(_, text)| whole(text)).map(|(at, text)| (at, text.to_owned())).collect()
}

fn collect<'a>(value: &'a Value, at: &Pointer, depth: u32, texts: &mut Vec<(Pointer, &'a str)>) {
    match value {
        _ if depth == 0 => {}
        Value::String(text) => texts.push((at.clone(), text.trim())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &at.child(index), depth - 1, texts);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, &at.child(name), depth - 1, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What follows `scheme://`, if the text is a URL.
fn url(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    // Texts to be spoken and tones look like URLs too.
    let media = ["tts", "tone", "tone_stream", "silence_stream", "recording"].contains(&scheme);
    (!scheme.is_empty() && scheme.chars().all(plain) && !media && !rest.contains(char::is_whitespace))
        .then_some(rest)
}

/// Which secret stands in what follows a scheme.
fn secret(rest: &str) -> Option<String> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((user, _)) = authority.rsplit_once('@')
        && let Some((_, password)) = user.split_once(':')
        && written(password)
    {
        return Some("the URL has a password before the `@`".to_owned());
    }
    let query = rest.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let query = query.split('#').next().unwrap_or_default();
    query.split('&').filter_map(|pair| pair.split_once('=')).find_map(|(name, value)| {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let known = SECRETS.contains(&plain.to_ascii_lowercase().as_str());
        (known && written(value)).then(|| format!("the URL has a secret in `{name}=`"))
    })
}

/// Whether the value itself is written there, not a variable or a placeholder.
fn written(value: &str) -> bool {
    !value.is_empty() && !value.contains(['$', '{', '<'])
}
