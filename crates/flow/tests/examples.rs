//! Every document of the dialects' own documentation loads, has no residual and no error, and runs to an end.

use std::{fs, path::Path};

use flow::lower::{self, Severity};

/// What callers do: nothing, keys, hanging up early, talking to whom they reach.
const SCRIPTS: [&str; 4] = [
    "http 200 {}\nhttp 200 {}",
    "wait 1s 1\nwait 3s 2\nwait 3s 1234#\nhttp 200 {}\nhttp 200 {}\ndial 2s busy\ndial silent",
    "wait 500ms gone",
    "dial 2s answered 10s\ndial 2s answered 10s\nwait 2s 2\nfeature queue timeout 5s\nroom 5s removed\nhttp refused",
];

/// Documents of the REST interfaces that hold no flow.
const NO_FLOW: [&str; 3] =
    ["voxology/provision-numbers.json", "voxology/dials-connect.json", "voxology/callback-init_call.json"];

#[test]
fn every_example_loads_and_runs_to_an_end() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let (mut count, mut wrong) = (0, String::new());
    for dialect in ["kazoo", "callroute", "voipbin", "voxology"] {
        for entry in fs::read_dir(corpus.join(dialect)).expect("the corpus") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a document");
            let document = serde_json::from_str(&text).expect("JSON");
            let name = format!("{dialect}/{}", path.file_name().unwrap_or_default().to_string_lossy());
            count += 1;
            if NO_FLOW.contains(&name.as_str()) {
                assert!(lower::lower(None, &document).is_err(), "{name}");
                continue;
            }
            let lowered = lower::lower(None, &document).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(lowered.program.residual_count(), 0, "{name}");
            // These have words where values would stand: "The key of the next module to route to".
            let described = name.starts_with("callroute/module-");
            for diagnostic in
                lowered.diagnostics.iter().filter(|note| note.severity == Severity::Error && !described)
            {
                wrong.push_str(&format!("{name} {}: {}\n", diagnostic.pointer, diagnostic.message));
            }
            for script in SCRIPTS {
                let transcript = flow::sim::run(&document, None, script);
                if !transcript.contains(" end: ") {
                    wrong.push_str(&format!("{name} does not end with\n{script}\n{transcript}"));
                }
            }
        }
    }
    assert_eq!(count, 61, "documents of the corpus");
    assert!(wrong.is_empty(), "{wrong}");
}
