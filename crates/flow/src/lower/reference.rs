//! The declarative table of modules: how each dialect names a module, which options it has, and where it leads.
//!
//! Each dialect's folder holds the rows of its own modules. The documentation, `offhook modules` and the notes on
//! unknown options are made from them; a test compares each row with what the lowering reads.

use std::{collections::HashMap, sync::LazyLock};

use serde::Serialize;

use super::{Dialect, callroute, kazoo, voipbin, voxology};

/// A module (or action) of a dialect. A row is written with [`Module::new`] and the methods that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Module {
    /// Whose it is.
    pub dialect: Dialect,
    /// How documents name it; case does not count.
    pub name: &'static str,
    /// Other names of the same module.
    pub aliases: &'static [&'static str],
    /// The operations that it becomes, by their names in `action::table()`.
    pub ops: &'static [&'static str],
    /// Whether it answers the call if nothing did before.
    pub answers: bool,
    /// Its options.
    pub options: &'static [Opt],
    /// Where it leads: the key or outcome, and when it is taken.
    pub edges: &'static [(&'static str, &'static str)],
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// Where it comes from.
    pub origin: Origin,
}

/// An option of a module. A row is written with [`Opt::new`] and the methods that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Opt {
    /// Its name.
    pub name: &'static str,
    /// What is written there.
    pub kind: Kind,
    /// What holds without it, as a document would write it; empty for none.
    pub default: &'static str,
    /// The module cannot work without it.
    pub required: bool,
    /// It stands beside the module's name instead of among its options (Voxology's `type` and `params`).
    pub beside: bool,
    /// It is known and does nothing here.
    pub ignored: bool,
    /// What it is for.
    pub doc: &'static str,
}

/// What is written in an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text as it stands.
    Text,
    /// Text with variables.
    Template,
    /// An expression of the dialect.
    Expr,
    /// A number.
    Number,
    /// A whole number, not negative.
    Count,
    /// A time in milliseconds.
    Millis,
    /// A time in seconds.
    Seconds,
    /// True or false.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Keys of a telephone.
    Keys,
    /// A URL.
    Url,
    /// A regular expression.
    Pattern,
    /// The id of something: a node, a user, a document.
    Id,
    /// A list.
    Items,
    /// An object.
    Object,
    /// Nested nodes or actions.
    Nodes,
    /// Anything.
    Any,
}

/// Where a module comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The dialect's original documentation.
    Seed,
    /// The dialect's own switch, beyond that documentation.
    Upstream,
    /// offhook alone.
    Own,
}

impl Module {
    /// A module of the dialect's original documentation, without options, which leads to whatever is next.
    pub const fn new(
        dialect: Dialect,
        name: &'static str,
        ops: &'static [&'static str],
        doc: &'static str,
    ) -> Module {
        let (aliases, options, edges): (_, &'static [Opt], &'static [(&str, &str)]) = (&[], &[], &[]);
        Module { dialect, name, aliases, ops, answers: false, options, edges, doc, origin: Origin::Seed }
    }

    /// The same module by other names too.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Module {
        self.aliases = aliases;
        self
    }

    /// The same module, which answers the call.
    #[must_use]
    pub const fn answers(mut self) -> Module {
        self.answers = true;
        self
    }

    /// The same module with these options.
    #[must_use]
    pub const fn options(mut self, options: &'static [Opt]) -> Module {
        self.options = options;
        self
    }

    /// The same module with these edges: the key or outcome, and when it is taken.
    #[must_use]
    pub const fn edges(mut self, edges: &'static [(&'static str, &'static str)]) -> Module {
        self.edges = edges;
        self
    }

    /// The same module, from elsewhere.
    #[must_use]
    pub const fn origin(mut self, origin: Origin) -> Module {
        self.origin = origin;
        self
    }

    /// The option of this name.
    pub fn option(&self, name: &str) -> Option<&'static Opt> {
        self.options.iter().find(|option| option.name == name)
    }
}

impl Opt {
    /// An option that may be left out.
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Opt {
        Opt { name, kind, default: "", required: false, beside: false, ignored: false, doc }
    }

    /// The same option, which may not be left out.
    #[must_use]
    pub const fn required(mut self) -> Opt {
        self.required = true;
        self
    }

    /// The same option with what holds without it.
    #[must_use]
    pub const fn default(mut self, default: &'static str) -> Opt {
        self.default = default;
        self
    }

    /// The same option, beside the module's name instead of among its options.
    #[must_use]
    pub const fn beside(mut self) -> Opt {
        self.beside = true;
        self
    }

    /// The same option, known and without effect here; a document that has it gets a note.
    #[must_use]
    pub const fn ignored(mut self) -> Opt {
        self.ignored = true;
        self
    }
}

/// Every module of every dialect that has a row.
pub fn modules() -> impl Iterator<Item = &'static Module> {
    let tables = [kazoo::TABLES, callroute::TABLES, voipbin::TABLES, voxology::TABLES];
    tables.into_iter().flatten().copied().flatten()
}

/// The row of the module that documents of `dialect` name so; case does not count.
pub fn module(dialect: Dialect, name: &str) -> Option<&'static Module> {
    static NAMES: LazyLock<HashMap<(Dialect, String), &'static Module>> = LazyLock::new(|| {
        let mut names = HashMap::new();
        for module in modules() {
            for name in std::iter::once(&module.name).chain(module.aliases) {
                names.entry((module.dialect, name.to_ascii_lowercase())).or_insert(module);
            }
        }
        names
    });
    NAMES.get(&(dialect, name.to_ascii_lowercase())).copied()
}

/// Options that every module of a dialect has.
pub fn common(dialect: Dialect) -> &'static [Opt] {
    match dialect {
        Dialect::Kazoo => kazoo::COMMON,
        Dialect::Callroute => callroute::COMMON,
        Dialect::Voipbin => voipbin::COMMON,
        Dialect::Voxology => voxology::COMMON,
        Dialect::Own => &[],
    }
}

#[cfg(test)]
mod tests;
