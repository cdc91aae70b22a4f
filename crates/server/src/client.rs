//! `offhook calls`, `offhook trace` and `offhook health`: asking a running server.

use anyhow::{Context, bail};
use serde_json::Value;

/// The list of calls as a table, the latest first.
pub(crate) async fn calls(url: &str) -> anyhow::Result<String> {
    let calls = list(url).await?;
    if calls.is_empty() {
        return Ok("No calls yet.\n".to_owned());
    }
    let cell = |call: &Value, key: &str| call[key].as_str().unwrap_or("-").to_owned();
    let mut table =
        format!("{:<14} {:<24} {:<16} {:<12} {:<10} {}\n", "call", "started", "from", "to", "state", "flow");
    for call in &calls {
        table.push_str(&format!(
            "{:<14} {:<24} {:<16} {:<12} {:<10} {}\n",
            cell(call, "id"),
            cell(call, "started").get(..19).unwrap_or("-"),
            user(&cell(call, "caller")),
            cell(call, "called"),
            cell(call, "state"),
            cell(call, "flow"),
        ));
    }
    Ok(table)
}

/// `alice` of `sip:alice@192.0.2.7:5060`.
fn user(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split('@').next().unwrap_or(rest)
}

/// The timeline of `call`, or of the latest.
pub(crate) async fn trace(url: &str, call: Option<&str>) -> anyhow::Result<String> {
    let id = match call {
        Some(id) => id.to_owned(),
        None => {
            let latest = list(url).await?.first().and_then(|call| call["id"].as_str().map(str::to_owned));
            latest.context("there is no call yet to trace")?
        }
    };
    // A name from the command line becomes one segment of the path.
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        bail!("{id:?} is not the name of a call; `offhook calls` lists them");
    }
    get(&format!("{}/calls/{id}/trace", url.trim_end_matches('/'))).await
}

/// Whether calls are taken; an error if not.
pub(crate) async fn health(url: &str) -> anyhow::Result<String> {
    get(&format!("{}/healthz", url.trim_end_matches('/'))).await.map(|reply| format!("{reply}\n"))
}

async fn list(url: &str) -> anyhow::Result<Vec<Value>> {
    let text = get(&format!("{}/calls", url.trim_end_matches('/'))).await?;
    let reply: Value =
        serde_json::from_str(&text).context("the reply is not JSON; is this offhook's address?")?;
    reply["calls"].as_array().cloned().context("the reply lists no calls; is this offhook's address?")
}

async fn get(url: &str) -> anyhow::Result<String> {
    let failed = || {
        format!("cannot ask {url}; is the server running, and does --url name its http.bind and http.port?")
    };
    let reply = reqwest::get(url).await.with_context(failed)?;
    let status = reply.status();
    let text = reply.text().await.with_context(failed)?;
    if !status.is_success() {
        let error: Value = serde_json::from_str(&text).unwrap_or_default();
        bail!("{}", error["error"]["message"].as_str().unwrap_or(status.as_str()));
    }
    Ok(text)
}
