//! The commands for those who write flows, run as one types them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `offhook` with these arguments, in the repository's root.
fn offhook(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args(arguments)
        .current_dir(root)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// What it printed; its exit status must be `status`.
fn printed(arguments: &[&str], status: i32) -> String {
    let output = offhook(arguments);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// What it complained of; its exit status must be `status`.
fn complaint(arguments: &[&str], status: i32) -> String {
    let output = offhook(arguments);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stderr)
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path: PathBuf = folder.path().join(name);
    std::fs::write(&path, text).expect("a writable folder");
    path.display().to_string()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_simulated_call_is_told_as_a_story() {
    let steps = "http 200 {\"module\":\"tts\",\"data\":{\"text\":\"One, two.\"}}\nanswer wait 12#";
    let story = printed(&["simulate", "flows/kazoo/collect-digits.json", "-e", steps], 0);
    for words in [
        "0:00.0  The flow says “Please",
        "The caller presses 1 2 #.",
        "Digits[custom_name] = 12",
        "says “One, two.”",
    ] {
        assert!(story.contains(words), "no `{words}` in\n{story}");
    }
}

#[test]
fn a_simulated_call_may_be_short_and_data() {
    let flow = "flows/callroute/reception.json";
    let plain = printed(&["simulate", flow, "--plain", "-e", "wait 1s 1"], 0);
    assert!(plain.contains("  1000 Sound(\"reception-sales\")"), "{plain}");
    let json = printed(&["simulate", flow, "--format", "json", "-e", "wait 1s 1"], 0);
    let trace: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let last = trace.as_array().and_then(|lines| lines.last()).expect("a line");
    assert_eq!((&last["kind"], &last["by"]), (&"ended".into(), &"flow".into()));
}

#[test]
fn a_simulated_flow_finds_the_flows_beside_it() {
    let folder = folder();
    let outer = file(&folder, "outer.json", r#"{"module": "callflow", "data": {"id": "inner"}}"#);
    file(&folder, "inner.json", r#"{"module": "tts", "data": {"text": "From inside."}}"#);
    assert!(printed(&["simulate", &outer], 0).contains("says “From inside.”"));
    let elsewhere = self::folder();
    let elsewhere = elsewhere.path().display().to_string();
    assert!(printed(&["simulate", &outer, "--flows", &elsewhere], 0).contains("There is no such flow."));
}

#[test]
fn what_cannot_be_read_is_named_by_line_and_column() {
    let folder = folder();
    let broken = file(&folder, "broken.json", "{\n  \"module\": ,\n}");
    let said = complaint(&["simulate", &broken], 2);
    assert!(said.contains("broken.json:2:13: error: not JSON: expected value"), "{said}");
    let script = file(&folder, "a.script", "wait\nanswer dance");
    let said = complaint(&["simulate", "flows/demo/echo.json", "--script", &script], 2);
    assert!(said.contains("a.script:2:8: expected a step"), "{said}");
    assert!(complaint(&["simulate", "nowhere.json"], 2).contains("nowhere.json: error: cannot be read"));
    assert!(complaint(&["simulate", "flows/demo/echo.json", "-e", "x"], 2).contains("-e:1:1: expected"));
}

#[test]
fn the_demos_own_scripts_hold() {
    let said = printed(&["test", "flows"], 0);
    for name in
        ["flows/kazoo/collect-digits.typed", "flows/callroute/reception.sales", "flows/demo/read-back"]
    {
        assert!(said.lines().any(|line| line.starts_with("ok") && line.ends_with(name)), "{said}");
    }
    assert!(said.ends_with(" 0 failed.\n"), "{said}");
}

#[test]
fn a_failed_test_is_told_with_its_first_difference_and_its_line() {
    let folder = folder();
    file(&folder, "a.json", r#"{"module": "tts", "data": {"text": "<One> & two"}}"#);
    file(&folder, "a.good.script", "expect says \"<One> & two\"\nexpect end normal by flow");
    file(&folder, "a.bad.script", "// what it never says\nexpect answers\nexpect says \"Three\"");
    file(&folder, "a.golden.script", "wait");
    file(&folder, "a.nothing.script", "wait");
    file(&folder, "a.golden.txt", "     0 flow \"flow\" (kazoo)\n@/\n     0 refuse\n");
    file(&folder, "b.script", "wait");
    let place = folder.path().display().to_string();
    let junit = folder.path().join("junit.xml").display().to_string();
    let said = printed(&["test", &place, "--junit", &junit], 1);
    for words in [
        "a.bad.script:3: expected \"says \"Three\"\"; there was",
        "says \"<One> & two\"",
        "a.golden.txt:3: expected `     0 refuse`",
        "found `     0 answer`",
        "a.nothing.script: it expects nothing",
        "b.script: no flow of its name",
        "5 tests, 4 failed.",
    ] {
        assert!(said.contains(words), "no `{words}` in\n{said}");
    }
    let xml = std::fs::read_to_string(&junit).expect("the results");
    assert!(xml.contains("tests=\"5\" failures=\"4\""), "{xml}");
    assert_eq!(xml.matches("<failure").count(), 4, "{xml}");
    assert!(xml.contains("&lt;One&gt; &amp; two"), "{xml}");

    // What expects nothing is written down, and holds from then on.
    let said = printed(&["test", &place, "--update"], 1);
    assert!(said.contains("5 tests, 2 failed."), "{said}");
    let good = format!("{place}/a.nothing.script");
    assert!(printed(&["test", &good], 0).contains("1 tests, 0 failed."));
}

#[test]
fn a_check_names_the_dialect_of_each_file_and_refuses_one_that_is_too_long() {
    let told = printed(&["check", "flows/kazoo/collect-digits.json", "flows/callroute/reception.json"], 0);
    for line in ["flows/kazoo/collect-digits.json: Kazoo", "flows/callroute/reception.json: Call route"] {
        assert!(told.lines().any(|told| told == line), "no `{line}` in\n{told}");
    }
    let folder = folder();
    let long = file(&folder, "long.json", &format!("[\"{}\"]", "x".repeat(5 << 20)));
    let why = complaint(&["check", &long], 2);
    assert!(why.contains("longer than the 4 MiB"), "{why}");
}

#[test]
fn a_place_without_tests_is_not_taken_for_a_good_one() {
    let folder = folder();
    let place = folder.path().display().to_string();
    assert!(complaint(&["test", &place], 2).contains("nothing to test"));
    assert!(complaint(&["test", "/nowhere/at/all"], 2).contains("cannot be read"));
}

#[test]
fn a_flow_is_drawn_in_the_form_that_is_asked_for() {
    let flow = "flows/callroute/reception.json";
    let svg = printed(&["graph", flow], 0);
    let picture = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reception.svg"));
    assert!(
        svg == picture.expect("the README's picture"),
        "docs/reception.svg is not what `offhook graph` draws"
    );
    for words in ["Collect(max 1, 5 s)", ">timeout</text>", ">hang up</text>"] {
        assert!(svg.contains(words), "no {words} in\n{svg}");
    }
    assert!(printed(&["graph", flow, "--format", "dot"], 0).starts_with("digraph"));
    let folder = folder();
    let chart = folder.path().join("a.mmd").display().to_string();
    assert_eq!(printed(&["graph", flow, "-o", &chart], 0), "");
    let text = std::fs::read_to_string(&chart).expect("it was written");
    assert!(text.contains("-->|\"#34;9#34;\"|"), "{text}");
}

#[test]
fn a_flow_is_converted_and_what_is_lost_is_told_apart() {
    let folder = folder();
    let plain = file(&folder, "plain.json", r#"{"actions": [{"type": "SAY", "params": {"text": "Hello"}}]}"#);
    let text = printed(&["convert", &plain, "--to", "voipbin"], 0);
    let other: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(other["actions"][0]["type"], "talk");
    assert!(printed(&["simulate", &file(&folder, "other.json", &text)], 0).contains("says “Hello”"));

    let output = offhook(&["convert", "flows/callroute/reception.json", "--to", "kazoo"]);
    assert_eq!(output.status.code(), Some(1));
    let told = self::text(&output.stderr);
    assert!(told.lines().all(|line| line.starts_with("/flow/")), "{told}");
    assert!(told.contains("a jump back to here; the branch ends"), "{told}");
    assert!(complaint(&["convert", &plain, "--to", "klingon"], 2).contains("expected kazoo"));
}

/// The words of a command line, as a shell has them: quotes hold together what stands in them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(letter),
        }
    }
    words
}

#[test]
fn the_readme_shows_what_the_commands_print() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"))
        .expect("it is there");
    let mut lines = readme.lines().peekable();
    let mut shown = 0;
    while let Some(line) = lines.next() {
        let ours = ["$ offhook simulate ", "$ offhook convert "].iter().any(|start| line.starts_with(start));
        if !ours {
            continue;
        }
        let mut said = String::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("```") && !line.starts_with("$ ")) {
            said.push_str(&format!("{line}\n"));
        }
        let (command, file) = line.split_once(" > ").unwrap_or((line, ""));
        let words = words(command);
        let arguments: Vec<&str> = words.iter().skip(2).map(String::as_str).collect();
        let output = offhook(&arguments);
        // What goes to a file is not shown.
        let printed = if file.is_empty() { text(&output.stdout) } else { text(&output.stderr) };
        assert_eq!(said, printed, "README.md: {line}");
        shown += 1;
    }
    assert!(shown >= 2, "{shown} commands in the README");
}
