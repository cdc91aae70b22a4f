//! Operators, with ECMAScript's conversions.

use std::cmp::Ordering;

use super::{Js, value::limited};
use crate::ir::{Binary, Unary};

/// An operator with one operand.
pub(super) fn unary(operator: Unary, of: &Js) -> Js {
    match operator {
        Unary::Not => Js::Bool(!of.truthy()),
        Unary::Minus => Js::Number(-of.to_number()),
        Unary::Plus => Js::Number(of.to_number()),
    }
}

/// An operator with two operands, both of them evaluated; `&&` and `||` answer like their evaluated forms.
pub(super) fn binary(operator: Binary, left: &Js, right: &Js) -> Js {
    let numbers = || (left.to_number(), right.to_number());
    match operator {
        Binary::Or => {
            if left.truthy() {
                left.clone()
            } else {
                right.clone()
            }
        }
        Binary::And => {
            if left.truthy() {
                right.clone()
            } else {
                left.clone()
            }
        }
        Binary::Eq => Js::Bool(loosely_equal(left, right)),
        Binary::Ne => Js::Bool(!loosely_equal(left, right)),
        Binary::Same => Js::Bool(same(left, right)),
        Binary::NotSame => Js::Bool(!same(left, right)),
        Binary::Lt => Js::Bool(order(left, right) == Some(Ordering::Less)),
        Binary::Le => Js::Bool(matches!(order(left, right), Some(Ordering::Less | Ordering::Equal))),
        Binary::Gt => Js::Bool(order(left, right) == Some(Ordering::Greater)),
        Binary::Ge => Js::Bool(matches!(order(left, right), Some(Ordering::Greater | Ordering::Equal))),
        Binary::Add => add(left, right),
        Binary::Sub => Js::Number(numbers().0 - numbers().1),
        Binary::Mul => Js::Number(numbers().0 * numbers().1),
        Binary::Div => Js::Number(numbers().0 / numbers().1),
        Binary::Rem => Js::Number(numbers().0 % numbers().1),
    }
}

/// `==`: numbers win over text, null and undefined are equal to each other only.
fn loosely_equal(left: &Js, right: &Js) -> bool {
    match (left, right) {
        (Js::Undefined | Js::Null, Js::Undefined | Js::Null) => true,
        (Js::Undefined | Js::Null, _) | (_, Js::Undefined | Js::Null) => false,
        (Js::Text(left), Js::Text(right)) => left == right,
        // Values have no identity here, so arrays and objects are compared by content.
        (Js::Json(left), Js::Json(right)) => left == right,
        (Js::Json(_), Js::Text(right)) => left.to_text() == *right,
        (Js::Text(left), Js::Json(_)) => *left == right.to_text(),
        _ => left.to_number() == right.to_number(),
    }
}

/// `===`: the same kind and value.
pub(super) fn same(left: &Js, right: &Js) -> bool {
    left == right
}

/// `<` and its kin: two texts by character (a list is its text), all else as numbers; `None` if one is not a number.
fn order(left: &Js, right: &Js) -> Option<Ordering> {
    match (left, right) {
        (Js::Text(_) | Js::Json(_), Js::Text(_) | Js::Json(_)) => Some(left.to_text().cmp(&right.to_text())),
        _ => left.to_number().partial_cmp(&right.to_number()),
    }
}

/// `+`: joins if either side is text after conversion, adds otherwise.
fn add(left: &Js, right: &Js) -> Js {
    let textual = |value: &Js| matches!(value, Js::Text(_) | Js::Json(_) | Js::Date(_));
    if textual(left) || textual(right) {
        Js::Text(limited(left.to_text() + &right.to_text()))
    } else {
        Js::Number(left.to_number() + right.to_number())
    }
}
