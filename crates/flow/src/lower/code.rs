//! What can be wrong with a document: a stable name for each, how bad it is, and what to do about it.
//!
//! The names are an interface: who silences one in a build script writes it there, and a released name keeps its
//! meaning.

use serde::{Serialize, Serializer};

use super::Severity;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident, $id:literal, $severity:ident, $help:literal;)+) => {
        /// What is wrong, as a [`super::Diagnostic`] says it to programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// Its name, `unknown-module`; it never changes.
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)+ }
            }

            /// How bad it is: an error means that part of the flow cannot do what was meant.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)+ }
            }

            /// What to do about it, in a sentence.
            pub fn help(self) -> &'static str {
                match self { $(Code::$name => $help,)+ }
            }

            /// What it means, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    // The document as text, and as a flow at all.
    /// The text is not JSON.
    NotJson, "not-json", Error,
        "Mend the JSON at the place that is named; nothing of the document is run before.";
    /// An object has the same member twice.
    DuplicateKey, "duplicate-key", Warning,
        "Keep one of the two; the last one counts.";
    /// The document has no dialect's shape.
    UnknownDialect, "unknown-dialect", Error,
        "Write a document of one of the dialects, or name the dialect.";
    /// There is nothing to run.
    EmptyFlow, "empty-flow", Warning,
        "Add at least one node; a call to this flow ends at once.";

    // Names.
    /// A module or action of this name is not known.
    UnknownModule, "unknown-module", Error,
        "Correct the name; `offhook modules` lists every module.";
    /// A node does not say which module it is.
    MissingModule, "missing-module", Error,
        "Give the node its module or type.";
    /// The module has no option of this name.
    UnknownOption, "unknown-option", Warning,
        "Correct or remove the option; `offhook modules NAME` lists those of a module.";
    /// An option stands in the wrong place.
    MisplacedOption, "misplaced-option", Warning,
        "Move the option to where it belongs; it is taken from where it stands.";
    /// The module cannot work without this option.
    MissingOption, "missing-option", Error,
        "Add the option.";
    /// An option that is known does nothing here.
    IgnoredOption, "ignored-option", Warning,
        "Remove the option, or do not count on it.";
    /// Two options exclude each other.
    ConflictingOptions, "conflicting-options", Warning,
        "Keep one of the options.";

    // Values.
    /// A value has the wrong type.
    WrongType, "wrong-type", Error,
        "Write a value of the type that is named.";
    /// A value is none of those that are possible.
    BadValue, "bad-value", Error,
        "Write one of the values that are possible.";
    /// A value is larger or smaller than what is possible, and was brought into the range.
    OutOfRange, "out-of-range", Warning,
        "Write a value within the range.";
    /// A time looks as if it were meant in another unit.
    SuspiciousUnit, "suspicious-unit", Warning,
        "Check the unit: some options are in seconds, others in milliseconds.";
    /// A regular expression cannot be read.
    BadPattern, "bad-pattern", Error,
        "Mend the regular expression; without it nothing matches.";
    /// An expression or a text with variables cannot be read.
    BadExpression, "bad-expression", Error,
        "Mend the expression at the character that is named; until then it is undefined.";
    /// A URL cannot be read.
    BadUrl, "bad-url", Error,
        "Write a whole URL, with `http://` or `https://`.";
    /// There is more of something than is taken.
    TooMany, "too-many", Error,
        "Split the document, or take something out of it.";

    // Ways through the flow.
    /// A target does not exist.
    DanglingTarget, "dangling-target", Error,
        "Correct the name of the target, or add it.";
    /// Two nodes have the same id or label.
    DuplicateId, "duplicate-id", Warning,
        "Give each its own name; the first is the one that jumps lead to.";
    /// No way leads here.
    Unreachable, "unreachable", Warning,
        "Remove it, or lead something to it.";
    /// A branch is never taken.
    IgnoredBranch, "ignored-branch", Warning,
        "Remove the branch, or move it to a node that chooses.";
    /// A circle never waits for anything.
    EndlessLoop, "endless-loop", Error,
        "Put something that waits into the circle, or a way out of it.";
    /// What a caller may well do leads to no branch of its own, and the call ends.
    MissingBranch, "missing-branch", Warning,
        "Add a branch for it.";
    /// Something is heard or recorded before the call is answered.
    MediaBeforeAnswer, "media-before-answer", Warning,
        "Answer the call first; before that many carriers pass on nothing that is played.";

    // What the flow needs of others.
    /// A URL has a secret in it.
    SecretInUrl, "secret-in-url", Warning,
        "Keep secrets out of URLs, which end up in logs; use a header or the body.";
    /// A URL does not answer.
    UnreachableUrl, "unreachable-url", Error,
        "Correct the URL, or have its server started.";
    /// What the document needs is not configured here.
    NotConfigured, "not-configured", Warning,
        "Configure what is named, or take the module out.";
    /// The feature is known by name and does not run here.
    Unsupported, "unsupported", Warning,
        "Do not count on it: the node takes the edge that is named.";
    /// The feature runs, but not quite as in the dialect's own switch.
    Approximated, "approximated", Warning,
        "Read what is done instead, and see whether it will do.";
    /// A defect that documents of this dialect are known for; what was meant is done.
    Tolerated, "tolerated", Warning,
        "Mend it where it is written; it is read as it was meant.";
    /// A name or form that the dialect has given up.
    Deprecated, "deprecated", Warning,
        "Write the new form; the old one is still understood.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_unique_and_every_code_says_what_to_do() {
        let mut ids: Vec<&str> = Code::ALL.iter().map(|code| code.id()).collect();
        for code in Code::ALL {
            assert!(code.id().chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
            assert!(code.help().ends_with('.') && code.title().ends_with('.'), "{code}");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Code::ALL.len());
    }
}
