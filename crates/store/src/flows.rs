//! The table of flow documents and of the numbers that lead to them.
//!
//! It is filled once, then only read; a reload makes a new one.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::Rooms;
use regex::Regex;

use crate::{Document, Sounds};

/// Where a dialled number leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The flow to run.
    pub flow: Arc<Document>,
    /// Whether callers who are not registered may reach it.
    pub public: bool,
    /// What the pattern captured of the number: the longest group, or the whole match of a pattern without groups.
    pub capture_group: Option<String>,
    /// What the named groups of that pattern captured, in their order.
    pub capture_groups: Vec<(String, String)>,
    /// Nothing but `no_match` leads there.
    pub no_match: bool,
    /// The document that runs before this one.
    pub preflow: Option<String>,
}

/// A flow by its place in the table, and who may reach it.
#[derive(Clone, Copy, Debug)]
struct Destination {
    document: usize,
    public: bool,
}

/// All flow documents and how numbers lead to them.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    documents: Vec<Arc<Document>>,
    names: BTreeMap<String, usize>,
    numbers: BTreeMap<String, Destination>,
    patterns: Vec<(Regex, Destination)>,
    sounds: Sounds,
    preflow: Option<String>,
    rooms: Rooms,
}

/// The number that stands for every number without a flow (Kazoo).
const NO_MATCH: &str = "no_match";

impl Flows {
    /// An empty table.
    pub fn new() -> Flows {
        Flows::default()
    }

    /// Adds a document; one of the same name is replaced.
    /// It is also found by its name without `.json`, and by its own `id`, `_id` or `uuid`, unless those are taken.
    pub fn add(&mut self, document: Document) {
        let name = document.id.clone();
        let aliases = aliases(&document);
        let document = Arc::new(document);
        let index = match self.names.get(&name).copied() {
            Some(index) if self.documents.get(index).is_some_and(|old| old.id == name) => index,
            _ => self.documents.len(),
        };
        match self.documents.get_mut(index) {
            Some(old) => *old = document,
            None => self.documents.push(document),
        }
        self.names.insert(name, index);
        for alias in aliases {
            self.names.entry(alias).or_insert(index);
        }
    }

    /// Leads `number` to the document `id`; `false` if there is no such document.
    pub fn number(&mut self, number: impl Into<String>, id: &str, public: bool) -> bool {
        let Some(&document) = self.names.get(id) else { return false };
        self.numbers.insert(number.into(), Destination { document, public });
        true
    }

    /// Leads numbers in which `pattern` is found to the document `id`; `false` if there is no such document.
    pub fn pattern(&mut self, pattern: Regex, id: &str, public: bool) -> bool {
        let Some(&document) = self.names.get(id) else { return false };
        self.patterns.push((pattern, Destination { document, public }));
        true
    }

    /// Lets the document `id` run before every other that a number leads to; `false` if there is no such document.
    pub fn set_preflow(&mut self, id: &str) -> bool {
        self.preflow = self.named(id).map(|document| document.id.clone());
        self.preflow.is_some()
    }

    /// The conference rooms of `conferences.toml`.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Lets these conference rooms be known.
    pub fn set_rooms(&mut self, rooms: Rooms) {
        self.rooms = rooms;
    }

    /// The sounds that these flows name.
    pub fn sounds(&self) -> &Sounds {
        &self.sounds
    }

    /// Names the sounds that these flows use.
    pub fn set_sounds(&mut self, sounds: Sounds) {
        self.sounds = sounds;
    }

    /// The document of this name: its path, its path without `.json`, or its own id; else the one that this number
    /// leads to, by itself or by a pattern, because Kazoo's `branch_bnumber` hunts for a callflow by number.
    pub fn document(&self, id: &str) -> Option<Arc<Document>> {
        let numbered = || self.numbers.get(id).and_then(|to| self.documents.get(to.document)).cloned();
        let matched = || self.documents.get(self.longest_capture(id)?.1.document).cloned();
        self.named(id).or_else(numbered).or_else(matched)
    }

    /// As [`Flows::document`], but by name only.
    pub(crate) fn named(&self, id: &str) -> Option<Arc<Document>> {
        self.names.get(id).and_then(|index| self.documents.get(*index)).cloned()
    }

    /// All documents.
    pub fn documents(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.documents.iter()
    }

    /// All numbers with the documents they lead to, in order; patterns are not among them.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, &Arc<Document>)> {
        let document = |to: &Destination| self.documents.get(to.document);
        self.numbers.iter().filter_map(move |(number, to)| Some((number.as_str(), document(to)?)))
    }

    /// Where `number` leads: the number itself, else the pattern whose longest captured group is longest,
    /// else `no_match` for a number of digits only.
    ///
    /// A number is also found with its leading `+` left out or put in.
    /// What `no_match` finds is never public: an outside caller must not dial through it.
    pub fn route(&self, number: &str) -> Option<Route> {
        if let Some(route) = self.numbered(number) {
            return Some(route);
        }
        if let Some((pattern, to, group)) = self.longest_capture(number) {
            let route = self.to(to, Some(group))?;
            return Some(Route { capture_groups: named(pattern, number), ..route });
        }
        let digits = number.strip_prefix('+').unwrap_or(number);
        let dialable = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let to = self.numbers.get(NO_MATCH).filter(|_| dialable)?;
        let route = self.to(Destination { public: false, ..*to }, None)?;
        Some(Route { no_match: true, ..route })
    }

    /// Where `number` itself leads, with or without its leading `+`; patterns are not looked at.
    pub fn numbered(&self, number: &str) -> Option<Route> {
        let other = || match number.strip_prefix('+') {
            Some(rest) => rest.to_owned(),
            None => format!("+{number}"),
        };
        let to = self.numbers.get(number).or_else(|| self.numbers.get(&other()));
        self.to(*to.filter(|_| number != NO_MATCH)?, None)
    }

    fn longest_capture(&self, number: &str) -> Option<(&Regex, Destination, String)> {
        let mut best: Option<(&Regex, Destination, &str)> = None;
        for (pattern, to) in &self.patterns {
            let Some(captures) = pattern.captures(number) else { continue };
            let groups = captures.iter().skip(1).flatten().map(|group| group.as_str());
            let longest = groups.max_by_key(|group| group.len());
            let whole = captures.get(0).map_or("", |whole| whole.as_str());
            let group = if pattern.captures_len() > 1 { longest.unwrap_or("") } else { whole };
            if best.is_none_or(|(.., best)| group.len() > best.len()) {
                best = Some((pattern, *to, group));
            }
        }
        best.map(|(pattern, to, group)| (pattern, to, group.to_owned()))
    }

    fn to(&self, to: Destination, capture_group: Option<String>) -> Option<Route> {
        let flow = self.documents.get(to.document)?.clone();
        let (public, capture_groups) = (to.public, Vec::new());
        let preflow = self.preflow.clone().filter(|id| *id != flow.id);
        Some(Route { flow, public, capture_group, capture_groups, no_match: false, preflow })
    }
}

/// What the named groups of `pattern` capture of `number`.
fn named(pattern: &Regex, number: &str) -> Vec<(String, String)> {
    let Some(captures) = pattern.captures(number) else { return Vec::new() };
    let names = pattern.capture_names().flatten();
    names.filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned()))).collect()
}

/// Other names of a document: its path without `.json`, and its own id, in an envelope or not.
pub(crate) fn aliases(document: &Document) -> Vec<String> {
    let mut names: Vec<String> = document.id.strip_suffix(".json").map(str::to_owned).into_iter().collect();
    // The `data` of a bare Kazoo node holds the id of something else.
    let holders: &[&str] =
        if document.source.get("module").is_some() { &[""] } else { &["", "/data", "/result"] };
    for holder in holders {
        for key in ["id", "_id", "uuid"] {
            let own = document.source.pointer(&format!("{holder}/{key}")).and_then(|id| id.as_str());
            names.extend(own.map(str::to_owned));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flows(names: &[&str]) -> Flows {
        let mut flows = Flows::new();
        for name in names {
            let node = json!({"module": "device", "data": {"id": "a-device"}});
            let source = json!({"flow": node, "id": format!("id-of-{name}")});
            flows.add(Document::read(*name, None, source).expect("a node"));
        }
        flows
    }

    fn leads(flows: &Flows, number: &str) -> Option<(String, Option<String>)> {
        flows.route(number).map(|route| (route.flow.id.clone(), route.capture_group))
    }

    #[test]
    fn an_exact_number_goes_before_every_pattern() {
        let mut flows = flows(&["a.json", "b.json"]);
        assert!(flows.pattern(Regex::new("^1(.*)$").unwrap(), "b.json", false));
        assert!(flows.number("1001", "a.json", true));
        assert_eq!(leads(&flows, "1001"), Some(("a.json".into(), None)));
        assert_eq!(leads(&flows, "+1001"), Some(("a.json".into(), None)));
        assert_eq!(leads(&flows, "1002"), Some(("b.json".into(), Some("002".into()))));
        assert!(flows.route("1001").unwrap().public);
    }

    #[test]
    fn the_pattern_with_the_longest_capture_wins_and_the_first_of_equals() {
        let mut flows = flows(&["short.json", "long.json", "whole.json"]);
        flows.pattern(Regex::new(r"^\*55(\d)").unwrap(), "short.json", false);
        flows.pattern(Regex::new(r"^\*5(\d+)$").unwrap(), "long.json", false);
        flows.pattern(Regex::new(r"^\*5(\d+)$").unwrap(), "whole.json", false);
        assert_eq!(leads(&flows, "*551234"), Some(("long.json".into(), Some("51234".into()))));
        flows.pattern(Regex::new(r"^\*551234$").unwrap(), "whole.json", false);
        assert_eq!(leads(&flows, "*551234"), Some(("whole.json".into(), Some("*551234".into()))));
    }

    #[test]
    fn named_groups_are_kept_by_name_and_a_feature_code_is_anchored_by_its_author() {
        let mut flows = flows(&["a.json"]);
        flows.pattern(Regex::new(r"^\*55(?P<box>\d)(?P<rest>\d*)(?P<never>x)?$").unwrap(), "a.json", false);
        let route = flows.route("*551234").unwrap();
        let named = [("box", "1"), ("rest", "234")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!((route.capture_group.as_deref(), route.capture_groups), (Some("234"), named.into()));
        assert!(!route.no_match && flows.route("9*551234").is_none());
    }

    #[test]
    fn the_preflow_runs_before_every_other_flow() {
        let mut flows = flows(&["a.json", "first.json"]);
        assert!(flows.set_preflow("first") && !flows.clone().set_preflow("none"));
        flows.number("1", "a.json", false);
        flows.number("2", "first.json", false);
        assert_eq!(flows.route("1").unwrap().preflow.as_deref(), Some("first.json"));
        assert_eq!(flows.route("2").unwrap().preflow, None);
    }

    #[test]
    fn no_match_takes_digits_only_and_is_never_public() {
        let mut flows = flows(&["any.json"]);
        flows.number("no_match", "any.json", true);
        assert_eq!(flows.route("+4712345678").map(|route| route.public), Some(false));
        assert_eq!(leads(&flows, "*98"), None);
        assert_eq!(leads(&flows, "no_match"), None);
        assert_eq!(leads(&flows, ""), None);
    }

    #[test]
    fn a_document_is_found_by_path_stem_and_own_id() {
        let flows = flows(&["kazoo/a.json"]);
        for name in ["kazoo/a.json", "kazoo/a", "id-of-kazoo/a.json"] {
            assert_eq!(flows.document(name).map(|found| found.id.clone()), Some("kazoo/a.json".into()));
        }
        assert_eq!(flows.document("a"), None);
        let mut flows = Flows::new();
        let node = json!({"module": "device", "data": {"id": "a-device"}});
        flows.add(Document::read("b.json", None, node).expect("a node"));
        assert_eq!(flows.document("a-device"), None);
    }

    #[test]
    fn a_document_is_found_by_its_number_when_no_name_fits() {
        let mut flows = flows(&["a.json"]);
        flows.number("22", "a.json", false);
        assert_eq!(flows.document("22").map(|found| found.id.clone()), Some("a.json".into()));
        assert_eq!(flows.named("22"), None);
        flows.pattern(Regex::new("^3[0-9]$").unwrap(), "a.json", false);
        assert_eq!(flows.document("31").map(|found| found.id.clone()), Some("a.json".into()));
        assert_eq!(flows.document("311"), None);
    }
}
