//! A party: how an address of a header becomes one, how a caller makes one, and how it is written.

use std::fmt::{self, Display, Write as _};

use crate::call::{Party, escaped};
use crate::message::{Address, Scheme, Uri, lex};

/// The party an address names.
pub(crate) fn party(address: &Address<'_>) -> Party {
    Party::of_uri(address.display.as_deref(), address.uri_text, &address.uri)
}

impl Party {
    pub(crate) fn of_uri(display: Option<&str>, text: &str, uri: &Uri<'_>) -> Self {
        // A user part may carry a number's parameters (RFC 3261 §19.1.6); they are not part of the number.
        let user = uri.user.map(|u| u.split(';').next().unwrap_or(u)).unwrap_or("");
        Party {
            display: display.filter(|d| !d.is_empty()).map(str::to_owned),
            user: lex::unescaped(user).into_owned(),
            host: match uri.scheme {
                Scheme::Sip | Scheme::Sips => uri.host.to_owned(),
                Scheme::Tel | Scheme::Other => String::new(),
            },
            uri: text.to_owned(),
        }
    }

    /// `sip:user@host`.
    pub fn sip(user: &str, host: &str) -> Self {
        let uri = match user {
            "" => format!("sip:{host}"),
            user => format!("sip:{}@{host}", escaped(user)),
        };
        Party { display: None, user: user.to_owned(), host: host.to_owned(), uri }
    }

    /// `sip:number@host;user=phone` (RFC 3261 §19.1.1): a number that the host shall dial.
    pub fn phone(number: &str, host: &str) -> Self {
        let mut party = Party::sip(number, host);
        party.uri.push_str(";user=phone");
        party
    }

    /// `tel:number` (RFC 3966).
    pub fn tel(number: &str) -> Self {
        Party { uri: format!("tel:{}", escaped(number)), user: number.to_owned(), ..Party::default() }
    }

    /// The caller that does not say who it is (RFC 3323 §4.1.1.3).
    pub fn anonymous() -> Self {
        Party::sip("anonymous", "anonymous.invalid").named("Anonymous")
    }

    /// The same with a display name.
    pub fn named(self, display: &str) -> Self {
        Party { display: (!display.is_empty()).then(|| display.to_owned()), ..self }
    }

    /// Whether this is a `tel:` URI.
    pub fn is_tel(&self) -> bool {
        self.uri.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("tel:"))
    }

    /// A parameter of the URI, also one of the telephone number in a user part; a flag's is empty.
    pub fn param(&self, name: &str) -> Option<String> {
        let uri = Uri::parse(&self.uri).ok()?;
        let of_user = || uri.user.and_then(|user| lex::param(user, name));
        uri.param(name).or_else(of_user).map(|value| lex::unescaped(value).into_owned())
    }

    /// The telephone number without visual separators (RFC 3966 §3); `None` if the user part is no number.
    ///
    /// In a `tel:` URI or beside `user=phone`, `-`, `.`, `(` and `)` may separate digits; elsewhere they make a name.
    /// The number of a local `tel:` URI counts within its `phone-context`, which [`Party::param`] tells.
    pub fn number(&self) -> Option<String> {
        let is_phone = self.is_tel() || self.param("user").is_some_and(|u| u.eq_ignore_ascii_case("phone"));
        let (plus, rest) = match self.user.strip_prefix('+') {
            Some(rest) => ("+", rest),
            None => ("", self.user.as_str()),
        };
        let digits: String = rest.chars().filter(|c| !(is_phone && "-.()".contains(*c))).collect();
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || "*#".contains(c));
        is_number.then(|| format!("{plus}{digits}"))
    }

    /// Whether the caller made itself nameless: `anonymous` as RFC 3323 §4.1.1.3 has it.
    pub fn is_anonymous(&self) -> bool {
        self.user.eq_ignore_ascii_case("anonymous") || self.host.eq_ignore_ascii_case("anonymous.invalid")
    }
}

impl Display for Party {
    /// The value of a header: `"name" <uri>`. Whatever the fields hold, it is one address and stays on its line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            f.write_char('"')?;
            for c in display.chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    c if c.is_control() => f.write_char(' ')?,
                    c => f.write_char(c)?,
                }
            }
            f.write_str("\" ")?;
        }
        f.write_char('<')?;
        if self.uri.is_empty() {
            write_uri(f, &Party::sip(&self.user, &self.host).uri)?;
        } else {
            write_uri(f, &self.uri)?;
        }
        f.write_char('>')
    }
}

/// A URI with everything escaped that could end it.
pub(super) fn write_uri(f: &mut fmt::Formatter<'_>, uri: &str) -> fmt::Result {
    uri.bytes().try_for_each(|byte| match byte {
        b'<' | b'>' | b'"' | b'\\' | 0x7f.. | 0..=b' ' => write!(f, "%{byte:02X}"),
        _ => f.write_char(char::from(byte)),
    })
}
