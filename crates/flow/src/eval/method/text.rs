//! Methods of texts, on characters. Those that take a regular expression are not there.

use serde_json::Value;

use super::{place, range};
use crate::eval::{Js, TEXT_LIMIT, value::limited};

pub(super) fn method(text: &str, of: &Js, name: &str, arguments: &[Js]) -> Js {
    let first = || arguments.first().unwrap_or(&Js::Undefined).to_text();
    let length = || text.chars().count();
    let number = |at: usize| arguments.get(at).map_or(0.0, Js::to_number);
    // NaN is no place: it counts as the beginning.
    let from = |at: usize| (number(at).max(0.0) as usize).min(length());
    let tail = |start: usize| {
        text.char_indices().nth(start).map_or("", |(at, _)| text.get(at..).unwrap_or_default())
    };
    let cut = |start: usize, end: usize| {
        Js::Text(text.chars().skip(start).take(end.saturating_sub(start)).collect())
    };
    let nth = |at: Option<usize>| at.and_then(|at| text.chars().nth(at));
    match name {
        "length" => Js::Number(length() as f64),
        "toString" => Js::Text(text.to_owned()),
        "valueOf" => of.clone(),
        "toUpperCase" | "toLocaleUpperCase" => Js::Text(limited(text.to_uppercase())),
        "toLowerCase" | "toLocaleLowerCase" => Js::Text(limited(text.to_lowercase())),
        "trim" => Js::Text(text.trim().to_owned()),
        "trimStart" => Js::Text(text.trim_start().to_owned()),
        "trimEnd" => Js::Text(text.trim_end().to_owned()),
        "indexOf" => {
            let start = from(1);
            let rest = tail(start);
            let found = rest.find(&first()).and_then(|at| rest.get(..at));
            Js::Number(found.map_or(-1.0, |before| (start + before.chars().count()) as f64))
        }
        "lastIndexOf" => {
            let before = text.rfind(&first()).and_then(|at| text.get(..at));
            Js::Number(before.map_or(-1.0, |before| before.chars().count() as f64))
        }
        "includes" => Js::Bool(tail(from(1)).contains(&first())),
        "startsWith" => Js::Bool(tail(from(1)).starts_with(&first()) || first().is_empty()),
        "endsWith" => Js::Bool(text.ends_with(&first())),
        "charAt" => {
            let at = number(0);
            let found = if at < 0.0 { None } else { nth(Some(at as usize)) };
            Js::Text(found.map(String::from).unwrap_or_default())
        }
        "charCodeAt" | "codePointAt" => {
            let at = number(0);
            match if at < 0.0 { None } else { nth(Some(at as usize)) } {
                Some(found) => Js::Number(f64::from(u32::from(found))),
                None if name == "charCodeAt" => Js::Number(f64::NAN),
                None => Js::Undefined,
            }
        }
        "at" => {
            let found = nth(place(length(), arguments.first()));
            found.map_or(Js::Undefined, |found| Js::Text(found.into()))
        }
        "concat" => {
            Js::Text(limited(text.to_owned() + &arguments.iter().map(Js::to_text).collect::<String>()))
        }
        "localeCompare" => Js::Number(f64::from(text.cmp(first().as_str()) as i8)),
        "repeat" => {
            let most = TEXT_LIMIT / text.len().max(1);
            Js::Text(text.repeat((number(0).max(0.0) as usize).min(most)))
        }
        "padStart" => Js::Text(padding(length(), arguments) + text),
        "padEnd" => Js::Text(text.to_owned() + &padding(length(), arguments)),
        "split" => split(text, arguments),
        "replace" => Js::Text(limited(text.replacen(&first(), &second(arguments), 1))),
        "replaceAll" if !first().is_empty() => Js::Text(replace_all(text, &first(), &second(arguments))),
        "slice" => {
            let (start, end) = range(length(), arguments);
            cut(start, end)
        }
        "substring" => {
            let end = match arguments.get(1) {
                None | Some(Js::Undefined) => length(),
                Some(_) => from(1),
            };
            cut(from(0).min(end), from(0).max(end))
        }
        "substr" => {
            let (start, _) = range(length(), arguments.get(..1).unwrap_or_default());
            let take = match arguments.get(1) {
                None | Some(Js::Undefined) => length(),
                Some(count) => count.to_number().max(0.0) as usize,
            };
            cut(start, start.saturating_add(take))
        }
        _ => Js::Undefined,
    }
}

fn second(arguments: &[Js]) -> String {
    arguments.get(1).map_or_else(|| "undefined".to_owned(), Js::to_text)
}

/// What a text of so many characters lacks of a length.
fn padding(length: usize, arguments: &[Js]) -> String {
    let wanted = arguments.first().map_or(0.0, Js::to_number).max(0.0) as usize;
    let with = match arguments.get(1) {
        None | Some(Js::Undefined) => " ".to_owned(),
        Some(with) => with.to_text(),
    };
    // A character has four bytes at most.
    with.chars().cycle().take(wanted.min(TEXT_LIMIT / 4).saturating_sub(length)).collect()
}

/// `replaceAll`, stopping where the text would grow past its limit.
fn replace_all(text: &str, from: &str, to: &str) -> String {
    let room = TEXT_LIMIT / to.len().max(1);
    limited(text.replacen(from, to, room))
}

fn split(text: &str, arguments: &[Js]) -> Js {
    let pieces: Vec<Value> = match arguments.first().map(Js::to_text) {
        None => vec![text.into()],
        Some(separator) if separator.is_empty() => text.chars().map(|c| c.to_string().into()).collect(),
        Some(separator) => text.split(&separator).map(Into::into).collect(),
    };
    let most = match arguments.get(1) {
        None | Some(Js::Undefined) => usize::MAX,
        Some(most) => most.to_number().max(0.0) as usize,
    };
    Js::Json(pieces.into_iter().take(most).collect())
}
