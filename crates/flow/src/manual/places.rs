//! The page of what runs where: each module of each dialect in the simulator and on real legs.
//!
//! What is obeyed on real legs is asked of the one who obeys; this file only writes it down.

use std::fmt::{Result, Write};

use super::{Selection, dialects};
use crate::action;
use crate::lower::reference::Module;

const INTRODUCTION: &str = "\
# What runs where

Every module of every dialect, in the simulator (`offhook simulate`, `offhook test`) and on the legs of real calls.
*yes* is what it says; *not configured* takes the module's error edge and says so in the trace, in a real call as much as in a check of it.
*without X* does everything but the operations named, which are not configured.
What the operations are stands in [modules.md](modules.md).

This page is made of the tables of modules and of the match by which the switch obeys; `UPDATE=1 cargo test -p switch --test it -- places` writes it, and the test without `UPDATE` holds it true.
";

/// The page, with `obeys` for whether the action of a name is obeyed on real legs.
pub fn places(selection: &Selection, obeys: impl Fn(&str) -> bool) -> String {
    let mut out = String::from(INTRODUCTION);
    // A text in memory takes whatever is written.
    let _ = write(&mut out, selection, &obeys);
    out
}

fn write(out: &mut String, selection: &Selection, obeys: &dyn Fn(&str) -> bool) -> Result {
    for dialect in dialects(selection) {
        let modules = || selection.modules.iter().filter(|module| module.dialect == dialect);
        let whole = modules().filter(|module| on_legs(module, obeys) == "yes").count();
        writeln!(out, "\n## {}\n", dialect.title())?;
        writeln!(out, "{whole} of {} run whole on real legs.\n", modules().count())?;
        writeln!(out, "| Module | Simulator | Real legs |\n|---|---|---|")?;
        for module in modules() {
            writeln!(
                out,
                "| `{}` | {} | {} |",
                module.name,
                on_legs(module, &|_| true),
                on_legs(module, obeys)
            )?;
        }
    }
    writeln!(out, "\n## Operations that take more than a leg\n\n| Operation | Real legs |\n|---|---|")?;
    for feature in action::features() {
        writeln!(out, "| `{}` | {} |", feature.name, if obeys(feature.name) { "yes" } else { NOT })?;
    }
    Ok(())
}

const NOT: &str = "not configured";

/// Operations that ask and choose for others; with them alone nothing is done.
const BESIDE: [&str; 10] =
    ["Noop", "Answer", "Play", "Collect", "Menu", "Set", "If", "Branch", "Jump", "Identify"];

/// How much of a module is obeyed by one who obeys so much.
fn on_legs(module: &Module, obeys: &dyn Fn(&str) -> bool) -> String {
    // What is unavailable is so for the interpreter itself, wherever it runs.
    let runs = |op: &str| op != "Unavailable" && obeys(op);
    let ops = || module.ops.iter().copied();
    let not: Vec<String> = ops().filter(|op| !runs(op)).map(|op| format!("`{op}`")).collect();
    let works = ops().any(|op| runs(op) && !BESIDE.contains(&op));
    match (not.is_empty(), works) {
        (true, _) => "yes".to_owned(),
        (false, true) => format!("without {}", not.join(", ")),
        (false, false) => NOT.to_owned(),
    }
}
