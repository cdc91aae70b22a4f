//! Functions of the language and methods of its values.

use serde_json::Value;

use super::{Js, TEXT_LIMIT, date, value::limited};

/// A plain function, a constructor, or a function of a namespace such as `Math.floor`.
pub(super) fn function(name: &str, arguments: &[Js], now: i64) -> Js {
    let first = arguments.first().unwrap_or(&Js::Undefined);
    let number = || first.to_number();
    match name.strip_prefix("new ").unwrap_or(name) {
        "Number" => Js::Number(if arguments.is_empty() { 0.0 } else { number() }),
        "String" => Js::Text(if arguments.is_empty() { String::new() } else { first.to_text() }),
        "Boolean" => Js::Bool(first.truthy()),
        "parseInt" => Js::Number(parse_int(&first.to_text(), arguments.get(1))),
        "parseFloat" => Js::Number(parse_float(&first.to_text())),
        "isNaN" => Js::Bool(number().is_nan()),
        "Math.floor" => Js::Number(number().floor()),
        "Math.ceil" => Js::Number(number().ceil()),
        // ECMAScript rounds halves up, not away from zero.
        "Math.round" => Js::Number((number() + 0.5).floor()),
        "Math.trunc" => Js::Number(number().trunc()),
        "Math.abs" => Js::Number(number().abs()),
        "Math.min" => Js::Number(arguments.iter().map(Js::to_number).fold(f64::INFINITY, f64::min)),
        "Math.max" => Js::Number(arguments.iter().map(Js::to_number).fold(f64::NEG_INFINITY, f64::max)),
        "Date.now" => Js::Number(now as f64),
        "Date.parse" => Js::Number(date::parse(&first.to_text())),
        "Date.UTC" => Js::Number(date_of_fields(arguments)),
        "Date" => match arguments {
            [] => Js::Date(now as f64),
            [one] => Js::Date(moment(one)),
            fields => Js::Date(date_of_fields(fields)),
        },
        "JSON.stringify" => {
            Js::Text(limited(first.clone().into_json().map_or_else(String::new, |v| v.to_string())))
        }
        _ => Js::Undefined,
    }
}

/// A method of `of`; undefined if it has none of that name.
pub(super) fn method(of: &Js, name: &str, arguments: &[Js]) -> Js {
    if let Some(found) = date_method(of, name, arguments) {
        return found;
    }
    match of {
        Js::Json(Value::Array(items)) => list_method(items, of, name, arguments),
        Js::Undefined | Js::Null => Js::Undefined,
        other => text_method(&other.to_text(), other, name, arguments),
    }
}

/// `getTime`, `getUTCHours`, `setUTCMinutes`, …; a number or text is taken as the date it names, because a date kept
/// in a variable has become one.
fn date_method(of: &Js, name: &str, arguments: &[Js]) -> Option<Js> {
    let millis = || moment(of);
    let numbers = || arguments.iter().map(Js::to_number).collect::<Vec<_>>();
    Some(match name {
        "getTime" | "valueOf" if matches!(of, Js::Date(_)) || name == "getTime" => Js::Number(millis()),
        "toISOString" | "toJSON" => date::iso(millis()).map_or(Js::Undefined, Js::Text),
        _ if name.starts_with("get") => Js::Number(date::get(millis(), utc_field(name, "get")?)),
        _ if name.starts_with("set") => Js::Number(date::set(millis(), utc_field(name, "set")?, &numbers())),
        _ => return None,
    })
}

/// The field a getter or setter names. The server's local time is UTC: `getHours` is `getUTCHours`.
fn utc_field<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let field = name.strip_prefix(prefix)?;
    Some(field.strip_prefix("UTC").unwrap_or(field))
}

/// The milliseconds that a value names as a date.
fn moment(value: &Js) -> f64 {
    match value {
        Js::Text(text) => date::parse(text),
        other => other.to_number(),
    }
}

fn date_of_fields(fields: &[Js]) -> f64 {
    let at = |index: usize, default: f64| fields.get(index).map_or(default, Js::to_number);
    date::made(at(0, f64::NAN), at(1, 0.0), at(2, 1.0), [at(3, 0.0), at(4, 0.0), at(5, 0.0), at(6, 0.0)])
}

fn list_method(items: &[Value], of: &Js, name: &str, arguments: &[Js]) -> Js {
    let wanted = || arguments.first().cloned().unwrap_or(Js::Undefined).into_json();
    let found = |wanted: &Option<Value>| items.iter().position(|item| Some(item) == wanted.as_ref());
    match name {
        "indexOf" => Js::Number(found(&wanted()).map_or(-1.0, |at| at as f64)),
        "includes" => Js::Bool(found(&wanted()).is_some()),
        "join" => {
            let separator = arguments.first().map_or_else(|| ",".to_owned(), Js::to_text);
            let texts: Vec<String> = items.iter().map(|item| Js::from_json(item).to_text()).collect();
            Js::Text(limited(texts.join(&separator)))
        }
        "slice" => {
            let (start, end) = range(items.len(), arguments);
            Js::Json(items.iter().skip(start).take(end.saturating_sub(start)).cloned().collect())
        }
        "toString" => Js::Text(of.to_text()),
        _ => Js::Undefined,
    }
}

fn text_method(text: &str, of: &Js, name: &str, arguments: &[Js]) -> Js {
    let first = || arguments.first().map(Js::to_text).unwrap_or_default();
    let length = || text.chars().count();
    let cut = |start: usize, end: usize| {
        Js::Text(text.chars().skip(start).take(end.saturating_sub(start)).collect())
    };
    match name {
        "length" => Js::Number(length() as f64),
        "toString" | "valueOf" => Js::Text(text.to_owned()),
        "toUpperCase" => Js::Text(limited(text.to_uppercase())),
        "toLowerCase" => Js::Text(limited(text.to_lowercase())),
        "trim" => Js::Text(text.trim().to_owned()),
        "indexOf" => {
            let before = text.find(&first()).and_then(|at| text.get(..at));
            Js::Number(before.map_or(-1.0, |before| before.chars().count() as f64))
        }
        "includes" => Js::Bool(text.contains(&first())),
        "startsWith" => Js::Bool(text.starts_with(&first())),
        "endsWith" => Js::Bool(text.ends_with(&first())),
        "charAt" => of.member(&first()).or(Js::Text(String::new())),
        "concat" => {
            Js::Text(limited(text.to_owned() + &arguments.iter().map(Js::to_text).collect::<String>()))
        }
        "split" => split(text, arguments.first()),
        "replace" => Js::Text(limited(text.replacen(&first(), &second(arguments), 1))),
        "replaceAll" if !first().is_empty() => Js::Text(replace_all(text, &first(), &second(arguments))),
        "slice" => {
            let (start, end) = range(length(), arguments);
            cut(start, end)
        }
        "substring" => {
            let at = |index: usize, default: usize| {
                arguments
                    .get(index)
                    .map_or(default, |value| (value.to_number().max(0.0) as usize).min(length()))
            };
            let (a, b) = (at(0, 0), at(1, length()));
            cut(a.min(b), a.max(b))
        }
        "substr" => {
            let (start, _) = range(length(), arguments.get(..1).unwrap_or_default());
            let take = arguments.get(1).map_or(length(), |count| count.to_number().max(0.0) as usize);
            cut(start, start.saturating_add(take))
        }
        "toFixed" => {
            let places = arguments.first().map_or(0.0, Js::to_number).clamp(0.0, 20.0) as usize;
            Js::Text(format!("{:.places$}", of.to_number()))
        }
        _ => Js::Undefined,
    }
}

fn second(arguments: &[Js]) -> String {
    arguments.get(1).map_or_else(|| "undefined".to_owned(), Js::to_text)
}

/// `replaceAll`, stopping where the text would grow past its limit.
fn replace_all(text: &str, from: &str, to: &str) -> String {
    let room = TEXT_LIMIT / to.len().max(1);
    limited(text.replacen(from, to, room))
}

fn split(text: &str, separator: Option<&Js>) -> Js {
    let pieces: Vec<Value> = match separator.map(Js::to_text) {
        None => vec![text.into()],
        Some(separator) if separator.is_empty() => text.chars().map(|c| c.to_string().into()).collect(),
        Some(separator) => text.split(&separator).map(Into::into).collect(),
    };
    Js::Json(Value::Array(pieces))
}

/// The start and end of `slice(start, end)`, negative ones counted from the end.
fn range(length: usize, arguments: &[Js]) -> (usize, usize) {
    let at = |index: usize, default: usize| match arguments.get(index) {
        None | Some(Js::Undefined) => default,
        Some(value) => {
            let number = value.to_number();
            let from_start = if number < 0.0 { (length as f64 + number).max(0.0) } else { number };
            (from_start as usize).min(length)
        }
    };
    (at(0, 0), at(1, length))
}

/// `parseInt`: the digits at the start; NaN if there are none.
fn parse_int(text: &str, radix: Option<&Js>) -> f64 {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let radix = radix.map_or(10.0, Js::to_number);
    let radix = if (2.0..=36.0).contains(&radix) { radix as u32 } else { 10 };
    let mut value = None;
    for digit in digits.chars().map_while(|c| c.to_digit(radix)) {
        value = Some(value.unwrap_or(0.0) * f64::from(radix) + f64::from(digit));
    }
    value.map_or(f64::NAN, |value: f64| if negative { -value } else { value })
}

/// `parseFloat`: the longest number at the start; NaN if there is none.
fn parse_float(text: &str) -> f64 {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c)).unwrap_or(text.len()).min(64);
    (1..=end).rev().filter_map(|end| text.get(..end)?.parse().ok()).next().unwrap_or(f64::NAN)
}

impl Js {
    /// This value, or `other` if it is undefined.
    fn or(self, other: Js) -> Js {
        if self == Js::Undefined { other } else { self }
    }
}
