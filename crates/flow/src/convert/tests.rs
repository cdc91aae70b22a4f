//! Tests of conversions: what is carried is lived through as before, and what is not is told.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::*;
use crate::{
    lower::{self, Dialect},
    sim,
};

const ALL: [Dialect; 4] = [Dialect::Kazoo, Dialect::Callroute, Dialect::Voipbin, Dialect::Voxology];

fn converted(document: &Value, to: Dialect) -> Conversion {
    convert(&lower::lower(None, document).expect("a flow").program, to).expect("a dialect with documents")
}

/// What a caller lives through: the transcript without pointers and steps.
fn lived(document: &Value, dialect: Dialect, script: &str) -> Vec<String> {
    let transcript = sim::run(document, Some(dialect), script);
    let seen = transcript.lines().filter(|line| !line.starts_with(['@', '!']));
    // Which document runs, and what its author is told, nobody hears.
    let seen = seen.filter(|line| !line.contains(" flow \"") && !line.contains(" note: "));
    seen.map(str::to_owned).collect()
}

#[test]
fn what_is_converted_without_loss_is_lived_through_as_before() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let (mut whole, mut calls, mut wrong) = (Vec::new(), 0, String::new());
    for from in ALL {
        let name = format!("{from:?}").to_lowercase();
        for file in
            fs::read_dir(golden.join(&name)).expect("golden flows").flatten().map(|entry| entry.path())
        {
            let own = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let Some(stem) = own.strip_suffix(".json") else { continue };
            let text = fs::read_to_string(&file).expect("a document");
            let document: Value = serde_json::from_str(&text).expect("JSON");
            for to in ALL {
                let Conversion { document: other, losses } = converted(&document, to);
                if !losses.is_empty() {
                    continue;
                }
                whole.push(format!("{name}/{stem} to {to:?}"));
                let scripts = fs::read_dir(golden.join(&name)).expect("golden flows").flatten();
                let scripts = scripts.map(|entry| entry.path()).filter(|script| {
                    let name = script.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                    name.ends_with(".script") && name.split('.').next() == Some(stem)
                });
                for script in scripts {
                    calls += 1;
                    let script = fs::read_to_string(&script).expect("a script");
                    let (was, is) = (lived(&document, from, &script), lived(&other, to, &script));
                    if was != is {
                        wrong.push_str(&format!("{name}/{stem} to {to:?}:\n{was:#?}\n{is:#?}\n{other:#}\n"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(whole.len() >= 20 && calls >= 30, "{calls} calls to {whole:#?}");
}

/// Documents that another dialect can say in full, with it, and a script.
fn sayable() -> Vec<(Value, Vec<Dialect>, &'static str)> {
    let quiet = |module: &str, mut data: Value, next: Value| {
        data["terminators"] = json!([]);
        json!({ "module": module, "data": data, "children": { "_": next } })
    };
    let end = json!({ "module": "response", "data": { "code": 486 } });
    let wait = json!({ "module": "sleep", "data": { "duration": 2 }, "children": { "_": end } });
    let tree = quiet("tts", json!({ "text": "One." }), quiet("play", json!({ "id": "two" }), wait));
    let list = json!([
        { "id": "a", "type": "talk", "option": { "text": "Hello ${who}." } },
        { "type": "variable_set", "option": { "key": "who", "value": "again" } },
        { "type": "goto", "option": { "target_id": "a", "loop_count": 2 } },
        { "type": "condition_variable", "option": { "condition": "==", "variable": "who", "value_type": "string",
            "value_string": "again", "false_target_id": "b" } },
        { "type": "talk", "option": { "text": "Yes." }, "next_id": "00000000-0000-0000-0000-000000000002" },
        { "id": "b", "type": "talk", "option": { "text": "No." } },
    ]);
    let script = json!([
        { "type": "SAY", "params": { "text": "First." } },
        { "$a": "'x'" },
        { "type": "IF", "condition": "$a == 'x'", "then": [{ "type": "SAY", "params": { "text": "It is ${a}." } }],
            "orElse": [{ "type": "PAUSE", "params": { "duration": 500 } }] },
        { "type": "PAUSE", "params": { "duration": 700 } },
    ]);
    let route = json!({ "flow": {
        "start": { "module": "start", "next": "1" }, "1": { "module": "recording", "next": "2" },
        "2": { "module": "play", "sound": "hello", "next": "3" }, "3": { "module": "sleep", "duration": 300, "next": "4" },
        "4": { "module": "play", "sound": "bye" },
    }});
    let short = json!({ "flow": { "start": { "module": "start", "next": "1" },
        "1": { "module": "play", "sound": "hello", "next": "2" }, "2": { "module": "hangup" } } });
    vec![
        (tree, vec![Dialect::Voipbin, Dialect::Voxology], "wait wait 5"),
        (json!({ "actions": list }), vec![Dialect::Voxology], "wait 1s 9"),
        (json!({ "actions": script }), vec![Dialect::Voipbin], "wait 1s 9"),
        (route, vec![Dialect::Voipbin], "wait 1s"),
        (short, vec![Dialect::Kazoo, Dialect::Voipbin, Dialect::Voxology], "wait 1s 2"),
    ]
}

#[test]
fn what_another_dialect_can_say_in_full_is_converted_without_loss() {
    for (document, targets, script) in sayable() {
        let from = lower::detect(&document).expect("a dialect");
        let was = lived(&document, from, script);
        assert!(was.len() > 3, "{was:#?}");
        for to in targets {
            let Conversion { document: other, losses } = converted(&document, to);
            assert_eq!(losses, [], "{from:?} to {to:?}: {other:#}");
            assert_eq!(was, lived(&other, to, script), "{from:?} to {to:?}: {other:#}");
        }
    }
}

#[test]
fn every_golden_flow_is_converted_to_a_document_that_its_dialect_reads() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut count = 0;
    for from in ALL {
        let folder = golden.join(format!("{from:?}").to_lowercase());
        for file in fs::read_dir(folder).expect("golden flows").flatten().map(|entry| entry.path()) {
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let document =
                serde_json::from_str(&fs::read_to_string(&file).expect("a document")).expect("JSON");
            for to in ALL.into_iter().filter(|to| *to != from) {
                count += 1;
                let Conversion { document: other, losses } = converted(&document, to);
                let lowered = lower::lower(Some(to), &other).expect("a flow");
                assert!(
                    crate::ir::verify(&lowered.program).is_ok() || !losses.is_empty(),
                    "{file:?} to {to:?}"
                );
                assert_eq!(lowered.program.residual_count(), 0, "{file:?} to {to:?}: {other:#}");
            }
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn a_question_and_a_jump_become_what_the_other_dialect_has() {
    let script = json!({"actions": [
        {"type": "LABEL", "name": "AGAIN"},
        {"type": "SAY", "params": {"text": "Hello"}},
        {"$count": "($count || 0) + 1"},
        {"type": "IF", "condition": "$sessionName == 'x'", "then": [{"type": "GOTO", "params": {"label": "AGAIN"}}]},
        {"type": "HANGUP"}
    ]});
    let Conversion { document, losses } = converted(&script, Dialect::Voipbin);
    let types: Vec<&str> = document["actions"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|action| action["type"].as_str())
        .collect();
    assert_eq!(types, ["talk", "empty", "condition_variable", "hangup"], "{document:#}");
    let [talk, _, question, hangup] = document["actions"].as_array().expect("a list").as_slice() else {
        panic!("{document:#}")
    };
    assert_eq!(question["next_id"], talk["id"], "{document:#}");
    assert_eq!(question["option"]["false_target_id"], hangup["id"], "{document:#}");
    // A sum cannot be set there, and nobody counts the rounds.
    let places: Vec<&str> = losses.iter().map(|loss| loss.pointer.as_str()).collect();
    assert_eq!(places, ["/actions/1", "/actions/2"], "{losses:#?}");
}

#[test]
fn what_a_dialect_does_not_have_is_named_with_its_place() {
    let flow = json!({"module": "tts", "data": {"text": "Press."}, "children": {"_":
        {"module": "record_call", "data": {"action": "mask"}, "children": {"_":
        {"module": "tts", "data": {"text": "Bye.", "terminators": []}, "children": {}}}}}});
    let Conversion { document, losses } = converted(&flow, Dialect::Voxology);
    let told: Vec<String> = losses.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("keys that stop it: \"1234567890*#\" becomes none"), "{told:#?}");
    assert!(told[1].starts_with("/children/_: RecordMask, which Voxology does not have"), "{told:#?}");
    assert_eq!(document["actions"].as_array().map(Vec::len), Some(2), "{document:#}");
}

#[test]
fn a_jump_back_is_lost_in_a_tree_and_kept_in_a_list() {
    let flow = json!({"actions": [
        {"id": "a", "type": "talk", "option": {"text": "Again."}},
        {"type": "goto", "option": {"target_id": "a", "loop_count": 2}},
        {"type": "hangup"}
    ]});
    let tree = converted(&flow, Dialect::Kazoo);
    assert!(tree.losses.iter().any(|loss| loss.instead.contains("trees only")), "{:#?}", tree.losses);
    let list = converted(&flow, Dialect::Voxology);
    assert_eq!(list.losses, [], "{:#}", list.document);
    let said = lived(&list.document, Dialect::Voxology, "");
    assert_eq!(said, lived(&flow, Dialect::Voipbin, ""));
    assert_eq!(said.iter().filter(|line| line.contains("Again.")).count(), 3, "{said:#?}");
}

#[test]
fn a_menu_becomes_steps_that_ask_again_as_often() {
    let leaf =
        |text: &str| json!({ "module": "tts", "data": { "text": text, "terminators": [] }, "children": {} });
    let data = json!({ "retries": 2, "timeout": 3000, "media": { "greeting": "tts://Press 1." } });
    let flow =
        json!({ "module": "menu", "data": data, "children": { "1": leaf("One."), "_": leaf("None.") } });
    let Conversion { document, losses } = converted(&flow, Dialect::Voxology);
    for script in ["wait 1", "wait 7 wait 1", "wait 7 wait 7", ""] {
        let said = |document: &Value, dialect| -> Vec<String> {
            let lived = lived(document, dialect, script).into_iter();
            lived.filter(|line| line.contains("Say(") || line.contains("end: ")).collect()
        };
        assert_eq!(said(&flow, Dialect::Kazoo), said(&document, Dialect::Voxology), "{script}: {document:#}");
    }
    let told: Vec<&str> = losses.iter().map(|loss| loss.instead.as_str()).collect();
    assert_eq!(told, ["time between keys: 2s becomes 3s", "keys typed ahead: all count becomes none counts"]);
}

#[test]
fn a_call_route_keeps_who_is_rung_and_what_follows() {
    let route = json!({ "flow": {
        "start": { "module": "start", "next": "desk" },
        "desk": { "module": "extension", "extensions": [{ "type": "sipuser", "uuid": "ann" }], "duration": 20,
            "noanswer": "late", "busy": "engaged" },
        "late": { "module": "play", "sound": "late" },
        "engaged": { "module": "busy" },
    }});
    let Conversion { document, losses } = converted(&route, Dialect::Callroute);
    assert_eq!(losses, [], "{document:#}");
    for script in ["dial silent", "dial 2s busy", "dial 3s answered 10s"] {
        let was = lived(&route, Dialect::Callroute, script);
        assert!(was.iter().any(|line| line.contains("dial user ann")), "{was:#?}");
        assert_eq!(was, lived(&document, Dialect::Callroute, script), "{script}: {document:#}");
    }
}

#[test]
fn a_program_of_our_own_has_no_document() {
    assert_eq!(convert(&crate::own::user("alice"), Dialect::Own), None);
}
