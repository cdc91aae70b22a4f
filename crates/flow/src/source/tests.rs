//! Where things stand, and what is said of texts that are not JSON.

use serde_json::json;

use super::*;

fn notes(text: &str) -> Vec<(String, usize, usize, String)> {
    let source = Source::read(text);
    let told = source.notes.iter().map(|note| {
        let place = place(&source.text, note.span.start);
        (note.code.id().to_owned(), place.line, place.column, note.message.clone())
    });
    told.collect()
}

#[test]
fn a_pointer_leads_to_its_line_and_column() {
    let text = "{\n  \"a\": [1, {\"x/y\": \"s,]\\\"\"},\n    true],\n  \"ü\": -1.5e3, \"b\": {}\n}";
    let spans = Spans::of(text);
    let cases = [
        ("", Some((1, 1))),
        ("/a", Some((2, 8))),
        ("/a/0", Some((2, 9))),
        ("/a/1/x~1y", Some((2, 20))),
        ("/a/2", Some((3, 5))),
        ("/ü", Some((4, 8))),
        // Columns are characters, not bytes.
        ("/b", Some((4, 21))),
        ("/c", None),
        ("/a/3", None),
        ("/b/0", None),
    ];
    for (pointer, expected) in cases {
        let found = spans.value(pointer).map(|span| place(text, span.start));
        assert_eq!(found.map(|place| (place.line, place.column)), expected, "{pointer}");
    }
    let value = spans.value("/a/1/x~1y").unwrap();
    assert_eq!(&text[value.start..value.end], "\"s,]\\\"\"");
    let name = spans.name("/a/1/x~1y").unwrap();
    assert_eq!(&text[name.start..name.end], "\"x/y\"");
    assert_eq!(spans.nearest("/a/1/none/deeper"), spans.value("/a/1"));
}

#[test]
fn a_name_that_stands_twice_is_told_at_the_last_place() {
    let text = "{\"a\": {\"b\": 1,\n\"b\": 2}, \"c\": {\"b\": 3}}";
    let expected = "`b` stands in this object twice; the one in line 1 does not count".to_owned();
    assert_eq!(notes(text), [("duplicate-key".to_owned(), 2, 1, expected)]);
    assert_eq!(Source::read(text).value, Some(json!({"a": {"b": 2}, "c": {"b": 3}})));
}

#[test]
fn slips_without_doubt_are_mended_and_told() {
    let cases = [
        ("{\"type\": \"answer\"\n \"option\": {}}", json!({"type": "answer", "option": {}}), (1, 18)),
        ("{\"type\": \"fetch\".\n \"option\": {}}", json!({"type": "fetch", "option": {}}), (1, 17)),
        ("{\"a\": [1, 2,\n],}", json!({"a": [1, 2]}), (1, 12)),
        ("[{\"a\": 1} {\"a\": 2}]", json!([{"a": 1}, {"a": 2}]), (1, 10)),
        ("[1,, 2]", json!([1, 2]), (1, 4)),
        ("{\"text\": \"here\\'s one\"}", json!({"text": "here's one"}), (1, 15)),
        ("{},\n", json!({}), (1, 3)),
    ];
    for (text, value, (line, column)) in cases {
        let source = Source::read(text);
        assert_eq!(source.value, Some(value), "{text}");
        assert!(source.error().is_none(), "{text}");
        let first = notes(text).remove(0);
        assert_eq!((first.0.as_str(), first.1, first.2), ("tolerated", line, column), "{text}");
    }
    assert_eq!(notes("\u{feff}{\"a\": 1}"), []);
}

#[test]
fn what_is_not_json_is_told_with_what_was_expected() {
    let cases = [
        ("{\"a\": \"x,\n\"b\": 1}", (1, 7), "not closed before the end of its line: expected a `\"`"),
        ("{\"a\": 'x'}", (1, 7), "double quotes, not in single"),
        ("{\"a\": \u{201c}x\u{201d}}", (1, 7), "typographic"),
        ("{\"a\": <string>}", (1, 7), "placeholder"),
        ("{\"a\": True}", (1, 7), "lower case"),
        ("{\"a\": 1\n // x\n}", (2, 2), "expected a comma or the end"),
        ("// x\n{}", (1, 1), "no comments"),
        ("{\"a\" 1}", (1, 6), "expected a `:`"),
        ("{\"a\": [1,\n{\"b\": 2}", (2, 8), "the `[` of line 1 is closed: expected `]`"),
        ("{\"a\": \"he said \"no\"\"}", (1, 17), "a quotation mark within a text is written"),
        ("{} {}", (1, 4), "one document"),
        ("{a: 1}", (1, 2), "stands in double quotes"),
        ("{\"n\": +47}", (1, 7), "leading `+`"),
    ];
    for (text, (line, column), words) in cases {
        let source = Source::read(text);
        let note = source.error().unwrap_or_else(|| panic!("{text}: no error"));
        assert!(note.message.contains(words), "{text}: {}", note.message);
        let place = place(text, note.span.start);
        assert_eq!((place.line, place.column), (line, column), "{text}: {}", note.message);
        assert_eq!(note.code, Code::NotJson);
    }
    // The missing quotation mark is closed to see what else is wrong.
    let source = Source::read("{\"a\": \"x,\n\"b\": 1 \"c\": 2}");
    assert_eq!(source.value, Some(json!({"a": "x", "b": 1, "c": 2})));
    assert_eq!(source.notes.len(), 2);
}

#[test]
fn any_text_has_its_place_and_no_text_panics() {
    for text in [
        "",
        " ",
        "{",
        "\"",
        "[\"\\",
        "{\"a\":\"\u{fc}\\u12\"",
        "\u{fc}",
        "{\"\\ud800\":1}",
        "nul",
        "[1 2 3 4]",
    ] {
        let source = Source::read(text);
        assert!(source.value.is_some() || source.error().is_some(), "{text}");
        for note in &source.notes {
            assert!(place(text, note.span.start).line >= 1);
        }
    }
    let many = format!("[{}]", "1 ".repeat(1_000));
    let source = Source::read(&many);
    assert!(source.value.is_none() && source.error().is_some() && source.notes.len() < 60);
}
