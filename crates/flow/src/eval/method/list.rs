//! Methods of lists. Those that take a function are not there.

use serde_json::Value;

use super::{place, range};
use crate::eval::{Js, operator, value::limited};

/// Most elements of a list that a method makes.
const MOST: usize = 10_000;

pub(super) fn method(items: &[Value], of: &Js, name: &str, arguments: &[Js]) -> Js {
    let wanted = arguments.first().unwrap_or(&Js::Undefined);
    let is = |item: &Value| operator::same(&Js::from_json(item), wanted);
    let position = |at: Option<usize>| Js::Number(at.map_or(-1.0, |at| at as f64));
    match name {
        "indexOf" => {
            let (start, _) = range(items.len(), arguments.get(1..).unwrap_or_default());
            position(items.iter().skip(start).position(is).map(|at| at + start))
        }
        "lastIndexOf" => position(items.iter().rposition(is)),
        "includes" => Js::Bool(items.iter().any(is)),
        "at" => place(items.len(), arguments.first())
            .and_then(|at| items.get(at))
            .map_or(Js::Undefined, Js::from_json),
        "join" => {
            let separator = match arguments.first() {
                None | Some(Js::Undefined) => ",".to_owned(),
                Some(separator) => separator.to_text(),
            };
            let text = |item: &Value| match item {
                Value::Null => String::new(),
                item => Js::from_json(item).to_text(),
            };
            Js::Text(limited(items.iter().map(text).collect::<Vec<_>>().join(&separator)))
        }
        "slice" => {
            let (start, end) = range(items.len(), arguments);
            Js::Json(items.iter().skip(start).take(end.saturating_sub(start)).cloned().collect())
        }
        "concat" => {
            let mut all = items.to_vec();
            for argument in arguments {
                match argument {
                    Js::Json(Value::Array(more)) => all.extend(more.iter().cloned()),
                    one => all.push(one.clone().into_json().unwrap_or_default()),
                }
            }
            all.truncate(MOST);
            Js::Json(Value::Array(all))
        }
        "reverse" => Js::Json(items.iter().rev().cloned().collect()),
        "sort" => {
            // By text, as it is without a function that compares.
            let mut sorted: Vec<(String, &Value)> =
                items.iter().map(|item| (Js::from_json(item).to_text(), item)).collect();
            sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
            Js::Json(sorted.into_iter().map(|(_, item)| item.clone()).collect())
        }
        "toString" => Js::Text(of.to_text()),
        _ => Js::Undefined,
    }
}
