//! REDIRECT and WEBHOOK: asking another server for the script, and telling a server something.

use serde_json::Value;

use super::callback;
use super::list::{Action, Lowering};
use crate::ir::{Encoding, Fetch, Install, Op, Reply, Template, Webhook};
use crate::lower::{Code, Dialect};

/// A new script now, in place of what is left of this one.
pub(super) fn redirect(lowering: &mut Lowering, action: &Action<'_>) {
    let members = action.param(lowering, "url");
    let Some(url) = members.text(&mut lowering.builder, "url").filter(|url| !url.is_empty()) else {
        lowering.builder.report(Code::MissingOption, action.top.pointer(), "REDIRECT needs `params.url`");
        return lowering.op(action.head, callback::failed());
    };
    let url = lowering.template(&url, &members.at("url"));
    let method_of = action.param(lowering, "method").clone();
    let method = callback::method(lowering, &method_of, "GET");
    let content_type = action.params.text(&mut lowering.builder, "content_type").unwrap_or_default();
    let encoding = callback::encoding(lowering, &method, &content_type, &action.params.at("content_type"));
    let request = callback::request("live_call", method, url, encoding);
    let reply = Reply::Program(Dialect::Voxology);
    lowering.op(action.head, Op::Fetch(Fetch { request, reply, install: Install::Replace }));
    callback::or_fail(lowering, action.head, action.top.pointer());
}

/// Tells a server, and does not wait.
pub(super) fn webhook(lowering: &mut Lowering, action: &Action<'_>) {
    let members = action.param(lowering, "url");
    let Some(url) = members.text(&mut lowering.builder, "url").filter(|url| !url.is_empty()) else {
        let message = "WEBHOOK needs `params.url`";
        return lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
    };
    let url = lowering.template(&url, &members.at("url"));
    let method_of = action.param(lowering, "method").clone();
    let method = callback::method(lowering, &method_of, "POST");
    let content_type = action.params.text(&mut lowering.builder, "content_type").unwrap_or_default();
    let pointer = action.params.at("content_type");
    let encoding = callback::encoding(lowering, &method, &content_type, &pointer);
    let mut request = callback::request("webhook", method, url, encoding);
    let members = action.param(lowering, "data");
    match members.get("data") {
        None => {}
        Some(Value::Object(data)) => {
            let pointer = members.at("data");
            request.fields = data
                .iter()
                .map(|(key, value)| (key.clone(), lowering.data(value, &pointer.child(key))))
                .collect();
        }
        Some(Value::String(text)) => {
            let body = lowering.template(text, &members.at("data"));
            let default =
                if text.trim_start().starts_with(['{', '[']) { "application/json" } else { "text/plain" };
            let content_type = if content_type.is_empty() { default } else { &content_type };
            request.encoding = Encoding::Raw { body, content_type: Template::literal(content_type) };
        }
        Some(other) => {
            let value = lowering.data(other, &members.at("data"));
            request.fields = vec![("data".into(), value)];
        }
    }
    lowering.op(action.head, Op::Webhook(Webhook { request, wait: false }));
}
