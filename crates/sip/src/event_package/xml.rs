//! The little XML that is written here: a declaration, elements, attributes, text. Escaping is all there is to get right.

use std::fmt::Write as _;

/// A document being written.
#[derive(Debug)]
pub(super) struct Xml {
    out: String,
}

impl Xml {
    pub(super) fn new() -> Self {
        Xml { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned() }
    }

    /// Opens an element.
    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push('>');
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str("/>");
    }

    /// An element with text in it.
    pub(super) fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        escape(&mut self.out, text);
        self.close(name);
    }

    /// Closes an element.
    pub(super) fn close(&mut self, name: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.out, "</{name}>");
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push('\n');
        self.out
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            let _ = write!(self.out, " {key}=\"");
            escape(&mut self.out, value);
            self.out.push('"');
        }
    }
}

/// Text as XML 1.0 may hold it: markup escaped, and characters it cannot hold replaced (XML 1.0 §2.2).
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => {
                // As a reference, or a reader would make a space of it in an attribute.
                let _ = write!(out, "&#{};", u32::from(c));
            }
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_out() {
        let mut xml = Xml::new();
        xml.open("a", &[("b", "\"/><x y='&'>\n")]);
        xml.text("c", &[], "</c>\u{0}]]>\u{ffff}\u{fc}");
        xml.empty("d", &[]);
        xml.close("a");
        assert_eq!(
            xml.finish(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b=\"&quot;/&gt;&lt;x y=&apos;&amp;&apos;&gt;&#10;\"><c>&lt;/c&gt;\u{fffd}]]&gt;\u{fffd}\u{fc}</c><d/></a>\n"
        );
    }
}
