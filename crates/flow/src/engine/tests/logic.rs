//! What the actions that nobody hears do: variables, branches, loops, the calendar.

use super::*;

#[test]
fn a_loop_goes_through_a_list_or_an_object() {
    let nodes = |over| {
        vec![
            (Op::EachStart { slot: 0, over }, Edges::always(to(1))),
            (
                Op::EachNext { slot: 0, value: "val".into(), key: "key".into() },
                Edges::always(Target::Return).case(Outcome::Yes, to(2)),
            ),
            (
                tell(Expr::Template(Template(vec![
                    Part::Value(variable("key")),
                    Part::Value(variable("val")),
                ]))),
                Edges::always(to(1)),
            ),
        ]
    };
    for (over, first, second) in [(json!(["a", "b"]), "0a", "1b"), (json!({"x": 1, "y": 2}), "x1", "y2")] {
        let shown = over.to_string();
        check_program(
            graph(nodes(literal(over))),
            "",
            &format!(
                r#"
            @/0  Each({shown})
            @/1  Next(val)
            @/2
            0 Say("is {first}")
            @/1  Next(val)
            @/2
            300 Say("is {second}")
            @/1  Next(val)
            600 refuse 480
            600 end: normal, by the flow
        "#
            ),
        );
    }
}

#[test]
fn a_jump_is_used_up() {
    let nodes = vec![
        (say("Again"), Edges::always(to(1))),
        (Op::Jump(Some(1)), Edges::always(Target::Return).case(Outcome::Yes, to(0))),
    ];
    check_program(
        graph(nodes),
        "",
        r#"
        @/0
        0 Say("Again")
        @/1  Jump(1 times)
        @/0
        300 Say("Again")
        @/1  Jump(1 times)
        600 refuse 480
        600 end: normal, by the flow
    "#,
    );
}

#[test]
fn variables_are_assigned_by_path_merged_and_removed() {
    let path = |path: &[&str], value, merge| Assign {
        path: path.iter().map(|name| (*name).into()).collect(),
        computed: None,
        value,
        merge,
    };
    let sets = vec![
        path(&["s", "a"], literal(json!(1)), false),
        path(&["s"], literal(json!({"b": 2})), true),
        path(&["s", "list"], literal(json!([7, 8])), false),
        path(&["s", "list", "1"], literal(json!(9)), false),
        path(&["s", "a"], variable("nothing"), false),
    ];
    check(
        vec![Op::Set(sets), tell(variable("s"))],
        "gone",
        r#"
        @/0  Set(s.a = 1, s = {"b":2}, s.list = [7,8], s.list.1 = 9, s.a = $n…)
        @/1
        0 Say("is {"b":2,"list":[7,9]}")
        0 end: hangup, by the caller
    "#,
    );
}

#[test]
fn a_branch_takes_the_edge_of_its_text_and_empties_the_variable() {
    let branch = Branch { on: variable("v"), reset: Some("v".into()), flush: true };
    let edges = Edges::always(Target::Hangup).case(Outcome::Key("7".into()), to(2));
    let nodes = vec![
        (assign("v", literal(json!(7))), Edges::always(to(1))),
        (Op::Branch(branch), edges),
        (tell(variable("v")), Edges::always(Target::Return)),
    ];
    check_program(
        graph(nodes),
        "gone",
        r#"
        @/0  Set(v = 7)
        @/1  Branch($v)
        @/2
        0 Say("is ")
        0 end: hangup, by the caller
    "#,
    );
}

#[test]
fn the_language_holds_for_later_prompts() {
    check(
        vec![Op::Language(Template::literal("nb-NO")), tell(Expr::Fact(Fact::Language))],
        "gone",
        r#"
        @/0  Language(nb-NO)
        @/1
        0 Say("is nb-NO")
        0 end: hangup, by the caller
    "#,
    );
}

#[test]
fn opening_hours_are_local() {
    let rule = Rule {
        id: "open".into(),
        enabled: None,
        cycle: Cycle::Weekly,
        interval: 1,
        start_day: None,
        window: (9 * 3600, 17 * 3600),
        weekdays: vec![1, 2, 3, 4, 5],
        days: Vec::new(),
        month: None,
        ordinal: None,
    };
    let hours = Op::Hours(Hours { timezone: "Europe/Oslo".into(), rules: vec![rule] });
    let edges = Edges::always(Target::Return).case(Outcome::Key("open".into()), to(1));
    let nodes = || vec![(hours.clone(), edges.clone()), (say("Open"), Edges::always(Target::Return))];
    // 07:30 UTC is 08:30 in Oslo in March and 09:30 in July.
    check_program(
        graph(nodes()),
        "at 2026-03-04T07:30:00Z",
        "@/0  Hours(Europe/Oslo, 1 rules)\n0 refuse 480\n0 end: normal, by the flow",
    );
    check_program(
        graph(nodes()),
        "at 2026-07-01T07:30:00Z gone",
        r#"
        @/0  Hours(Europe/Oslo, 1 rules)
        @/1
        0 Say("Open")
        0 end: hangup, by the caller
    "#,
    );
}

#[test]
fn loops_inside_of_loops_hold_so_many_values_and_no_more() {
    let list: Vec<serde_json::Value> = (0..15_000).map(serde_json::Value::from).collect();
    let mut ops = vec![assign("list", literal(list.into()))];
    ops.extend((0..8).map(|slot| Op::EachStart { slot, over: variable("list") }));
    let transcript = sim::run_bare(line(ops), "");
    let passed_over = transcript.matches("this one is passed over").count();
    assert_eq!(passed_over, 2, "six of 15,001 values have room: {transcript}");
}
