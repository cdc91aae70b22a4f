//! Templates in places with a grammar of their own: addresses, forms and JSON.
//!
//! The author wrote the grammar; a value is only a value, and must not end what it stands in.
//! What an author may have meant as a piece of the grammar (a whole address, a whole query, a JSON value outside of
//! quotes) stays as it is.

use super::{Eval, Scope, TEXT_LIMIT, shown, spread, value};
use crate::ir::{Part, Template};

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A URL (RFC 3986).
    Address,
    /// A body of `application/x-www-form-urlencoded`.
    Form,
    /// A body of JSON (RFC 8259).
    Json,
    /// A text without a grammar.
    Plain,
}

impl Place {
    /// What a body of this content type is.
    pub fn of_body(content_type: &str) -> Place {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Place::Form,
            "application/json" | "text/json" => Place::Json,
            kind if kind.ends_with("+json") => Place::Json,
            _ => Place::Plain,
        }
    }
}

/// `template` with its variables filled in, written so that they stay what they are at `place`.
pub fn escaped(scope: &dyn Scope, template: &Template, place: Place) -> String {
    let eval = Eval::new(scope);
    let mut text = String::new();
    let mut quoted = false;
    for part in &template.0 {
        let filled = match part {
            Part::Literal(literal) => {
                quoted = ends_quoted(quoted, literal);
                text.push_str(literal);
                continue;
            }
            Part::Value(expr) => shown(&eval.expr(expr)),
            Part::Spread(expr) => spread(&eval.expr(expr)),
        };
        match place {
            Place::Plain => text.push_str(&filled),
            Place::Json if quoted => push_json(&filled, &mut text),
            Place::Json => text.push_str(&filled),
            Place::Form if text.rfind(['=', '&']).is_some_and(|at| text.get(at..=at) == Some("=")) => {
                push_encoded(&filled, unreserved, &mut text);
            }
            Place::Form => text.push_str(&filled),
            Place::Address => push_address(&filled, &mut text),
        }
        if text.len() > TEXT_LIMIT {
            return value::limited(text);
        }
    }
    text
}

/// Whether JSON is inside a string after `literal`.
fn ends_quoted(mut quoted: bool, literal: &str) -> bool {
    let mut backslash = false;
    for c in literal.chars() {
        match c {
            _ if backslash => backslash = false,
            '\\' if quoted => backslash = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    quoted
}

fn push_json(value: &str, text: &mut String) {
    let whole = serde_json::Value::from(value).to_string();
    text.push_str(whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default());
}

/// A value in a query's `name=` is all value; elsewhere only what no address may hold is written otherwise, and in
/// the path also what would end it.
fn push_address(value: &str, text: &mut String) {
    let authority = text.find("://").map(|at| at + 3);
    let query = text.find('?');
    let assigned = |from: usize| {
        let query = text.get(from..).unwrap_or_default();
        query.rfind(['=', '&']).is_some_and(|at| query.get(at..=at) == Some("="))
    };
    let path = match authority {
        Some(start) => text.get(start..).unwrap_or_default().contains('/'),
        None => text.starts_with(['/', '.']),
    };
    match query {
        Some(from) if assigned(from) => push_encoded(value, unreserved, text),
        Some(_) => push_encoded(value, |c| legal(c) || c == '?', text),
        None if path => push_encoded(value, legal, text),
        // The whole address, or its host.
        None => text.push_str(value),
    }
}

/// RFC 3986 §2.3.
fn unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~".contains(c)
}

/// What may stand in a path, what is written with `%` already included.
fn legal(c: char) -> bool {
    unreserved(c) || "!$&'()*+,;=:@/%".contains(c)
}

fn push_encoded(value: &str, keep: impl Fn(char) -> bool, text: &mut String) {
    for c in value.chars() {
        if keep(c) {
            text.push(c);
            continue;
        }
        let mut bytes = [0; 4];
        for byte in c.encode_utf8(&mut bytes).bytes() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ir::{Expr, Fact};

    struct Variables(Value);

    impl Scope for Variables {
        fn variable(&self, name: &str) -> Option<&Value> {
            self.0.get(name)
        }
        fn fact(&self, _: Fact) -> Option<Value> {
            None
        }
        fn now_millis(&self) -> i64 {
            0
        }
    }

    fn filled(text: &str, place: Place) -> String {
        let scope = Variables(json!({
            "no": "+15550100", "name": "Zoë \"Z\" O'Neil & co", "path": "a/b c?d#e", "query": "x=1&y=2",
            "url": "https://h/p?q=1 2", "host": "h:8080", "object": {"k": [1]},
        }));
        let mut parts = Vec::new();
        for (at, piece) in text.split('$').enumerate() {
            let (name, rest) = piece.split_at(if at == 0 { 0 } else { piece.find('}').unwrap_or(0) });
            if at > 0 {
                parts.push(Part::Value(Expr::Variable(name.trim_start_matches('{').to_owned())));
            }
            parts.push(Part::Literal(rest.trim_start_matches('}').to_owned()));
        }
        escaped(&scope, &Template(parts), place)
    }

    #[test]
    fn a_value_in_a_query_stays_a_value() {
        let is = |text| filled(text, Place::Address);
        assert_eq!(
            is("https://h/?from=${no}&n=${name}"),
            "https://h/?from=%2B15550100&n=Zo%C3%AB%20%22Z%22%20O%27Neil%20%26%20co"
        );
        assert_eq!(is("/next?from=x-${no}#end"), "/next?from=x-%2B15550100#end");
    }

    #[test]
    fn a_value_in_a_path_does_not_end_it() {
        assert_eq!(filled("https://h/${path}/x", Place::Address), "https://h/a/b%20c%3Fd%23e/x");
    }

    #[test]
    fn a_whole_address_a_host_and_a_whole_query_stay_as_they_are() {
        let is = |text| filled(text, Place::Address);
        assert_eq!(is("${url}"), "https://h/p?q=1 2");
        assert_eq!(is("http://${host}/x"), "http://h:8080/x");
        assert_eq!(is("http://h/x?${query}"), "http://h/x?x=1&y=2");
    }

    #[test]
    fn json_text_is_escaped_inside_quotes_and_taken_as_it_is_outside() {
        let is = filled(r#"{"who": "${name}", "what": ${object}, "\"": "${no}"}"#, Place::Json);
        let read: Value = serde_json::from_str(&is).unwrap_or_else(|error| panic!("{error} in {is}"));
        assert_eq!(read, json!({"who": "Zoë \"Z\" O'Neil & co", "what": {"k": [1]}, "\"": "+15550100"}));
    }

    #[test]
    fn a_form_is_encoded_in_its_values() {
        assert_eq!(filled("a=1&from=${no}&${query}", Place::Form), "a=1&from=%2B15550100&x=1&y=2");
        assert_eq!(filled("Hello ${name}", Place::of_body("text/plain")), "Hello Zoë \"Z\" O'Neil & co");
        assert_eq!(Place::of_body("application/problem+json; charset=utf-8"), Place::Json);
    }
}
