//! Functions of the language: conversions, `Math`, `Date`, `JSON`, `Object`. None of them is random or reads anything.

use serde_json::Value;

use super::{Js, date, value::limited};

/// A plain function, a constructor, or a function of a namespace such as `Math.floor`.
pub(super) fn function(name: &str, arguments: &[Js], now: i64) -> Js {
    let first = arguments.first().unwrap_or(&Js::Undefined);
    let number = || first.to_number();
    match name.strip_prefix("new ").unwrap_or(name) {
        "Number" => Js::Number(if arguments.is_empty() { 0.0 } else { number() }),
        "String" => Js::Text(if arguments.is_empty() { String::new() } else { first.to_text() }),
        "Boolean" => Js::Bool(first.truthy()),
        "typeof" => Js::Text(kind(first).to_owned()),
        "parseInt" | "Number.parseInt" => Js::Number(parse_int(&first.to_text(), arguments.get(1))),
        "parseFloat" | "Number.parseFloat" => Js::Number(parse_float(&first.to_text())),
        "isNaN" => Js::Bool(number().is_nan()),
        "isFinite" => Js::Bool(number().is_finite()),
        "Number.isNaN" => Js::Bool(matches!(first, Js::Number(number) if number.is_nan())),
        "Number.isFinite" => Js::Bool(matches!(first, Js::Number(number) if number.is_finite())),
        "Number.isInteger" => Js::Bool(matches!(first, Js::Number(number) if number.fract() == 0.0)),
        "Array.isArray" => Js::Bool(matches!(first, Js::Json(Value::Array(_)))),
        "Object.keys" => members(first, |name, _| name.into()),
        "Object.values" => members(first, |_, value| value.clone()),
        "Object.entries" => members(first, |name, value| Value::Array(vec![name.into(), value.clone()])),
        "Date.now" => Js::Number(now as f64),
        "Date.parse" => Js::Number(date::parse(&first.to_text())),
        "Date.UTC" => Js::Number(date_of_fields(arguments)),
        "Date" => match arguments {
            [] => Js::Date(now as f64),
            [one] => Js::Date(moment(one)),
            fields => Js::Date(date_of_fields(fields)),
        },
        "JSON.stringify" => match first.clone().into_json() {
            Some(value) => Js::Text(limited(value.to_string())),
            None => Js::Undefined,
        },
        "JSON.parse" => serde_json::from_str(&first.to_text()).map_or(Js::Undefined, Js::of),
        name => name.strip_prefix("Math.").map_or(Js::Undefined, |name| math(name, arguments)),
    }
}

fn math(name: &str, arguments: &[Js]) -> Js {
    let number = |at: usize| arguments.get(at).map_or(f64::NAN, Js::to_number);
    let (first, all) = (number(0), || arguments.iter().map(Js::to_number));
    // Unlike Rust's, ECMAScript's have no answer if one of the numbers is none.
    let pick = |start: f64, better: fn(f64, f64) -> f64| {
        all().fold(
            start,
            |best, next| if next.is_nan() || best.is_nan() { f64::NAN } else { better(best, next) },
        )
    };
    Js::Number(match name {
        "floor" => first.floor(),
        "ceil" => first.ceil(),
        // ECMAScript rounds halves up, not away from zero.
        "round" if first.fract().abs() == 0.5 => first.ceil(),
        "round" => first.round(),
        "trunc" => first.trunc(),
        "abs" => first.abs(),
        "sign" if first == 0.0 || first.is_nan() => first,
        "sign" => first.signum(),
        "sqrt" => first.sqrt(),
        "pow" => first.powf(number(1)),
        "min" => pick(f64::INFINITY, f64::min),
        "max" => pick(f64::NEG_INFINITY, f64::max),
        _ => return Js::Undefined,
    })
}

fn kind(of: &Js) -> &'static str {
    match of {
        Js::Undefined => "undefined",
        Js::Bool(_) => "boolean",
        Js::Number(_) => "number",
        Js::Text(_) => "string",
        Js::Null | Js::Json(_) | Js::Date(_) => "object",
    }
}

fn members(of: &Js, item: impl Fn(&str, &Value) -> Value) -> Js {
    match of {
        Js::Json(Value::Object(members)) => {
            Js::Json(members.iter().map(|(name, value)| item(name, value)).collect())
        }
        Js::Json(Value::Array(items)) => {
            Js::Json(items.iter().enumerate().map(|(at, value)| item(&at.to_string(), value)).collect())
        }
        _ => Js::Undefined,
    }
}

/// The milliseconds that a value names as a date.
pub(super) fn moment(value: &Js) -> f64 {
    match value {
        Js::Text(text) => date::parse(text),
        other => other.to_number(),
    }
}

fn date_of_fields(fields: &[Js]) -> f64 {
    let at =
        |index: usize, default: f64| fields.get(index).map_or(default, |field| field.to_number().trunc());
    let year = match at(0, f64::NAN) {
        // As in the last century's programs.
        short if (0.0..=99.0).contains(&short) => 1900.0 + short,
        year => year,
    };
    date::made(year, at(1, 0.0), at(2, 1.0), [at(3, 0.0), at(4, 0.0), at(5, 0.0), at(6, 0.0)])
}

/// `parseInt`: the digits at the start; NaN if there are none.
fn parse_int(text: &str, radix: Option<&Js>) -> f64 {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let radix = radix.map_or(0.0, Js::to_number);
    let radix = if (2.0..=36.0).contains(&radix) { radix as u32 } else { 0 };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = match (hexadecimal, radix) {
        (Some(digits), 0 | 16) => (digits, 16),
        (_, 0) => (digits, 10),
        (_, radix) => (digits, radix),
    };
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
