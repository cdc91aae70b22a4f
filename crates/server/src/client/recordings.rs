//! `offhook recordings`: which are on their way and which failed; sending them again, giving them up.

use anyhow::bail;
use clap::Args;
use serde_json::Value;

use super::{answer, cell, list, table};
use crate::cli::Server;

/// What may be typed after `offhook recordings`; without anything they are listed.
#[derive(Args, Debug)]
pub(crate) struct Recordings {
    /// Send these again, now
    #[arg(long, value_name = "RECORDING", num_args = 1..)]
    send: Vec<String>,
    /// Send all again that failed
    #[arg(long, conflicts_with_all = ["send", "drop"])]
    send_failed: bool,
    /// Give up sending these; their files stay where they are
    #[arg(long, value_name = "RECORDING", num_args = 1.., conflicts_with = "send")]
    drop: Vec<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Does what is wanted, and tells what there is.
pub(crate) async fn recordings(wanted: &Recordings) -> anyhow::Result<String> {
    let url = wanted.server.url.trim_end_matches('/');
    let (ids, verb) = match () {
        () if wanted.send_failed => (failed(url).await?, "send"),
        () if !wanted.send.is_empty() => (wanted.send.clone(), "send"),
        () if !wanted.drop.is_empty() => (wanted.drop.clone(), "drop"),
        () => return Ok(listed(&list(url, "recordings").await?)),
    };
    let client = reqwest::Client::new();
    let (mut told, mut refused) = (String::new(), 0);
    for id in &ids {
        // A name from the command line becomes one segment of the path.
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            bail!("{id:?} is not the name of a recording; `offhook recordings` lists them");
        }
        let place = format!("{url}/recordings/{id}/{verb}");
        match (answer(client.post(&place), &place).await, verb) {
            (Ok(_), "send") => told.push_str(&format!("{id}: is sent\n")),
            (Ok(_), _) => told.push_str(&format!("{id}: is not sent any more\n")),
            (Err(error), _) => {
                eprintln!("{error:#}");
                refused += 1;
            }
        }
    }
    if refused > 0 {
        print!("{told}");
        bail!("{refused} of {} were refused", ids.len());
    }
    Ok(if told.is_empty() { "No recording failed.\n".to_owned() } else { told })
}

async fn failed(url: &str) -> anyhow::Result<Vec<String>> {
    let all = list(url, "recordings").await?;
    let failed = all.iter().filter(|one| one["state"] == "failed" && one["to"] != Value::Array(Vec::new()));
    Ok(failed.map(|one| cell(one, "id")).collect())
}

fn listed(all: &[Value]) -> String {
    let row = |one: &Value| {
        let to = one["to"].as_array().into_iter().flatten();
        let unsent = to.filter(|parcel| parcel["state"] != "sent").map(|parcel| cell(parcel, "to"));
        vec![
            cell(one, "id"),
            cell(one, "began").get(..19).unwrap_or("-").to_owned(),
            if one["paused"].is_string() { "paused".to_owned() } else { cell(one, "state") },
            unsent.collect::<Vec<_>>().join(", "),
            one["why"].as_str().unwrap_or_default().to_owned(),
        ]
    };
    let head = ["recording", "began", "state", "to", ""];
    table(&head, all.iter().map(row).collect(), "All recordings are where they are to be.\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_failed_is_listed_with_its_reason_and_where_it_was_to_go() {
        let to = json!([{"to": "s3://x", "state": "sent"}, {"to": "http://a/b", "state": "failed"}]);
        let one = json!({"id": "x-1", "began": "2026-11-21T03:57:37.123Z", "state": "failed", "to": to, "why": "no"});
        let text = listed(&[one]);
        assert_eq!(
            text.lines().nth(1).expect("a row"),
            "x-1        2026-11-21T03:57:37  failed  http://a/b  no"
        );
    }

    #[test]
    fn one_that_runs_and_is_paused_is_listed_as_that() {
        let one = |paused: Value| json!({"id": "x-1", "began": "2026-11-21T03:57:37.123Z", "state": "recording", "paused": paused});
        for (paused, word) in [(Value::Null, "recording"), (json!("cut"), "paused")] {
            let text = listed(&[one(paused)]);
            assert!(text.lines().nth(1).is_some_and(|row| row.trim_end().ends_with(word)), "{text}");
        }
    }
}
