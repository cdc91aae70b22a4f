//! The callback request: what a server is told of a call, and the program that asks it.
//!
//! Owns the request's fields and how they travel; `docs/callbacks.md` shows them in each form.
//! When a callback is sent is the program's (`on_end`, `on_gone`) and the engine's.

use std::time::Duration;

use serde_json::Value;

use super::list::Lowering;
use super::{expr, native};
use crate::ir::{
    Cause, Edges, Encoding, Expr, Fact, Fetch, Hangup, Install, NodeId, Op, Outcome, Pointer, Reply, Request,
    Target, Template,
};
use crate::lower::members::Members;
use crate::lower::{Code, Dialect};

/// Voxology publishes no time limit; a caller does not wait longer for the next word.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One more try when no connection could be made, as a server that restarts needs it.
const RETRIES: u32 = 1;

/// Asks the configuration's server; hangs up when it does not answer with a script.
pub(super) fn configuration(lowering: &mut Lowering, callback: &Value, pointer: &Pointer) {
    let address;
    let callback = match callback {
        // The address alone.
        Value::String(url) => {
            address = serde_json::json!({ "url": url });
            &address
        }
        other => other,
    };
    let members = Members::of(&mut lowering.builder, Some(callback), pointer.clone());
    let Some(url) = members.text(&mut lowering.builder, "url").filter(|url| !url.is_empty()) else {
        lowering.builder.report(Code::MissingOption, pointer, "a callback needs a `url`");
        let id = lowering.builder.add(failed(), pointer);
        lowering.builder.program().entry = Some(id);
        return;
    };
    if !url.contains("${") && !url.starts_with("http://") && !url.starts_with("https://") {
        let message = "expected a URL that begins with http:// or https://";
        lowering.builder.report(Code::BadUrl, &members.at("url"), message);
    }
    let url = lowering.template(&url, &members.at("url"));
    let method = method(lowering, &members, "POST");
    let content_type = members.text(&mut lowering.builder, "content_type").unwrap_or_default();
    let encoding = encoding(lowering, &method, &content_type, &members.at("content_type"));

    let mut ask = |kind: &str, reply: Reply| {
        let request = request(kind, method.clone(), url.clone(), encoding.clone());
        let op = Op::Fetch(Fetch { request, reply, install: Install::Replace });
        lowering.builder.add(op, pointer)
    };
    let script = Reply::Program(Dialect::Voxology);
    let (init, live, end) =
        (ask("init_call", script), ask("live_call", script), ask("end_call", Reply::Ignored));
    for id in [init, live] {
        or_fail(lowering, id, pointer);
    }
    let program = lowering.builder.program();
    (program.entry, program.on_end, program.on_gone) = (Some(init), Some(live), Some(end));
}

/// A server that has no script: 503 if the call was not answered, as for a flow that cannot be read.
pub(super) fn failed() -> Op {
    Op::Hangup(Hangup { status: 503, phrase: None, cause: "callback failed".into() })
}

/// Gives the fetch `id` its edges: a failure ends the call and says so.
pub(super) fn or_fail(lowering: &mut Lowering, id: NodeId, pointer: &Pointer) {
    let failed = lowering.builder.add(failed(), pointer);
    let edges = Edges::always(Target::Hangup).case(Outcome::Failed(Cause::Http), Target::Node(failed));
    lowering.builder.edges(id, edges);
}

/// The method that `members` name, in capitals.
pub(super) fn method(lowering: &mut Lowering, members: &Members<'_>, default: &str) -> Template {
    let Some(method) = members.text(&mut lowering.builder, "method").filter(|method| !method.is_empty())
    else {
        return Template::literal(default);
    };
    let known = ["GET", "POST", "PUT", "DELETE", "PATCH"];
    if !known.contains(&method.to_ascii_uppercase().as_str()) {
        let message = format!("expected a method such as GET or POST, found `{method}`");
        lowering.builder.report(Code::BadValue, &members.at("method"), message);
        return Template::literal(default);
    }
    Template::literal(method.to_ascii_uppercase())
}

/// How the fields travel: in the query of a GET, else as the content type says.
pub(super) fn encoding(
    lowering: &mut Lowering,
    method: &Template,
    content_type: &str,
    pointer: &Pointer,
) -> Encoding {
    if matches!(method.as_literal(), Some("GET" | "DELETE")) {
        return Encoding::Query { brackets: false };
    }
    let bare = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match bare.as_str() {
        "" | "application/json" | "text/json" | "json" => Encoding::Json,
        "application/xml" | "text/xml" | "xml" => Encoding::Xml("callback".into()),
        "application/x-www-form-urlencoded" | "form" => Encoding::Form { brackets: false },
        "query" => Encoding::Query { brackets: false },
        _ => {
            let message = format!(
                "`{content_type}` is none of application/json, application/xml and \
                 application/x-www-form-urlencoded; JSON is sent"
            );
            lowering.builder.report(Code::BadValue, pointer, message);
            Encoding::Json
        }
    }
}

/// A callback of the kind `init_call`, `live_call` or `end_call`.
pub(super) fn request(kind: &str, method: Template, url: Template, encoding: Encoding) -> Request {
    Request {
        method,
        url,
        fields: fields(kind),
        encoding,
        omit_empty: false,
        headers: Vec::new(),
        timeout: TIMEOUT,
        retries: RETRIES,
    }
}

/// Every documented field, in the documentation's order.
pub(super) fn fields(kind: &str) -> Vec<(String, Expr)> {
    let fact = Expr::Fact;
    let null = native::null;
    let fields = [
        ("type", native::text(kind)),
        ("app_id", fact(Fact::AccountId)),
        ("subaccount_id", native::text("0")),
        ("call_id", fact(Fact::CallId)),
        ("start_time", fact(Fact::StartIso)),
        ("direction", fact(Fact::Direction)),
        ("duration", fact(Fact::Elapsed)),
        ("status", native::status()),
        ("detection", native::detection()),
        ("caller_no", native::caller()),
        ("caller_no_city", null()),
        ("caller_no_region", null()),
        ("caller_no_country", native::or(native::caller_country(), null())),
        ("caller_no_timezone", null()),
        ("api_no", native::api()),
        ("api_no_city", null()),
        ("api_no_region", null()),
        ("api_no_country", native::or(native::api_country(), null())),
        ("api_no_timezone", null()),
        ("key_presses", fact(Fact::KeyPresses)),
        ("recordings", fact(Fact::Recordings)),
        ("custom_data", null()),
        ("session_data", native::or(Expr::Variable(expr::SESSION_DATA.into()), null())),
        ("end_time", native::or(fact(Fact::EndIso), null())),
        ("sip_domain", fact(Fact::CalledDomain)),
        ("sip_forwarded_for", fact(Fact::CallerAddress)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}
