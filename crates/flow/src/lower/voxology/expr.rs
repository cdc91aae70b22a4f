//! Voxology's expressions: a subset of JavaScript, read into [`Expr`] when a script is loaded.
//!
//! Owns the grammar and where in the text an error stands.
//! What a native name such as `$callerNo` means is in `native`; what an operator does is the evaluator's.
//!
//! ```text
//! ternary  = binary ["?" ternary ":" ternary]
//! binary   = unary {operator unary}          || && == != === !== < <= > >= + - * / %
//! unary    = {"!" | "-" | "+" | "typeof"} postfix
//! postfix  = primary {"." name ["(" list ")"] | "[" ternary "]"}
//! primary  = number | string | "$" name | name ["(" list ")"] | "new Date" ["(" list ")"] | "(" ternary ")"
//!          | "[" list "]" | "{" name ":" ternary , … "}"
//! ```

mod literals;

use serde_json::Value;
use winnow::ascii::multispace0;
use winnow::combinator::{opt, peek};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{any, literal, one_of, take_while};

use self::literals::{number, string};
use super::native;
use crate::ir::{Access, Binary, Expr, Fact, Unary};

/// The variable that the callbacks carry.
pub(super) const SESSION_DATA: &str = "sessionData";

/// Parentheses, brackets and operators inside each other; a hostile script must not exhaust the stack.
const DEEPEST: u32 = 48;

/// Operators, members and elements of one expression: a chain is a tree as deep as it is long, and evaluating it
/// recurses.
const MOST: u32 = 250;

/// Longest first, so that `===` is not read as `==`; with what binds tighter numbered higher.
const OPERATORS: [(&str, u8, Binary); 15] = [
    ("===", 3, Binary::Same),
    ("!==", 3, Binary::NotSame),
    ("==", 3, Binary::Eq),
    ("!=", 3, Binary::Ne),
    ("<=", 4, Binary::Le),
    (">=", 4, Binary::Ge),
    ("&&", 2, Binary::And),
    ("||", 1, Binary::Or),
    ("<", 4, Binary::Lt),
    (">", 4, Binary::Gt),
    ("+", 5, Binary::Add),
    ("-", 5, Binary::Sub),
    ("*", 6, Binary::Mul),
    ("/", 6, Binary::Div),
    ("%", 6, Binary::Rem),
];

/// How names are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// `name` without `$` is a variable (texts) and not a slip (expressions).
    pub(super) bare: bool,
    /// How many FOREACH stand around it; each has a `val` and a `key` of its own, and `index` is the key as well.
    pub(super) loops: u32,
}

/// The variable that `name` (`val` or `key`) is in the innermost of so many FOREACH.
pub(super) fn loop_variable(name: &str, loops: u32) -> String {
    if loops < 2 { name.to_string() } else { format!("{name}@{loops}") }
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExprError {
    /// Where, in characters from 1.
    pub(super) column: usize,
    /// What should have stood there.
    pub(super) expected: &'static str,
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parsed {
    /// The expression.
    pub(super) expr: Expr,
    /// Names written without `$` where it is needed.
    pub(super) bare: Vec<String>,
    /// Bytes of the text that it took.
    pub(super) length: usize,
}

#[derive(Debug)]
struct Fault(&'static str);

impl<I: Stream> ParserError<I> for Fault {
    type Inner = Fault;

    fn from_input(_input: &I) -> Fault {
        Fault("an expression")
    }

    fn into_inner(self) -> Result<Fault, Fault> {
        Ok(self)
    }
}

#[derive(Debug)]
struct State {
    scope: Scope,
    depth: u32,
    operators: u32,
    bare: Vec<String>,
}

type Input<'i> = Stateful<LocatingSlice<&'i str>, State>;
type Read<T> = Result<T, ErrMode<Fault>>;

/// Reads all of `text` as one expression.
pub(super) fn parse(text: &str, scope: Scope) -> Result<Parsed, ExprError> {
    let parsed = parse_prefix(text, scope)?;
    if parsed.length < text.len() {
        let rest = text.get(parsed.length..).unwrap_or_default();
        let expected = if rest.starts_with('=') { "`==` to compare" } else { "an operator or the end" };
        return Err(ExprError { column: column(text, parsed.length), expected });
    }
    Ok(parsed)
}

/// Reads an expression at the start of `text`, and white space after it.
pub(super) fn parse_prefix(text: &str, scope: Scope) -> Result<Parsed, ExprError> {
    let state = State { scope, depth: 0, operators: 0, bare: Vec::new() };
    let mut input = Input { input: LocatingSlice::new(text), state };
    let read = ternary(&mut input).and_then(|expr| space(&mut input).map(|()| expr));
    let length = input.current_token_start();
    match read {
        Ok(expr) => Ok(Parsed { expr, bare: input.state.bare, length }),
        Err(ErrMode::Backtrack(Fault(expected)) | ErrMode::Cut(Fault(expected))) => {
            Err(ExprError { column: column(text, length), expected })
        }
        Err(ErrMode::Incomplete(_)) => Err(ExprError { column: column(text, length), expected: "more" }),
    }
}

fn column(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).chars().count() + 1
}

fn fault<T>(expected: &'static str) -> Read<T> {
    Err(ErrMode::Cut(Fault(expected)))
}

fn space(input: &mut Input<'_>) -> Read<()> {
    multispace0.void().parse_next(input)
}

fn eat(input: &mut Input<'_>, token: &'static str) -> Read<bool> {
    space(input)?;
    opt(literal(token)).map(|found| found.is_some()).parse_next(input)
}

fn need(input: &mut Input<'_>, token: &'static str, expected: &'static str) -> Read<()> {
    if eat(input, token)? { Ok(()) } else { fault(expected) }
}

/// Guards each way down with the depth limit.
fn deeper<T>(input: &mut Input<'_>, read: impl FnOnce(&mut Input<'_>) -> Read<T>) -> Read<T> {
    if input.state.depth >= DEEPEST {
        return fault("less nesting");
    }
    input.state.depth += 1;
    let result = read(input);
    input.state.depth -= 1;
    result
}

fn count(input: &mut Input<'_>) -> Read<()> {
    input.state.operators += 1;
    if input.state.operators > MOST { fault("a shorter expression") } else { Ok(()) }
}

fn ternary(input: &mut Input<'_>) -> Read<Expr> {
    deeper(input, |input| {
        let condition = binary(input, 0)?;
        if !eat(input, "?")? {
            return Ok(condition);
        }
        let yes = ternary(input)?;
        need(input, ":", "`:`")?;
        let no = ternary(input)?;
        Ok(Expr::Ternary(Box::new(condition), Box::new(yes), Box::new(no)))
    })
}

fn operator(input: &mut Input<'_>) -> Read<Option<(u8, Binary, usize)>> {
    space(input)?;
    let rest = input.input.peek_finish();
    let found = OPERATORS.iter().find(|(token, ..)| rest.starts_with(token));
    Ok(found.map(|(token, power, op)| (*power, *op, token.len())))
}

/// Precedence climbing; all binary operators associate to the left.
fn binary(input: &mut Input<'_>, weakest: u8) -> Read<Expr> {
    let mut left = unary(input)?;
    while let Some((power, op, token)) = operator(input)?.filter(|(power, ..)| *power > weakest) {
        count(input)?;
        input.input.next_slice(token);
        let right = deeper(input, |input| binary(input, power))?;
        left = Expr::Binary(op, Box::new(left), Box::new(right));
    }
    Ok(left)
}

fn unary(input: &mut Input<'_>) -> Read<Expr> {
    space(input)?;
    let op = match opt(one_of(['!', '-', '+'])).parse_next(input)? {
        None => return postfix(input),
        Some('!') => Unary::Not,
        Some('-') => Unary::Minus,
        Some(_) => Unary::Plus,
    };
    let operand = deeper(input, unary)?;
    Ok(Expr::Unary(op, Box::new(operand)))
}

fn postfix(input: &mut Input<'_>) -> Read<Expr> {
    let mut of = primary(input)?;
    loop {
        if eat(input, ".")? {
            count(input)?;
            space(input)?;
            let name = name(input)?;
            of = if eat(input, "(")? {
                let arguments = list(input, ")", "`,` or `)`")?;
                Expr::Call(Some(Box::new(of)), name, arguments)
            } else {
                Expr::Member(Box::new(of), Access::Name(name))
            };
        } else if eat(input, "[")? {
            count(input)?;
            let index = ternary(input)?;
            need(input, "]", "`]`")?;
            of = Expr::Member(Box::new(of), Access::Index(Box::new(index)));
        } else {
            return Ok(of);
        }
    }
}

fn primary(input: &mut Input<'_>) -> Read<Expr> {
    space(input)?;
    match opt(peek(any)).parse_next(input)? {
        Some('0'..='9' | '.') => number(input),
        Some(quote @ ('\'' | '"')) => {
            let _ = any.parse_next(input)?;
            string(input, quote).map(|text| Expr::Literal(Value::String(text)))
        }
        Some('$') => {
            let _ = any.parse_next(input)?;
            let name = name(input)?;
            Ok(variable(input, name))
        }
        Some('(') => {
            let _ = any.parse_next(input)?;
            let inner = ternary(input)?;
            need(input, ")", "`)`")?;
            Ok(inner)
        }
        Some('[') => {
            let _ = any.parse_next(input)?;
            list(input, "]", "`,` or `]`").map(Expr::Array)
        }
        Some('{') => {
            let _ = any.parse_next(input)?;
            object(input)
        }
        Some(first) if starts_name(first) => word(input),
        _ => fault("a value"),
    }
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn name(input: &mut Input<'_>) -> Read<String> {
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    let text: &str = take_while(0.., in_name).parse_next(input)?;
    if text.is_empty() { fault("a name") } else { Ok(text.to_string()) }
}

fn variable(input: &Input<'_>, name: String) -> Expr {
    let loops = input.state.scope.loops;
    match name.as_str() {
        "val" | "key" => return Expr::Variable(loop_variable(&name, loops)),
        "index" if loops > 0 => return Expr::Variable(loop_variable("key", loops)),
        _ => {}
    }
    native::lookup(&name).unwrap_or(Expr::Variable(name))
}

/// A word without `$`: a constant, a function, or a variable where those are written so.
fn word(input: &mut Input<'_>) -> Read<Expr> {
    let name = name(input)?;
    match name.as_str() {
        "true" => return Ok(Expr::Literal(Value::Bool(true))),
        "false" => return Ok(Expr::Literal(Value::Bool(false))),
        "null" => return Ok(Expr::Literal(Value::Null)),
        "undefined" => return Ok(native::undefined()),
        "new" => return constructor(input),
        "typeof" => {
            let operand = deeper(input, unary)?;
            return Ok(Expr::Call(None, name, vec![operand]));
        }
        "Date" if eat(input, ".now")? => {
            need(input, "(", "`(`")?;
            need(input, ")", "`)`")?;
            return Ok(Expr::Fact(Fact::NowMillis));
        }
        "Math" | "JSON" | "Object" | "Array" | "Number" | "Date" if eat(input, ".")? => {
            let function = self::name(input)?;
            need(input, "(", "`(`")?;
            return Ok(Expr::Call(None, format!("{name}.{function}"), list(input, ")", "`,` or `)`")?));
        }
        _ => {}
    }
    if eat(input, "(")? {
        return Ok(Expr::Call(None, name, list(input, ")", "`,` or `)`")?));
    }
    if !input.state.scope.bare {
        input.state.bare.push(name.clone());
    }
    Ok(variable(input, name))
}

fn constructor(input: &mut Input<'_>) -> Read<Expr> {
    space(input)?;
    let start = input.checkpoint();
    if name(input)? != "Date" {
        input.reset(&start);
        return fault("`Date`, the only thing there is to make");
    }
    let arguments = if eat(input, "(")? { list(input, ")", "`,` or `)`")? } else { Vec::new() };
    Ok(Expr::Call(None, "Date".into(), arguments))
}

fn list(input: &mut Input<'_>, close: &'static str, expected: &'static str) -> Read<Vec<Expr>> {
    let mut items = Vec::new();
    loop {
        if eat(input, close)? {
            return Ok(items);
        }
        count(input)?;
        items.push(ternary(input)?);
        if !eat(input, ",")? {
            return need(input, close, expected).map(|()| items);
        }
    }
}

fn object(input: &mut Input<'_>) -> Read<Expr> {
    let mut members = Vec::new();
    loop {
        if eat(input, "}")? {
            return Ok(Expr::Object(members));
        }
        let key = match opt(one_of(['\'', '"'])).parse_next(input)? {
            Some(quote) => string(input, quote)?,
            None => name(input)?,
        };
        need(input, ":", "`:`")?;
        count(input)?;
        members.push((key, ternary(input)?));
        if !eat(input, ",")? {
            return need(input, "}", "`,` or `}`").map(|()| Expr::Object(members));
        }
    }
}

#[cfg(test)]
mod ecmascript;
#[cfg(test)]
mod tests;
