//! Expressions as Voxology's tutorials and users write them.

use serde_json::json;

use super::*;

fn read(text: &str) -> Expr {
    parse(text, Scope::default()).unwrap().expr
}

fn literal(value: Value) -> Expr {
    Expr::Literal(value)
}

fn two(op: Binary, a: Expr, b: Expr) -> Expr {
    Expr::Binary(op, Box::new(a), Box::new(b))
}

fn session(name: &str) -> Expr {
    Expr::Member(Box::new(Expr::Variable("sessionData".into())), Access::Name(name.into()))
}

#[test]
fn and_binds_tighter_than_or_as_in_the_variables_tutorial() {
    let text = "$keyPresses == '1' && $sessionData.gender == 'male' || $sessionData.age > 21";
    let pressed = two(Binary::Eq, Expr::Fact(Fact::LastDigits), literal(json!("1")));
    let male = two(Binary::Eq, session("gender"), literal(json!("male")));
    let old = two(Binary::Gt, session("age"), literal(json!(21)));
    assert_eq!(read(text), two(Binary::Or, two(Binary::And, pressed, male), old));
}

#[test]
fn operators_associate_to_the_left() {
    let one_two = two(Binary::Sub, literal(json!(1)), literal(json!(2)));
    assert_eq!(read("1-2-3"), two(Binary::Sub, one_two, literal(json!(3))));
    let product = two(Binary::Mul, literal(json!(2)), literal(json!(3)));
    assert_eq!(read("1 + 2*3"), two(Binary::Add, literal(json!(1)), product));
}

#[test]
fn a_number_with_a_plus_is_a_number_and_a_quoted_one_a_string() {
    let number = literal(json!(19495964641_i64));
    assert_eq!(read("+19495964641"), Expr::Unary(Unary::Plus, Box::new(number)));
    assert_eq!(read("'+19495964641'"), literal(json!("+19495964641")));
    assert_eq!(read("1.5e3"), literal(json!(1500.0)));
    assert_eq!(read(".5"), literal(json!(0.5)));
}

#[test]
fn strings_have_both_quotes_and_escapes() {
    assert_eq!(read(r#""it's""#), literal(json!("it's")));
    assert_eq!(read(r"'a\'b\n\u00e9'"), literal(json!("a'b\né")));
}

#[test]
fn dates_are_made_and_asked() {
    let date = Expr::Call(None, "Date".into(), vec![]);
    let hours = vec![literal(json!(9)), literal(json!("00"))];
    let set = Expr::Call(Some(Box::new(date.clone())), "setUTCHours".into(), hours);
    let started = Expr::Fact(Fact::StartMillis);
    assert_eq!(read("$startTime < new Date().setUTCHours(9, \"00\")"), two(Binary::Lt, started, set));
    assert_eq!(read("new Date"), date);
    assert_eq!(read("Date.now()"), Expr::Fact(Fact::NowMillis));
    assert_eq!(read("Math.floor(1)"), Expr::Call(None, "Math.floor".into(), vec![literal(json!(1))]));
}

#[test]
fn collections_members_and_choices_are_read() {
    let list = vec![literal(json!(1)), literal(json!("a"))];
    assert_eq!(read("[1, 'a']"), Expr::Array(list));
    let members = vec![("a".to_string(), literal(json!(1))), ("b c".to_string(), literal(json!(true)))];
    assert_eq!(read("{a: 1, 'b c': true}"), Expr::Object(members));
    let first =
        Expr::Member(Box::new(Expr::Variable("x".into())), Access::Index(Box::new(literal(json!(0)))));
    let not = Expr::Unary(Unary::Not, Box::new(first));
    let choice = Expr::Ternary(Box::new(not), Box::new(literal(json!(1))), Box::new(literal(Value::Null)));
    assert_eq!(read("!$x[0] ? 1 : null"), choice);
    assert_eq!(read("$a === 1"), two(Binary::Same, Expr::Variable("a".into()), literal(json!(1))));
}

#[test]
fn an_error_says_where_and_what() {
    let cases = [
        ("$a = 1", 4, "`==` to compare"),
        ("$a ==", 6, "a value"),
        ("($a", 4, "`)`"),
        ("'abc", 5, "a closing quote"),
        ("$é == 'x' )", 11, "an operator or the end"),
        ("new Foo()", 5, "`Date`, the only thing there is to make"),
        ("", 1, "a value"),
        ("$ a", 2, "a name"),
        ("[1 2]", 4, "`,` or `]`"),
    ];
    for (text, column, expected) in cases {
        assert_eq!(parse(text, Scope::default()), Err(ExprError { column, expected }), "{text}");
    }
}

#[test]
fn nesting_without_end_is_refused() {
    for text in ["(".repeat(10_000), "!".repeat(10_000), "[".repeat(10_000), "1+".repeat(10_000) + "1"] {
        assert!(parse(&text, Scope::default()).is_err());
    }
    for chain in [
        format!("$a{}", ".b".repeat(10_000)),
        "(".repeat(40) + &"1 + 1) ".repeat(40),
        format!("{}1", "1 || ".repeat(251)),
    ] {
        assert!(parse(&chain, Scope::default()).is_err());
    }
    let numbers = vec!["$callerNo == '+15550100'"; 100].join(" || ");
    assert!(parse(&numbers, Scope::default()).is_ok());
}

#[test]
fn any_text_is_an_expression_or_an_error() {
    let tokens = [
        "$a", "$", ".", "b", "(", ")", "[", "]", "{", "}", "'", "\"", "\\", "1", "1e", "e9", "==", "=", "!",
        "-", "?", ":", ",", "new ", "Date", "Math.", "é", " ", "&&", "|", "${", "{{", "}}", "...",
    ];
    // Marsaglia's xorshift, so that a failure comes again.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..state % 12 + 1 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text += tokens[(state % tokens.len() as u64) as usize];
        }
        if let Err(error) = parse(&text, Scope::default()) {
            assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{text}: {error:?}");
        }
        let parsed = super::super::text::parse(&text, 1);
        assert!(parsed.template.0.len() <= text.len());
    }
}

#[test]
fn names_without_a_dollar_are_noted_in_expressions_only() {
    let parsed = parse("keyPresses == 1", Scope::default()).unwrap();
    assert_eq!(parsed.bare, ["keyPresses"]);
    let parsed = parse("keyPresses", Scope { bare: true, loops: 0 }).unwrap();
    assert_eq!(parsed.expr, Expr::Fact(Fact::LastDigits));
    assert!(parsed.bare.is_empty());
}

#[test]
fn a_loop_has_its_own_value_and_its_index_is_its_key() {
    let name = |text: &str, loops: u32| match parse(text, Scope { bare: false, loops }).unwrap().expr {
        Expr::Variable(name) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!([name("$index", 0), name("$index", 1), name("$index", 2)], ["index", "key", "key@2"]);
    assert_eq!([name("$val", 0), name("$val", 1), name("$val", 3)], ["val", "val", "val@3"]);
}
