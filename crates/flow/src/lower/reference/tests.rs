//! The table against the lowerings: each row's options are those that the lowering reads.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::*;
use crate::lower::members::reads;

/// A document with the module, and the pointers to where its options stand: among them, and beside its name.
fn document(module: &Module, among: Value, beside: &Map<String, Value>) -> (Value, [&'static str; 2]) {
    let with = |mut object: Value| {
        if let Some(object) = object.as_object_mut() {
            object.extend(beside.clone());
        }
        object
    };
    match module.dialect {
        Dialect::Kazoo if let Some(name) = module.name.strip_prefix("metaflow/") => {
            let node = with(json!({"module": name, "data": among}));
            (
                json!({"flow": {}, "metaflow": {"patterns": {"1": node}}}),
                ["/metaflow/patterns/1/data", "/metaflow/patterns/1"],
            )
        }
        Dialect::Kazoo => {
            let child = json!({"module": "noop", "data": {}});
            let node = with(json!({"module": module.name, "data": among, "children": {"_": child}}));
            (json!({ "flow": node }), ["/flow/data", "/flow"])
        }
        Dialect::Callroute => {
            let mut node = with(json!({"module": module.name}));
            if let (Some(node), Some(among)) = (node.as_object_mut(), among.as_object()) {
                node.extend(among.clone());
            }
            (json!({"flow": {"a": node, "b": {"module": "hangup"}}}), ["/flow/a", "/"])
        }
        Dialect::Voipbin => {
            let action = with(json!({"type": module.name, "option": among}));
            (json!({ "actions": [action] }), ["/actions/0/option", "/actions/0"])
        }
        Dialect::Voxology | Dialect::Own => {
            let action = with(json!({"type": module.name, "params": among}));
            (json!({ "actions": [action] }), ["/actions/0/params", "/actions/0"])
        }
    }
}

/// Values that an option of this kind may have.
fn samples(kind: Kind) -> Vec<Value> {
    match kind {
        Kind::OneOf(words) => words.iter().map(|word| json!(word)).collect(),
        Kind::Flag => vec![json!(true), json!(false)],
        Kind::Number | Kind::Count | Kind::Millis | Kind::Seconds => vec![json!(1000)],
        Kind::Keys => vec![json!("#")],
        Kind::Url => vec![json!("http://example.com/x"), json!("1")],
        Kind::Pattern => vec![json!("^1")],
        Kind::Expr => vec![json!("1 == 1")],
        Kind::Items => vec![json!([]), json!(["1"]), json!([{}])],
        Kind::Object => vec![json!({}), json!({"a": "1"})],
        Kind::Nodes => vec![json!([]), json!({})],
        Kind::Text | Kind::Template | Kind::Id => vec![json!("b"), json!("1")],
        Kind::Any => vec![json!("1"), json!(1), json!([]), json!({})],
    }
}

type Read = BTreeSet<(bool, String)>;

/// Documents with the module that have all options, none, each choice of one, and all but one; and the pointers of
/// [`document`].
fn documents(module: &Module) -> Vec<(Value, [&'static str; 2])> {
    let all: Vec<(&Opt, Value)> = module
        .options
        .iter()
        .map(|opt| (opt, samples(opt.kind).into_iter().next().unwrap_or_default()))
        .collect();
    let mut variants = vec![Vec::new(), all.clone()];
    for (at, option) in module.options.iter().enumerate() {
        let without: Vec<_> = all.iter().filter(|(other, _)| other.name != option.name).cloned().collect();
        variants.push(without);
        for value in samples(option.kind) {
            let mut chosen = all.clone();
            chosen[at].1 = value.clone();
            variants.push(chosen);
            variants.push(vec![(option, value)]);
        }
    }
    let of = |variant: Vec<(&Opt, Value)>| {
        let (mut among, mut beside) = (Map::new(), Map::new());
        for (option, value) in variant {
            let place = if option.beside { &mut beside } else { &mut among };
            place.insert(option.name.to_owned(), value);
        }
        document(module, Value::Object(among), &beside)
    };
    variants.into_iter().map(of).collect()
}

/// The names that the lowering reads, over all [`documents`].
fn read(module: &Module) -> Read {
    let mut found = Read::new();
    for (document, places) in documents(module) {
        let (_, names) = reads(|| crate::lower::lower(Some(module.dialect), &document));
        for (pointer, name) in names {
            if let Some(at) = places.iter().position(|place| *place == pointer) {
                found.insert((at == 1, name));
            }
        }
    }
    found
}

#[test]
fn every_row_declares_the_options_that_the_lowering_reads() {
    let mut wrong = Vec::new();
    for module in modules() {
        let shared: BTreeSet<(bool, &str)> =
            common(module.dialect).iter().map(|opt| (opt.beside, opt.name)).collect();
        let read = read(module);
        for (beside, name) in &read {
            let declared = module.options.iter().any(|opt| opt.name == name && opt.beside == *beside);
            // Voxology takes what stands in the wrong place, and says so.
            let elsewhere =
                module.dialect == Dialect::Voxology && module.options.iter().any(|opt| opt.name == name);
            if !declared && !elsewhere && !shared.contains(&(*beside, name.as_str())) {
                wrong
                    .push(format!("{:?} {}: `{name}` is read and not declared", module.dialect, module.name));
            }
        }
        for option in module.options.iter().filter(|option| !option.ignored) {
            if !read.contains(&(option.beside, option.name.to_owned())) {
                let (dialect, name) = (module.dialect, module.name);
                wrong.push(format!("{dialect:?} {name}: `{}` is declared and not read", option.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rows_name_operations_that_exist_and_no_module_twice() {
    let mut names = BTreeSet::new();
    for module in modules() {
        for op in module.ops {
            assert!(crate::action::table().any(|row| row.name == *op), "{}: {op}", module.name);
        }
        for name in module.aliases.iter().chain([&module.name]) {
            assert!(names.insert((format!("{:?}", module.dialect), *name)), "{name} twice");
        }
        let options: BTreeSet<_> = module.options.iter().map(|option| (option.beside, option.name)).collect();
        assert_eq!(options.len(), module.options.len(), "{}: an option twice", module.name);
        assert!(module.doc.ends_with('.'), "{}: a sentence ends with a full stop", module.name);
    }
}

/// A row is known to the lowering: it makes no residual node.
#[test]
fn every_row_is_a_module_that_the_lowering_knows() {
    for module in modules() {
        for name in module.aliases.iter().chain([&module.name]) {
            let named = Module { name, ..*module };
            let (document, _) = document(&named, json!({}), &Map::new());
            let lowered = crate::lower::lower(Some(module.dialect), &document).expect("a document");
            assert_eq!(lowered.program.residual_count(), 0, "{:?} {name}", module.dialect);
        }
    }
}

/// The operations that a module's own node becomes, over all [`documents`]. What stands for nothing (a module that was
/// passed over, a label, the end of a call) is not counted.
#[test]
fn every_row_names_the_operations_that_the_lowering_makes() {
    let mut wrong = Vec::new();
    for module in modules() {
        // A feature has a row of its own.
        assert!(!module.ops.contains(&"Feature"), "{}", module.name);
        let mut made = BTreeSet::new();
        for (document, places) in documents(module) {
            let lowered = crate::lower::lower(Some(module.dialect), &document).expect("a document");
            let own = places[usize::from(module.dialect != Dialect::Callroute)];
            let nodes = lowered.program.nodes.iter().filter(|node| node.source.0 == own);
            made.extend(nodes.filter_map(|node| crate::action::info(&node.op)).map(|row| row.name));
        }
        for op in made {
            let counts = !["Noop", "Unavailable", "Residual", "Hangup"].contains(&op);
            if counts && !module.ops.contains(&op) {
                wrong.push(format!("{:?} {}: becomes {op} too", module.dialect, module.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
