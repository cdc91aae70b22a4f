//! Assigning variables.

use crate::{
    engine::Cx,
    ir::{Assign, Outcome, Template},
};

/// Assigns, in order; a later one sees the earlier ones.
pub(super) fn run(cx: &Cx, assignments: &[Assign]) -> Outcome {
    for assignment in assignments {
        let value = cx.eval(&assignment.value);
        let mut path = assignment.path.clone();
        path.extend(assignment.computed.as_ref().map(|name| cx.text(name).trim().to_owned()));
        let mut port = cx.port();
        if path.last().is_none_or(String::is_empty) {
            port.note("a variable without a name was not set");
        } else if !port.store.assign(&path, value, assignment.merge) {
            port.note(format!("{} is too large and was not kept", path.join(".")));
        }
    }
    Outcome::Done
}

/// Sets the prompts' language from here on; empty goes back to the default.
pub(super) fn language(cx: &Cx, language: &Template) -> Outcome {
    let language = cx.text(language);
    cx.port().store.language = language;
    Outcome::Done
}
