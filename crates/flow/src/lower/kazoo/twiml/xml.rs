//! A reader of small XML documents: elements, attributes, text. Namespaces and document types are passed over.

/// Deepest nesting.
const DEPTH: usize = 20;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name as it is written.
    pub(super) name: String,
    /// Its attributes, unescaped.
    attributes: Vec<(String, String)>,
    /// The elements in it.
    pub(super) children: Vec<Element>,
    /// The text directly in it.
    text: String,
}

impl Element {
    /// The attribute of this name; case does not count.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The text without the white space around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    fn open(tag: &str) -> Result<Element, String> {
        let end = tag.find(char::is_whitespace).unwrap_or(tag.len());
        let (name, mut rest) = tag.split_at(end);
        let mut element = Element { name: name.to_owned(), ..Element::default() };
        if name.is_empty() {
            return Err("an element without a name".into());
        }
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return Ok(element);
            }
            let wrong = || format!("an attribute of <{name}> cannot be read");
            let (key, after) = rest.split_once('=').ok_or_else(wrong)?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|quote| ['"', '\''].contains(quote)).ok_or_else(wrong)?;
            let (value, after) = after.get(1..).and_then(|text| text.split_once(quote)).ok_or_else(wrong)?;
            element.attributes.push((key.trim().to_owned(), unescaped(value)));
            rest = after;
        }
    }
}

/// The root element of `text`; `Err` says what cannot be read.
pub(super) fn parse(text: &str) -> Result<Element, String> {
    let mut rest = text;
    let mut open: Vec<Element> = Vec::new();
    loop {
        let Some((before, after)) = rest.split_once('<') else {
            return Err(match open.last() {
                Some(element) => format!("<{}> is not closed", element.name),
                None => "there is no element".into(),
            });
        };
        let skipped =
            |end: &str, text| str::split_once(text, end).ok_or_else(|| format!("`{end}` is missing"));
        if let Some(top) = open.last_mut() {
            top.text.push_str(&unescaped(before));
        }
        if let Some(comment) = after.strip_prefix("!--") {
            rest = skipped("-->", comment)?.1;
            continue;
        }
        if let Some(raw) = after.strip_prefix("![CDATA[") {
            let (raw, after) = skipped("]]>", raw)?;
            if let Some(top) = open.last_mut() {
                top.text.push_str(raw);
            }
            rest = after;
            continue;
        }
        let end = tag_end(after).ok_or("`>` is missing")?;
        let (tag, after) = after.split_at(end);
        rest = after.strip_prefix('>').unwrap_or(after);
        if tag.starts_with(['?', '!']) {
            continue;
        }
        let closed = if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop().filter(|element| element.name == name.trim());
            Some(element.ok_or_else(|| format!("</{}> closes nothing", name.trim()))?)
        } else if let Some(tag) = tag.strip_suffix('/') {
            Some(Element::open(tag)?)
        } else if open.len() >= DEPTH {
            return Err(format!("more than {DEPTH} elements within each other"));
        } else {
            open.push(Element::open(tag)?);
            None
        };
        match (closed, open.last_mut()) {
            (Some(element), Some(parent)) => parent.children.push(element),
            (Some(root), None) => return Ok(root),
            (None, _) => {}
        }
    }
}

/// Where a tag ends: the first `>` outside of quotes.
fn tag_end(text: &str) -> Option<usize> {
    let mut within = None;
    text.char_indices().find_map(|(at, c)| match (within, c) {
        (None, '>') => Some(at),
        (None, '"' | '\'') => {
            within = Some(c);
            None
        }
        (Some(quote), c) if quote == c => {
            within = None;
            None
        }
        _ => None,
    })
}

/// The five entities of XML and characters by number; others stay as they stand.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap_or(("", part));
        let number = || {
            let code = name.strip_prefix('#')?;
            let code = match code.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => code.parse().ok()?,
            };
            char::from_u32(code)
        };
        let character = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => number(),
        };
        match character {
            Some(character) => {
                plain.push(character);
                plain.push_str(rest);
            }
            None => {
                plain.push('&');
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_and_texts_are_read() {
        let text = "<?xml version=\"1.0\"?><!-- a > b --><Response>\n <Say voice='man' loop=\"2\">Fish &amp; chips &#33;</Say>\
                    <Play><![CDATA[http://x/?a=1&b=2]]></Play><Dial x=\"a>b\"/></Response>";
        let root = parse(text).expect("XML");
        assert_eq!(root.name, "Response");
        let [say, play, dial] = root.children.as_slice() else { panic!("{root:?}") };
        assert_eq!(
            (say.text(), say.attribute("Voice"), say.attribute("loop")),
            ("Fish & chips !", Some("man"), Some("2"))
        );
        assert_eq!((play.text(), dial.attribute("x")), ("http://x/?a=1&b=2", Some("a>b")));
    }

    #[test]
    fn what_is_no_document_is_named() {
        for (text, said) in [
            ("", "there is no element"),
            ("<a><b></a>", "</a> closes nothing"),
            ("<a>", "<a> is not closed"),
            ("<a b>", "an attribute of <a> cannot be read"),
            ("<a", "`>` is missing"),
            ("<!-- ", "`-->` is missing"),
        ] {
            assert_eq!(parse(text), Err(said.to_owned()), "{text}");
        }
        assert!(parse(&"<a>".repeat(100)).is_err());
    }
}
