//! What is printed in each form.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use super::*;

fn checked(name: &str, text: &str) -> Checked {
    Checked { name: name.to_owned(), text: text.to_owned(), report: flow::check::text(None, text) }
}

const TEXT: &str = "{\n  \"module\": \"plai\",\n  \"pin\": \"1\"\n}";

#[test]
fn people_see_the_line_with_a_mark_and_what_to_do() {
    let told = human::told(&[checked("a.json", TEXT)], false);
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("error[unknown-module]: unknown module `plai`"), "{told}");
    let expected = [
        " --> a.json:2:13",
        "  |",
        "2 |   \"module\": \"plai\",",
        "  |             ^^^^^^",
        "  = at: /module",
        "  = help: Correct the name; `offhook modules` lists every module.",
        "",
        "a.json: Call route",
        "1 flow: 1 error, no warnings",
    ];
    assert_eq!(lines[1..], expected);
    assert!(!told.contains('\u{1b}'));
    assert!(
        human::told(&[checked("a.json", TEXT)], true).contains("\u{1b}[1;31merror[unknown-module]\u{1b}[0m")
    );
}

#[test]
fn a_long_line_is_cut_around_the_mark_and_control_characters_are_not_the_terminals() {
    let long = format!(
        "[{{\"type\": \"SAY\", \"params\": {{\"text\": \"{}\"}}}}, {{\"type\": \"S\u{7f}AI\"}}]",
        "x".repeat(300)
    );
    let told = human::told(&[checked("a.json", &long)], false);
    let lines: Vec<&str> = told.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("1 |")).expect("the line");
    assert!(lines[at].chars().count() < 130 && lines[at].contains('…'), "{told}");
    let mark = lines[at + 1].find('^').expect("a mark");
    assert!(lines[at].chars().skip(mark).collect::<String>().starts_with("\"S AI\""), "{told}");
    assert!(!told.contains('\u{7f}'));
}

#[test]
fn programs_get_an_object_with_files_and_findings() {
    let told: Value = serde_json::from_str(&machine::told(&[checked("a.json", TEXT)])).expect("JSON");
    assert_eq!((&told["errors"], &told["warnings"]), (&1.into(), &0.into()));
    assert_eq!(told["files"][0]["dialect"], "callroute");
    let found = &told["files"][0]["findings"][0];
    assert_eq!((&found["code"], &found["severity"]), (&"unknown-module".into(), &"error".into()));
    assert_eq!((&found["line"], &found["column"], &found["end_column"]), (&2.into(), &13.into(), &19.into()));
    assert_eq!(found["pointer"], "/module");
}

/// The members that the SARIF 2.1.0 schema requires, and the ranges of what is there.
#[test]
fn sarif_has_what_its_schema_requires() {
    let log: Value = serde_json::from_str(&sarif::told(&[checked("./a b.json", TEXT)])).expect("JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string());
    let rules = driver["rules"].as_array().expect("rules");
    for rule in rules {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string());
        assert!(rule["help"]["text"].is_string());
        let level = rule["defaultConfiguration"]["level"].as_str().expect("a level");
        assert!(["none", "note", "warning", "error"].contains(&level));
    }
    assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().expect("a kind")));
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 1);
    for result in results {
        assert!(result["message"]["text"].is_string());
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.json");
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][key].as_u64().is_some_and(|number| number >= 1), "{key}");
        }
    }
}

#[test]
fn a_code_is_known_or_the_nearest_is_named() {
    assert_eq!(denied("warnings"), Ok("warnings".to_owned()));
    assert_eq!(denied("secret-in-url"), Ok("secret-in-url".to_owned()));
    assert_eq!(code("unknow-module"), Err("there is no such code; did you mean unknown-module?".to_owned()));
}

#[test]
fn files_are_read_at_any_depth_and_what_is_no_text_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    let path = |name: &str| home.path().join(name);
    std::fs::create_dir(path("deep")).expect("a directory");
    std::fs::write(path("deep/a.json"), TEXT).expect("a file");
    std::fs::write(path("b.json"), b"{\n\xff}").expect("a file");
    std::fs::write(path("c.txt"), "no flow").expect("a file");
    let read = files::read(&[home.path().to_owned(), path("none.json")]);
    assert!(read.directory);
    assert_eq!(read.texts.len(), 1);
    assert!(read.texts[0].0.ends_with("deep/a.json"));
    assert_eq!(read.unreadable.len(), 2);
    assert!(read.unreadable[0].ends_with("b.json:2: the text is not UTF-8"), "{:?}", read.unreadable);
}

#[test]
fn a_flow_that_calls_one_which_is_not_there_is_told() {
    let call = |id: &str| format!("{{\"module\": \"callflow\", \"data\": {{\"id\": \"{id}\"}}}}");
    let mut all = [
        checked("x/a.json", &call("b")),
        checked("x/b.json", &call("gone")),
        checked("x/c.json", &call("22")),
        checked("x/d.json", "{\"numbers\": [\"22\"], \"flow\": {\"module\": \"hangup\", \"data\": {}}}"),
    ];
    files::subflows(&mut all, None);
    let told = |file: &Checked| {
        let found = &file.report.findings;
        found.iter().any(|found| found.diagnostic.code == Code::NotConfigured)
    };
    assert_eq!(all.iter().map(told).collect::<Vec<_>>(), [false, true, false, false]);
}

#[test]
fn the_exit_status_tells_errors_denied_warnings_and_what_cannot_be_read() {
    let home = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        std::fs::write(home.path().join(name), text).expect("a file");
        home.path().join(name)
    };
    let bad = file("bad.json", TEXT);
    let odd = file("odd.json", "{\"module\": \"busy\", \"duratoin\": 1}");
    let good = file("good.json", "{\"module\": \"busy\"}");
    let run = |flow: &std::path::Path, deny: &[&str], allow: &[&str]| {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let (flows, format) = (vec![flow.to_owned()], Format::Json);
        let check =
            Check { flows, dialect: None, format, urls: false, deny: words(deny), allow: words(allow) };
        format!("{:?}", check.run().expect("a status"))
    };
    let status = |code: u8| format!("{:?}", ExitCode::from(code));
    assert_eq!(run(&good, &["warnings"], &[]), status(0));
    assert_eq!(run(&odd, &[], &[]), status(0));
    assert_eq!(run(&odd, &["warnings"], &[]), status(1));
    assert_eq!(run(&odd, &["unknown-option"], &[]), status(1));
    assert_eq!(run(&odd, &["secret-in-url"], &[]), status(0));
    assert_eq!(run(&odd, &["warnings"], &["unknown-option"]), status(0));
    assert_eq!(run(&bad, &[], &[]), status(1));
    assert_eq!(run(&home.path().join("none.json"), &[], &[]), status(2));
}

/// Answers every request on a port of its own with the status of its path.
fn web() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut byte = [0; 1];
            while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                request.extend(byte);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let status = request.split(['/', ' ', '?']).nth(2).unwrap_or("500").to_owned();
            let reply = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(reply.as_bytes());
        }
    });
    port
}

#[test]
fn a_url_that_does_not_answer_is_told_and_one_that_refuses_is_there() {
    let port = web();
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let pivot = |url: &str| {
        let text = format!("{{\"module\": \"pivot\", \"data\": {{\"voice_url\": \"{url}\"}}}}");
        checked("a.json", &text)
    };
    let mut all = [
        pivot(&format!("http://127.0.0.1:{port}/200")),
        pivot(&format!("http://127.0.0.1:{port}/405")),
        pivot(&format!("http://127.0.0.1:{port}/404?token=abc")),
        pivot(&format!("http://127.0.0.1:{gone}/200")),
    ];
    assert!(urls::check(&mut all).is_ok());
    let told = |file: &Checked| {
        let mut found = file.report.findings.iter().map(|found| &found.diagnostic);
        found.find(|found| found.code == Code::UnreachableUrl).map(|found| found.message.clone())
    };
    let told: Vec<Option<String>> = all.iter().map(told).collect();
    assert_eq!((&told[0], &told[1]), (&None, &None));
    assert_eq!(
        told[2],
        Some(format!("`http://127.0.0.1:{port}/404` does not answer: it answers 404 Not Found"))
    );
    assert!(told[3].as_ref().is_some_and(|told| told.contains("refused")), "{told:?}");
}
