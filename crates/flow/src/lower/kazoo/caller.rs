//! Modules for who calls: how the caller is shown to others, and who it is.
//!
//! What a module changes is kept twice: as variables, which `pivot`, `check_cid` and their like look at, and as what is
//! shown to whom is dialled from then on.

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::members::{Members, wrong};
use super::people::{captured, speech, value};
use super::setting::asking;
use super::variable::{CALLER, assign, caller_number, changed};
use super::{Step, Walk};
use crate::ir::{
    Access, Binary, Branch, Callee, Carriage, Collect, Condition, Dial, Edges, Expr, Fact, Identity, NodeId,
    Op, Outcome, Pointer, Shown, Target, Template, Withheld,
};
use crate::lower::Code;

/// Time between the keys of a caller id.
const BETWEEN: Duration = Duration::from_millis(2_000);
/// Digits of a caller id that is typed, at least and at most.
const DIGITS: u32 = 10;
/// How long a number outside rings.
const RING: Duration = Duration::from_secs(60);
/// Digits that choose from a list, at the beginning of the captured ones.
const INDEX: i64 = 2;

/// A line of a caller id list.
struct Entry {
    key: String,
    /// A number as it stands.
    number: Option<String>,
    /// What finds it otherwise.
    pattern: Option<String>,
    name: Option<String>,
}

impl<'a> Walk<'a> {
    /// Both are set, and an empty one clears.
    pub(super) fn set_cid(&mut self, step: &Step<'a>) -> NodeId {
        let values = CALLER.map(|(name, _)| {
            let value = step.data.text(&mut self.builder, name).unwrap_or_default();
            Some(Expr::Literal(Value::from(value)))
        });
        self.shown(values, step.next(), step)
    }

    pub(super) fn prepend_cid(&mut self, step: &Step<'a>) -> NodeId {
        let reset = self.text(step, "action").is_some_and(|action| action == "reset");
        let original = self.text(step, "apply_to").is_some_and(|to| to == "original");
        let values = CALLER.map(|(name, fact)| {
            let prefix = step.data.text(&mut self.builder, &format!("{name}_prefix")).unwrap_or_default();
            // What nothing is put before stays what it is, and is not written down.
            if prefix.is_empty() && !reset && !original {
                return None;
            }
            let now = if reset || original { Expr::Fact(fact) } else { changed(name, fact) };
            let prefix = Box::new(Expr::Literal(prefix.into()));
            Some(if reset { now } else { Expr::Binary(Binary::Add, prefix, Box::new(now)) })
        });
        self.shown(values, step.next(), step)
    }

    /// Sets the caller's name and number, those that are given, and goes on at `then`.
    fn shown(&mut self, values: [Option<Expr>; 2], then: Target, step: &Step<'a>) -> NodeId {
        let shown = |at: usize, (name, _): (&str, Fact)| match values.get(at) {
            Some(Some(_)) => Shown::Given(value(Expr::Variable(name.to_owned()))),
            _ => Shown::Caller,
        };
        let [name, number] = CALLER;
        let identity =
            Identity { name: shown(0, name), number: shown(1, number), still: true, ..Identity::default() };
        let identify = self.add(Op::Identify(identity), Edges::always(then), step);
        let set = CALLER.iter().zip(values).filter_map(|((name, _), value)| Some(assign(&[name], value?)));
        self.add(Op::Set(set.collect()), Edges::always(Target::Node(identify)), step)
    }

    pub(super) fn alert_info(&mut self, step: &Step<'a>) -> NodeId {
        let alert = self.words(step, "alert_info").unwrap_or_default();
        self.onward(Op::Alert(alert), step)
    }

    /// Withholds, and goes on with the captured number if there is one.
    pub(super) fn privacy(&mut self, step: &Step<'a>) -> NodeId {
        let withheld = match self.text(step, "mode").as_deref() {
            Some("name") => Withheld::Name,
            Some("number") => Withheld::Number,
            _ => Withheld::Both,
        };
        let still = self.text(step, "endpoint_strategy").is_some_and(|how| how == "merge");
        let dial = self.onward(Op::Number(captured()), step);
        let edges = step.onward().case(Outcome::Yes, Target::Node(dial));
        let whether = self.add(Op::If(Condition::Expr(Expr::Fact(Fact::CaptureGroup))), edges, step);
        let identity = Identity { withheld, still, ..Identity::default() };
        self.add(Op::Identify(identity), Edges::always(Target::Node(whether)), step)
    }

    /// Another caller id: typed, written, or chosen from a list by the first captured digits; then the captured number.
    pub(super) fn dynamic_cid(&mut self, step: &Step<'a>) -> NodeId {
        let action = self.text(step, "action").unwrap_or_else(|| "manual".to_owned());
        let from_list = matches!(action.as_str(), "list" | "lists");
        let number = if from_list {
            let rest = vec![Expr::Literal(INDEX.into())];
            value(Expr::Call(Some(Box::new(capture())), "substring".to_owned(), rest))
        } else {
            captured()
        };
        let dial = Target::Node(self.proceed(number, step));
        match action.as_str() {
            "static" => {
                let at = step.data.at("caller_id");
                let given = Members::of(&mut self.builder, step.data.get("caller_id"), at);
                let values = ["name", "number"].map(|key| {
                    let text = given.text(&mut self.builder, key).filter(|text| !text.is_empty())?;
                    Some(Expr::Literal(Value::from(text)))
                });
                self.shown(values, dial, step)
            }
            "list" | "lists" => self.chosen_line(dial, step),
            _ => self.typed(dial, step),
        }
    }

    /// Calls the number: as a callflow if that is allowed, else outside.
    fn proceed(&mut self, number: Template, step: &Step<'a>) -> NodeId {
        let custom = self.flag(step, "permit_custom_callflow");
        let unrestricted = !step.data.flag(&mut self.builder, "enforce_call_restriction").unwrap_or(true);
        let to = vec![Callee::Trunk { name: None, number: number.clone() }.into()];
        let carriage = Carriage { unrestricted, ..Carriage::default() };
        let class = || Shown::Class("external");
        let identity = Identity { number: class(), name: class(), ..Identity::default() };
        let outside = self.dial(Dial { carriage, identity, ..Dial::new(to, RING) }, step);
        match custom {
            true => self.add(Op::Number(number), Edges::always(Target::Node(outside)), step),
            false => outside,
        }
    }

    /// Three tries; who types nothing that will do keeps the number there is.
    fn typed(&mut self, dial: Target, step: &Step<'a>) -> NodeId {
        let prompt = self.text(step, "media_id");
        let prompts = match prompt {
            Some(id) => self.media(&id, &step.data.at("media_id")),
            None => vec![speech("Please enter the caller ID number, then press pound.")],
        };
        let builder = &mut self.builder;
        let most = step.data.count(builder, "max_digits").filter(|most| *most > 0).unwrap_or(DIGITS).min(100);
        let least = step.data.count(builder, "min_digits").unwrap_or(most).min(most);
        let between = step.data.millis(builder, "interdigit_timeout").unwrap_or(BETWEEN);
        let list = self.text(step, "whitelist_regex");
        let listed = list.map(|list| {
            let at = step.data.at("whitelist_regex");
            self.pattern(&at, list).into_iter().collect::<Vec<_>>()
        });
        let digits = || Expr::Fact(Fact::LastDigits);
        let set = self.shown([None, Some(digits())], dial, step);
        let again = self.add(Op::Jump(Some(2)), Edges::always(dial), step);
        let mut good = set;
        for patterns in listed.into_iter().chain([vec![format!("^[0-9]{{{least},}}$")]]) {
            let edges = Edges::always(Target::Node(again)).case(Outcome::Yes, Target::Node(good));
            good = self.add(Op::If(Condition::Matches { text: digits(), patterns }), edges, step);
        }
        let collect =
            Collect { prompts, name: Some(Template::literal("caller_id")), ..asking("", most, between) };
        let ask = self.add(Op::Collect(collect), Edges::always(Target::Node(good)), step);
        let sorry = self.spoken("That number is not possible.", Target::Node(ask), step);
        self.builder.edges(again, Edges::always(dial).case(Outcome::Yes, sorry));
        ask
    }

    /// The line of the list whose key is the first two captured digits, or the named group `idx_name`.
    fn chosen_line(&mut self, dial: Target, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else {
            return self.add(Op::Noop, Edges::always(dial), step);
        };
        let named = self.text(step, "idx_name");
        let entries = self.list(&id, &step.data.at("id"));
        let mut lines = Map::new();
        for entry in entries {
            let line: Map<String, Value> = [("number", entry.number), ("name", entry.name)]
                .into_iter()
                .filter_map(|(key, text)| Some((key.to_owned(), Value::from(text?))))
                .collect();
            lines.insert(entry.key, Value::Object(line));
        }
        let first = vec![Expr::Literal(0.into()), Expr::Literal(INDEX.into())];
        let key = match named {
            Some(name) => Expr::Member(Box::new(Expr::Fact(Fact::CaptureGroups)), Access::Name(name)),
            None => Expr::Call(Some(Box::new(capture())), "substring".to_owned(), first),
        };
        let of = |member: &str| {
            let lines = Box::new(Expr::Literal(Value::Object(lines.clone())));
            let line = Expr::Member(lines, Access::Index(Box::new(key.clone())));
            Expr::Member(Box::new(line), Access::Name(member.to_owned()))
        };
        let set = self.shown([Some(of("name")), Some(of("number"))], dial, step);
        let edges = Edges::always(dial).case(Outcome::Yes, Target::Node(set));
        self.add(Op::If(Condition::Expr(of("number"))), edges, step)
    }

    /// `match` or `nomatch` by the caller's number, or with `use_absolute_mode` the child of that number.
    pub(super) fn check_cid(&mut self, step: &Step<'a>) -> NodeId {
        let matched = self.recognised(step);
        if self.flag(step, "use_absolute_mode") {
            let branch = Branch { on: caller_number(), reset: None, flush: false };
            let edges = step.children.edges();
            return self.add(Op::Branch(branch), edges, step);
        }
        let regex = self.text(step, "regex").unwrap_or_else(|| ".*".to_owned());
        let patterns = self.pattern(&step.data.at("regex"), regex).into_iter().collect();
        self.matches(patterns, matched, step)
    }

    /// Who matches is the user, and shown, as the document says.
    fn recognised(&mut self, step: &Step<'a>) -> Target {
        let child = step.children.get("match").unwrap_or(step.next());
        let at = step.data.at("caller_id");
        let given = Members::of(&mut self.builder, step.data.get("caller_id"), at.clone());
        let external = Members::of(&mut self.builder, given.get("external"), at.child("external"));
        let values = ["name", "number"].map(|key| {
            let text = external.text(&mut self.builder, key).filter(|text| !text.is_empty())?;
            Some(Expr::Literal(Value::from(text)))
        });
        let user = self.text(step, "user_id");
        let mut target = child;
        if let Some(user) = user {
            let set = Op::Set(vec![assign(&["owner_id"], Expr::Literal(Value::from(user)))]);
            target = Target::Node(self.add(set, Edges::always(target), step));
        }
        if values.iter().any(Option::is_some) {
            target = Target::Node(self.shown(values, target, step));
        }
        target
    }

    /// `match` or `nomatch` by a list of the document's `lists`.
    pub(super) fn cid_list_match(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        let entries = self.list(&id, &step.data.at("id"));
        let pattern = |entry: Entry| {
            let number = entry.number.filter(|_| entry.pattern.is_none());
            number.map(|number| format!("^{}$", regex::escape(&number))).or(entry.pattern)
        };
        let patterns = entries.into_iter().filter_map(pattern).collect();
        let child = step.children.get("match").unwrap_or(step.next());
        self.matches(patterns, child, step)
    }

    fn matches(&mut self, patterns: Vec<String>, matched: Target, step: &Step<'a>) -> NodeId {
        let other = step.children.get("nomatch").unwrap_or(step.next());
        let edges = step.onward().case(Outcome::Yes, matched).case(Outcome::No, other);
        self.add(Op::If(Condition::Matches { text: caller_number(), patterns }), edges, step)
    }

    /// The caller's name is that of the first line of these lists that has the number.
    pub(super) fn lookup_name(&mut self, step: &Step<'a>) -> NodeId {
        let at = step.data.at("lists");
        let lists = step.data.list(&mut self.builder, "lists").unwrap_or_default();
        let mut entries = Vec::new();
        for (index, id) in lists.iter().enumerate() {
            match id.as_str() {
                Some(id) => entries.extend(self.list(id, &at.child(index))),
                None => wrong(&mut self.builder, &at.child(index), "a list's id", id),
            }
        }
        let (patterns, numbers): (Vec<Entry>, Vec<Entry>) = entries
            .into_iter()
            .filter(|entry| entry.name.is_some())
            .partition(|entry| entry.pattern.is_some());
        let mut target = step.next();
        for entry in patterns.into_iter().rev() {
            let name = entry.name.map(|name| Expr::Literal(Value::from(name)));
            let set = self.shown([name, None], step.next(), step);
            let patterns = entry.pattern.into_iter().collect();
            let edges = Edges::always(target).case(Outcome::Yes, Target::Node(set));
            let whether = Op::If(Condition::Matches { text: caller_number(), patterns });
            target = Target::Node(self.add(whether, edges, step));
        }
        let mut names = Map::new();
        for entry in numbers {
            let (Some(number), Some(name)) = (entry.number, entry.name) else { continue };
            let bare = number.trim_start_matches('+').to_owned();
            for number in [format!("+{bare}"), bare] {
                names.entry(number).or_insert_with(|| Value::from(name.as_str()));
            }
        }
        if names.is_empty() {
            return self.add(Op::Noop, Edges::always(target), step);
        }
        let names = Box::new(Expr::Literal(Value::Object(names)));
        let name = Expr::Member(names, Access::Index(Box::new(caller_number())));
        let set = self.shown([Some(name.clone()), None], step.next(), step);
        let edges = Edges::always(target).case(Outcome::Yes, Target::Node(set));
        self.add(Op::If(Condition::Expr(name)), edges, step)
    }

    /// A list of the document's `lists`, which is ours: id to numbers, or to objects with `number`, `prefix` or `pattern`,
    /// and `name`; a list or an object by key.
    fn list(&mut self, id: &str, named_at: &Pointer) -> Vec<Entry> {
        let Some((list, at)) = self.doc.entry("lists", id) else {
            let message = format!("no list `{id}` in the document's `lists`: nobody is on it");
            self.report(Code::NotConfigured, named_at, message);
            return Vec::new();
        };
        let lines: Vec<(String, &'a Value)> = match list {
            Value::Array(lines) => {
                lines.iter().enumerate().map(|(key, line)| (key.to_string(), line)).collect()
            }
            Value::Object(lines) => {
                let lines = list.get("entries").and_then(Value::as_object).unwrap_or(lines);
                lines.iter().map(|(key, line)| (key.clone(), line)).collect()
            }
            other => {
                wrong(&mut self.builder, &at, "a list of numbers", other);
                Vec::new()
            }
        };
        let mut entries = Vec::new();
        for (key, line) in lines {
            let text = |member: &str| match line.get(member)? {
                Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            let name = text("name").or_else(|| text("displayname"));
            let number = line.as_str().map(str::to_owned).or_else(|| text("number"));
            let pattern = match (text("prefix"), text("pattern")) {
                (Some(prefix), _) => Some(format!("^{}", regex::escape(&prefix))),
                (None, Some(pattern)) => self.pattern(&at.child(&key).child("pattern"), pattern),
                (None, None) => None,
            };
            if number.is_none() && pattern.is_none() {
                wrong(&mut self.builder, &at.child(&key), "a number", line);
                continue;
            }
            let pattern = pattern.filter(|_| number.is_none());
            entries.push(Entry { key, number, pattern, name });
        }
        entries
    }
}

fn capture() -> Expr {
    Expr::Fact(Fact::CaptureGroup)
}
