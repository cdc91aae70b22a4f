//! `offhook call`: somebody is rung, and connected with somebody else or with a flow; how it goes is told as it goes.
//!
//! The running server does it; here is asked for it, and looked at it until it is over.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::cli::Server;

/// Between two looks at the call.
const LOOK: Duration = Duration::from_millis(150);

/// Whoever was to be rung first did not answer.
const NOT_ANSWERED: u8 = 1;
/// There was no call, or the server went away.
const NO_CALL: u8 = 2;
/// The first one answered, the second one did not.
const NOT_CONNECTED: u8 = 3;
/// As of every program that is interrupted.
const INTERRUPTED: u8 = 130;

/// What may be typed after `offhook call`.
#[derive(Args, Debug)]
pub(crate) struct Call {
    /// Who is rung first: a user or its number, a group, a number outside, a SIP URI
    from: String,
    /// Whom it is connected with when it answers: any number that a user may dial, or a SIP URI; with --flow, the number that is shown
    #[arg(required_unless_present = "flow")]
    to: Option<String>,
    /// The flow that runs when it answers: its file in the flows directory, or a number of it
    #[arg(long, value_name = "FLOW")]
    flow: Option<String>,
    /// The number that is shown where it rings first; TO without it
    #[arg(long, value_name = "NUMBER")]
    caller: Option<String>,
    /// How long it rings, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// The longest call, in seconds from the answer on
    #[arg(long, value_name = "SECONDS")]
    longest: Option<u64>,
    /// Find out who answered before it goes on: hang up on machines, go on all the same, or wait for the end of their greeting
    #[arg(long, value_name = "MACHINES")]
    amd: Option<Amd>,
    /// The flow begins when it rings, not when it is answered
    #[arg(long, requires = "flow")]
    early: bool,
    /// Session data of the flow, a JSON object
    #[arg(long, value_name = "JSON", requires = "flow")]
    session: Option<String>,
    /// Do not wait for the end: print the name of the call, and leave
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    server: Server,
}

/// What is done when a machine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Amd {
    Hangup,
    Continue,
    Wait,
}

impl Call {
    /// Runs it; the exit status says how the call went.
    pub(crate) async fn run<P: Future<Output = ()>>(&self, pause: impl Fn(Duration) -> P) -> ExitCode {
        match self.place(pause).await {
            Ok(status) => ExitCode::from(status),
            Err(error) => {
                eprintln!("offhook: {error:#}");
                ExitCode::from(NO_CALL)
            }
        }
    }

    async fn place<P: Future<Output = ()>>(&self, pause: impl Fn(Duration) -> P) -> anyhow::Result<u8> {
        let client = reqwest::Client::new();
        let base = self.server.url.trim_end_matches('/');
        let call = asked(client.post(format!("{base}/calls")).json(&self.wish()?), base).await?;
        let id =
            call["id"].as_str().context("the reply names no call; is this offhook's address?")?.to_owned();
        if self.detach {
            super::print(&format!("{id}\n"));
            return Ok(0);
        }
        let url = format!("{base}/calls/{id}");
        let mut story = Story::new(&self.from, self.to.as_deref().filter(|_| self.flow.is_none()));
        super::print(&format!("{id}: calling {}\n", self.from));
        let mut given_up = false;
        loop {
            let view = asked(client.get(&url), base).await?;
            story.tell(&view).iter().for_each(|line| super::print(&format!("{line}\n")));
            if view["state"] == "ended" {
                return Ok(if given_up { INTERRUPTED } else { story.status(&view) });
            }
            tokio::select! {
                () = pause(LOOK) => {}
                interrupted = tokio::signal::ctrl_c(), if !given_up => {
                    interrupted.context("cannot hear signals")?;
                    super::print("hanging up\n");
                    given_up = true;
                    // It may be over just now, which is as good.
                    let _ = client.delete(&url).send().await;
                }
            }
        }
    }

    /// The body of the request.
    fn wish(&self) -> anyhow::Result<Value> {
        let amd = self.amd.map(|amd| match amd {
            Amd::Hangup => "hangup",
            Amd::Continue => "continue",
            Amd::Wait => "wait",
        });
        let mut wish = json!({ "from": self.from, "timeout_s": self.timeout, "early": self.early });
        let members = wish.as_object_mut().context("an object")?;
        let texts = [
            ("to", self.to.as_deref()),
            ("flow", self.flow.as_deref()),
            ("caller", self.caller.as_deref()),
            ("amd", amd),
        ];
        members.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.into()))));
        members.extend(self.longest.map(|seconds| ("longest_s".to_owned(), seconds.into())));
        if let Some(session) = &self.session {
            let data: Map<String, Value> = serde_json::from_str(session)
                .with_context(|| format!("--session is no JSON object: {session}"))?;
            members.insert("session".to_owned(), Value::Object(data));
        }
        Ok(wish)
    }
}

/// What the server says to a request.
async fn asked(request: reqwest::RequestBuilder, base: &str) -> anyhow::Result<Value> {
    let failed = || {
        format!("cannot ask {base}; is the server running, and does --url name its http.bind and http.port?")
    };
    let reply = request.send().await.with_context(failed)?;
    let status = reply.status();
    let text = reply.text().await.with_context(failed)?;
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    if !status.is_success() {
        bail!("{}", value["error"]["message"].as_str().unwrap_or(status.as_str()));
    }
    Ok(value)
}

/// How a call goes, told line by line.
struct Story {
    from: String,
    /// Whom it is to be connected with.
    to: Option<String>,
    /// Parties that ring, by name.
    ringing: Vec<String>,
    /// Legs that answered, by letter.
    answered: Vec<String>,
}

impl Story {
    fn new(from: &str, to: Option<&str>) -> Story {
        Story { from: from.to_owned(), to: to.map(str::to_owned), ringing: Vec::new(), answered: Vec::new() }
    }

    /// What is new in the call.
    fn tell(&mut self, view: &Value) -> Vec<String> {
        let mut lines = Vec::new();
        for leg in view["legs"].as_array().into_iter().flatten() {
            let text = |key: &str| leg[key].as_str().unwrap_or_default().to_owned();
            let (name, party, state) = (text("name"), text("party"), text("state"));
            if matches!(state.as_str(), "ringing" | "early") && !self.ringing.contains(&party) {
                lines.push(format!("{party} rings"));
                self.ringing.push(party.clone());
            }
            if !leg["answered"].is_null() && !self.answered.contains(&name) {
                lines.push(match (self.answered.len(), &self.to) {
                    (0, Some(to)) => format!("{party} answered; calling {to}"),
                    (0, None) => {
                        format!("{party} answered; {} runs", view["flow"].as_str().unwrap_or("the flow"))
                    }
                    (_, _) => format!("{party} answered; connected"),
                });
                self.answered.push(name);
            }
        }
        if view["state"] == "ended" {
            lines.push(self.end(view));
        }
        lines
    }

    /// How it ended.
    fn end(&self, view: &Value) -> String {
        let cause = view["cause"].as_str().unwrap_or_default();
        let why = reason(cause);
        match self.status(view) {
            NOT_ANSWERED => {
                let hint = if cause == "unavailable" {
                    "; `offhook registrations` lists the phones that are there"
                } else {
                    ""
                };
                format!("{} did not answer: {why}{hint}", self.from)
            }
            NOT_CONNECTED => format!("{} was not reached: {why}", self.to.as_deref().unwrap_or_default()),
            _ => {
                let by = match view["by"].as_str().unwrap_or_default() {
                    "callee" if self.answered.len() < 2 => format!("by {}", self.from),
                    by => format!("by the {by}"),
                };
                format!("ended after {} s: {why}, {by}", view["talked_ms"].as_i64().unwrap_or(0) / 1_000)
            }
        }
    }

    /// The exit status of a call that is over.
    fn status(&self, view: &Value) -> u8 {
        let cause = view["cause"].as_str().unwrap_or_default();
        let failed = ["busy", "rejected", "no_answer", "unavailable", "failed"].contains(&cause);
        if view["answered"].is_null() || cause == "amd" {
            NOT_ANSWERED
        } else if self.to.is_some() && self.answered.len() < 2 && failed {
            NOT_CONNECTED
        } else {
            0
        }
    }
}

/// A cause in words.
fn reason(cause: &str) -> &str {
    match cause {
        "busy" => "busy",
        "rejected" => "declined",
        "no_answer" => "nobody answered in time",
        "unavailable" => "no phone can be reached there",
        "failed" => "the call failed",
        "hangup" => "hung up",
        "amd" => "a machine answered",
        "normal" | "end" => "the flow is at its end",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: &str, legs: Value, more: Value) -> Value {
        let mut view = json!({ "state": state, "legs": legs, "flow": "menu.json", "answered": null });
        view.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        view
    }

    fn leg(name: &str, party: &str, state: &str) -> Value {
        let answered = matches!(state, "answered").then_some("now");
        json!({ "name": name, "party": party, "state": state, "answered": answered })
    }

    #[test]
    fn a_call_is_told_as_it_goes_and_each_thing_once() {
        let mut story = Story::new("alice", Some("202"));
        assert_eq!(
            story.tell(&view("ringing", json!([leg("A", "alice", "ringing")]), json!({}))),
            ["alice rings"]
        );
        let up = json!([leg("A", "alice", "answered"), leg("B", "bob", "ringing")]);
        let told = story.tell(&view("answered", up.clone(), json!({})));
        assert_eq!(told, ["alice answered; calling 202", "bob rings"]);
        assert!(story.tell(&view("answered", up, json!({}))).is_empty());
        let both = json!([leg("A", "alice", "answered"), leg("B", "bob", "answered")]);
        let over = json!({ "answered": "now", "cause": "hangup", "by": "callee", "talked_ms": 4_900 });
        let last = view("ended", both, over);
        assert_eq!(story.tell(&last), ["bob answered; connected", "ended after 4 s: hung up, by the callee"]);
        assert_eq!(story.status(&last), 0);
    }

    #[test]
    fn who_did_not_answer_is_told_from_who_was_not_connected() {
        let mut story = Story::new("alice", Some("202"));
        let busy =
            view("ended", json!([leg("A", "alice", "ended")]), json!({ "cause": "busy", "by": "callee" }));
        assert_eq!(
            (story.tell(&busy), story.status(&busy)),
            (vec!["alice did not answer: busy".to_owned()], 1)
        );
        let over = json!({ "answered": "now", "cause": "busy", "by": "flow" });
        let half = view("ended", json!([leg("A", "alice", "answered")]), over);
        assert_eq!(story.tell(&half), ["alice answered; calling 202", "202 was not reached: busy"]);
        assert_eq!(story.status(&half), 3);
        // With a flow, its end is an end.
        let mut story = Story::new("alice", None);
        assert_eq!(story.tell(&half).first().map(String::as_str), Some("alice answered; menu.json runs"));
        assert_eq!(story.status(&half), 0);
    }
}
