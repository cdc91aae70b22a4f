//! Methods of values. What a method would change stays as it is: values have no identity here.

mod list;
mod text;

use serde_json::Value;

use super::{Js, date, function::moment};

/// A method of `of`; undefined if it has none of that name.
pub(super) fn method(of: &Js, name: &str, arguments: &[Js]) -> Js {
    if let Some(found) = date_method(of, name, arguments) {
        return found;
    }
    match of {
        Js::Json(Value::Array(items)) => list::method(items, of, name, arguments),
        Js::Undefined | Js::Null => Js::Undefined,
        Js::Number(number) => number_method(*number, name, arguments)
            .unwrap_or_else(|| text::method(&of.to_text(), of, name, arguments)),
        Js::Json(Value::Object(members)) if name == "hasOwnProperty" => {
            Js::Bool(members.contains_key(&arguments.first().map(Js::to_text).unwrap_or_default()))
        }
        other => text::method(&other.to_text(), other, name, arguments),
    }
}

/// `getTime`, `getUTCHours`, `setUTCMinutes`, …; a number or text is taken as the date it names, because a date kept
/// in a variable has become one.
fn date_method(of: &Js, name: &str, arguments: &[Js]) -> Option<Js> {
    let millis = || moment(of);
    let numbers = || arguments.iter().map(Js::to_number).collect::<Vec<_>>();
    Some(match name {
        "getTime" | "valueOf" if matches!(of, Js::Date(_)) || name == "getTime" => Js::Number(millis()),
        "getTimezoneOffset" => Js::Number(0.0),
        "setTime" => Js::Number(arguments.first().map_or(f64::NAN, Js::to_number)),
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

fn number_method(of: f64, name: &str, arguments: &[Js]) -> Option<Js> {
    let first = || arguments.first().map(Js::to_number);
    match name {
        "toFixed" => Some(Js::Text(fixed(of, first().unwrap_or(0.0).clamp(0.0, 20.0) as u32))),
        "toString" => match first() {
            Some(radix) if radix != 10.0 && (2.0..=36.0).contains(&radix) => {
                in_radix(of, radix as u32).map(Js::Text)
            }
            _ => None,
        },
        _ => None,
    }
}

/// `toFixed`: what lies exactly between two is rounded away from zero.
fn fixed(of: f64, places: u32) -> String {
    let factor = 10_f64.powi(places as i32);
    // Exactly between two are only numbers with so few binary places that these products are exact.
    let few = (of * 2_f64.powi(places as i32 + 1)).fract() == 0.0 && of.abs() * factor < 1e15;
    let of = if few { ((of.abs() * factor + 0.5).floor() / factor).copysign(of) } else { of };
    // A zero has no sign; what is rounded to zero keeps its own.
    format!("{:.*}", places as usize, if of == 0.0 { 0.0 } else { of })
}

/// A whole number in another base.
fn in_radix(of: f64, radix: u32) -> Option<String> {
    if of.fract() != 0.0 || of.abs() >= 9e15 {
        return None;
    }
    let (mut rest, mut digits) = (of.abs() as u64, Vec::new());
    while rest > 0 || digits.is_empty() {
        digits.extend(char::from_digit((rest % u64::from(radix)) as u32, radix));
        rest /= u64::from(radix);
    }
    digits.extend((of < 0.0).then_some('-'));
    Some(digits.into_iter().rev().collect())
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

/// The place that `at(index)` means, a negative one counted from the end.
fn place(length: usize, index: Option<&Js>) -> Option<usize> {
    let number = index.map_or(0.0, Js::to_number);
    let number = if number.is_nan() { 0.0 } else { number.trunc() };
    let from_start = if number < 0.0 { number + length as f64 } else { number };
    (from_start >= 0.0 && from_start < length as f64).then_some(from_start as usize)
}
