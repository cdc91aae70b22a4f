//! Where each value of a JSON text stands, by JSON pointer; and names that stand in an object twice.

use std::collections::HashMap;

/// A piece of a text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// Where the values of a text stand.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    /// The value's place, and its name's if it is a member.
    places: HashMap<String, (Span, Option<Span>)>,
    duplicates: Vec<(String, Span, Span)>,
}

/// Deepest nesting that is followed; serde_json refuses more than 128.
const DEEPEST: usize = 200;

/// Most values whose place is kept; a document with more is beyond what people read.
const MOST: usize = 1_000_000;

impl Spans {
    /// The places in `text`, which must be JSON; what comes after a mistake has none.
    pub fn of(text: &str) -> Spans {
        let mut scan = Scan { bytes: text.as_bytes(), at: 0, spans: Spans::default() };
        let mut pointer = String::new();
        scan.value(&mut pointer, None, 0);
        scan.spans
    }

    /// The value at `pointer` (RFC 6901).
    pub fn value(&self, pointer: &str) -> Option<Span> {
        self.places.get(pointer).map(|(value, _)| *value)
    }

    /// The name of the member at `pointer`; `None` if it is an element of a list, the root, or not there.
    pub fn name(&self, pointer: &str) -> Option<Span> {
        self.places.get(pointer).and_then(|(_, name)| *name)
    }

    /// The value at `pointer`; if that is what is missing, what it is missing from.
    pub fn nearest(&self, pointer: &str) -> Option<Span> {
        let mut outwards =
            std::iter::successors(Some(pointer), |inner| inner.rsplit_once('/').map(|(outer, _)| outer));
        outwards.find_map(|pointer| self.value(pointer))
    }

    /// Names that stand in an object twice: the name, where it stood first, and where last.
    pub fn duplicates(&self) -> &[(String, Span, Span)] {
        &self.duplicates
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    spans: Spans,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Over `byte`, if it comes next but for space.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn value(&mut self, pointer: &mut String, name: Option<Span>, depth: usize) -> Option<()> {
        self.space();
        let start = self.at;
        match self.peek()? {
            _ if depth > DEEPEST => return None,
            b'{' => self.object(pointer, depth)?,
            b'[' => self.list(pointer, depth)?,
            b'"' => self.string()?,
            _ => self.word(),
        }
        if self.spans.places.len() < MOST {
            self.spans.places.insert(pointer.clone(), (Span { start, end: self.at }, name));
        }
        Some(())
    }

    fn object(&mut self, pointer: &mut String, depth: usize) -> Option<()> {
        self.at += 1;
        let mut names: HashMap<String, Span> = HashMap::new();
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            self.space();
            let start = self.at;
            self.string()?;
            let span = Span { start, end: self.at };
            let name: String = serde_json::from_slice(self.bytes.get(start..self.at)?).ok()?;
            self.take(b':')?;
            let length = pointer.len();
            pointer.push('/');
            pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            let taken = self.value(pointer, Some(span), depth + 1);
            pointer.truncate(length);
            taken?;
            if let Some(first) = names.insert(name.clone(), span) {
                self.spans.duplicates.push((name, first, span));
            }
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    fn list(&mut self, pointer: &mut String, depth: usize) -> Option<()> {
        self.at += 1;
        if self.take(b']').is_some() {
            return Some(());
        }
        for index in 0_usize.. {
            let length = pointer.len();
            pointer.push('/');
            pointer.push_str(&index.to_string());
            let taken = self.value(pointer, None, depth + 1);
            pointer.truncate(length);
            taken?;
            if self.take(b',').is_none() {
                break;
            }
        }
        self.take(b']')
    }

    fn string(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
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
