//! A flows directory as an operator writes it: what works, what is broken, and what a reload does.

use std::fs;
use std::path::Path;

use store::{Directory, Flows, Loaded};

const NODE: &str = r#"{"module": "answer", "data": {}}"#;

fn write(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("a file");
}

fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        write(home.path(), name, text);
    }
    home
}

fn load(home: &tempfile::TempDir) -> Loaded {
    Directory::load(Some(home.path())).expect("a usable directory")
}

fn errors(loaded: &Loaded) -> Vec<String> {
    loaded.problems.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect()
}

fn leads(flows: &Flows, number: &str) -> Option<String> {
    flows.route(number).map(|route| route.flow.id.clone())
}

#[test]
fn numbers_documents_and_users_of_a_directory_are_found() {
    let home = home(&[
        ("numbers.toml", "\"1001\" = \"kazoo/a.json\"\n\"1002\" = { flow = \"kazoo/a\", public = true }\n"),
        ("kazoo/a.json", NODE),
        (
            "kazoo/own.json",
            r#"{"numbers": ["300", 301], "patterns": ["^\\*5(\\d+)$"], "flow": {"module": "answer", "data": {}}}"#,
        ),
        ("users.toml", "[alice]\npassword = \"a\"\n"),
        ("sounds/not-a-flow.json", "{"),
        (".hidden/x.json", "{"),
        ("README.md", "text"),
    ]);
    let loaded = load(&home);
    assert_eq!(errors(&loaded), [""; 0]);
    for (number, id) in [("1001", "kazoo/a.json"), ("300", "kazoo/own.json"), ("301", "kazoo/own.json")] {
        assert_eq!(leads(&loaded.flows, number).as_deref(), Some(id));
    }
    let public = |number| loaded.flows.route(number).map(|route| route.public);
    assert_eq!((public("1001"), public("1002"), public("999")), (Some(false), Some(true), None));
    let route = loaded.flows.route("*512").expect("a route");
    assert_eq!((route.flow.id.as_str(), route.capture_group.as_deref()), ("kazoo/own.json", Some("12")));
    assert_eq!(loaded.users.len(), 1);
}

#[test]
fn a_broken_document_is_named_by_line_and_column_and_its_number_answers_503() {
    let home = home(&[
        ("numbers.toml", "\"1\" = \"good.json\"\n\"2\" = \"kazoo/bad.json\"\n"),
        ("good.json", NODE),
        ("kazoo/bad.json", "{\n  \"module\": answer\n}"),
        ("odd.json", "[1]"),
    ]);
    let loaded = load(&home);
    let said = errors(&loaded);
    assert_eq!(
        said.first().map(String::as_str),
        Some(
            "kazoo/bad.json:2:13: error: not JSON: expected value: a text or a name stands in double quotes"
        )
    );
    assert!(said.get(1).is_some_and(|said| said.starts_with("odd.json:1:1: error: not a flow")), "{said:?}");
    assert_eq!(leads(&loaded.flows, "1").as_deref(), Some("good.json"));
    let broken = loaded.flows.route("2").expect("a route").flow;
    assert!(broken.broken.is_some());
    let statuses: Vec<u16> = broken
        .program
        .nodes
        .iter()
        .filter_map(|node| match &node.op {
            flow::ir::Op::Hangup(hangup) => Some(hangup.status),
            _ => None,
        })
        .collect();
    assert_eq!(statuses, [503]);
}

#[test]
fn a_document_with_a_comma_too_many_runs_and_its_author_is_told() {
    let home = home(&[
        ("numbers.toml", "\"1\" = \"a.json\"\n"),
        ("a.json", "{\n  \"module\": \"answer\", \"module\": \"hangup\",\n}"),
    ]);
    let loaded = load(&home);
    assert!(loaded.flows.route("1").expect("a route").flow.broken.is_none());
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    let expected = [
        "a.json:2:23: warning: `module` stands in this object twice; the one in line 2 does not count",
        "a.json:2:41: warning: a comma after the last element; JSON has none there",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_reload_keeps_the_good_version_of_a_file_that_broke_and_takes_the_mended_one() {
    let home = home(&[("numbers.toml", "\"1\" = \"a.json\"\n"), ("a.json", NODE)]);
    let first = load(&home);
    write(home.path(), "a.json", "{");
    let second = Directory::reload(Some(home.path()), &first.flows).expect("usable");
    let flow = second.flows.route("1").expect("a route").flow;
    assert_eq!(
        (flow.broken.is_none(), (*flow.source).clone()),
        (true, serde_json::from_str(NODE).expect("JSON"))
    );
    assert!(errors(&second).first().is_some_and(|said| said.contains("stays in use")));
    fs::remove_file(home.path().join("a.json")).expect("removed");
    let third = Directory::reload(Some(home.path()), &second.flows).expect("usable");
    assert!(third.flows.route("1").expect("a route").flow.broken.is_none());
    write(home.path(), "a.json", r#"{"module": "hangup", "data": {}}"#);
    let fourth = Directory::reload(Some(home.path()), &third.flows).expect("usable");
    assert_eq!(errors(&fourth), [""; 0]);
    assert_eq!(
        fourth.flows.route("1").expect("a route").flow.source.pointer("/module"),
        Some(&"hangup".into())
    );
}

#[test]
fn an_unknown_flow_file_is_named_with_the_near_one() {
    let home = home(&[("numbers.toml", "\"1\" = \"kazoo/men.json\"\n"), ("kazoo/menu.json", NODE)]);
    let loaded = load(&home);
    let expected = "numbers.toml:1:1: error: `1` leads to `kazoo/men.json`, and there is no such flow file; \
                    did you mean `kazoo/menu.json`?";
    assert_eq!(errors(&loaded), [expected]);
    assert!(loaded.flows.route("1").expect("a route").flow.broken.is_some());
}

#[test]
fn a_number_claimed_twice_names_both_places_and_the_first_is_used() {
    let claim = r#"{"numbers": ["300"], "flow": {"module": "answer", "data": {}}}"#;
    let home = home(&[("numbers.toml", "\"7\" = \"a.json\"\n"), ("a.json", claim), ("b.json", claim)]);
    let loaded = load(&home);
    let expected = "b.json:1:14: error: the number `300` is already given at a.json:1:14, which is used";
    assert_eq!(errors(&loaded), [expected]);
    assert_eq!(leads(&loaded.flows, "300").as_deref(), Some("a.json"));
}

#[test]
fn a_pattern_that_is_no_regular_expression_is_ignored_with_a_warning() {
    let claim = r#"{"patterns": ["*55(\\d+)"], "flow": {"module": "answer", "data": {}}}"#;
    let loaded = load(&home(&[("a.json", claim)]));
    assert_eq!(errors(&loaded), [""; 0]);
    let warning = loaded.problems.first().map(ToString::to_string).unwrap_or_default();
    assert!(warning.starts_with("a.json:1:15: warning: the pattern `*55(\\d+)` is ignored"), "{warning}");
}

#[test]
fn what_the_author_should_know_is_told_by_line() {
    let flow = "{\n  \"s\": {\"module\": \"start\", \"next\": \"a\"},\n  \"a\": {\"module\": \"start\",\n    \"next\": \"s\"},\n  \
                \"b\": {\"module\": \"pley\"}\n}";
    let loaded = load(&home(&[("a.json", flow)]));
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "a.json:2:8: error: /s runs in a circle that never waits (at /s)",
            "a.json:3:8: warning: `a` is a second `start`; the first is taken (at /a)",
            "a.json:5:8: warning: no module leads here (at /b)",
            "a.json:5:19: error: unknown module `pley`, the call ends here: did you mean `play`? (at /b/module)",
            "numbers.toml: warning: no number leads to a flow: every call is refused with 404",
        ]
    );
}

#[test]
fn a_file_that_is_too_long_is_named_and_its_number_keeps_the_version_before() {
    let home = home(&[("a.json", NODE), ("numbers.toml", "1 = \"a\"")]);
    let before = load(&home);
    assert!(before.problems.is_empty(), "{:?}", before.problems);
    let long = format!("{{\"module\": \"answer\", \"data\": {{}}, \"note\": \"{}\"}}", "x".repeat(4 << 20));
    write(home.path(), "a.json", &long);
    let again = Directory::reload(Some(home.path()), &before.flows).expect("usable");
    let why = "a.json: error: cannot be read: it is longer than the 4 MiB that a flow may have";
    assert_eq!(errors(&again), [format!("{why}; the version that was loaded before stays in use")]);
    assert_eq!(leads(&again.flows, "1").as_deref(), Some("a.json"));
    assert!(again.flows.document("a.json").is_some_and(|document| document.broken.is_none()));
    // Without a version before, the number says what is wrong.
    let fresh = load(&home);
    assert_eq!(errors(&fresh), [why]);
    assert!(fresh.flows.document("a.json").is_some_and(|document| document.broken.is_some()));
    // Just so long is no mistake.
    let longest = format!("{NODE}{}", " ".repeat((4 << 20) - NODE.len()));
    write(home.path(), "a.json", &longest);
    assert!(load(&home).problems.is_empty());
}

#[test]
fn what_is_missing_is_told_at_the_line_of_what_it_is_missing_from() {
    let flow = "{\n  \"module\": \"tts\",\n  \"data\": {\"txt\": \"x\"}\n}";
    let loaded = load(&home(&[("a.json", flow), ("numbers.toml", "1 = \"a.jsn\"")]));
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "a.json:3:11: error: `text` is missing; the module is skipped (at /data/text)",
            "a.json:3:19: warning: `tts` has no option `txt`; did you mean `text`? (at /data/txt)",
            "numbers.toml:1:1: error: `1` leads to `a.jsn`, and there is no such flow file; did you mean `a.json`?",
        ]
    );
}

#[test]
fn an_id_that_two_documents_have_is_told() {
    let text = r#"{"id": "x", "flow": {"module": "answer", "data": {}}}"#;
    let loaded = load(&home(&[("a.json", text), ("b.json", text), ("numbers.toml", "1 = \"a\"")]));
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["b.json: warning: the id `x` is also that of a.json, which is used"]);
    assert_eq!(loaded.flows.document("x").map(|found| found.id.clone()), Some("a.json".into()));
}

#[test]
fn a_flow_that_calls_another_which_is_not_there_is_told() {
    let call = r#"{"module": "callflow", "data": {"id": "NAME"}}"#;
    let home = home(&[
        ("a.json", &call.replace("NAME", "own-id")),
        ("b.json", r#"{"id": "own-id", "flow": {"module": "answer", "data": {}}}"#),
        ("c.json", &call.replace("NAME", "nobody")),
    ]);
    let said: Vec<String> = load(&home).problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "c.json:1:1: warning: there is no flow `nobody` here (at /)",
            "numbers.toml: warning: no number leads to a flow: every call is refused with 404",
        ]
    );
}

#[test]
fn a_directory_that_is_missing_or_has_no_usable_number_map_is_refused() {
    let missing = Directory::load(Some(Path::new("/nonexistent/flows"))).expect_err("no directory");
    assert!(missing.first().is_some_and(|problem| problem.message.starts_with("not a readable directory")));
    let home = home(&[("numbers.toml", "\"1\" = \n")]);
    let syntax = Directory::load(Some(home.path())).expect_err("bad TOML");
    assert_eq!(
        syntax.first().map(|problem| (problem.file.as_str(), problem.line)),
        Some(("numbers.toml", Some(1)))
    );
}

#[test]
fn the_embedded_demo_loads() {
    assert!(Directory::load(None).is_ok());
}

#[test]
fn star_codes_of_users_are_put_together_and_their_mistakes_are_told_by_line() {
    let users = "metaflows = \"codes/office\"\n[alice]\npassword = \"a\"\nmetaflows = { numbers = { 2 = \"a\" } }\n\
                 [bob]\npassword = \"b\"\n[bob.devices]\nmobile = { password = \"m\", metaflows = \"codes/offise\" }\n\
                 [carol]\npassword = \"c\"\nmetaflows = 7\n[dave]\npassword = \"d\"\nmetaflows = \"a\"\n\
                 [erin]\npassword = \"e\"\nmetaflows = { numbers = { 1 = { module = \"hangup\" }, 2 = \"gone\" }, patterns = { \"(\" = \"a\" } }\n";
    let home = home(&[
        ("numbers.toml", "\"1001\" = \"a\"\n"),
        ("a.json", NODE),
        (
            "codes/office.json",
            r#"{"binding_digit": "*", "numbers": {"1": {"module": "hangup", "data": {}}}}"#,
        ),
        ("users.toml", users),
    ]);
    let loaded = load(&home);
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    let expected = [
        "users.toml:8:40: error: `metaflows` names `codes/offise`, and there is no such file; did you mean `codes/office.json`?",
        "users.toml:11:13: error: `metaflows` is a file's name or a table, found `7`",
        "users.toml:14:13: error: `metaflows` names a.json, which has no star codes",
    ];
    for (said, expected) in said.iter().zip(expected) {
        assert_eq!(said, expected);
    }
    let rest = said.get(3..).unwrap_or_default().join("\n");
    assert!(rest.contains("users.toml:17:13: warning: there is no flow `gone` here"), "{said:#?}");
    assert!(rest.contains("(at /metaflows/patterns/("), "{said:#?}");
    let codes = |account: &str| {
        let metaflows = loaded.users.star_codes(account)?.program.metaflows.clone()?;
        Some(metaflows.numbers.into_iter().map(|(code, _)| code).collect::<Vec<_>>())
    };
    assert_eq!(codes("alice"), Some(vec!["2".to_owned(), "1".to_owned()]));
    assert_eq!(codes("mobile"), Some(vec!["1".to_owned()]), "a mistake leaves the others");
    assert_eq!(codes("erin"), Some(vec!["1".to_owned(), "2".to_owned()]));
    assert_eq!(loaded.users.len(), 5);
}
