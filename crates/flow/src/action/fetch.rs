//! Programs that arrive while running: from an HTTP server, or from the store.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    engine::{Cx, Halt, HttpReply, HttpRequest, Installation, Sent, build_request},
    ir::{Cause, Fetch, Install, Outcome, Program, Reply, Subflow, Target, Template, verify},
    lower::{self, Dialect, Lowered, Severity},
};

/// Most diagnostics of a fetched document that are put into the timeline.
const DIAGNOSTICS: usize = 10;

/// Largest reply that is read; the field's largest flow documents have 200 KiB, and reading holds a thread up.
const LARGEST: usize = 1 << 20;

/// Asks an HTTP server for a program and enters it.
pub(super) async fn run(cx: &Cx, op: &Fetch) -> Result<Outcome, Halt> {
    let exchange = match ask(cx, op) {
        Ok((base, sent)) => cx.reply_of(sent).await?.map(|reply| (base, reply)),
        Err(why) => {
            cx.note(why);
            None
        }
    };
    cx.port().fetched = true;
    let Reply::Program(dialect) = op.reply else { return Ok(Outcome::Done) };
    let Some((base, reply)) = exchange else { return Ok(Outcome::Failed(Cause::Http)) };
    match program(cx, dialect, &base, &reply) {
        Ok(program) => {
            // The address without its query names the document; the query stands in the exchange's own line.
            let name = base.split('?').next().unwrap_or_default().to_owned();
            cx.install(Installation { program: Arc::new(program), name, base, install: op.install });
            Ok(Outcome::Done)
        }
        Err(why) => {
            cx.note(why);
            Ok(Outcome::Failed(Cause::Http))
        }
    }
}

/// Sends the request, and says its address.
fn ask(cx: &Cx, op: &Fetch) -> Result<(String, Sent), String> {
    let request = {
        let mut port = cx.port();
        let request = build_request(&port, &op.request, true);
        // What a call begins with is the same for others; what comes later depends on what this caller did.
        let begins = op.reply != Reply::Ignored && !port.fetched && port.key_serial == 0;
        if op.reply != Reply::Ignored {
            // The server has been told of them.
            port.told = std::mem::take(&mut port.store.presses);
            port.changed = false;
        }
        let request = request?;
        if begins { request } else { HttpRequest { last_good: None, ..request } }
    };
    Ok((request.url.clone(), cx.send(request)))
}

/// Reads a reply as a program.
fn program(cx: &Cx, dialect: Dialect, base: &str, reply: &HttpReply) -> Result<Program, String> {
    if !(200..300).contains(&reply.status) {
        return Err(format!("the server answered {}", reply.status));
    }
    if reply.body.len() > LARGEST {
        return Err(format!("the reply is larger than {LARGEST} bytes"));
    }
    // Some servers put a byte order mark before their JSON.
    let body = reply.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&reply.body);
    let lowered = lowered(dialect, base, &reply.content_type, body)?;
    for diagnostic in lowered.diagnostics.iter().take(DIAGNOSTICS) {
        let severity = match diagnostic.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        cx.note(format!("{severity} at {}: {}", diagnostic.pointer, diagnostic.message));
    }
    verify(&lowered.program).map_err(|error| format!("the reply cannot run: {error}"))?;
    Ok(lowered.program)
}

/// Reads a reply's body: JSON, or TwiML for a Kazoo flow. An empty one is a document without anything to do.
fn lowered(dialect: Dialect, base: &str, kind: &str, body: &[u8]) -> Result<Lowered, String> {
    // The page of a web server's error begins in another way.
    let start = body.trim_ascii_start();
    let is_xml = [b"<?xml".as_slice(), b"<Response", b"<!--"].iter().any(|begin| start.starts_with(begin));
    if dialect == Dialect::Kazoo && is_xml {
        let text = String::from_utf8_lossy(body);
        return lower::kazoo::twiml::lower(&text, base)
            .map_err(|error| format!("the reply is no TwiML: {error}"));
    }
    let document: Value = if body.iter().all(u8::is_ascii_whitespace) {
        Value::Object(Default::default())
    } else {
        serde_json::from_slice(body).map_err(|error| match kind {
            "" => format!("the reply is not JSON: {error}"),
            kind => format!("the reply ({kind}) is not JSON: {error}"),
        })?
    };
    lower::lower(Some(dialect), &document).map_err(|error| format!("the reply cannot be read: {error}"))
}

/// Enters what a number means; the running program is gone.
pub(super) async fn number(cx: &Cx, number: &Template) -> Result<Outcome, Halt> {
    let number = cx.text(number);
    match cx.document(&number).await? {
        Some(program) => {
            let base = String::new();
            cx.install(Installation { program, name: number, base, install: Install::Replace });
            Ok(Outcome::Done)
        }
        None => {
            cx.note(format!("nothing is at the number {number}"));
            Ok(Outcome::Failed(Cause::Missing))
        }
    }
}

/// Enters a document that runs before the node of `cx`.
pub(super) async fn before(cx: &Cx, id: String) -> Result<Outcome, Halt> {
    let found = cx.document(&id).await?;
    cx.port().detour = Some(Target::Node(cx.id()));
    match found {
        Some(program) => {
            let base = String::new();
            cx.install(Installation { program, name: id, base, install: Install::Push });
        }
        None => cx.note(format!("there is no flow \"{id}\" to run first")),
    }
    Ok(Outcome::Done)
}

/// Enters a document that runs before what the outcome of the node of `cx` leads to.
pub(super) async fn then(cx: &Cx, id: &str) -> Result<(), Halt> {
    match cx.document(id).await? {
        Some(program) => {
            let base = String::new();
            cx.install(Installation { program, name: id.to_owned(), base, install: Install::Push });
        }
        None => cx.note(format!("there is no flow \"{id}\" to run afterwards")),
    }
    Ok(())
}

/// Enters another document of the store.
pub(super) async fn subflow(cx: &Cx, op: &Subflow) -> Result<Outcome, Halt> {
    let id = cx.text(&op.id);
    match cx.document(&id).await? {
        Some(program) => {
            cx.install(Installation { program, name: id, base: String::new(), install: op.install });
            Ok(Outcome::Done)
        }
        None => {
            cx.note(format!("there is no flow \"{id}\""));
            Ok(Outcome::Failed(Cause::Missing))
        }
    }
}
