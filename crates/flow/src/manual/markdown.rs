//! The reference in Markdown.

use std::fmt::{Result, Write};

use super::{Selection, dialects, kind, needs, origin, spellings};
use crate::lower::reference::{self, Module, Opt};

const INTRODUCTION: &str = "\
# Modules

Every module of every dialect: its options with their units and defaults, and where it leads.
This page is made of the tables that the interpreter itself reads; `offhook modules --format markdown` prints it.
`offhook modules NAME` prints one module, `offhook check` compares flows with it.

Every option may be written as text where a number or a truth value is wanted.
An option that is not listed is not looked at, and `offhook check` tells of it.
";

/// The selection in Markdown, headings included.
pub fn markdown(selection: &Selection) -> String {
    let mut out = String::new();
    // A text in memory takes whatever is written.
    let _ = write(&mut out, selection);
    out
}

fn write(out: &mut String, selection: &Selection) -> Result {
    if !selection.named {
        out.push_str(INTRODUCTION);
    }
    for dialect in dialects(selection) {
        writeln!(out, "\n## {}", dialect.title())?;
        let common = reference::common(dialect);
        if !selection.named && !common.is_empty() {
            writeln!(out, "\nWhat every module has:\n")?;
            options(out, common)?;
        }
        for module in selection.modules.iter().filter(|module| module.dialect == dialect) {
            one(out, module)?;
        }
    }
    if selection.operations.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Operations\n")?;
    writeln!(out, "What modules become, whatever the dialect: the names in traces.\n")?;
    writeln!(
        out,
        "| Operation | What it does | Needs of the leg | Outcomes | Modules |\n|---|---|---|---|---|"
    )?;
    for row in &selection.operations {
        let outcomes = code(row.outcomes.iter().copied());
        let names: Vec<String> = spellings(row);
        let names = code(names.iter().map(String::as_str));
        let needs = needs(row.needs);
        writeln!(out, "| `{}` | {} | {needs} | {outcomes} | {names} |", row.name, cell(row.doc))?;
    }
    Ok(())
}

fn one(out: &mut String, module: &Module) -> Result {
    writeln!(out, "\n### `{}`\n\n{}", module.name, sentences(module.doc))?;
    if !module.aliases.is_empty() {
        writeln!(out, "Also written {}.", code(module.aliases.iter().copied()))?;
    }
    if module.answers {
        writeln!(out, "Answers the call, if nothing did before.")?;
    }
    if !origin(module.origin).is_empty() {
        writeln!(out, "{}", origin(module.origin))?;
    }
    if !module.ops.is_empty() {
        writeln!(out, "Becomes {}.", code(module.ops.iter().copied()))?;
    }
    if !module.options.is_empty() {
        out.push('\n');
        options(out, module.options)?;
    }
    if !module.edges.is_empty() {
        writeln!(out, "\n| Leads by | When |\n|---|---|")?;
        for (edge, when) in module.edges {
            writeln!(out, "| `{}` | {} |", cell(edge), cell(when))?;
        }
    }
    Ok(())
}

fn options(out: &mut String, options: &[Opt]) -> Result {
    writeln!(out, "| Option | Is | Default | What it is for |\n|---|---|---|---|")?;
    for option in options {
        let beside = if option.beside { " (beside the name)" } else { "" };
        let default = match (option.required, option.default) {
            (true, _) => "required".to_owned(),
            (false, "") => String::new(),
            (false, default) => format!("`{}`", cell(default)),
        };
        let ignored = if option.ignored { "Does nothing here: " } else { "" };
        let (name, is, doc) = (option.name, cell(&kind(option.kind)), cell(option.doc));
        writeln!(out, "| `{name}`{beside} | {is} | {default} | {ignored}{doc} |")?;
    }
    Ok(())
}

/// One sentence a line.
fn sentences(text: &str) -> String {
    text.replace(". ", ".\n")
}

/// A text in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn code<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{}`", cell(name))).collect::<Vec<_>>().join(", ")
}
