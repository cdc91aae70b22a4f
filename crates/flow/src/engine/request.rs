//! Builds the HTTP requests that a flow makes.
//!
//! One place for the encodings of all dialects: query, form, JSON, XML and text as it stands.
//! What the values are is the program's business; how the request travels is the driver's.

use serde_json::{Map, Value};

use super::{HttpRequest, port::Port};
use crate::{
    eval,
    ir::{Encoding, Request},
};

/// Brings `request`'s variables in. `Err` says why no request can be made of it.
pub(crate) fn build(port: &Port, request: &Request, wait: bool) -> Result<HttpRequest, String> {
    let method = eval::template(port, &request.method).trim().to_ascii_uppercase();
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(format!("\"{method}\" is no HTTP method"));
    }
    let mut url = eval::template(port, &request.url).trim().to_owned();
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) || url.contains(|c: char| c.is_control()) {
        return Err(format!("\"{url}\" is no http:// or https:// address"));
    }
    let fields = fields(port, request);
    let mut headers = Vec::new();
    let mut content_type = |kind: &str| headers.push(("Content-Type".to_owned(), kind.to_owned()));
    let body = match &request.encoding {
        Encoding::Query { brackets } => {
            url = with_query(&url, &urlencoded(&fields, *brackets));
            Vec::new()
        }
        Encoding::Form { brackets } => {
            content_type("application/x-www-form-urlencoded");
            urlencoded(&fields, *brackets).into_bytes()
        }
        Encoding::Json => {
            content_type("application/json");
            Value::Object(fields).to_string().into_bytes()
        }
        Encoding::Xml(root) => {
            content_type("application/xml");
            xml(root, fields).into_bytes()
        }
        Encoding::Raw { body, content_type: kind } => {
            let body = eval::template(port, body).into_bytes();
            if !body.is_empty() {
                content_type(&header_value(&eval::template(port, kind)));
            }
            body
        }
    };
    for (name, value) in &request.headers {
        headers.retain(|(kept, _)| !kept.eq_ignore_ascii_case(name));
        headers.push((name.clone(), header_value(&eval::template(port, value))));
    }
    Ok(HttpRequest { method, url, headers, body, timeout: request.timeout, retries: request.retries, wait })
}

/// The fields that have a value, in order.
fn fields(port: &Port, request: &Request) -> Map<String, Value> {
    let field = |(name, value): &(String, crate::ir::Expr)| {
        let mut value = eval::eval(port, value)?;
        if request.omit_empty {
            prune(&mut value);
        }
        let kept = !(request.omit_empty && is_empty(&value));
        kept.then(|| (name.clone(), value))
    };
    request.fields.iter().filter_map(field).collect()
}

/// Takes empty members out of an object: a collection of keys with none pressed is as good as absent.
fn prune(value: &mut Value) {
    if let Value::Object(members) = value {
        members.values_mut().for_each(prune);
        members.retain(|_, value| !is_empty(value));
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// `url` with `query` after what is there already, and before a fragment.
fn with_query(url: &str, query: &str) -> String {
    if query.is_empty() {
        return url.to_owned();
    }
    let (url, fragment) = match url.split_once('#') {
        Some((url, fragment)) => (url, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let joint = match url {
        _ if url.ends_with(['?', '&']) => "",
        _ if url.contains('?') => "&",
        _ => "?",
    };
    format!("{url}{joint}{query}{fragment}")
}

/// `application/x-www-form-urlencoded`, as the WHATWG URL standard §5.2 writes it.
fn urlencoded(fields: &Map<String, Value>, brackets: bool) -> String {
    let mut pairs = Vec::new();
    for (name, value) in fields {
        flatten(name.clone(), value, brackets, &mut pairs);
    }
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Nested values as `name[key]` with `brackets`, as JSON text without.
fn flatten(name: String, value: &Value, brackets: bool, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) if brackets => {
            for (key, value) in members {
                flatten(format!("{name}[{key}]"), value, brackets, pairs);
            }
        }
        Value::Array(items) if brackets => {
            for (at, value) in items.iter().enumerate() {
                flatten(format!("{name}[{at}]"), value, brackets, pairs);
            }
        }
        Value::Null => pairs.push((name, String::new())),
        Value::String(text) => pairs.push((name, text.clone())),
        other => pairs.push((name, other.to_string())),
    }
}

fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A header's value without what would end it.
fn header_value(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned()
}

fn xml(root: &str, fields: Map<String, Value>) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    element(root, &Value::Object(fields), &mut text);
    text
}

/// One element; a list becomes an element for each of its values.
fn element(name: &str, value: &Value, text: &mut String) {
    let name = xml_name(name);
    if let Value::Array(items) = value {
        return items.iter().for_each(|item| element(&name, item, text));
    }
    text.push_str(&format!("<{name}>"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| element(name, value, text)),
        Value::Null | Value::Array(_) => {}
        Value::String(value) => text.push_str(&xml_text(value)),
        other => text.push_str(&other.to_string()),
    }
    text.push_str(&format!("</{name}>"));
}

fn xml_name(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let name: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_alphabetic() || c == '_') { name } else { format!("_{name}") }
}

fn xml_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Characters that no XML 1.0 document may hold.
            c if c.is_control() && !"\t\n\r".contains(c) => {}
            c => escaped.push(c),
        }
    }
    escaped
}
