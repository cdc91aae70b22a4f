//! Golden flows: `golden/<dialect>/<name>.json` run against `<name>.script` must make `<name>.txt`.
//!
//! A document may have several scripts: `<name>.<case>.script` makes `<name>.<case>.txt`.
//! `UPDATE=1 cargo test -p flow --test golden` writes the transcripts; the review reads their difference.
//! The folder's name is the dialect; it is not told to the lowering, so that detection is tested as well.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// The document of `menu.script` or `menu.wrong-key.script`: `menu.json`.
fn document(script: &Path) -> PathBuf {
    let whole = script.with_extension("json");
    if whole.exists() { whole } else { script.with_extension("").with_extension("json") }
}

/// `golden/user/*.script`: calls to the number of the user alice.
#[test]
fn calls_to_a_users_number_are_as_they_were() {
    let update = std::env::var_os("UPDATE").is_some();
    for script in files(&golden().join("user"), "script") {
        let is = flow::sim::run_user("alice", &fs::read_to_string(&script).expect("a script"));
        let expected = script.with_extension("txt");
        if update {
            fs::write(&expected, &is).expect("a writable transcript");
        }
        let was = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(was, is, "{}", expected.display());
    }
}

#[test]
fn transcripts_are_as_they_were() {
    let update = std::env::var_os("UPDATE").is_some();
    let (mut count, mut wrong) = (0, String::new());
    for dialect in ["kazoo", "callroute", "voipbin", "voxology"] {
        for script in files(&golden().join(dialect), "script") {
            count += 1;
            let text = fs::read_to_string(document(&script))
                .unwrap_or_else(|error| panic!("{}: {error}", script.display()));
            let json =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", script.display()));
            let steps = fs::read_to_string(&script).expect("a script");
            let is = flow::sim::run(&json, None, &steps);
            let expected = script.with_extension("txt");
            let was = fs::read_to_string(&expected).unwrap_or_default();
            if update && is != was {
                fs::write(&expected, &is).expect("a writable transcript");
            } else if is != was {
                wrong.push_str(&format!("--- {}\n{}", expected.display(), difference(&was, &is)));
            }
        }
    }
    assert!(count > 0, "no golden flows found");
    assert!(wrong.is_empty(), "transcripts differ (UPDATE=1 writes them):\n{wrong}");
}

/// The lines from the first that differs on, a few of each.
fn difference(was: &str, is: &str) -> String {
    let (was, is): (Vec<&str>, Vec<&str>) = (was.lines().collect(), is.lines().collect());
    let same = was.iter().zip(&is).take_while(|(was, is)| was == is).count();
    let few = |sign: &str, lines: &[&str]| -> String {
        lines.iter().skip(same).take(8).map(|line| format!("{sign}{line}\n")).collect()
    };
    format!("line {}\n{}{}", same + 1, few("-", &was), few("+", &is))
}
