//! A value during an evaluation: JSON's kinds, undefined, numbers that JSON lacks, and dates.

use serde_json::{Number, Value};

use super::{TEXT_LIMIT, date};

/// A value of the expression language.
#[derive(Clone, Debug, PartialEq)]
pub enum Js {
    /// Nothing of that name.
    Undefined,
    /// JSON's null.
    Null,
    /// A truth.
    Bool(bool),
    /// Any number, NaN and the infinities included.
    Number(f64),
    /// Text.
    Text(String),
    /// An array or an object.
    Json(Value),
    /// Milliseconds since 1970 (UTC); NaN for an invalid date.
    Date(f64),
}

impl Js {
    /// The value of a JSON value.
    pub fn from_json(value: &Value) -> Js {
        match value {
            Value::Array(_) | Value::Object(_) => Js::Json(value.clone()),
            scalar => Js::scalar(scalar),
        }
    }

    /// As [`Js::from_json`], keeping the arrays and objects that it is given.
    pub fn of(value: Value) -> Js {
        match value {
            Value::Array(_) | Value::Object(_) => Js::Json(value),
            scalar => Js::scalar(&scalar),
        }
    }

    fn scalar(value: &Value) -> Js {
        match value {
            Value::Bool(truth) => Js::Bool(*truth),
            Value::Number(number) => Js::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Js::Text(text.clone()),
            _ => Js::Null,
        }
    }

    /// As JSON; `None` for undefined. NaN and the infinities become null and a date its ISO text, as in
    /// `JSON.stringify`.
    pub fn into_json(self) -> Option<Value> {
        Some(match self {
            Js::Undefined => return None,
            Js::Null => Value::Null,
            Js::Bool(truth) => Value::Bool(truth),
            Js::Number(number) => json_number(number),
            Js::Text(text) => Value::String(text),
            Js::Json(value) => value,
            Js::Date(millis) => date::iso(millis).map_or(Value::Null, Value::String),
        })
    }

    /// ECMAScript's ToBoolean.
    pub fn truthy(&self) -> bool {
        match self {
            Js::Undefined | Js::Null => false,
            Js::Bool(truth) => *truth,
            Js::Number(number) => *number != 0.0 && !number.is_nan(),
            Js::Text(text) => !text.is_empty(),
            Js::Json(_) | Js::Date(_) => true,
        }
    }

    /// ECMAScript's ToNumber.
    pub fn to_number(&self) -> f64 {
        match self {
            Js::Undefined => f64::NAN,
            Js::Null => 0.0,
            Js::Bool(truth) => f64::from(u8::from(*truth)),
            Js::Number(number) | Js::Date(number) => *number,
            Js::Text(text) => parse_number(text),
            Js::Json(_) => parse_number(&self.to_text()),
        }
    }

    /// ECMAScript's ToString, except that an object is its JSON text.
    pub fn to_text(&self) -> String {
        match self {
            Js::Undefined => "undefined".into(),
            Js::Null => "null".into(),
            Js::Bool(truth) => truth.to_string(),
            Js::Number(number) => number_text(*number),
            Js::Text(text) => text.clone(),
            Js::Json(Value::Array(items)) => {
                let item = |item: &Value| match item {
                    Value::Null => String::new(),
                    other => Js::from_json(other).to_text(),
                };
                limited(items.iter().map(item).collect::<Vec<_>>().join(","))
            }
            Js::Json(value) => limited(value.to_string()),
            Js::Date(millis) => date::iso(*millis).unwrap_or_else(|| "Invalid Date".into()),
        }
    }

    /// The member `name`: an element, a character, a length, an object's member.
    pub fn member(&self, name: &str) -> Js {
        match self {
            Js::Json(value) => member_of(value, name),
            Js::Text(text) if name == "length" => Js::Number(text.chars().count() as f64),
            Js::Text(text) => match name.parse::<usize>().ok().and_then(|at| text.chars().nth(at)) {
                Some(character) => Js::Text(character.into()),
                None => Js::Undefined,
            },
            _ => Js::Undefined,
        }
    }
}

/// The member `name` of a JSON value.
pub(super) fn member_of(value: &Value, name: &str) -> Js {
    match (value, child_of(value, name)) {
        (_, Some(child)) => Js::from_json(child),
        (Value::Array(items), None) if name == "length" => Js::Number(items.len() as f64),
        (Value::String(_), None) => Js::from_json(value).member(name),
        _ => Js::Undefined,
    }
}

/// The value that stands at `name` in an array or object.
pub(super) fn child_of<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Text cut to [`TEXT_LIMIT`], between characters.
pub(super) fn limited(mut text: String) -> String {
    if text.len() > TEXT_LIMIT {
        let end = (0..=TEXT_LIMIT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// A number as JSON: an integer where it is one, null where JSON has no such number.
fn json_number(number: f64) -> Value {
    // 2^53: the integers up to here are exact in both.
    if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
        Value::Number(Number::from(number as i64))
    } else {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

/// ECMAScript's Number::toString, with the shortest digits: no exponent from 1e-6 to 1e21.
fn number_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else if number == 0.0 {
        "0".into()
    } else if number.abs() >= 1e21 {
        format!("{number:e}").replace('e', "e+")
    } else if number.abs() < 1e-6 {
        format!("{number:e}")
    } else {
        format!("{number}")
    }
}

/// ECMAScript's StringToNumber: the whole text or NaN; nothing but space is zero.
fn parse_number(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    if let (Some("0"), Some(mark @ ("x" | "X" | "o" | "O" | "b" | "B"))) = (text.get(..1), text.get(1..2)) {
        let radix = if mark.eq_ignore_ascii_case("x") {
            16
        } else if mark.eq_ignore_ascii_case("o") {
            8
        } else {
            2
        };
        let digits = text.get(2..).unwrap_or_default();
        let signed = digits.starts_with(['+', '-']);
        return i64::from_str_radix(digits, radix)
            .ok()
            .filter(|_| !signed)
            .map_or(f64::NAN, |number| number as f64);
    }
    match text {
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        // Rust also reads `inf` and `nan`, which ECMAScript does not.
        _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}
