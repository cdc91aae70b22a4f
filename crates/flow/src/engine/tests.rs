//! The engine and its actions in virtual time, without a document.

use std::time::Duration;

use serde_json::json;

use crate::{
    ir::*,
    lower::{Builder, Dialect},
    sim,
};

mod actions;
mod aside;
mod calls;
mod logic;
mod phones;
mod policies;
mod random;
mod talk;

fn is_send<T: Send>() {}

#[test]
fn a_machine_may_move_between_threads() {
    is_send::<super::Machine>();
}

/// Runs `ops` one after another (every outcome leads on, and the last hangs up) and compares the transcript, without
/// the line that names the flow.
fn check(ops: Vec<Op>, script: &str, expected: &str) {
    check_program(line(ops), script, expected);
}

fn check_program(program: Program, script: &str, expected: &str) {
    let is = sim::run_bare(program, script);
    let is: Vec<&str> = is.lines().filter(|line| !line.contains(" flow \"")).map(str::trim).collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(is, expected, "\nis:\n{}\n", is.join("\n"));
}

/// `ops` one after another.
fn line(ops: Vec<Op>) -> Program {
    let count = ops.len();
    let edges = (1..).map(|next| if next < count { to(next) } else { Target::Return });
    graph(ops.into_iter().zip(edges.map(Edges::always)).collect())
}

/// Nodes with their edges, `/0` the entry.
fn graph(nodes: Vec<(Op, Edges)>) -> Program {
    let mut builder = Builder::new(Dialect::Kazoo, Lacking::Fail);
    for (at, (op, edges)) in nodes.into_iter().enumerate() {
        builder.add_with(op, edges, &Pointer::default().child(at));
    }
    builder.program().entry = Some(NodeId(0));
    builder.finish().program
}

fn to(node: usize) -> Target {
    Target::Node(NodeId(node as u32))
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn speech(text: &str) -> Item {
    Item::Speech(SpeechItem { text: Template::literal(text), ..SpeechItem::default() })
}

fn play(text: &str, barge: Barge) -> Op {
    Op::Play(Play {
        items: vec![speech(text)],
        repeat: Repeat::Times(1),
        barge,
        consume: true,
        answers: false,
    })
}

fn say(text: &str) -> Op {
    play(text, Barge::None)
}

/// Says the value of an expression.
fn tell(expr: Expr) -> Op {
    let text = Template(vec![Part::Literal("is ".into()), Part::Value(expr)]);
    let item = Item::Speech(SpeechItem { text, ..SpeechItem::default() });
    Op::Play(Play {
        items: vec![item],
        repeat: Repeat::Times(1),
        barge: Barge::None,
        consume: true,
        answers: false,
    })
}

fn literal(value: serde_json::Value) -> Expr {
    Expr::Literal(value)
}

fn variable(name: &str) -> Expr {
    Expr::Variable(name.into())
}

fn assign(name: &str, value: Expr) -> Op {
    Op::Set(vec![Assign { path: vec![name.into()], value, computed: None, merge: false }])
}

fn collect() -> Collect {
    Collect {
        prompts: vec![speech("Digits?")],
        answers: false,
        max: Some(4),
        terminators: "#".into(),
        keep_terminator: false,
        first: ms(5000),
        between: ms(2000),
        total: None,
        timer: TimerStart::PromptEnd,
        ahead: TypeAhead::All,
        name: None,
        into: Vec::new(),
        by_value: false,
    }
}

fn request(url: &str) -> Request {
    Request {
        method: Template::literal("post"),
        url: Template::literal(url),
        fields: vec![
            ("digits".into(), Expr::Fact(Fact::LastDigits)),
            ("keys".into(), Expr::Fact(Fact::KeyPresses)),
        ],
        encoding: Encoding::Json,
        omit_empty: false,
        headers: Vec::new(),
        timeout: ms(5000),
        retries: 0,
    }
}

fn fetch(install: Install) -> Op {
    let reply = Reply::Program(Dialect::Kazoo);
    Op::Fetch(Fetch { request: request("http://flows.example/next"), reply, install })
}

fn hangup() -> Op {
    Op::Hangup(Hangup { status: 486, phrase: None, cause: "busy".into() })
}

fn empty_object() -> Expr {
    literal(json!({}))
}
