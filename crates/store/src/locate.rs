//! From a JSON pointer to the line and column of what it points at, so that a diagnostic can be clicked.

use crate::problem::place;

/// The line and column, from 1, of the value at `pointer` (RFC 6901) in `text`, which must be JSON; `None` if it is
/// not there.
pub(crate) fn locate(text: &str, pointer: &str) -> Option<(usize, usize)> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    scan.space();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        match scan.take()? {
            b'{' => scan.member(&token)?,
            b'[' => scan.element(token.parse().ok()?)?,
            _ => return None,
        }
    }
    Some(place(text, scan.at))
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// From after a `{` to the value of the member `name`.
    fn member(&mut self, name: &str) -> Option<()> {
        loop {
            self.space();
            let start = self.at;
            self.skip()?;
            let key: String = serde_json::from_slice(self.bytes.get(start..self.at)?).ok()?;
            self.space();
            if self.take()? != b':' {
                return None;
            }
            self.space();
            if key == name {
                return Some(());
            }
            self.skip()?;
            self.comma()?;
        }
    }

    /// From after a `[` to the element `index`.
    fn element(&mut self, index: usize) -> Option<()> {
        for _ in 0..index {
            self.space();
            self.skip()?;
            self.comma()?;
        }
        self.space();
        (self.peek()? != b']').then_some(())
    }

    fn comma(&mut self) -> Option<()> {
        self.space();
        (self.take()? == b',').then_some(())
    }

    /// Over one value, whatever is nested in it.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => return None,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                _ => self.word(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.take()? {
                b'"' => return Some(()),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
    }

    fn word(&mut self) {
        while self.peek().is_some_and(|byte| !byte.is_ascii_whitespace() && !b",:]}".contains(&byte)) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_its_line_and_column() {
        let text = "{\n  \"a\": [1, {\"x/y\": \"s,]\\\"\"},\n    true],\n  \"b\": -1.5e3\n}";
        let cases = [
            ("", Some((1, 1))),
            ("/a", Some((2, 8))),
            ("/a/0", Some((2, 9))),
            ("/a/1/x~1y", Some((2, 20))),
            ("/a/2", Some((3, 5))),
            ("/b", Some((4, 8))),
            ("/c", None),
            ("/a/3", None),
            ("/b/0", None),
        ];
        for (pointer, expected) in cases {
            assert_eq!(locate(text, pointer), expected, "{pointer}");
        }
        assert_eq!(locate("{\"a\": [1,", "/a/1"), None);
        assert_eq!(locate("{\"a", "/a"), None);
    }
}
