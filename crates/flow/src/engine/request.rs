//! Builds the HTTP requests that a flow makes.
//!
//! One place for the encodings of all dialects: query, form, JSON, XML and text as it stands.
//! What the values are is the program's business; how the request travels is the driver's.

use serde_json::{Map, Value};

use super::{HttpRequest, address, port::Port};
use crate::{
    eval::{self, Place},
    ir::{Encoding, Request},
};

/// Brings `request`'s variables in. `Err` says why no request can be made of it.
pub(crate) fn build(port: &Port, request: &Request, wait: bool) -> Result<HttpRequest, String> {
    let method = eval::template(port, &request.method).trim().to_ascii_uppercase();
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(format!("\"{method}\" is no HTTP method"));
    }
    let url = eval::escaped(port, &request.url, Place::Address);
    let mut url = address::resolve(port.base(), url.trim());
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) || url.contains(|c: char| c.is_control()) {
        return Err(format!("\"{url}\" is no http:// or https:// address"));
    }
    let last_good = Some(format!("{method} {}", url.split('#').next().unwrap_or_default()));
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
            let kind = header_value(&eval::template(port, kind));
            let body = eval::escaped(port, body, Place::of_body(&kind)).into_bytes();
            if !body.is_empty() {
                content_type(&kind);
            }
            body
        }
    };
    for (name, value) in &request.headers {
        headers.retain(|(kept, _)| !kept.eq_ignore_ascii_case(name));
        headers.push((name.clone(), header_value(&eval::template(port, value))));
    }
    let (timeout, retries) = (request.timeout, request.retries);
    Ok(HttpRequest { method, url, headers, body, timeout, retries, wait, last_good })
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
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte))
            }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::{
        engine::{Facts, Settings},
        ir::{Expr, Template},
    };

    fn request(url: &str, encoding: Encoding) -> Request {
        let fields = json!({
            "a b": "x&y=é", "empty": "", "null": null, "n": 1.5, "yes": true, "list": ["1", {"k": "<v>"}],
            "Digits": {"pin": "0123"},
        });
        let fields = fields
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), Expr::Literal(value.clone())));
        let undefined = [("gone".to_owned(), Expr::Variable("gone".into()))];
        Request {
            method: Template::literal("get"),
            url: Template::literal(url),
            fields: fields.chain(undefined).collect(),
            encoding,
            omit_empty: true,
            headers: vec![("X-A".into(), Template::literal("a\r\nX-B: b"))],
            timeout: Duration::from_secs(5),
            retries: 1,
        }
    }

    fn built(request: &Request) -> HttpRequest {
        build(&Port::new(Facts::default(), Settings::default()), request, true).unwrap()
    }

    fn body(encoding: Encoding) -> String {
        String::from_utf8(built(&request("http://h/", encoding)).body).unwrap()
    }

    #[test]
    fn a_query_follows_what_is_there_and_precedes_the_fragment() {
        let url = |url: &str, encoding| built(&request(url, encoding)).url;
        let flat = "a+b=x%26y%3D%C3%A9&n=1.5&yes=true&list=%5B%221%22%2C%7B%22k%22%3A%22%3Cv%3E%22%7D%5D&Digits=%7B%22pin%22%3A%220123%22%7D";
        let nested =
            "a+b=x%26y%3D%C3%A9&n=1.5&yes=true&list%5B0%5D=1&list%5B1%5D%5Bk%5D=%3Cv%3E&Digits%5Bpin%5D=0123";
        assert_eq!(url("http://h/p", Encoding::Query { brackets: false }), format!("http://h/p?{flat}"));
        assert_eq!(
            url("https://h/p?q=1#f", Encoding::Query { brackets: true }),
            format!("https://h/p?q=1&{nested}#f")
        );
        assert_eq!(body(Encoding::Form { brackets: true }), nested);
    }

    #[test]
    fn json_and_xml_keep_the_nesting() {
        let json = r#"{"a b":"x&y=é","n":1.5,"yes":true,"list":["1",{"k":"<v>"}],"Digits":{"pin":"0123"}}"#;
        assert_eq!(body(Encoding::Json), json);
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><call><a_b>x&amp;y=é</a_b><n>1.5</n><yes>true</yes>\
                   <list>1</list><list><k>&lt;v&gt;</k></list><Digits><pin>0123</pin></Digits></call>";
        assert_eq!(body(Encoding::Xml("call".into())), xml);
    }

    #[test]
    fn empty_values_travel_where_they_are_wanted() {
        let all = Request { omit_empty: false, ..request("http://h/", Encoding::Json) };
        let text = String::from_utf8(built(&all).body).unwrap();
        assert!(text.contains(r#""empty":"","null":null"#), "{text}");
        assert!(!text.contains("gone"), "what is undefined is left out in any case");
    }

    #[test]
    fn a_header_cannot_smuggle_another_in() {
        let headers = built(&request("http://h/", Encoding::Query { brackets: false })).headers;
        assert_eq!(headers, [("X-A".to_owned(), "aX-B: b".to_owned())]);
        let raw = Encoding::Raw {
            body: Template::literal("hi"),
            content_type: Template::literal("text/plain\r\nX: y"),
        };
        let headers = built(&request("http://h/", raw)).headers;
        assert_eq!(headers.first(), Some(&("Content-Type".to_owned(), "text/plainX: y".to_owned())));
    }

    #[test]
    fn addresses_and_methods_are_checked() {
        let port = Port::new(Facts::default(), Settings::default());
        for url in ["ftp://h/", "h/path", "", "http://h/\r\nX: y", "file:///etc/passwd"] {
            assert!(build(&port, &request(url, Encoding::Json), true).is_err(), "{url}");
        }
        let method = Request { method: Template::literal("GET /"), ..request("http://h/", Encoding::Json) };
        assert!(build(&port, &method, true).is_err());
    }
}
