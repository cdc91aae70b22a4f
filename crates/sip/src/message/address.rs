//! A name-addr or addr-spec with parameters: From, To, Contact, Route and their like, RFC 3261 §20.10.
//! Borrowed from its text. Without angle brackets, parameters are the header's and not the URI's.

use std::borrow::Cow;

use super::lex;
use super::uri::Uri;

/// One address of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) display: Option<Cow<'a, str>>,
    /// The URI as it stands.
    pub(crate) uri_text: &'a str,
    pub(crate) uri: Uri<'a>,
    /// The header's parameters with their leading `;`.
    pub(crate) params: &'a str,
}

impl<'a> Address<'a> {
    /// Reads one address, or says what was expected instead.
    pub(crate) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let text = text.trim();
        let (display, rest) = match quoted_prefix(text)? {
            Some(quoted) => (Some(quoted), text.get(quoted.len()..).unwrap_or("").trim_start()),
            None => (None, text),
        };
        let (name, uri_text, params) = match rest.split_once('<') {
            Some((name, tail)) if !name.contains(';') => {
                let (uri_text, params) = tail.split_once('>').ok_or("a > after the URI")?;
                (name.trim(), uri_text.trim(), params.trim())
            }
            _ => {
                let (uri_text, params) = lex::head_and_params(rest);
                if uri_text.contains('?') {
                    // RFC 3261 §20.10: only brackets tell a URI's headers from what follows it.
                    return Err("brackets around a URI with headers");
                }
                ("", uri_text.trim(), params)
            }
        };
        if !params.is_empty() && !params.starts_with(';') {
            return Err("a parameter after the URI");
        }
        let display = match (display, name) {
            (Some(quoted), "") => Some(lex::unquoted(quoted)),
            (None, "") => None,
            // An unquoted display name should be tokens, but phones write anything; a quote inside is broken.
            (None, name) if !name.contains('"') => Some(Cow::Borrowed(name)),
            _ => return Err("a display name"),
        };
        Ok(Address { display, uri_text, uri: Uri::parse(uri_text)?, params })
    }

    /// A header parameter's value; a flag's is empty.
    pub(crate) fn param(&self, name: &str) -> Option<&'a str> {
        lex::param(self.params, name)
    }

    /// The tag, if there is one that is not empty.
    pub(crate) fn tag(&self) -> Option<&'a str> {
        self.param("tag").filter(|t| !t.is_empty())
    }
}

/// The quoted string a text starts with, quotes included.
fn quoted_prefix(text: &str) -> Result<Option<&str>, &'static str> {
    if !text.starts_with('"') {
        return Ok(None);
    }
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Ok(text.get(..=at)),
            _ => {}
        }
    }
    Err("a closing quote")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, display: Option<&str>, uri: &str, tag: Option<&str>) {
        let address = Address::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(
            (address.display.as_deref(), address.uri_text, address.tag()),
            (display, uri, tag),
            "{text}"
        );
    }

    #[test]
    fn reads_addresses_of_every_shape() {
        check("<sip:a@b>;tag=1", None, "sip:a@b", Some("1"));
        check("sip:a@b;tag=1", None, "sip:a@b", Some("1"));
        check("Bob Smith <sip:a@b;lr>", Some("Bob Smith"), "sip:a@b;lr", None);
        check("\"Q \\\"x\\\" <y>;z\"<sip:a@b>; tag = 7", Some("Q \"x\" <y>;z"), "sip:a@b", Some("7"));
        check("<tel:+123;ext=4>", None, "tel:+123;ext=4", None);
        check("sip:a@b;x=\"<\";tag=2", None, "sip:a@b", Some("2"));
        check("\"\" < sip:a@b >", Some(""), "sip:a@b", None);
    }

    #[test]
    fn says_what_was_expected() {
        let check = |text: &str, expected| assert_eq!(Address::parse(text), Err(expected), "{text}");
        check("\"Mr. J. User <sip:j@e.com>", "a closing quote");
        check("<sip:a@b", "a > after the URI");
        check("<sip:a@b>tag=1", "a parameter after the URI");
        check("\"a\" b <sip:a@b>", "a display name");
        check("sip:a@b?Route=%3Csip:c%3E", "brackets around a URI with headers");
        check("", "a URI scheme");
    }
}
