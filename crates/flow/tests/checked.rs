//! Every document of the corpus, of the golden flows and of the demo is checked: none has an error but those that are
//! named here, with the reason.

use std::fs;
use std::path::{Path, PathBuf};

use flow::check;
use flow::lower::Severity;

/// Documents that are broken, and the codes of their errors.
const BROKEN: &[(&str, &[&str])] = &[
    // Not flows: what a callback is asked, and requests of the REST interface.
    ("voxology/callback-init_call.json", &["unknown-dialect"]),
    ("voxology/dials-connect.json", &["unknown-dialect"]),
    ("voxology/provision-numbers.json", &["unknown-dialect"]),
];

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// The errors of all documents below `folder`, and how many documents there are.
fn errors(folder: &str) -> (Vec<String>, usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let mut errors = Vec::new();
    for path in &files {
        let name = path.strip_prefix(&root).expect("below the root").display().to_string();
        let report = check::text(None, &fs::read_to_string(path).expect("UTF-8"));
        let expected = BROKEN.iter().find(|(broken, _)| *broken == name).map_or(&[][..], |(_, codes)| codes);
        for found in &report.findings {
            let diagnostic = &found.diagnostic;
            println!(
                "{name}:{}:{}: {} {}: {}",
                found.start.line, found.start.column, diagnostic.code, diagnostic.pointer, diagnostic.message
            );
            if diagnostic.severity == Severity::Error && !expected.contains(&diagnostic.code.id()) {
                errors
                    .push(format!("{name}:{}: {} {}", found.start.line, diagnostic.code, diagnostic.message));
            }
        }
        for code in expected {
            let still = report.findings.iter().any(|found| found.diagnostic.code.id() == *code);
            assert!(still, "{name} has no {code} any more");
        }
    }
    (errors, files.len())
}

#[test]
fn the_corpus_has_no_errors() {
    let (errors, count) = errors("corpus");
    assert!(count > 50, "{count} documents");
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn the_demos_flows_have_no_errors() {
    let (errors, count) = errors("../../flows");
    assert!(count > 10, "{count} documents");
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn every_code_is_documented_as_it_is() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checking.md");
    let page = fs::read_to_string(page).expect("docs/checking.md");
    for code in flow::lower::Code::ALL {
        let severity = match code.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let row = format!("| `{code}` | {severity} | {} | {} |", code.title(), code.help());
        assert!(page.lines().any(|line| line == row), "docs/checking.md lacks the row\n{row}");
    }
}
