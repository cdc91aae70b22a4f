//! A regular expression that can be compared, so that a reload sees what has changed.

use regex::Regex;

/// A pattern for numbers.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Whether it matches a part of `number`.
    pub fn matches(&self, number: &str) -> bool {
        self.0.is_match(number)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl std::str::FromStr for Pattern {
    type Err = regex::Error;

    fn from_str(text: &str) -> Result<Pattern, regex::Error> {
        Regex::new(text).map(Pattern)
    }
}
