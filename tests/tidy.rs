//! The architecture's invariants, as tests: layers, clocks, purity, panics, documentation, file sizes.
//!
//! Each test lists every offence with file and line, so that one run tells all that is to be mended.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::root;

/// Every Rust source file of the repository below `folders`, with its path relative to the root.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(dir) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    walk(&path, out);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut paths);
    }
    paths.sort();
    assert!(!paths.is_empty(), "no sources below {folders:?}");
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file is UTF-8");
            (path.strip_prefix(root()).expect("below the root").display().to_string(), text)
        })
        .collect()
}

/// Whether the module at `path`, or one that it lies in, is declared under `#[cfg(test)]`.
fn only_for_tests(path: &str, all: &[(String, String)]) -> bool {
    let declared = |module: &str, parents: [String; 3]| {
        all.iter().filter(|(path, _)| parents.contains(path)).any(|(_, text)| {
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            lines
                .windows(2)
                .any(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with(&format!("mod {module};")))
        })
    };
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let parts: Vec<&str> = path.split('/').collect();
    (1..parts.len()).any(|at| {
        let parent = parts[..at].join("/");
        declared(parts[at], [format!("{parent}/lib.rs"), format!("{parent}/mod.rs"), format!("{parent}.rs")])
    })
}

/// Lines of code with their number: without comments, and only up to the unit tests at the end of the file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or("")))
        .filter(|(_, line)| !line.trim().is_empty())
}

/// Fails with all offences, a line each.
fn none(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}\n  {}", offences.join("\n  "));
}

fn cargo(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// Which crates of ours each crate may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("sip", &[]),
    ("sdp", &[]),
    ("rtp", &[]),
    ("audio", &[]),
    ("flow", &[]),
    ("media", &["rtp", "audio"]),
    ("store", &["flow"]),
    ("switch", &["sip", "sdp", "media", "audio", "flow", "store"]),
    ("api", &["switch", "flow", "store"]),
    ("server", &["api", "switch", "store", "flow", "sip", "media", "audio"]),
    ("testkit", &["audio"]),
];

#[test]
fn arrows_between_crates_point_down() {
    let mut offences = Vec::new();
    for (name, allowed) in LAYERS {
        let manifest =
            fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).expect("a manifest");
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or("");
            let ours = LAYERS.iter().any(|(crate_name, _)| *crate_name == dependency);
            if section == "[dependencies]" && ours && !allowed.contains(&dependency) {
                offences.push(format!("crates/{name} uses {dependency}"));
            }
        }
    }
    none("a crate uses another that is not below it", offences);
}

#[test]
fn pure_crates_have_no_runtime_below_them() {
    let mut offences = Vec::new();
    for name in ["sip", "sdp", "offhook-rtp", "audio", "flow"] {
        for runtime in ["tokio", "mio", "socket2"] {
            let tree = cargo(&["tree", "-p", name, "-e", "normal", "--prefix", "depth"]);
            // The crate `rtp` of the registry needs webrtc-util, which names tokio whatever its features are.
            // Nothing of it is called; the rule holds for every other way there.
            let mut webrtc_util = None;
            for line in tree.lines() {
                let depth: usize =
                    line.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
                let package = line.trim_start_matches(|c: char| c.is_ascii_digit());
                if webrtc_util.is_some_and(|at| depth <= at) {
                    webrtc_util = None;
                }
                if package.starts_with("webrtc-util ") && name == "offhook-rtp" {
                    webrtc_util = Some(depth);
                }
                if webrtc_util.is_none() && package.starts_with(&format!("{runtime} ")) {
                    offences.push(format!("{name} has {runtime} below it"));
                }
            }
        }
    }
    none("a pure crate depends on a runtime or on sockets", offences);
}

/// The only files that may ask what time it is, or wait for it.
const CLOCKS: &[&str] = &[
    "crates/media/src/clock.rs",
    "crates/switch/src/sip_io/shard.rs",
    "crates/switch/src/call/run.rs",
    "crates/switch/src/events.rs",
    "crates/server/src/main.rs",
];

#[test]
fn clocks_are_read_in_the_named_files_only() {
    let mut offences = Vec::new();
    let all = sources(&["crates"]);
    for (path, text) in &all {
        let exempt = CLOCKS.contains(&path.as_str())
            || path.starts_with("crates/testkit/")
            || !path.contains("/src/")
            || only_for_tests(path, &all);
        if exempt {
            continue;
        }
        for (number, line) in code(text) {
            if ["Instant::now", "SystemTime::now", "sleep(", "Timestamp::now", "Zoned::now"]
                .iter()
                .any(|word| line.contains(word))
            {
                offences.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    none("a clock outside the files that may read one (see ARCHITECTURE.md)", offences);
}

#[test]
fn media_and_the_pure_crates_are_not_async() {
    let mut offences = Vec::new();
    for (path, text) in
        sources(&["crates/sip", "crates/sdp", "crates/rtp", "crates/audio", "crates/media", "crates/flow"])
    {
        // Actions are coroutines that only the flow engine polls.
        if path.starts_with("crates/flow/src/action/") || path.starts_with("crates/flow/src/engine/") {
            continue;
        }
        for (number, line) in code(&text) {
            if line.contains("async fn") || line.contains(".await") {
                offences.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    none("async code where there is none", offences);
}

/// What a worker runs in a slot.
const WORKER: &[&str] = &["worker", "leg", "rx", "tx", "source", "latch", "clock", "stats", "id"];

#[test]
fn the_media_worker_takes_no_lock() {
    let mut offences = Vec::new();
    for (path, text) in sources(&["crates/media/src"]) {
        let stem = Path::new(&path).file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
        if !WORKER.contains(&stem) && !path.contains("/io/") {
            continue;
        }
        for (number, line) in code(&text) {
            if ["Mutex", "RwLock", "Condvar", "Arc<Atomic"].iter().any(|word| line.contains(word)) {
                offences.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    none("a lock on the media path", offences);
}

#[test]
fn wire_types_stay_where_they_are_read() {
    let mut offences = Vec::new();
    for (path, text) in sources(&[
        "crates/flow/src/ir",
        "crates/flow/src/engine",
        "crates/flow/src/action",
        "crates/sip/src",
        "crates/sdp/src",
        "crates/rtp/src",
        "crates/media/src",
    ]) {
        for (number, line) in code(&text) {
            if line.contains("Deserialize") {
                offences.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    none("a type made from a document outside the folder that reads such documents", offences);
}

#[test]
fn network_input_cannot_panic() {
    let mut offences = Vec::new();
    for name in ["sip", "sdp", "rtp", "flow"] {
        let path = format!("crates/{name}/src/lib.rs");
        let text = fs::read_to_string(root().join(&path)).expect("a crate root");
        let start = text.find("deny(").map_or("", |at| &text[at..]);
        let list = start.split(')').next().unwrap_or("");
        for lint in ["unwrap_used", "expect_used", "indexing_slicing", "panic"] {
            if !list.contains(lint) {
                offences.push(format!("{path} does not deny clippy::{lint}"));
            }
        }
    }
    for (path, text) in sources(&["crates/sip/src", "crates/sdp/src", "crates/rtp/src", "crates/flow/src"]) {
        for (number, line) in code(&text) {
            if [
                "allow(clippy::unwrap_used",
                "allow(clippy::expect_used",
                "allow(clippy::indexing_slicing",
                "allow(clippy::panic",
            ]
            .iter()
            .any(|word| line.contains(word))
            {
                offences.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    none("something that a peer sends may panic", offences);
}

#[test]
fn unsafe_code_is_in_media_only() {
    let mut offences = Vec::new();
    for (path, text) in sources(&["crates", "xtask", "tests"]) {
        if path.starts_with("crates/media/src/")
            || path.starts_with("crates/media/benches/")
            || path.starts_with("crates/media/tests/")
            || path == "tests/fuzz/src/memory.rs"
            || path == "crates/audio/tests/allocations.rs"
            || path == "crates/switch/tests/memory.rs"
            || path == "tests/tidy.rs"
        {
            continue;
        }
        for (number, line) in code(&text) {
            if line.contains("unsafe ") {
                offences.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    for name in ["sip", "sdp", "rtp", "audio", "flow", "store", "switch", "api"] {
        let path = format!("crates/{name}/src/lib.rs");
        if !fs::read_to_string(root().join(&path)).expect("a crate root").contains("#![forbid(unsafe_code)]")
        {
            offences.push(format!("{path} does not forbid unsafe code"));
        }
    }
    none("unsafe code outside media", offences);
}

#[test]
fn every_module_says_what_it_is() {
    let mut offences = Vec::new();
    for (path, text) in sources(&["crates", "xtask", "tests"]) {
        let opening = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        if !opening.starts_with("//!") {
            offences.push(path.clone());
        }
        if text.contains("//! placeholder") && path != "tests/tidy.rs" {
            offences.push(format!("{path} is a placeholder"));
        }
    }
    none("a module without an opening doc comment", offences);
}

/// Files over 450 lines, and why each is one thing.
const LONG: &[(&str, &str)] = &[
    ("tests/tidy.rs", "one rule a test; the rules are read together"),
    ("crates/server/src/config/settings.rs", "one table, a row a setting; it is looked through as a whole"),
];

#[test]
fn files_stay_short() {
    let mut offences = Vec::new();
    for (path, text) in sources(&["crates", "xtask", "tests"]) {
        let lines = text.lines().count();
        if lines > 450 && !LONG.iter().any(|(name, _)| *name == path) {
            offences.push(format!("{path}: {lines} lines"));
        }
    }
    none("a long file without a reason in LONG", offences);
}

#[test]
fn files_are_named_after_what_they_hold() {
    let banned = ["utils.rs", "util.rs", "common.rs", "helpers.rs", "types.rs", "manager.rs", "misc.rs"];
    let offences = sources(&["crates", "xtask", "tests"])
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| banned.iter().any(|name| path.ends_with(&format!("/{name}"))))
        .collect();
    none("a file name that says nothing", offences);
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let mut offences = Vec::new();
    for (path, text) in sources(&["crates", "xtask", "tests"]) {
        if path == "tests/tidy.rs" {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            if ["todo!", "unimplemented!", "TODO", "FIXME", "XXX", "dbg!(", "#[ignore]"]
                .iter()
                .any(|word| line.contains(word))
            {
                offences.push(format!("{path}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    none("work left for later, or a test ignored without a reason", offences);
}

#[test]
fn dependency_versions_stand_in_the_workspace() {
    let mut offences = Vec::new();
    for entry in fs::read_dir(root().join("crates")).expect("crates/").flatten() {
        let path = entry.path().join("Cargo.toml");
        let manifest = fs::read_to_string(&path).expect("a manifest");
        let mut section = String::new();
        for (at, line) in manifest.lines().enumerate() {
            if line.starts_with('[') {
                section = line.to_owned();
            } else if section.ends_with("dependencies]")
                && !line.trim().is_empty()
                && !line.starts_with('#')
                && !line.contains("workspace")
            {
                offences.push(format!("{}:{}: {line}", path.display(), at + 1));
            }
        }
    }
    none("a dependency version outside [workspace.dependencies]", offences);
}

#[test]
fn the_readme_lists_every_demo_number() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let numbers = fs::read_to_string(root().join("flows/numbers.toml")).expect("flows/numbers.toml");
    let mut offences = Vec::new();
    for line in numbers.lines() {
        let number: String =
            line.trim_start_matches(['"', '[']).chars().take_while(char::is_ascii_digit).collect();
        if !number.is_empty() && !readme.contains(&number) {
            offences.push(number);
        }
    }
    none("a demo number that the README does not list", offences);
}

#[test]
fn actions_have_one_name_each() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in sources(&["crates/flow/src/action"]) {
        if !path.ends_with("/mod.rs") {
            continue;
        }
        for (_, line) in code(&text) {
            if let Some(name) = line.trim().strip_prefix("name: \"").and_then(|rest| rest.split('"').next()) {
                *seen.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    assert!(!seen.is_empty(), "the action table is not where this test looks for it");
    let offences = seen.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect();
    none("an action that stands in the table twice", offences);
}

#[test]
fn every_test_that_the_outcomes_name_exists() {
    let page = fs::read_to_string(root().join("docs/outcomes.md")).expect("docs/outcomes.md");
    let all = sources(&["crates", "tests"]);
    // The last column; names of settings have a dot, names of metrics stand above the tables.
    let named =
        page.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | ")).flat_map(|(_, tests)| {
            tests.split(", ").filter_map(|test| test.strip_prefix('`')?.strip_suffix('`')).collect::<Vec<_>>()
        });
    let mut names: Vec<&str> = named.collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 50, "the tables are not where this test looks for them");
    let offences = names
        .into_iter()
        .filter(|name| !all.iter().any(|(_, text)| text.contains(&format!("fn {name}("))))
        .map(str::to_owned)
        .collect();
    none("a test that docs/outcomes.md names and nobody wrote", offences);
}
