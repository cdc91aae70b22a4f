//! `offhook calls`, `registrations`, `trunks`, `trace`, `recordings` and `health`: asking a running server.

mod recordings;

use anyhow::{Context, bail};
use serde_json::Value;

pub(crate) use self::recordings::{Recordings, recordings};

/// The list of calls as a table, the latest first.
pub(crate) async fn calls(url: &str) -> anyhow::Result<String> {
    let calls = list(url, "calls").await?;
    let row = |call: &Value| {
        vec![
            cell(call, "id"),
            cell(call, "started").get(..19).unwrap_or("-").to_owned(),
            user(&cell(call, "caller")).to_owned(),
            cell(call, "called"),
            cell(call, "state"),
            cell(call, "flow"),
        ]
    };
    let head = ["call", "started", "from", "to", "state", "flow"];
    Ok(table(&head, calls.iter().map(row).collect(), "No calls yet.\n"))
}

/// The registered phones as a table.
pub(crate) async fn registrations(url: &str) -> anyhow::Result<String> {
    let phones = list(url, "registrations").await?;
    let row = |phone: &Value| {
        ["user", "from", "transport", "expires_s", "contact"].map(|key| cell(phone, key)).to_vec()
    };
    let head = ["user", "from", "transport", "seconds left", "contact"];
    Ok(table(&head, phones.iter().map(row).collect(), "No phone is registered.\n"))
}

/// The trunks as a table.
pub(crate) async fn trunks(url: &str) -> anyhow::Result<String> {
    let trunks = list(url, "trunks").await?;
    let row = |trunk: &Value| {
        let why = [&trunk["why"], &trunk["refused"]];
        let why: Vec<&str> = why.into_iter().filter_map(Value::as_str).collect();
        let mut row = ["name", "health", "registration", "calls"].map(|key| cell(trunk, key)).to_vec();
        row.push(why.join("; "));
        row
    };
    let head = ["trunk", "health", "registration", "calls", ""];
    Ok(table(&head, trunks.iter().map(row).collect(), "There are no trunks; trunks.toml names them.\n"))
}

fn cell(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// Columns as wide as what stands in them.
fn table(head: &[&str], rows: Vec<Vec<String>>, empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let head = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let width = width(at).unwrap_or(0);
            format!("{cell:<width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
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
            let latest =
                list(url, "calls").await?.first().and_then(|call| call["id"].as_str().map(str::to_owned));
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

async fn list(url: &str, what: &str) -> anyhow::Result<Vec<Value>> {
    let text = get(&format!("{}/{what}", url.trim_end_matches('/'))).await?;
    let reply: Value =
        serde_json::from_str(&text).context("the reply is not JSON; is this offhook's address?")?;
    let missing = || format!("the reply lists no {what}; is this offhook's address?");
    reply[what].as_array().cloned().with_context(missing)
}

async fn get(url: &str) -> anyhow::Result<String> {
    answer(reqwest::Client::new().get(url), url).await
}

/// What is answered to a request, if it is not a refusal.
async fn answer(request: reqwest::RequestBuilder, url: &str) -> anyhow::Result<String> {
    let failed = || {
        format!("cannot ask {url}; is the server running, and does --url name its http.bind and http.port?")
    };
    let reply = request.send().await.with_context(failed)?;
    let status = reply.status();
    let text = reply.text().await.with_context(failed)?;
    if !status.is_success() {
        let error: Value = serde_json::from_str(&text).unwrap_or_default();
        bail!("{}", error["error"]["message"].as_str().unwrap_or(status.as_str()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = vec![vec!["acme".to_owned(), "up".to_owned()], vec!["b".to_owned(), String::new()]];
        assert_eq!(table(&["trunk", "x"], rows, "none"), "trunk  x\nacme   up\nb\n");
        assert_eq!(table(&["trunk"], vec![], "none"), "none");
    }
}
