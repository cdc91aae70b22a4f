//! The reference for a terminal: a line a module, or everything of one.

use std::fmt::{Result, Write};

use super::{Selection, dialects, kind, needs, origin, spellings};
use crate::lower::reference::{self, Module, Opt};

/// The selection as text: of everything a line each, of a name all there is.
pub fn plain(selection: &Selection) -> String {
    let mut out = String::new();
    // A text in memory takes whatever is written.
    let _ = if selection.named { details(&mut out, selection) } else { list(&mut out, selection) };
    out
}

fn list(out: &mut String, selection: &Selection) -> Result {
    let modules = selection.modules.iter().map(|module| module.name);
    let names = modules.chain(selection.operations.iter().map(|row| row.name));
    let width = names.map(|name| name.chars().count()).max().unwrap_or_default();
    for dialect in dialects(selection) {
        writeln!(out, "{}", dialect.title())?;
        for module in selection.modules.iter().filter(|module| module.dialect == dialect) {
            writeln!(out, "  {:<width$}  {}", module.name, first(module.doc))?;
        }
        out.push('\n');
    }
    writeln!(out, "Operations, which modules become")?;
    for row in &selection.operations {
        writeln!(out, "  {:<width$}  {}", row.name, row.doc)?;
    }
    Ok(())
}

/// The first sentence.
fn first(text: &str) -> &str {
    text.find(". ").and_then(|at| text.get(..=at)).unwrap_or(text)
}

fn details(out: &mut String, selection: &Selection) -> Result {
    for (at, module) in selection.modules.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        one(out, module)?;
    }
    for row in &selection.operations {
        if !out.is_empty() {
            out.push('\n');
        }
        writeln!(out, "{} (operation)\n  {}", row.name, row.doc)?;
        writeln!(out, "  needs of the leg: {}", needs(row.needs))?;
        writeln!(out, "  outcomes: {}", row.outcomes.join(", "))?;
        writeln!(out, "  modules: {}", spellings(row).join(", "))?;
    }
    Ok(())
}

fn one(out: &mut String, module: &Module) -> Result {
    writeln!(out, "{} ({})\n  {}", module.name, module.dialect.title(), module.doc)?;
    if !module.aliases.is_empty() {
        writeln!(out, "  also written {}", module.aliases.join(", "))?;
    }
    if module.answers {
        writeln!(out, "  answers the call, if nothing did before")?;
    }
    if !origin(module.origin).is_empty() {
        writeln!(out, "  {}", origin(module.origin))?;
    }
    if !module.ops.is_empty() {
        writeln!(out, "  becomes {}", module.ops.join(", "))?;
    }
    let common = reference::common(module.dialect).iter();
    let options: Vec<&Opt> = module.options.iter().chain(common).collect();
    writeln!(out, "  options:")?;
    let width = options.iter().map(|option| option.name.chars().count()).max().unwrap_or_default();
    for option in options {
        let mut is = kind(option.kind);
        if option.required {
            is.push_str(", required");
        }
        if !option.default.is_empty() {
            is.push_str(&format!(", default {}", option.default));
        }
        if option.beside {
            is.push_str(", beside the name");
        }
        let ignored = if option.ignored { "does nothing here: " } else { "" };
        writeln!(out, "    {:<width$}  {is}\n    {:<width$}  {ignored}{}", option.name, "", option.doc)?;
    }
    if !module.edges.is_empty() {
        writeln!(out, "  leads by:")?;
    }
    let width = module.edges.iter().map(|(edge, _)| edge.chars().count()).max().unwrap_or_default();
    for (edge, when) in module.edges {
        writeln!(out, "    {edge:<width$}  {when}")?;
    }
    Ok(())
}
