//! Reads a flows directory into tables, and says what is wrong with it.
//!
//! A broken file never takes the others with it: its numbers keep the version that worked before, and without one they
//! answer 503.

mod star_codes;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use flow::ir::Op;
use flow::lower::{Dialect, Severity, claims, nearest};
use flow::source::{self, Source};
use regex::Regex;

use crate::files::{Files, Text};
use crate::flows::aliases;
use crate::numbers::{self, Entry, Numbers};
use crate::{Document, Flows, Problem, Trunks, Users, conferences, trunks, users};

/// A flows directory: `numbers.toml`, flow documents in `*.json` at any depth, `sounds/`, and perhaps
/// `users.toml`, `trunks.toml` and `conferences.toml`.
#[derive(Clone, Copy, Debug)]
pub struct Directory;

/// What a flows directory holds.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Documents, numbers and sounds.
    pub flows: Flows,
    /// The accounts of `users.toml`.
    pub users: Users,
    /// The carriers of `trunks.toml`.
    pub trunks: Trunks,
    /// What is wrong with the files, and the warnings of their authors' interest, in the order of the files.
    pub problems: Vec<Problem>,
}

impl Directory {
    /// Reads the directory at `path`, or the demo in the binary.
    ///
    /// An error only if nothing can be used: no such directory, or a `numbers.toml` that is not TOML.
    pub fn load(path: Option<&Path>) -> Result<Loaded, Vec<Problem>> {
        Directory::reload(path, &Flows::new())
    }

    /// Reads the directory again; what is broken now stays as it is in `previous`.
    pub fn reload(path: Option<&Path>, previous: &Flows) -> Result<Loaded, Vec<Problem>> {
        let files = Files::read(path).map_err(|problem| vec![problem])?;
        let numbers = Numbers::parse(files.numbers.as_deref().unwrap_or_default())?;
        let mut loader = Loader { loaded: Loaded::default(), previous, taken: BTreeMap::new() };
        loader.loaded.problems.extend(files.problems);
        loader.loaded.flows.set_sounds(files.sounds);
        let mut codes = Vec::new();
        if let Some(text) = &files.users {
            let read = users::parse(text);
            loader.loaded.users = read.users;
            loader.loaded.problems.extend(read.problems);
            codes = read.codes;
        }
        if let Some(text) = &files.trunks {
            let (trunks, problems) = trunks::parse(text);
            loader.loaded.trunks = trunks;
            loader.loaded.problems.extend(problems);
        }
        if let Some(text) = &files.conferences {
            let (rooms, problems) = conferences::parse(text);
            loader.loaded.flows.set_rooms(rooms);
            loader.loaded.problems.extend(problems);
        }
        for (id, bytes) in &files.documents {
            let named = loader.named_dialect(id, &numbers);
            match bytes {
                Ok(bytes) => loader.document(id, named, bytes),
                Err(problem) => loader.broken(id, named, problem.clone()),
            }
        }
        loader.numbers(&numbers);
        loader.claims(&files.documents, numbers.public);
        loader.rooms();
        loader.subflows(&files.documents);
        loader.star_codes(codes);
        let rooms = loader.loaded.flows.rooms().iter().any(|(_, room)| !room.numbers.is_empty());
        if loader.taken.is_empty() && numbers.patterns.is_empty() && !rooms {
            let message = "no number leads to a flow: every call is refused with 404";
            loader.say(Problem::file(numbers::FILE, message).severity(Severity::Warning));
        }
        loader.loaded.problems.extend(numbers.problems);
        loader.loaded.problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        Ok(loader.loaded)
    }
}

struct Loader<'a> {
    loaded: Loaded,
    previous: &'a Flows,
    /// Which document a number leads to, and where that is said.
    taken: BTreeMap<String, (String, String)>,
}

impl Loader<'_> {
    /// The dialect that `numbers.toml` names for the file `id`.
    fn named_dialect(&mut self, id: &str, numbers: &Numbers) -> Option<Dialect> {
        let entries = numbers.numbers.iter().chain(&numbers.patterns);
        let mut named: Option<(Dialect, &Entry)> = None;
        for entry in entries.filter(|entry| file_of(&entry.flow) == id) {
            match (named, entry.dialect) {
                (None, Some(dialect)) => named = Some((dialect, entry)),
                (Some((first, by)), Some(second)) if first != second => {
                    let (line, column) = by.place;
                    let message = format!(
                        "`{id}` has another dialect at {}:{line}:{column}; that one is used",
                        numbers::FILE
                    );
                    self.say(Problem::file(numbers::FILE, message).at(entry.place));
                }
                _ => {}
            }
        }
        named.map(|(dialect, _)| dialect)
    }

    /// Reads one flow file; if it is broken, its previous version or a stand-in takes its place.
    fn document(&mut self, id: &str, dialect: Option<Dialect>, bytes: &[u8]) {
        let problem = match parse(id, bytes) {
            Ok((source, value)) => match Document::read(id, dialect, value) {
                Ok(document) => {
                    self.notes(id, &source);
                    self.diagnostics(&document, &source);
                    self.same_ids(&document);
                    return self.loaded.flows.add(document);
                }
                Err(error) => Problem::file(id, error.to_string()).at((1, 1)),
            },
            Err(problem) => problem,
        };
        self.broken(id, dialect, problem);
    }

    fn broken(&mut self, id: &str, dialect: Option<Dialect>, problem: Problem) {
        let previous = self.previous.named(id).filter(|document| document.broken.is_none());
        match previous {
            Some(document) => {
                let message = format!("{}; the version that was loaded before stays in use", problem.message);
                self.say(Problem { message, ..problem });
                self.loaded.flows.add(Document::clone(&document));
            }
            None => {
                let dialect = dialect.or_else(|| numbers::dialect(id.split('/').next()?));
                self.loaded.flows.add(Document::broken(
                    id,
                    dialect.unwrap_or(Dialect::Kazoo),
                    problem.clone(),
                ));
                self.say(problem);
            }
        }
    }

    /// Tells of an id that an earlier document has too.
    fn same_ids(&mut self, document: &Document) {
        for id in aliases(document) {
            let Some(other) = self.loaded.flows.named(&id).filter(|other| other.id != document.id) else {
                continue;
            };
            let message = format!("the id `{id}` is also that of {}, which is used", other.id);
            self.say(Problem::file(&document.id, message).severity(Severity::Warning));
        }
    }

    /// Tells what is odd about the text of a document, by line.
    fn notes(&mut self, id: &str, source: &Source) {
        for note in &source.notes {
            let problem = Problem::file(id, note.message.as_str()).severity(note.code.severity());
            self.say(at(problem, source::place(&source.text, note.span.start)));
        }
    }

    /// Tells what the lowering noted, by line.
    fn diagnostics(&mut self, document: &Document, source: &Source) {
        for diagnostic in &document.diagnostics {
            let message = match diagnostic.pointer.as_str() {
                "" => diagnostic.message.clone(),
                pointer => format!("{} (at {pointer})", diagnostic.message),
            };
            let problem = Problem::file(&document.id, message).severity(diagnostic.severity);
            self.say(at(problem, source.place(&diagnostic.pointer)));
        }
    }

    /// Leads the numbers of `numbers.toml` to their documents.
    fn numbers(&mut self, numbers: &Numbers) {
        for entry in &numbers.numbers {
            let id = self.named(entry);
            let (line, column) = entry.place;
            let place = format!("{}:{line}:{column}", numbers::FILE);
            self.loaded.flows.number(&entry.key, &id, entry.public);
            self.taken.insert(entry.key.clone(), (id, place));
        }
        if let Some((flow, place)) = &numbers.preflow {
            let found = self.loaded.flows.set_preflow(flow) || self.loaded.flows.set_preflow(&file_of(flow));
            if !found {
                let message =
                    format!("`preflow` names `{flow}`, and there is no such flow file; none runs first");
                self.say(Problem::file(numbers::FILE, message).at(*place));
            }
        }
        for entry in &numbers.patterns {
            match Regex::new(&entry.key) {
                Ok(pattern) => {
                    let id = self.named(entry);
                    self.loaded.flows.pattern(pattern, &id, entry.public);
                }
                Err(error) => {
                    let message = format!("not a regular expression: {}", last_line(&error));
                    self.say(Problem::file(numbers::FILE, message).at(entry.place));
                }
            }
        }
    }

    /// The id of the document that an entry names; a missing one is made, broken.
    fn named(&mut self, entry: &Entry) -> String {
        let file = file_of(&entry.flow);
        let found = self.loaded.flows.named(&entry.flow).or_else(|| self.loaded.flows.named(&file));
        if let Some(document) = found {
            return document.id.clone();
        }
        let mut message =
            format!("`{}` leads to `{}`, and there is no such flow file", entry.key, entry.flow);
        let ids: Vec<&str> = self.loaded.flows.documents().map(|document| document.id.as_str()).collect();
        let near = nearest(&file, ids.iter().copied()).or_else(|| nearest(&entry.flow, ids));
        if let Some(near) = near {
            message.push_str(&format!("; did you mean `{near}`?"));
        }
        self.broken(&file, entry.dialect, Problem::file(numbers::FILE, message).at(entry.place));
        file
    }

    /// Leads the numbers that documents claim themselves; `numbers.toml` goes before them, and the first document
    /// before the others.
    fn claims(&mut self, files: &[Text], public: bool) {
        let documents: Vec<_> = self.loaded.flows.documents().cloned().collect();
        for document in documents {
            let claims = claims(document.dialect, &document.source);
            if claims.numbers.is_empty() && claims.patterns.is_empty() {
                continue;
            }
            let source = Source::read(&text_of(files, &document.id));
            for (pointer, number) in claims.numbers {
                let place = source.place(&pointer.0);
                self.claim(&document.id, number, place, public);
            }
            for (pointer, pattern) in claims.patterns {
                match Regex::new(&pattern) {
                    Ok(pattern) => drop(self.loaded.flows.pattern(pattern, &document.id, public)),
                    Err(error) => {
                        let message = format!(
                            "the pattern `{pattern}` is ignored: {} (at {pointer})",
                            last_line(&error)
                        );
                        let problem = Problem::file(&document.id, message).severity(Severity::Warning);
                        self.say(at(problem, source.place(&pointer.0)));
                    }
                }
            }
        }
    }

    fn claim(&mut self, id: &str, number: String, place: source::Place, public: bool) {
        let here = format!("{id}:{}:{}", place.line, place.column);
        match self.taken.get(&number) {
            Some((owner, _)) if owner == id => {}
            Some((_, there)) => {
                let message = format!("the number `{number}` is already given at {there}, which is used");
                self.say(at(Problem::file(id, message), place));
            }
            None => {
                self.loaded.flows.number(&number, id, public);
                self.taken.insert(number, (id.to_owned(), here));
            }
        }
    }

    /// Tells of documents that call others which are not there.
    fn subflows(&mut self, files: &[Text]) {
        let documents: Vec<_> = self.loaded.flows.documents().cloned().collect();
        for document in documents {
            for node in &document.program.nodes {
                let Op::Subflow(subflow) = &node.op else { continue };
                let Some(id) = subflow.id.as_literal() else { continue };
                if self.loaded.flows.document(id).is_none() {
                    let message = format!("there is no flow `{id}` here (at {})", node.source);
                    let problem = Problem::file(&document.id, message).severity(Severity::Warning);
                    let source = Source::read(&text_of(files, &document.id));
                    self.say(at(problem, source.place(&node.source.0)));
                }
            }
        }
    }

    /// Tells of rooms whose numbers lead elsewhere.
    fn rooms(&mut self) {
        let rooms = self.loaded.flows.rooms().clone();
        for (name, number) in
            rooms.iter().flat_map(|(name, room)| room.numbers.iter().map(move |n| (name, n)))
        {
            let flow = self.loaded.flows.numbered(number).map(|route| route.flow.id.clone());
            let users = &self.loaded.users;
            let user = users.by_number(number).map(|user| user.name.clone());
            let group = || users.group_by_number(number).map(|group| group.name.clone());
            if let Some(owner) = flow.or(user).or_else(group) {
                let message = format!("the number `{number}` of `{name}` is that of {owner}, which is used");
                self.say(Problem::file(conferences::FILE, message));
            }
        }
    }

    fn say(&mut self, problem: Problem) {
        self.loaded.problems.push(problem);
    }
}

/// The text of a document's file; empty if it is not there any more.
fn text_of<'f>(files: &'f [Text], id: &str) -> Cow<'f, str> {
    let bytes = files.iter().find(|(file, _)| file == id).and_then(|(_, bytes)| bytes.as_deref().ok());
    String::from_utf8_lossy(bytes.unwrap_or_default())
}

fn at(problem: Problem, place: source::Place) -> Problem {
    problem.at((place.line, place.column))
}

/// The file that a flow's name in `numbers.toml` means.
fn file_of(flow: &str) -> String {
    let flow = flow.trim_start_matches("./");
    if flow.ends_with(".json") { flow.to_owned() } else { format!("{flow}.json") }
}

/// A file as JSON, with its text; an error says where it stopped making sense.
fn parse(id: &str, bytes: &[u8]) -> Result<(Source, serde_json::Value), Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let place = source::place(&String::from_utf8_lossy(bytes), error.valid_up_to());
        at(Problem::file(id, "not JSON: the text is not UTF-8"), place)
    })?;
    let source = Source::read(text);
    if let Some(note) = source.error() {
        let place = source::place(&source.text, note.span.start);
        return Err(at(Problem::file(id, note.message.as_str()), place));
    }
    let value = source.value.clone().unwrap_or_default();
    Ok((source, value))
}

/// The sentence of a regular expression's error, without the drawing above it.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
