//! Limits, failures, and what a program leaves behind.

use super::*;

#[test]
fn a_circle_that_never_waits_is_broken() {
    let nodes = vec![(
        Op::If(Condition::Expr(literal(json!(true)))),
        Edges::always(Target::Return).case(Outcome::Yes, to(0)),
    )];
    let transcript = sim::run_bare(graph(nodes), "");
    assert!(transcript.contains("1000 steps without a pause"), "{transcript}");
    assert!(transcript.ends_with("     0 refuse 480\n     0 end: budget, by the flow\n"), "{transcript}");
}

#[test]
fn a_circle_that_waits_goes_on_until_the_caller_has_enough() {
    let nodes = vec![(say("Hold the line"), Edges::always(to(0)))];
    let transcript = sim::run_bare(graph(nodes), "wait 60s gone");
    assert!(transcript.ends_with("end: hangup, by the caller\n"), "{transcript}");
}

#[test]
fn a_program_may_allow_fewer_nodes() {
    let mut program = graph(vec![(say("Again"), Edges::always(to(0)))]);
    program.node_limit = Some(2);
    check_program(
        program,
        "",
        r#"
        @/0
        0 Say("Again")
        @/0
        300 Say("Again")
        600 note: 2 steps in one call, and no more are allowed
        600 refuse 480
        600 end: budget, by the flow
    "#,
    );
}

#[test]
fn what_is_not_there_takes_its_edge_and_says_so() {
    let edges = Edges::always(Target::Hangup).case(Outcome::Failed(Cause::Unavailable), to(1));
    let nodes = vec![
        (Op::Unavailable { feature: "conference".into() }, edges),
        (Op::Residual("dance".into()), Edges::always(Target::Return)),
    ];
    check_program(
        graph(nodes),
        "",
        r#"
        @/0  Unavailable(conference)
        0 note: conference is not available here
        @/1  Residual(dance)
        0 note: "dance" is not known and was skipped
        0 refuse 480
        0 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_fetched_program_replaces_the_running_one() {
    check(
        vec![fetch(Install::Replace), say("Never")],
        r#"http 200 {"module":"hangup","data":{}}"#,
        r#"
        @/0  Fetch(post http://flows.example/next)
        0 POST http://flows.example/next
        | Content-Type: application/json
        | {"digits":"","keys":[]}
        50 reply 200 after 50 ms
        @/  Hangup(normal)
        50 refuse 480
        50 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_pushed_program_comes_back() {
    let mut program = line(vec![fetch(Install::Push), say("Back")]);
    program.dialect = Dialect::Voipbin;
    for node in &mut program.nodes {
        if let Op::Fetch(fetch) = &mut node.op {
            fetch.reply = Reply::Program(Dialect::Voipbin);
        }
    }
    check_program(
        program,
        r#"http 200 [{"type":"beep"}]"#,
        r#"
        @/0  Fetch(post http://flows.example/next)
        0 POST http://flows.example/next
        | Content-Type: application/json
        | {"digits":"","keys":[]}
        50 reply 200 after 50 ms
        @/0
        50 Tone(1000 Hz, 500 ms)
        @/1
        550 Say("Back")
        850 refuse 480
        850 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_reply_that_is_no_program_takes_the_edge_of_failures() {
    let edges = Edges::always(Target::Hangup).case(Outcome::Failed(Cause::Http), to(1));
    let run = |reply: &str| {
        let nodes =
            vec![(fetch(Install::Replace), edges.clone()), (say("Sorry"), Edges::always(Target::Return))];
        sim::run_bare(graph(nodes), &format!("http {reply}\nwait wait"))
    };
    for (reply, words) in [
        ("500", "the server answered 500"),
        ("200 <html>", "the reply (text/plain) is not JSON"),
        ("200 [7]", "the reply cannot be read"),
        ("refused", "no reply after 50 ms: connection refused"),
        ("timeout", "no reply after 5000 ms: no reply in time"),
    ] {
        let transcript = run(reply);
        assert!(transcript.contains(words), "{transcript}");
        assert!(transcript.contains("Say(\"Sorry\")"), "{transcript}");
    }
}

#[test]
fn an_empty_reply_hangs_up() {
    let transcript = sim::run_bare(line(vec![fetch(Install::Replace), say("Never")]), "http 200");
    assert!(
        transcript.ends_with(
            "note: nothing to do in this document\n    50 refuse 480\n    50 end: normal, by the flow\n"
        ),
        "{transcript}"
    );
}

#[test]
fn a_server_that_never_lets_the_call_hear_anything_is_given_up() {
    let mut program = line(vec![fetch(Install::Replace)]);
    program.on_end = Some(NodeId(0));
    let script = r#"http 200 {"module":"noop","data":{}}"#.to_owned() + "\n";
    // A module without children hangs up in Kazoo, so the circle is made by the failure's edge.
    program.nodes[0].edges = Edges::always(Target::Return);
    let transcript =
        sim::run_bare(program, &script.replace("200 {\"module\":\"noop\",\"data\":{}}", "500").repeat(200));
    assert!(transcript.contains("runs in a circle"), "{transcript}");
    assert!(transcript.matches("POST").count() <= 50, "{transcript}");
}

#[test]
fn a_program_that_is_used_up_asks_for_the_next_one_while_the_leg_lasts() {
    let mut program = graph(vec![
        (say("First"), Edges::always(Target::Return)),
        (fetch(Install::Replace), Edges::always(Target::Hangup)),
    ]);
    program.on_end = Some(NodeId(1));
    check_program(
        program,
        "http 500",
        r#"
        @/0
        0 Say("First")
        @/1  Fetch(post http://flows.example/next)
        300 POST http://flows.example/next
        | Content-Type: application/json
        | {"digits":"","keys":[]}
        350 reply 500 after 50 ms
        350 note: the server answered 500
        350 refuse 480
        350 end: normal, by the flow
    "#,
    );
}

#[test]
fn key_presses_are_told_once() {
    let mut hook = line(vec![Op::Collect(collect()), fetch(Install::Replace)]);
    hook.nodes[1].edges = Edges::always(to(2));
    let webhook = Op::Webhook(Webhook { request: request("http://flows.example/hook"), wait: false });
    hook.nodes.push(Node::new(webhook, Edges::always(Target::Return), Pointer("/2".into())));
    check_program(
        hook,
        "1# \n http 500",
        r#"
        @/0  Collect(max 4, end #, 5 s)
        0 Say("Digits?")
        0 key 1
        0 key #
        0 got "1"
        @/1  Fetch(post http://flows.example/next)
        0 POST http://flows.example/next
        | Content-Type: application/json
        | {"digits":"1","keys":[{"name":"","digits":"1"}]}
        50 reply 500 after 50 ms
        50 note: the server answered 500
        @/2  Webhook(post http://flows.example/hook)
        50 POST http://flows.example/hook
        | Content-Type: application/json
        | {"digits":"1","keys":[]}
        50 refuse 480
        50 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_webhook_fails_only_if_it_is_waited_for() {
    let edges = Edges::always(Target::Return).case(Outcome::Failed(Cause::Http), to(1));
    let hook = |wait| Op::Webhook(Webhook { request: request("ftp://x"), wait });
    let nodes = |wait| vec![(hook(wait), edges.clone()), (say("Failed"), Edges::always(Target::Return))];
    check_program(
        graph(nodes(true)),
        "gone",
        r#"
        @/0  Webhook(post ftp://x)
        0 note: "ftp://x" is no http:// or https:// address
        @/1
        0 Say("Failed")
        0 end: hangup, by the caller
    "#,
    );
    check_program(
        graph(nodes(false)),
        "",
        r#"
        @/0  Webhook(post ftp://x)
        0 note: "ftp://x" is no http:// or https:// address
        0 refuse 480
        0 end: normal, by the flow
    "#,
    );
}

#[test]
fn another_document_is_entered_and_left() {
    let subflow = |id| Op::Subflow(Subflow { id: Template::literal(id), install: Install::Push });
    let nodes = vec![
        (subflow("greeting"), Edges::always(to(1))),
        (subflow("missing"), Edges::always(Target::Hangup).case(Outcome::Failed(Cause::Missing), to(2))),
        (say("Back"), Edges::always(Target::Return)),
    ];
    let script = r#"flow greeting {"module":"sleep","data":{"duration":1},"children":{}}"#;
    let transcript = sim::run_bare(graph(nodes), script);
    let order = [
        "look up \"greeting\"",
        "Sleep(",
        "look up \"missing\"",
        "there is no flow \"missing\"",
        "Say(\"Back\")",
    ];
    let places: Vec<_> = order
        .iter()
        .map(|words| transcript.find(words).unwrap_or_else(|| panic!("{words}\n{transcript}")))
        .collect();
    assert!(places.is_sorted(), "{transcript}");
}

#[test]
fn a_flow_that_calls_itself_for_ever_is_broken() {
    let mut builder = Builder::new(Dialect::Voipbin, Lacking::Skip);
    let subflow = Op::Subflow(Subflow { id: Template::literal("self"), install: Install::Push });
    let entry = builder.add(subflow, &Pointer::default());
    builder.program().entry = Some(entry);
    let script = r#"flow self {"actions":[{"type":"fetch_flow","option":{"flow_id":"self"}}]}"#;
    let transcript = sim::run_bare(builder.finish().program, script);
    assert!(transcript.contains("calls itself 100 times over"), "{transcript}");
}

#[test]
fn a_value_that_doubles_for_ever_is_not_kept() {
    let double = assign("a", Expr::Array(vec![variable("a"), variable("a")]));
    let nodes = vec![
        (double, Edges::always(to(1))),
        (Op::Jump(Some(40)), Edges::always(Target::Return).case(Outcome::Yes, to(0))),
    ];
    let transcript = sim::run_bare(graph(nodes), "");
    assert!(transcript.contains("a is too large and was not kept"), "{transcript}");
    let text = assign("t", Expr::Binary(Binary::Add, Box::new(variable("t")), Box::new(variable("t"))));
    let nodes = vec![
        (assign("t", literal(json!("ab"))), Edges::always(to(1))),
        (text, Edges::always(to(2))),
        (Op::Jump(Some(100)), Edges::always(Target::Return).case(Outcome::Yes, to(1))),
    ];
    let transcript = sim::run_bare(graph(nodes), "");
    assert!(transcript.ends_with("end: normal, by the flow\n"), "{transcript}");
    assert_ne!(empty_object(), literal(json!(null)));
}

#[test]
fn what_never_comes_after_the_call_is_waited_for_so_long_and_no_longer() {
    let message = Message { wait: true, ..Message::new(Channel::Sms, Vec::new(), Template::literal("x")) };
    let mut program = graph(vec![
        (Op::WaitForHangup, Edges::always(Target::Return)),
        (Op::Feature(Box::new(Feature::Message(message))), Edges::always(Target::Return)),
    ]);
    program.on_gone = Some(NodeId(1));
    check_program(
        program,
        "feature message done 500s\nwait 1s gone",
        "@/0  WaitForHangup
         1000 end: hangup, by the caller
         @/1  Message(sms, \"x\", waits)
         1000 feature Message(sms, \"x\", waits)
         121000 note: what the flow does after the call takes too long",
    );
}
