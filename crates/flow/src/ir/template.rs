//! Text with variables in it, parsed when a document is loaded.

use super::Expr;

/// Text whose variable parts are filled in just before its node runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template(pub Vec<Part>);

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text as it stands.
    Literal(String),
    /// The value of an expression as text; what is undefined or null becomes nothing.
    Value(Expr),
    /// The value's characters separated by spaces, so that a voice speaks them one by one (Voxology's `${...x}`).
    Spread(Expr),
}

impl Template {
    /// Text without variables.
    pub fn literal(text: impl Into<String>) -> Template {
        Template(vec![Part::Literal(text.into())])
    }

    /// The text, if there is no variable in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}
