//! Each finding of the whole program: a document that has it, and one that does not.

use serde_json::json;

use super::*;

/// The codes and pointers that are found, of the codes that these passes have.
fn found(document: Value) -> Vec<(String, String)> {
    let (_, found) = super::document(None, &document);
    found.into_iter().map(|found| (found.code.id().to_owned(), found.pointer)).collect()
}

fn has(document: Value, code: Code, pointer: &str) {
    let found = found(document.clone());
    assert!(found.contains(&(code.id().to_owned(), pointer.to_owned())), "{document}: {found:?}");
}

fn has_not(document: Value, code: Code) {
    let found = found(document.clone());
    assert!(found.iter().all(|(found, _)| found != code.id()), "{document}: {found:?}");
}

fn script(actions: Value) -> Value {
    json!({ "actions": actions })
}

#[test]
fn what_no_way_leads_to_is_told_once_for_a_row() {
    let say = json!({"type": "SAY", "params": {"text": "x"}});
    let dead = script(json!([{"type": "HANGUP"}, say, say, {"type": "LABEL", "name": "a"}, say]));
    let all = found(dead);
    let unreachable: Vec<_> = all.iter().filter(|(code, _)| code == "unreachable").collect();
    assert_eq!(unreachable, [&("unreachable".to_owned(), "/actions/1".to_owned())]);
    let alive = script(json!([
        {"type": "GOTO", "params": {"label": "a"}}, {"type": "LABEL", "name": "a"}, say, {"type": "HANGUP"},
    ]));
    has_not(alive, Code::Unreachable);
    let route = json!({
        "a": {"module": "start", "next": "b"}, "b": {"module": "hangup"}, "c": {"module": "hangup"},
    });
    has(route, Code::Unreachable, "/c");
}

#[test]
fn an_action_that_a_fetched_flow_may_jump_to_is_reachable() {
    let fetch = json!({"type": "fetch", "option": {"event_url": "http://h/"}});
    let goto = json!({"type": "goto", "option": {"target_id": "b"}});
    let actions = json!([fetch, {"type": "hangup"}, {"id": "b", "type": "answer"}]);
    has_not(script(actions), Code::Unreachable);
    let actions = json!([goto, {"type": "answer"}, {"id": "b", "type": "hangup"}]);
    has(script(actions), Code::Unreachable, "/actions/1");
}

#[test]
fn a_circle_that_never_waits_is_told_with_its_way() {
    let endless = script(json!([
        {"type": "LABEL", "name": "a"}, {"$x": "1"}, {"type": "GOTO", "params": {"label": "a"}},
    ]));
    let (_, found) = super::document(None, &endless);
    let circle = found.iter().find(|found| found.code == Code::EndlessLoop).expect("a circle");
    assert_eq!(circle.pointer, "/actions/0");
    assert!(
        circle.message.ends_with("/actions/0 → /actions/1 → /actions/2 → /actions/0"),
        "{}",
        circle.message
    );
    let constant = script(json!([
        {"type": "LABEL", "name": "a"},
        {"type": "IF", "condition": "$y == 1", "then": [{"type": "GOTO", "params": {"label": "a"}}]},
    ]));
    has(constant, Code::EndlessLoop, "/actions/0");
    let counts = script(json!([
        {"type": "LABEL", "name": "a"},
        {"$n": "$n + 1"},
        {"type": "IF", "condition": "$n < 3", "then": [{"type": "GOTO", "params": {"label": "a"}}]},
    ]));
    has_not(counts, Code::EndlessLoop);
    let waits = script(json!([
        {"type": "LABEL", "name": "a"}, {"type": "SAY", "params": {"text": "x"}},
        {"type": "GOTO", "params": {"label": "a"}},
    ]));
    has_not(waits, Code::EndlessLoop);
}

#[test]
fn a_question_without_a_branch_for_silence_is_told() {
    let menu = |children: Value| json!({"module": "menu", "data": {"media": {"greeting": "x"}}, "children": children});
    let child = json!({"module": "hangup", "data": {}});
    has(menu(json!({"1": child})), Code::MissingBranch, "");
    has_not(menu(json!({"1": child, "_": child})), Code::MissingBranch);
    has_not(menu(json!({"1": child, "timeout": child, "max_retries": child})), Code::MissingBranch);
}

#[test]
fn what_is_heard_before_the_answer_is_told_unless_some_way_answers_first() {
    let talk = json!({"type": "talk", "option": {"text": "x", "language": "en-US", "gender": "female"}});
    let beep = json!({"type": "beep"});
    has(script(json!([beep, {"type": "hangup"}])), Code::MediaBeforeAnswer, "/actions/0");
    has_not(script(json!([{"type": "answer"}, beep])), Code::MediaBeforeAnswer);
    has_not(script(json!([talk, beep])), Code::MediaBeforeAnswer);
    has(json!({"module": "send_dtmf", "data": {"digits": "1"}}), Code::MediaBeforeAnswer, "");
    let answered = json!({"module": "send_dtmf", "data": {"digits": "1"}});
    let answered = json!({"module": "answer", "data": {}, "children": {"_": answered}});
    has_not(answered, Code::MediaBeforeAnswer);
}

#[test]
fn a_description_instead_of_a_value_is_tolerated_and_another_text_is_not() {
    let busy = |duration: &str| json!({"module": "busy", "duration": duration});
    has(busy("Optional: The duration of the busy tone"), Code::Tolerated, "/duration");
    has(busy("long"), Code::WrongType, "/duration");
}

#[test]
fn secrets_in_urls_are_told_and_variables_are_none() {
    let pivot = |url: &str| json!({"module": "pivot", "data": {"voice_url": url}});
    for url in [
        "https://bob:pw@example.com/x",
        "https://example.com/x?a=1&api_key=abc",
        "http://example.com/?Token=abc#x",
        "https://example.com/?access-token=abc",
    ] {
        has(pivot(url), Code::SecretInUrl, "/data/voice_url");
    }
    for url in [
        "https://example.com/x?keyword=a",
        "https://example.com/?token=",
        "https://example.com/?token=${t}",
        "https://bob@example.com/",
        "say token=abc",
    ] {
        has_not(pivot(url), Code::SecretInUrl);
    }
}

#[test]
fn the_urls_to_try_are_whole_ones() {
    let report =
        text(None, r#"{"module": "pivot", "data": {"voice_url": "http://a/", "cdr_url": "http://${h}/"}}"#);
    let urls: Vec<&str> = report.urls.iter().map(|(_, url)| url.as_str()).collect();
    assert_eq!(urls, ["http://a/"]);
}

#[test]
fn a_finding_has_its_place_in_the_text() {
    let report = text(None, "{\n  \"module\": \"play\",\n  \"data\": {\"id\": {}}\n}");
    let found = report.findings.first().expect("a finding");
    assert_eq!((found.start.line, found.start.column), (3, 18));
    assert_eq!(found.diagnostic.code, Code::WrongType);
    let report = text(None, "{\n  \"module\": \"plai\",\n  \"data\": {}\n}");
    let found = report.findings.first().expect("a finding");
    assert_eq!((found.start.line, found.start.column, found.end.column), (2, 13, 19));
    let report = text(None, "{ nothing");
    assert_eq!(report.findings.first().map(|found| found.diagnostic.code), Some(Code::NotJson));
    let report = text(None, "{\"a\": 1}");
    assert_eq!(report.findings.first().map(|found| found.diagnostic.code), Some(Code::UnknownDialect));
}
