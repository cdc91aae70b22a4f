//! Numbers and strings of the expression language.

use serde_json::{Number, Value};
use winnow::combinator::{alt, opt};
use winnow::prelude::*;
use winnow::token::{any, literal, one_of, take_while};

use super::{Input, Read, fault};
use crate::ir::Expr;

/// A number in decimal, or in hexadecimal after `0x`.
pub(super) fn number(input: &mut Input<'_>) -> Read<Expr> {
    if opt(alt((literal("0x"), literal("0X")))).parse_next(input)?.is_some() {
        let text: &str = take_while(1..=12, |c: char| c.is_ascii_hexdigit()).parse_next(input)?;
        let whole = i64::from_str_radix(text, 16).unwrap_or_default();
        return Ok(Expr::Literal(Value::Number(whole.into())));
    }
    let digits = |c: char| c.is_ascii_digit();
    let parts = (
        take_while(0.., digits),
        opt(('.', take_while(0.., digits))),
        opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), take_while(1.., digits))),
    );
    let text: &str = parts.take().parse_next(input)?;
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(Expr::Literal(Value::Number(whole.into())));
    }
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Ok(Expr::Literal(Value::Number(number))),
        None => fault("a number"),
    }
}

/// A string after its opening quote.
pub(super) fn string(input: &mut Input<'_>, quote: char) -> Read<String> {
    let mut text = String::new();
    loop {
        match opt(any).parse_next(input)? {
            None => return fault("a closing quote"),
            Some(end) if end == quote => return Ok(text),
            Some('\\') => match opt(any).parse_next(input)? {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('u') => {
                    let hex: &str = take_while(4..=4, |c: char| c.is_ascii_hexdigit()).parse_next(input)?;
                    let code = u32::from_str_radix(hex, 16).unwrap_or(0xfffd);
                    text.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                }
                Some(other) => text.push(other),
                None => return fault("a closing quote"),
            },
            Some(other) => text.push(other),
        }
    }
}
