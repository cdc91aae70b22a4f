//! Evaluates expressions and templates: ECMAScript's loose rules over JSON values.
//!
//! Pure and total: an evaluation ends within a step limit, builds no text or list above a size limit, and turns what
//! ECMAScript would throw into undefined.
//! It knows variables and facts only through [`Scope`].

mod date;
mod escaped;
mod function;
mod method;
mod operator;
mod value;

use std::cell::Cell;

use serde_json::Value;

pub use escaped::{Place, escaped};
pub use value::Js;

use crate::ir::{Access, Binary, Expr, Fact, Part, Template};

/// Steps one expression may take; the longest in the corpora takes 30.
const STEPS: u32 = 10_000;

/// Nested expressions; deeper ones are undefined, so that a hostile document cannot exhaust the stack.
const DEPTH: u32 = 100;

/// Longest text that an evaluation makes, in bytes; VoIPBIN's limit for all variables together.
pub const TEXT_LIMIT: usize = 64 * 1024;

/// What an expression can see.
pub trait Scope {
    /// The variable of this name.
    fn variable(&self, name: &str) -> Option<&Value>;
    /// What is known of the call; `None` for undefined.
    fn fact(&self, fact: Fact) -> Option<Value>;
    /// Now, in milliseconds since 1970 (UTC).
    fn now_millis(&self) -> i64;
}

/// The value of `expr`; `None` for undefined.
pub fn eval(scope: &dyn Scope, expr: &Expr) -> Option<Value> {
    Eval::new(scope).expr(expr).into_json()
}

/// Whether `expr` is truthy.
pub fn truthy(scope: &dyn Scope, expr: &Expr) -> bool {
    Eval::new(scope).expr(expr).truthy()
}

/// The value of `expr` as text; what is undefined or null is empty.
pub fn text(scope: &dyn Scope, expr: &Expr) -> String {
    shown(&Eval::new(scope).expr(expr))
}

/// The value of `expr` as a number; NaN if it is none.
pub fn number(scope: &dyn Scope, expr: &Expr) -> f64 {
    Eval::new(scope).expr(expr).to_number()
}

/// `template` with its variables filled in.
pub fn template(scope: &dyn Scope, template: &Template) -> String {
    Eval::new(scope).template(template)
}

/// Text for people: what is undefined or null is nothing.
fn shown(value: &Js) -> String {
    match value {
        Js::Undefined | Js::Null => String::new(),
        other => other.to_text(),
    }
}

/// One evaluation with its limits.
struct Eval<'a> {
    scope: &'a dyn Scope,
    steps: Cell<u32>,
    depth: Cell<u32>,
}

impl<'a> Eval<'a> {
    fn new(scope: &'a dyn Scope) -> Eval<'a> {
        Eval { scope, steps: Cell::new(0), depth: Cell::new(0) }
    }

    fn expr(&self, expr: &Expr) -> Js {
        self.steps.set(self.steps.get().saturating_add(1));
        if self.steps.get() > STEPS || self.depth.get() >= DEPTH {
            return Js::Undefined;
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.kind(expr);
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn kind(&self, expr: &Expr) -> Js {
        match expr {
            Expr::Literal(value) => Js::from_json(value),
            Expr::Variable(name) => self.variable(name),
            Expr::Fact(fact) => self.scope.fact(*fact).map_or(Js::Undefined, Js::of),
            Expr::Member(of, access) => self.member(of, access),
            Expr::Unary(operator, of) => operator::unary(*operator, &self.expr(of)),
            Expr::Binary(operator, left, right) => self.binary(*operator, left, right),
            Expr::Ternary(condition, yes, no) => {
                if self.expr(condition).truthy() {
                    self.expr(yes)
                } else {
                    self.expr(no)
                }
            }
            Expr::Array(items) => Js::Json(
                items.iter().map(|item| self.expr(item).into_json().unwrap_or(Value::Null)).collect(),
            ),
            Expr::Object(members) => {
                let member = |(name, value): &(String, Expr)| {
                    self.expr(value).into_json().map(|value| (name.clone(), value))
                };
                Js::Json(Value::Object(members.iter().filter_map(member).collect()))
            }
            Expr::Call(receiver, name, arguments) => self.call(receiver.as_deref(), name, arguments),
            Expr::Template(template) => Js::Text(self.template(template)),
        }
    }

    fn variable(&self, name: &str) -> Js {
        match self.scope.variable(name) {
            Some(value) => Js::from_json(value),
            // A name of the language that no variable hides.
            None => match name {
                "NaN" => Js::Number(f64::NAN),
                "Infinity" => Js::Number(f64::INFINITY),
                _ => Js::Undefined,
            },
        }
    }

    /// Walks a path of member accesses without copying the objects on the way.
    fn member(&self, of: &Expr, access: &Access) -> Js {
        if let Some(value) = self.borrowed(of) {
            return match access {
                Access::Name(name) => value::member_of(value, name),
                Access::Index(index) => value::member_of(value, &self.expr(index).to_text()),
            };
        }
        let of = self.expr(of);
        match access {
            Access::Name(name) => of.member(name),
            Access::Index(index) => of.member(&self.expr(index).to_text()),
        }
    }

    fn borrowed(&self, expr: &Expr) -> Option<&'a Value> {
        match expr {
            Expr::Variable(name) => self.scope.variable(name),
            Expr::Member(of, Access::Name(name)) => value::child_of(self.borrowed(of)?, name),
            _ => None,
        }
    }

    fn binary(&self, operator: Binary, left: &Expr, right: &Expr) -> Js {
        let left = self.expr(left);
        match operator {
            Binary::And => {
                if left.truthy() {
                    self.expr(right)
                } else {
                    left
                }
            }
            Binary::Or => {
                if left.truthy() {
                    left
                } else {
                    self.expr(right)
                }
            }
            _ => operator::binary(operator, &left, &self.expr(right)),
        }
    }

    fn call(&self, receiver: Option<&Expr>, name: &str, arguments: &[Expr]) -> Js {
        let arguments: Vec<Js> = arguments.iter().map(|argument| self.expr(argument)).collect();
        match receiver {
            None => function::function(name, &arguments, self.scope.now_millis()),
            // `Math.floor(x)`, `Date.now()`: a namespace, unless a variable has that name.
            Some(Expr::Variable(space)) if self.scope.variable(space).is_none() => {
                function::function(&format!("{space}.{name}"), &arguments, self.scope.now_millis())
            }
            Some(receiver) => method::method(&self.expr(receiver), name, &arguments),
        }
    }

    fn template(&self, template: &Template) -> String {
        let mut text = String::new();
        for part in &template.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Value(expr) => text.push_str(&shown(&self.expr(expr))),
                Part::Spread(expr) => text.push_str(&spread(&self.expr(expr))),
            }
            if text.len() > TEXT_LIMIT {
                return value::limited(text);
            }
        }
        text
    }
}

/// A value's characters, or a list's elements, with spaces between them.
fn spread(value: &Js) -> String {
    let pieces: Vec<String> = match value {
        Js::Json(Value::Array(items)) => items.iter().map(|item| shown(&Js::from_json(item))).collect(),
        other => shown(other).chars().filter(|c| !c.is_whitespace()).map(String::from).collect(),
    };
    pieces.join(" ")
}

#[cfg(test)]
mod tests;
