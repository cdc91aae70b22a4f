//! The lexical pieces header values are made of: lists, parameters, quoted strings, tokens, numbers.
//! Every function is total and makes one pass; none allocates unless a quoted string has escapes.

use std::borrow::Cow;

/// RFC 3261 §25.1, `token`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// Splits at `separator` where it is neither in a quoted string nor, if `angles`, in `<>`.
/// An unclosed quote or bracket keeps the rest together, for the reader of the value to refuse.
fn split(text: &str, separator: u8, angles: bool) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut quoted, mut escaped, mut inside) = (false, false, false);
        for (at, byte) in text.bytes().enumerate() {
            if quoted {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => quoted = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => quoted = true,
                    b'<' if angles => inside = true,
                    b'>' if angles => inside = false,
                    _ if byte == separator && !inside => {
                        rest = text.get(at + 1..);
                        return text.get(..at);
                    }
                    _ => {}
                }
            }
        }
        rest = None;
        Some(text)
    })
}

/// The values of a comma-separated header, trimmed; empty ones are skipped.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    split(text, b',', true).map(str::trim).filter(|v| !v.is_empty())
}

/// The parameters after the first `;` of a value: name, and text after `=` still quoted.
/// What stands before the first `;` is skipped; names keep their case.
pub(crate) fn params(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    split(text, b';', true).skip(1).map(pair).filter(|(name, _)| !name.is_empty())
}

/// A value and its parameters: the text before the first `;` outside quotes and brackets, and the text after it.
pub(crate) fn head_and_params(text: &str) -> (&str, &str) {
    let head = split(text, b';', true).next().unwrap_or("");
    (head, text.get(head.len()..).unwrap_or(""))
}

/// `name = value` or `name`, trimmed.
pub(crate) fn pair(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (text.trim(), None),
    }
}

/// The value of a parameter in `;a=b;c` text, any case of the name.
pub(crate) fn param<'a>(params_text: &'a str, name: &str) -> Option<&'a str> {
    params(params_text).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.unwrap_or(""))
}

/// A quoted string without its quotes and escapes; anything else as it is.
pub(crate) fn unquoted(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    Cow::Owned(plain)
}

/// A number of at most ten digits and at most `most`; nothing else than digits.
pub(crate) fn number(text: &str, most: u32) -> Option<u32> {
    let text = text.trim();
    if text.is_empty() || text.len() > 10 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse::<u32>().ok().filter(|n| *n <= most)
}

/// A count of seconds: digits, anything too large being the largest (RFC 3261 §20.19 for Expires).
pub(crate) fn seconds(text: &str) -> Option<u32> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse::<u32>().unwrap_or(u32::MAX))
}

/// Undoes `%xx` escapes; a broken escape stays as it is, and bytes that are no UTF-8 are replaced.
pub(crate) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match escape {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_at_commas_outside_quotes_and_brackets() {
        let check =
            |text: &str, expected: &[&str]| assert_eq!(list(text).collect::<Vec<_>>(), expected, "{text}");
        check("a, b ,,c", &["a", "b", "c"]);
        check("\"x, y\" <sip:a,b@c>, <sip:d@e>;q=0.1", &["\"x, y\" <sip:a,b@c>", "<sip:d@e>;q=0.1"]);
        check("\"x\\\", y\", z", &["\"x\\\", y\"", "z"]);
        check("\"never closed, a", &["\"never closed, a"]);
        check("", &[]);
    }

    #[test]
    fn parameters_are_pairs_or_flags() {
        let all: Vec<_> = params("SIP/2.0/UDP h ;branch = z9;rport; x=\"a;b\"").collect();
        assert_eq!(all, [("branch", Some("z9")), ("rport", None), ("x", Some("\"a;b\""))]);
        assert_eq!(param(";Tag=1", "tag"), Some("1"));
        assert_eq!(param(";lr", "lr"), Some(""));
        assert_eq!(param("", "lr"), None);
    }

    #[test]
    fn strings_and_numbers() {
        assert_eq!(unquoted("\"a \\\"b\\\\\""), "a \"b\\");
        assert_eq!(unquoted("plain"), "plain");
        assert_eq!(unescaped("sip%3Auser%40h%zz%4"), "sip:user@h%zz%4");
        assert_eq!(number("2147483647", 0x7fff_ffff), Some(0x7fff_ffff));
        assert_eq!(number("2147483648", 0x7fff_ffff), None);
        assert_eq!(number("+1", 9), None);
        assert_eq!(seconds("99999999999999999999"), Some(u32::MAX));
        assert_eq!(seconds("-1"), None);
    }
}
