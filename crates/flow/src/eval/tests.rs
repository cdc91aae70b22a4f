//! The expression language, on trees made by hand and on what the front-ends parse.

use serde_json::{Value, json};

use super::*;
use crate::ir::Unary;

struct Known(serde_json::Map<String, Value>);

impl Scope for Known {
    fn variable(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn fact(&self, fact: Fact) -> Option<Value> {
        (fact == Fact::LastDigits).then(|| json!("1"))
    }

    fn now_millis(&self) -> i64 {
        // 2026-03-04T10:20:30.400Z, a Wednesday.
        1_772_619_630_400
    }
}

fn known() -> Known {
    let variables = json!({
        "n": 5, "text": "Hello", "digits": "42", "list": [1, "b", null], "nothing": null,
        "sessionData": {"gender": "male", "age": 19, "deep": {"er": [10, 20]}},
    });
    match variables {
        Value::Object(variables) => Known(variables),
        _ => unreachable!(),
    }
}

fn lit(value: impl Into<Value>) -> Expr {
    Expr::Literal(value.into())
}

fn var(name: &str) -> Expr {
    Expr::Variable(name.into())
}

fn bin(operator: Binary, left: Expr, right: Expr) -> Expr {
    Expr::Binary(operator, Box::new(left), Box::new(right))
}

fn dot(of: Expr, name: &str) -> Expr {
    Expr::Member(Box::new(of), Access::Name(name.into()))
}

fn call(of: Expr, name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Call(Some(Box::new(of)), name.into(), arguments)
}

fn date(arguments: Vec<Expr>) -> Expr {
    Expr::Call(None, "Date".into(), arguments)
}

#[track_caller]
fn check(expr: Expr, expected: Value) {
    assert_eq!(eval(&known(), &expr), Some(expected), "{expr}");
}

#[track_caller]
fn undefined(expr: Expr) {
    assert_eq!(eval(&known(), &expr), None, "{expr}");
}

#[test]
fn equality_is_loose() {
    let equal = |left: Value, right: Value| bin(Binary::Eq, lit(left), lit(right));
    for (left, right) in [
        (json!("42"), json!(42)),
        (json!(" 42 "), json!(42)),
        (json!(true), json!("1")),
        (json!(false), json!("")),
        (json!([7]), json!("7")),
        (json!(1.0), json!(1)),
    ] {
        check(equal(left.clone(), right.clone()), json!(true));
        check(bin(Binary::Same, lit(left.clone()), lit(right.clone())), json!(left == json!(1.0)));
    }
    check(equal(json!("x"), json!(0)), json!(false));
    check(equal(json!(null), json!(0)), json!(false));
    check(bin(Binary::Eq, var("missing"), lit(json!(null))), json!(true));
    check(bin(Binary::Same, var("missing"), lit(json!(null))), json!(false));
    check(bin(Binary::Eq, lit(json!("")), var("missing")), json!(false));
}

#[test]
fn comparison_is_by_number_unless_both_are_text() {
    let less = |left: Value, right: Value| bin(Binary::Lt, lit(left), lit(right));
    check(less(json!("5"), json!(42)), json!(true));
    check(less(json!("5"), json!("42")), json!(false));
    check(less(json!("a"), json!(1)), json!(false));
    check(bin(Binary::Ge, lit("a"), lit(1)), json!(false));
    check(bin(Binary::Le, lit(json!(null)), lit(0)), json!(true));
    check(bin(Binary::Gt, var("missing"), lit(0)), json!(false));
}

#[test]
fn plus_joins_texts_and_adds_numbers() {
    check(bin(Binary::Add, lit(1), lit(2)), json!(3));
    check(bin(Binary::Add, lit("1"), lit(2)), json!("12"));
    check(bin(Binary::Add, lit(1.5), lit("x")), json!("1.5x"));
    check(bin(Binary::Sub, lit("10"), lit("4")), json!(6));
    check(bin(Binary::Mul, lit("3"), lit(0.5)), json!(1.5));
    check(bin(Binary::Div, lit(1), lit(0)), json!(null));
    check(bin(Binary::Rem, lit(-7), lit(3)), json!(-1));
    check(Expr::Unary(Unary::Plus, Box::new(lit("+19495964641"))), json!(19_495_964_641_i64));
    check(Expr::Unary(Unary::Minus, Box::new(lit("x"))), json!(null));
    check(bin(Binary::Add, lit(json!(null)), lit(1)), json!(1));
    check(bin(Binary::Add, lit(json!([1, 2])), lit(3)), json!("1,23"));
}

#[test]
fn logic_gives_its_operands_and_stops_early() {
    check(bin(Binary::Or, lit(""), lit("x")), json!("x"));
    check(bin(Binary::And, lit(0), lit("x")), json!(0));
    check(Expr::Unary(Unary::Not, Box::new(lit("0"))), json!(false));
    check(Expr::Ternary(Box::new(var("missing")), Box::new(lit(1)), Box::new(lit(2))), json!(2));
}

#[test]
fn the_seeds_condition_binds_and_before_or() {
    let digits = Expr::Fact(Fact::LastDigits);
    let session = |name| dot(var("sessionData"), name);
    let pressed = bin(Binary::Eq, digits, lit("1"));
    let male = bin(Binary::Eq, session("gender"), lit("male"));
    let old = bin(Binary::Gt, session("age"), lit(21));
    check(bin(Binary::Or, bin(Binary::And, pressed, male), old), json!(true));
}

#[test]
fn paths_reach_into_values_and_end_in_undefined() {
    check(dot(dot(dot(var("sessionData"), "deep"), "er"), "1"), json!(20));
    check(Expr::Member(Box::new(var("list")), Access::Index(Box::new(lit(1)))), json!("b"));
    check(dot(var("list"), "length"), json!(3));
    check(dot(var("text"), "length"), json!(5));
    check(Expr::Member(Box::new(var("text")), Access::Index(Box::new(lit(1)))), json!("e"));
    undefined(dot(dot(var("missing"), "a"), "b"));
    undefined(dot(var("n"), "a"));
    undefined(dot(var("nothing"), "a"));
    undefined(var("missing"));
}

#[test]
fn texts_have_their_methods() {
    let text = || var("text");
    check(call(text(), "indexOf", vec![lit("l")]), json!(2));
    check(call(text(), "indexOf", vec![lit("z")]), json!(-1));
    check(call(text(), "substr", vec![lit(1), lit(3)]), json!("ell"));
    check(call(text(), "substr", vec![lit(-3)]), json!("llo"));
    check(call(text(), "substring", vec![lit(3), lit(1)]), json!("el"));
    check(call(text(), "slice", vec![lit(-4), lit(-1)]), json!("ell"));
    check(call(text(), "toUpperCase", vec![]), json!("HELLO"));
    check(call(lit(" x "), "trim", vec![]), json!("x"));
    check(call(lit("a-b"), "split", vec![lit("-")]), json!(["a", "b"]));
    check(call(lit("ab"), "split", vec![lit("")]), json!(["a", "b"]));
    check(call(text(), "includes", vec![lit("ell")]), json!(true));
    check(call(text(), "replace", vec![lit("l"), lit("L")]), json!("HeLlo"));
    check(call(text(), "charAt", vec![lit(9)]), json!(""));
    check(call(lit("é1"), "indexOf", vec![lit("1")]), json!(1));
    check(call(lit(12.345), "toFixed", vec![lit(1)]), json!("12.3"));
    check(call(lit(json!(["a", 2])), "join", vec![lit("+")]), json!("a+2"));
    undefined(call(text(), "explode", vec![]));
    undefined(call(var("missing"), "trim", vec![]));
}

#[test]
fn functions_convert() {
    let function = |name: &str, argument: Value| Expr::Call(None, name.into(), vec![lit(argument)]);
    check(function("parseInt", json!("12px")), json!(12));
    check(function("parseInt", json!("px")), json!(null));
    check(function("parseFloat", json!("2.5kg")), json!(2.5));
    check(function("Number", json!("0x1f")), json!(31));
    check(function("Number", json!("inf")), json!(null));
    check(function("String", json!(12)), json!("12"));
    check(function("Math.floor", json!(-1.5)), json!(-2));
    check(function("Math.round", json!(2.5)), json!(3));
    check(call(var("Math"), "max", vec![lit(1), lit(9)]), json!(9));
    undefined(function("eval", json!("1")));
}

#[test]
fn dates_are_utc() {
    let now = || date(vec![]);
    check(call(now(), "toISOString", vec![]), json!("2026-03-04T10:20:30.400Z"));
    check(call(now(), "getTime", vec![]), json!(1_772_619_630_400_i64));
    check(call(now(), "getUTCDay", vec![]), json!(3));
    check(call(now(), "getUTCMonth", vec![]), json!(2));
    check(call(now(), "getHours", vec![]), json!(10));
    check(
        call(date(vec![call(now(), "setUTCHours", vec![lit("09"), lit("00")])]), "toISOString", vec![]),
        json!("2026-03-04T09:00:30.400Z"),
    );
    check(
        call(date(vec![call(now(), "setUTCDate", vec![lit(32)])]), "toISOString", vec![]),
        json!("2026-04-01T10:20:30.400Z"),
    );
    check(call(date(vec![lit("2026-12-24")]), "getUTCDate", vec![]), json!(24));
    check(call(date(vec![lit("2026-12-24T23:30:00+02:00")]), "getUTCHours", vec![]), json!(21));
    check(
        call(date(vec![lit(2026), lit(0), lit(31)]), "toISOString", vec![]),
        json!("2026-01-31T00:00:00.000Z"),
    );
    check(call(var("Date"), "now", vec![]), json!(1_772_619_630_400_i64));
    check(bin(Binary::Gt, now(), call(now(), "setUTCHours", vec![lit(9), lit(0)])), json!(true));
    undefined(call(date(vec![lit("soon")]), "toISOString", vec![]));
    undefined(call(date(vec![lit(1e300)]), "toISOString", vec![]));
    check(call(date(vec![lit(1e300), lit(1e300)]), "getTime", vec![]), json!(null));
    // A date that was kept in a variable is text, and still a date.
    check(call(lit("2026-03-04T10:20:30.400Z"), "getUTCHours", vec![]), json!(10));
}

#[test]
fn templates_leave_out_what_is_undefined_and_spell_what_is_spread() {
    let parts = vec![
        Part::Literal("<".into()),
        Part::Value(var("missing")),
        Part::Value(var("nothing")),
        Part::Value(var("n")),
        Part::Literal("> ".into()),
        Part::Spread(var("digits")),
        Part::Literal(" ".into()),
        Part::Spread(var("list")),
    ];
    assert_eq!(super::template(&known(), &Template(parts)), "<5> 4 2 1 b ");
}

#[test]
fn limits_hold() {
    let mut deep = lit(1);
    for _ in 0..10_000 {
        deep = Expr::Unary(Unary::Minus, Box::new(deep));
    }
    assert_eq!(eval(&known(), &deep), Some(json!(null)), "what is too deep is undefined");
    // Taken apart by hand: dropping it whole would need the stack that evaluating it must not.
    while let Expr::Unary(_, inner) = deep {
        deep = *inner;
    }
    let long = "é".repeat(TEXT_LIMIT);
    let joined = bin(Binary::Add, lit(long.clone()), lit(long));
    assert!(text(&known(), &joined).len() <= TEXT_LIMIT);
    let wide = Expr::Array((0..20_000).map(|_| lit(1)).collect());
    assert!(eval(&known(), &wide).is_some());
}
