//! The `privacy` parameter that Remote-Party-ID and Diversion share: what of the party is not to be shown.

use std::fmt;

use crate::message::{Address, lex};

/// What of a party is not to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hidden {
    /// All may be shown.
    #[default]
    Nothing,
    /// The display name.
    Name,
    /// The number or address.
    Uri,
    /// Both.
    Full,
}

impl Hidden {
    /// Reads `privacy=full`, `privacy=uri-network`, `privacy="name,uri"`, and several of them.
    pub(super) fn of(address: &Address<'_>) -> Self {
        let (mut name, mut uri) = (false, false);
        let values = lex::params(address.params).filter(|(n, _)| n.eq_ignore_ascii_case("privacy"));
        for value in values.filter_map(|(_, value)| value) {
            for word in lex::unquoted(value).split(',') {
                let word = word.split('-').next().unwrap_or(word).trim();
                name |= ["full", "name"].iter().any(|w| word.eq_ignore_ascii_case(w));
                uri |= ["full", "uri"].iter().any(|w| word.eq_ignore_ascii_case(w));
            }
        }
        match (name, uri) {
            (false, false) => Hidden::Nothing,
            (true, false) => Hidden::Name,
            (false, true) => Hidden::Uri,
            (true, true) => Hidden::Full,
        }
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hidden::Nothing => "off",
            Hidden::Name => "name",
            Hidden::Uri => "uri",
            Hidden::Full => "full",
        })
    }
}
