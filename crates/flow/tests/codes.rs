//! Each code of a diagnostic: a small document that has it, and one that is the same but for what is wrong.

use flow::check;
use flow::lower::Code;

/// Codes that only `offhook check` finds, because they take other files or a network; its own tests hold them.
const ELSEWHERE: &[Code] = &[Code::NotConfigured, Code::UnreachableUrl];

/// The code, a document that has it, and one that has not.
const CASES: &[(Code, &str, &str)] = &[
    (Code::NotJson, r#"{"module": answer}"#, r#"{"module": "answer"}"#),
    (Code::DuplicateKey, r#"{"module": "play", "module": "answer"}"#, r#"{"module": "answer"}"#),
    (Code::UnknownDialect, r#"{"a": 1}"#, r#"{"module": "answer", "data": {}}"#),
    (
        Code::EmptyFlow,
        r#"{"result": {}, "status_code": 200}"#,
        r#"{"result": {"a": {"module": "busy"}}, "status_code": 200}"#,
    ),
    (Code::UnknownModule, r#"{"module": "plai", "data": {}}"#, r#"{"module": "answer", "data": {}}"#),
    (Code::UnknownModule, r#"{"actions": [{"type": "SAI"}]}"#, r#"{"actions": [{"type": "HANGUP"}]}"#),
    (Code::UnknownModule, r#"{"actions": [{"type": "answr"}]}"#, r#"{"actions": [{"type": "answer"}]}"#),
    (Code::UnknownModule, r#"{"a": {"module": "bussy"}}"#, r#"{"a": {"module": "busy"}}"#),
    (Code::MissingModule, r#"{"flow": {"data": {}}}"#, r#"{"flow": {"module": "answer", "data": {}}}"#),
    (
        Code::UnknownOption,
        r#"{"module": "play", "data": {"id": "x", "lop_count": 2}}"#,
        r#"{"module": "play", "data": {"id": "x", "loop_count": 2}}"#,
    ),
    (
        Code::UnknownOption,
        r#"{"actions": [{"type": "SAY", "params": {"text": "x", "lop": 2}}]}"#,
        r#"{"actions": [{"type": "SAY", "params": {"text": "x", "loop": 2}}]}"#,
    ),
    (
        Code::UnknownOption,
        r#"{"actions": [{"type": "goto", "option": {"target_id": "a", "loop_cont": 2}, "id": "a"}]}"#,
        r#"{"actions": [{"type": "goto", "option": {"target_id": "a", "loop_count": 2}, "id": "a"}]}"#,
    ),
    (
        Code::UnknownOption,
        r#"{"a": {"module": "busy", "duratoin": 2}}"#,
        r#"{"a": {"module": "busy", "duration": 2}}"#,
    ),
    (
        Code::MisplacedOption,
        r#"{"actions": [{"type": "SAY", "text": "x"}]}"#,
        r#"{"actions": [{"type": "SAY", "params": {"text": "x"}}]}"#,
    ),
    (Code::MissingOption, r#"{"module": "play", "data": {}}"#, r#"{"module": "play", "data": {"id": "x"}}"#),
    (
        Code::IgnoredOption,
        r#"{"actions": [{"type": "COLLECT", "actions": [{"type": "HANGUP"}]}]}"#,
        r#"{"actions": [{"type": "COLLECT", "actions": [{"type": "SAY", "params": {"text": "x"}}]}]}"#,
    ),
    (
        Code::ConflictingOptions,
        r#"{"actions": [{"type": "play", "option": {"stream_urls": ["http://h/a"], "stream_url": ["http://h/b"]}}]}"#,
        r#"{"actions": [{"type": "play", "option": {"stream_urls": ["http://h/a"]}}]}"#,
    ),
    (
        Code::WrongType,
        r#"{"module": "play", "data": {"id": {}}}"#,
        r#"{"module": "play", "data": {"id": "x"}}"#,
    ),
    (
        Code::BadValue,
        r#"{"module": "play", "data": {"id": "x", "terminators": "x"}}"#,
        r##"{"module": "play", "data": {"id": "x", "terminators": "#"}}"##,
    ),
    (
        Code::OutOfRange,
        r#"{"module": "sleep", "data": {"duration": 48, "unit": "h"}}"#,
        r#"{"module": "sleep", "data": {"duration": 2, "unit": "h"}}"#,
    ),
    (
        Code::SuspiciousUnit,
        r#"{"actions": [{"type": "RECORD", "params": {"max_length": 60}}]}"#,
        r#"{"actions": [{"type": "RECORD", "params": {"max_length": 60000}}]}"#,
    ),
    (
        Code::BadPattern,
        r#"{"module": "check_cid", "data": {"regex": "("}}"#,
        r#"{"module": "check_cid", "data": {"regex": "^1"}}"#,
    ),
    (
        Code::BadExpression,
        r#"{"actions": [{"type": "IF", "condition": "$a ==", "then": []}]}"#,
        r#"{"actions": [{"type": "IF", "condition": "$a == 1", "then": []}]}"#,
    ),
    (
        Code::BadUrl,
        r#"{"module": "pivot", "data": {"voice_url": "example"}}"#,
        r#"{"module": "pivot", "data": {"voice_url": "http://example.com/"}}"#,
    ),
    (
        Code::DanglingTarget,
        r#"{"actions": [{"type": "GOTO", "params": {"label": "b"}}, {"type": "LABEL", "name": "a"}]}"#,
        r#"{"actions": [{"type": "GOTO", "params": {"label": "a"}}, {"type": "LABEL", "name": "a"}]}"#,
    ),
    (
        Code::DuplicateId,
        r#"{"actions": [{"type": "LABEL", "name": "a"}, {"type": "LABEL", "name": "a"}]}"#,
        r#"{"actions": [{"type": "LABEL", "name": "a"}, {"type": "LABEL", "name": "b"}]}"#,
    ),
    (
        Code::Unreachable,
        r#"{"actions": [{"type": "HANGUP"}, {"type": "SAY", "params": {"text": "x"}}]}"#,
        r#"{"actions": [{"type": "SAY", "params": {"text": "x"}}, {"type": "HANGUP"}]}"#,
    ),
    (
        Code::IgnoredBranch,
        r#"{"module": "answer", "data": {}, "children": {"1": {"module": "hangup", "data": {}}}}"#,
        r#"{"module": "answer", "data": {}, "children": {"_": {"module": "hangup", "data": {}}}}"#,
    ),
    (
        Code::EndlessLoop,
        r#"{"actions": [{"type": "LABEL", "name": "a"}, {"type": "GOTO", "params": {"label": "a"}}]}"#,
        r#"{"actions": [{"type": "LABEL", "name": "a"}, {"type": "PAUSE", "params": {"length": 1000}}, {"type": "GOTO", "params": {"label": "a"}}]}"#,
    ),
    (
        Code::MissingBranch,
        r#"{"module": "menu", "data": {"media": {"greeting": "x"}}, "children": {"1": {"module": "hangup", "data": {}}}}"#,
        r#"{"module": "menu", "data": {"media": {"greeting": "x"}}, "children": {"_": {"module": "hangup", "data": {}}}}"#,
    ),
    (
        Code::MediaBeforeAnswer,
        r#"{"actions": [{"type": "beep"}]}"#,
        r#"{"actions": [{"type": "answer"}, {"type": "beep"}]}"#,
    ),
    (
        Code::SecretInUrl,
        r#"{"module": "pivot", "data": {"voice_url": "http://example.com/?token=abc"}}"#,
        r#"{"module": "pivot", "data": {"voice_url": "http://example.com/?page=abc"}}"#,
    ),
    (Code::Unsupported, r#"{"a": {"module": "diary"}}"#, r#"{"a": {"module": "busy"}}"#),
    (
        Code::Approximated,
        r#"{"actions": [{"type": "SAY", "params": {"text": "x"}}, {"type": "REJECT"}]}"#,
        r#"{"actions": [{"type": "REJECT"}]}"#,
    ),
    (
        Code::Tolerated,
        r#"{"module": "play" "data": {"id": "x"}}"#,
        r#"{"module": "play", "data": {"id": "x"}}"#,
    ),
    (
        Code::Deprecated,
        r#"{"actions": [{"type": "agent_call", "option": {"agent_id": "a"}}]}"#,
        r#"{"actions": [{"type": "answer"}]}"#,
    ),
];

fn has(text: &str, code: Code) -> bool {
    check::text(None, text).findings.iter().any(|found| found.diagnostic.code == code)
}

#[test]
fn each_code_is_found_where_it_is_and_not_where_it_is_not() {
    let mut wrong = Vec::new();
    for (code, with, without) in CASES {
        if !has(with, *code) {
            wrong.push(format!("{code} is not found in {with}: {}", told(with)));
        }
        if has(without, *code) {
            wrong.push(format!("{code} is found in {without}: {}", told(without)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn told(text: &str) -> String {
    let found = check::text(None, text).findings;
    let all: Vec<String> = found
        .iter()
        .map(|found| {
            format!("{} {}: {}", found.diagnostic.code, found.diagnostic.pointer, found.diagnostic.message)
        })
        .collect();
    all.join("; ")
}

/// A document with more mistakes than anybody reads.
#[test]
fn too_many_mistakes_are_counted() {
    let actions = vec![r#"{"type": "SAI"}"#; 600].join(",");
    assert!(has(&format!("{{\"actions\": [{actions}]}}"), Code::TooMany));
    assert!(!has(r#"{"actions": [{"type": "SAI"}]}"#, Code::TooMany));
}

#[test]
fn every_code_has_a_document() {
    for code in Code::ALL {
        let cased = CASES.iter().any(|(cased, ..)| cased == code);
        assert!(cased || ELSEWHERE.contains(code) || *code == Code::TooMany, "{code} has no document here");
    }
}
