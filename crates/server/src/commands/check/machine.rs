//! Findings as JSON, for programs of one's own.

use serde_json::{Value, json};

use super::{Checked, counts};

/// An object with the files, their findings, and how many there are.
pub(super) fn told(checked: &[Checked]) -> String {
    let (errors, warnings) = counts(checked);
    let files: Vec<Value> = checked.iter().map(file).collect();
    let all = json!({ "files": files, "errors": errors, "warnings": warnings });
    format!("{all:#}\n")
}

fn file(file: &Checked) -> Value {
    let findings = file.report.findings.iter().map(|found| {
        let diagnostic = &found.diagnostic;
        json!({
            "code": diagnostic.code,
            "severity": diagnostic.severity,
            "message": diagnostic.message,
            "help": diagnostic.code.help(),
            "pointer": diagnostic.pointer,
            "line": found.start.line,
            "column": found.start.column,
            "end_line": found.end.line,
            "end_column": found.end.column,
        })
    });
    json!({
        "file": file.name,
        "dialect": file.report.dialect,
        "findings": findings.collect::<Vec<Value>>(),
    })
}
