//! Descriptions of values where values belong, as the original documentation of call routes writes its samples.

use serde_json::Value;

use crate::lower::{Code, Diagnostic};

/// How such descriptions begin.
const BEGINNINGS: [&str; 4] =
    ["Optional: ", "The key of the next module to route to", "A list of ", "An array of "];

/// Makes warnings of errors that a description causes: who reads the sample knows that it is none of the values.
pub(super) fn tolerate(document: &Value, diagnostics: &mut [Diagnostic]) {
    for diagnostic in diagnostics {
        let about = [Code::WrongType, Code::BadValue, Code::DanglingTarget].contains(&diagnostic.code);
        let text = document.pointer(&diagnostic.pointer).and_then(Value::as_str).filter(|_| about);
        let described =
            text.is_some_and(|text| BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)));
        // A member `"...": "..."` stands for more of its kind.
        let more = about && diagnostic.pointer.ends_with("/...");
        if described || more {
            diagnostic.code = Code::Tolerated;
            diagnostic.severity = Code::Tolerated.severity();
            diagnostic.message =
                "a description stands here instead of a value; without a value the call ends here \
                                  or the default holds"
                    .to_owned();
        }
    }
}
