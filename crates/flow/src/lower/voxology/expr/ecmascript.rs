//! The language against ECMAScript: what an engine of it says to the same expressions.
//!
//! The tables were written by Node.js; `String` of the value stands beside each expression.
//! Where values have an identity in ECMAScript (two lists are never equal there) nothing is compared.

use serde_json::Value;

use super::*;
use crate::eval;

struct Nothing;

impl eval::Scope for Nothing {
    fn variable(&self, _: &str) -> Option<&Value> {
        None
    }

    fn fact(&self, _: Fact) -> Option<Value> {
        None
    }

    fn now_millis(&self) -> i64 {
        0
    }
}

fn text(source: &str) -> String {
    let parsed = parse(&format!("String({source})"), Scope::default());
    let parsed = parsed.unwrap_or_else(|error| panic!("{source}: {error:?}"));
    assert!(parsed.bare.is_empty(), "{source}");
    eval::text(&Nothing, &parsed.expr)
}

/// What is compared with what.
const VALUES: &[&str] = &[
    "undefined",
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "0 / 0",
    "''",
    "' '",
    "'0'",
    "'1'",
    "'01'",
    "'1.0'",
    "'0x1'",
    "'a'",
    "'true'",
    "'null'",
    "[]",
    "[0]",
    "['1']",
    "['a']",
    "[1, 2]",
    "{}",
];

/// `left == right`, a row for each left one: `T` for true, `?` for what is not compared.
const LOOSE: &[&str] = &[
    "TT......................",
    "TT......................",
    "..T..T.....TTTT.....T...",
    "...TT...TTT.......TT....",
    "...TT...TTT.......TT....",
    "..T..T.....TTTT.....T...",
    "......T.................",
    "........................",
    "...TT...T.........T.....",
    "...TT....T..............",
    "...TT.....T........T....",
    "..T..T.....T........T...",
    "..T..T......T...........",
    "..T..T.......T..........",
    "..T..T........T.........",
    "...............T.....T..",
    "................T.......",
    ".................T......",
    "...TT...T.........??????",
    "...TT.....T.......??????",
    "..T..T.....T......??????",
    "...............T..??????",
    "..................??????",
    "..................??????",
];

/// `left === right`.
const STRICT: &[&str] = &[
    "T.......................",
    ".T......................",
    "..T.....................",
    "...T....................",
    "....T...................",
    ".....T..................",
    "......T.................",
    "........................",
    "........T...............",
    ".........T..............",
    "..........T.............",
    "...........T............",
    "............T...........",
    ".............T..........",
    "..............T.........",
    "...............T........",
    "................T.......",
    ".................T......",
    "..................??????",
    "..................??????",
    "..................??????",
    "..................??????",
    "..................??????",
    "..................??????",
];

/// `left < right`.
const LESS: &[&str] = &[
    ".......................?",
    "..T..T.....TTTT.....T..?",
    ".......................?",
    "..T..T.....TTTT.....T..?",
    "..T..T.....TTTT.....T..?",
    ".......................?",
    ".TTTTT..TTTTTTT...TTT..?",
    ".......................?",
    "..T..T...TTTTTTTTT.TTTT?",
    "..T..T....TTTTTTTT.TTTT?",
    "..T..T.....TTTTTTT..TTT?",
    ".............T.TTT...TT?",
    "...........T.TTTTT..TTT?",
    "...............TTT...T.?",
    "...........T.T.TTT..TTT?",
    "................TT.....?",
    ".......................?",
    "................T......?",
    "..T..T...TTTTTTTTT.TTTT?",
    "..T..T.....TTTTTTT..TTT?",
    ".............T.TTT...TT?",
    "................TT.....?",
    ".............T.TTT...T.?",
    "????????????????????????",
];

fn check(operator: &str, table: &[&str]) {
    let mut wrong = Vec::new();
    for (left, row) in VALUES.iter().zip(table) {
        for (right, expected) in VALUES.iter().zip(row.chars()) {
            let is = text(&format!("({left}) {operator} ({right})"));
            if expected != '?' && is != (expected == 'T').to_string() {
                wrong.push(format!("({left}) {operator} ({right}) is {is}"));
            }
        }
    }
    assert_eq!(table.len(), VALUES.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_are_loosely_equal_as_in_ecmascript() {
    check("==", LOOSE);
}

#[test]
fn values_are_strictly_equal_as_in_ecmascript() {
    check("===", STRICT);
}

#[test]
fn values_are_ordered_as_in_ecmascript() {
    check("<", LESS);
}

#[test]
fn the_other_comparisons_are_those_the_other_way_round() {
    for left in VALUES {
        for right in VALUES {
            let is = |operator: &str, a: &str, b: &str| text(&format!("({a}) {operator} ({b})"));
            assert_eq!(is(">", left, right), is("<", right, left), "{left} > {right}");
            assert_ne!(is("!=", left, right), is("==", left, right), "{left} != {right}");
            assert_ne!(is("!==", left, right), is("===", left, right), "{left} !== {right}");
        }
    }
}

#[test]
fn expressions_have_the_value_they_have_in_ecmascript() {
    let mut wrong = Vec::new();
    for (source, expected) in EXPRESSIONS {
        let is = text(source);
        if is != *expected {
            wrong.push(format!("{source} is {is}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_would_be_thrown_is_undefined() {
    for source in [
        "$a.b.c",
        "null.length",
        "undefined.trim()",
        "'a'.explode()",
        "explode(1)",
        "new Date('soon').toISOString()",
        "JSON.parse('{')",
        "Math.random()",
        "eval('1')",
        "[1].map(1)",
    ] {
        assert_eq!(text(source), "undefined", "{source}");
    }
}

#[test]
fn an_expression_that_takes_too_long_is_undefined_and_no_text_grows_without_end() {
    let long = "'abcdefgh'.repeat(9999999)".to_owned();
    assert!(text(&format!("{long}.length")).parse::<usize>().unwrap() <= eval::TEXT_LIMIT);
    let padded = text("'x'.padStart(99999999, 'ab').length");
    assert!(padded.parse::<usize>().unwrap() <= eval::TEXT_LIMIT, "{padded}");
    let joined = format!("[{long}, {long}].join({long}).length");
    assert!(text(&joined).parse::<usize>().unwrap() <= eval::TEXT_LIMIT);
}

/// Expressions and what `String` makes of their values.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("1 + 2 * 3 - 4 / 8 % 3", "6.5"),
    ("(1 + 2) * 3", "9"),
    ("2 - 3 - 4", "-5"),
    ("-7 % 3", "-1"),
    ("7 / 0", "Infinity"),
    ("-1 / 0", "-Infinity"),
    ("0 / 0", "NaN"),
    ("'1' + 2", "12"),
    ("1 + 2 + '3'", "33"),
    ("'3' - 1", "2"),
    ("'3' * '4'", "12"),
    ("null + 1", "1"),
    ("undefined + 1", "NaN"),
    ("undefined + 'a'", "undefineda"),
    ("[1, 2] + 3", "1,23"),
    ("[] + []", ""),
    ("1 + [2]", "12"),
    ("'a' + true", "atrue"),
    ("+'+19495964641'", "19495964641"),
    ("+''", "0"),
    ("+' 12 '", "12"),
    ("+'12px'", "NaN"),
    ("+'0b101'", "5"),
    ("+'0o17'", "15"),
    ("+'0x1f'", "31"),
    ("+'-0x1f'", "NaN"),
    ("+'1e3'", "1000"),
    ("+'.5'", "0.5"),
    ("+'5.'", "5"),
    ("+'.'", "NaN"),
    ("+'Infinity'", "Infinity"),
    ("+'inf'", "NaN"),
    ("+true", "1"),
    ("+null", "0"),
    ("+[7]", "7"),
    ("+[1, 2]", "NaN"),
    ("-'3'", "-3"),
    ("- -3", "3"),
    ("!0", "true"),
    ("!''", "true"),
    ("!'0'", "false"),
    ("![]", "false"),
    ("!!'a'", "true"),
    ("'' || 'x'", "x"),
    ("0 && 'x'", "0"),
    ("'a' && 'b'", "b"),
    ("null || undefined", "undefined"),
    ("1 < 2 < 3", "true"),
    ("3 > 2 > 1", "false"),
    ("1 == 1 == 1", "true"),
    ("(1 || 0) && 0", "0"),
    ("1 + 1 == 2 && 2 < 3 || false", "true"),
    ("1 < 2 ? 'a' : 'b'", "a"),
    ("0 ? 1 : 0 ? 2 : 3", "3"),
    ("true ? false ? 1 : 2 : 3", "2"),
    ("0x1F + 1", "32"),
    ("1e3", "1000"),
    ("0.1 + 0.2", "0.30000000000000004"),
    ("0.000001", "0.000001"),
    ("0.0000001", "1e-7"),
    ("123456789012345680000", "123456789012345680000"),
    ("1e21", "1e+21"),
    ("1.5e300", "1.5e+300"),
    ("-0", "0"),
    ("[1, [2, null], 'a']", "1,2,,a"),
    ("['a', 'b'][1]", "b"),
    ("['a', 'b'].length", "2"),
    ("'abc'[1]", "b"),
    ("'abc'['length']", "3"),
    ("'abc'[9]", "undefined"),
    ("({a: 1, 'b c': [2]})['b c'][0]", "2"),
    ("[1, 2, 3].indexOf('2')", "-1"),
    ("[1, 2, 1].lastIndexOf(1)", "2"),
    ("[1, 2, 1].indexOf(1, 1)", "2"),
    ("[1, null].includes(null)", "true"),
    ("[1, 2].at(-1)", "2"),
    ("[1, null, 'a'].join()", "1,,a"),
    ("[1, null, 'a'].join('-')", "1--a"),
    ("[1, 2, 3, 4].slice(1, -1)", "2,3"),
    ("[1].concat([2, 3], 4)", "1,2,3,4"),
    ("[3, 1, 10].sort()", "1,10,3"),
    ("[1, 2].reverse()", "2,1"),
    ("'Hello'.indexOf('l')", "2"),
    ("'Hello'.indexOf('l', 3)", "3"),
    ("'Hello'.indexOf('z')", "-1"),
    ("'Hello'.indexOf('')", "0"),
    ("'Hello'.lastIndexOf('l')", "3"),
    ("'Hello'.includes('ell')", "true"),
    ("'Hello'.includes('H', 1)", "false"),
    ("'Hello'.startsWith('He')", "true"),
    ("'Hello'.startsWith('el', 1)", "true"),
    ("'Hello'.endsWith('lo')", "true"),
    ("'Hello'.charAt(1)", "e"),
    ("'Hello'.charAt()", "H"),
    ("'Hello'.charAt(-1)", ""),
    ("'Hello'.charCodeAt(0)", "72"),
    ("'Hello'.charCodeAt(9)", "NaN"),
    ("'Hello'.at(-1)", "o"),
    ("'Hello'.substr(1, 3)", "ell"),
    ("'Hello'.substr(-3)", "llo"),
    ("'Hello'.substr(-3, 2)", "ll"),
    ("'Hello'.substring(3, 1)", "el"),
    ("'Hello'.substring(-1, 2)", "He"),
    ("'Hello'.substring(2)", "llo"),
    ("'Hello'.slice(-4, -1)", "ell"),
    ("'Hello'.toUpperCase()", "HELLO"),
    ("'Hello'.toLowerCase().length", "5"),
    ("' x '.trim() + '|'", "x|"),
    ("' x '.trimStart() + '|'", "x |"),
    ("' x '.trimEnd() + '|'", " x|"),
    ("'a-b-c'.split('-')", "a,b,c"),
    ("'a-b-c'.split('-', 2)", "a,b"),
    ("'abc'.split('')", "a,b,c"),
    ("'abc'.split()", "abc"),
    ("'a.b.c'.replace('.', '-')", "a-b.c"),
    ("'a.b.c'.replaceAll('.', '-')", "a-b-c"),
    ("'ab'.repeat(3)", "ababab"),
    ("'7'.padStart(3, '0')", "007"),
    ("'7'.padStart(3)+'|'", "  7|"),
    ("'7'.padEnd(4, 'xy')", "7xyx"),
    ("'a'.concat(1, null)", "a1null"),
    ("'b'.localeCompare('a')", "1"),
    ("(12.345).toFixed(1)", "12.3"),
    ("(12.345).toFixed(2)", "12.35"),
    ("(2.5).toFixed()", "3"),
    ("(-2.5).toFixed(0)", "-3"),
    ("(1.45).toFixed(1)", "1.4"),
    ("(1.005).toFixed(2)", "1.00"),
    ("(0.5).toFixed(0)", "1"),
    ("(-0.4).toFixed(0)", "-0"),
    ("(255).toString(16)", "ff"),
    ("(-255).toString(2)", "-11111111"),
    ("parseInt('12px')", "12"),
    ("parseInt('px')", "NaN"),
    ("parseInt('0x1f')", "31"),
    ("parseInt('ff', 16)", "255"),
    ("parseInt('-12.7')", "-12"),
    ("parseInt('')", "NaN"),
    ("parseInt(' 42 ')", "42"),
    ("parseFloat('2.5kg')", "2.5"),
    ("parseFloat('-.5e1x')", "-5"),
    ("parseFloat('kg')", "NaN"),
    ("Number('12')", "12"),
    ("Number('')", "0"),
    ("Number('12px')", "NaN"),
    ("Number()", "0"),
    ("Number([5])", "5"),
    ("String(12)", "12"),
    ("String(null)", "null"),
    ("String([1, 2])", "1,2"),
    ("Boolean('')", "false"),
    ("Boolean('false')", "true"),
    ("isNaN('a')", "true"),
    ("isNaN('1')", "false"),
    ("isNaN(undefined)", "true"),
    ("isFinite('1')", "true"),
    ("Number.isInteger(5)", "true"),
    ("Number.isInteger('5')", "false"),
    ("Number.isNaN('a')", "false"),
    ("Math.floor(-1.5)", "-2"),
    ("Math.ceil(-1.5)", "-1"),
    ("Math.round(2.5)", "3"),
    ("Math.round(-2.5)", "-2"),
    ("Math.round(-2.6)", "-3"),
    ("Math.round(0.49999999999999994)", "0"),
    ("Math.trunc(-1.7)", "-1"),
    ("Math.abs(-3)", "3"),
    ("Math.sign(-3)", "-1"),
    ("Math.sqrt(16)", "4"),
    ("Math.pow(2, 10)", "1024"),
    ("Math.min(3, '1', 2)", "1"),
    ("Math.max()", "-Infinity"),
    ("Math.max(1, 'a')", "NaN"),
    ("Math.max(1, [7])", "7"),
    ("Math.floor('7.9')", "7"),
    ("typeof 'a'", "string"),
    ("typeof 1", "number"),
    ("typeof undefined", "undefined"),
    ("typeof null", "object"),
    ("typeof [] == 'object'", "true"),
    ("typeof true", "boolean"),
    ("Array.isArray([1])", "true"),
    ("Array.isArray('a')", "false"),
    ("Object.keys({a: 1, b: 2})", "a,b"),
    ("Object.values({a: 1, b: 2})", "1,2"),
    ("JSON.stringify({a: [1, 'x', null]})", "{\"a\":[1,\"x\",null]}"),
    ("JSON.parse('[1, 2]').length", "2"),
    ("new Date(0).toISOString()", "1970-01-01T00:00:00.000Z"),
    ("new Date(1772619630400).getUTCHours()", "10"),
    ("new Date(1772619630400).getUTCDay()", "3"),
    ("new Date(1772619630400).getUTCMonth()", "2"),
    ("new Date(1772619630400).getTime()", "1772619630400"),
    ("new Date(1772619630400).setUTCHours(9)", "1772616030400"),
    ("new Date(1772619630400).setUTCHours('09', '00')", "1772614830400"),
    ("new Date(1772619630400).setUTCHours(25, 61, 61, 1001)", "1772676122001"),
    ("new Date(1772619630400).setUTCDate(0)", "1772274030400"),
    ("new Date(1772619630400).setUTCMonth(13, 1)", "1801477230400"),
    ("new Date(1772619630400).setUTCFullYear(2024, 1, 29)", "1709202030400"),
    ("new Date(1772619630400).setUTCMinutes(90)", "1772623830400"),
    ("new Date(1772619630400).setUTCSeconds(-1)", "1772619599400"),
    ("new Date(1772619630400).setUTCMilliseconds(5)", "1772619630005"),
    ("new Date(1772619630400).setTime(5)", "5"),
    ("new Date('2026-12-24').getUTCDate()", "24"),
    ("new Date('2026-12-24T23:30:00+02:00').getUTCHours()", "21"),
    ("new Date('2026-12-24T23:30:00Z').getTime()", "1798155000000"),
    ("new Date('soon').getTime()", "NaN"),
    ("new Date(2026, 0, 31).getTime() == Date.UTC(2026, 0, 31)", "true"),
    ("Date.UTC(99, 0)", "915148800000"),
    ("new Date(5) - new Date(3)", "2"),
    ("new Date(5) < new Date(7)", "true"),
    ("new Date(5) > 3", "true"),
    ("+new Date(5)", "5"),
    ("new Date(1772619630400) < new Date(1772619630400).setUTCHours(11, 0)", "true"),
];
