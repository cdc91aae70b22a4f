//! Findings as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the lines.

use flow::lower::{Code, Severity};
use serde_json::{Value, json};

use super::{Checked, codes};

/// A log with one run; its rules are all codes, in their order.
pub(super) fn told(checked: &[Checked]) -> String {
    let rules: Vec<Value> = Code::ALL.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = checked.iter().flat_map(results).collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "offhook check",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                },
            },
            "columnKind": "unicodeCodePoints",
            "properties": { "codes": codes(checked).into_iter().map(Code::id).collect::<Vec<_>>() },
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

/// SARIF's word for how bad something is.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.id(),
        "shortDescription": { "text": code.title() },
        "help": { "text": code.help() },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

fn results(file: &Checked) -> Vec<Value> {
    let result = |found: &flow::check::Finding| {
        let diagnostic = &found.diagnostic;
        json!({
            "ruleId": diagnostic.code.id(),
            "ruleIndex": Code::ALL.iter().position(|code| *code == diagnostic.code),
            "level": level(diagnostic.severity),
            "message": { "text": diagnostic.message },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": uri(&file.name) },
                    "region": {
                        "startLine": found.start.line,
                        "startColumn": found.start.column,
                        "endLine": found.end.line,
                        "endColumn": found.end.column,
                    },
                },
                "logicalLocations": [{ "fullyQualifiedName": diagnostic.pointer, "kind": "value" }],
            }],
        })
    };
    file.report.findings.iter().map(result).collect()
}

/// The path as a relative or `file:` URI (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encoded: String = path
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    match encoded.strip_prefix("./") {
        Some(rest) => rest.to_owned(),
        None if encoded.starts_with('/') => format!("file://{encoded}"),
        None => encoded,
    }
}
