//! Conversations and the star codes that are pressed in them.

use super::*;

fn user(name: &str) -> Op {
    Op::Dial(Box::new(Dial::new(vec![Callee::User(Template::literal(name)).into()], ms(20_000))))
}

fn feature(feature: Feature) -> Op {
    Op::Feature(Box::new(feature))
}

/// Dials and then says good bye; `nodes` are the star codes' own, from `/2` on.
fn talk(nodes: Vec<(Op, Edges)>, codes: Metaflows) -> Program {
    let mut all =
        vec![(user("bob"), Edges::always(to(1))), (say("Good bye."), Edges::always(Target::Return))];
    all.extend(nodes);
    Program { metaflows: Some(codes), ..graph(all) }
}

fn codes(numbers: &[(&str, u32)], patterns: &[(&str, u32)]) -> Metaflows {
    let listed = |codes: &[(&str, u32)]| {
        codes.iter().map(|(code, node)| ((*code).to_owned(), NodeId(*node))).collect()
    };
    Metaflows {
        binding: '*',
        timeout: ms(800),
        listen_on: Side::Own,
        numbers: listed(numbers),
        patterns: listed(patterns),
        leaving: Vec::new(),
    }
}

fn end() -> Edges {
    Edges::always(Target::Return)
}

fn captured() -> Template {
    let first = Access::Index(Box::new(literal(json!(0))));
    Template(vec![Part::Value(Expr::Member(Box::new(Expr::Fact(Fact::Captures)), first))])
}

fn transfer() -> Op {
    feature(Feature::Transfer(Transfer {
        to: captured(),
        attended: false,
        side: Side::Peer,
        takeback: "*1".into(),
        timeout: ms(20_000),
        ringback: None,
        music: None,
    }))
}

#[test]
fn a_code_is_looked_up_when_no_digit_came_in_time_exactly_first() {
    let nodes = vec![(feature(Feature::Break(Side::Own)), end()), (transfer(), end())];
    let program = talk(nodes, codes(&[("2", 2)], &[("2(\\d+)", 3), ("2", 2)]));
    let script = "dial 1s answered 20s\nwait 2s *2 wait 500ms 555 wait 2s *2 wait 2s *777";
    check_program(
        program,
        script,
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 key *
        2000 key 2
        2500 key 5
        2500 key 5
        2500 key 5
        3300 got "2555"
        @/3  Transfer("${captures[0]}", peer, back by *1, 20 s)
        3300 feature Transfer("555", peer, back by *1, 20 s)
        4500 key *
        4500 key 2
        5300 got "2"
        @/2  Break(own)
        5300 feature Break(own)
        6500 key *
        6500 key 7
        6500 key 7
        6500 key 7
        7300 got "777"
        7300 note: there is no star code 777
        @/1
        21000 Say("Good bye.")
        21540 hang up
        21540 end: normal, by the flow
        "#,
    );
}

#[test]
fn only_those_who_are_listened_to_press_codes_and_the_other_party_asks_for_its_own_side() {
    let nodes = vec![(transfer(), end())];
    let codes = Metaflows { listen_on: Side::Peer, ..codes(&[], &[("^2(\\d+)$", 2)]) };
    let script = "dial 1s answered 20s\nwait 2s *2555 wait 2s peer *2555 wait 2s peer 2555";
    check_program(
        talk(nodes, codes),
        script,
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 key *
        2000 key 2
        2000 key 5
        2000 key 5
        2000 key 5
        4000 the other party presses *
        4000 the other party presses 2
        4000 the other party presses 5
        4000 the other party presses 5
        4000 the other party presses 5
        4800 got "2555"
        @/2  Transfer("${captures[0]}", peer, back by *1, 20 s)
        4800 feature Transfer(for the other party, "555", peer, back by *1, 20 s)
        6000 the other party presses 2
        6000 the other party presses 5
        6000 the other party presses 5
        6000 the other party presses 5
        @/1
        21000 Say("Good bye.")
        21540 hang up
        21540 end: normal, by the flow
        "#,
    );
}

#[test]
fn nodes_run_beside_the_conversation_hear_the_callers_keys_and_end_with_it() {
    let nodes = vec![
        (play("One moment.", Barge::Any), Edges::always(to(3))),
        (say("Thank you for your patience, both of you, and for listening to all of this."), end()),
    ];
    let program = talk(nodes, codes(&[("1", 2)], &[]));
    let script = "dial 1s answered 5s\nwait 2s *1 wait 1s 5 wait 2s 7";
    check_program(
        program,
        script,
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 key *
        2000 key 1
        2800 got "1"
        @/2
        2800 Say("One moment.")
        3000 key 5
        @/3
        3000 Say("Thank you for your patience, both of you, and for listening to all of this.")
        5000 key 7
        @/1
        6000 Say("Good bye.")
        6540 hang up
        6540 end: normal, by the flow
        "#,
    );
}

#[test]
fn a_code_may_hang_up_for_the_one_who_pressed_it() {
    let nodes = || vec![(hangup(), end())];
    let both = || Metaflows { listen_on: Side::Both, ..codes(&[("9", 2)], &[]) };
    check_program(
        talk(nodes(), both()),
        "dial 1s answered 20s\nwait 2s *9",
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 key *
        2000 key 9
        2800 got "9"
        @/2  Hangup(busy)
        2800 hang up
        2800 end: busy, by the flow
        "#,
    );
    check_program(
        talk(nodes(), both()),
        "dial 1s answered 20s\nwait 2s peer *9",
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 the other party presses *
        2000 the other party presses 9
        2800 got "9"
        @/2  Hangup(busy)
        @/1
        2800 Say("Good bye.")
        3340 hang up
        3340 end: normal, by the flow
        "#,
    );
}

#[test]
fn a_node_that_leaves_ends_the_conversation_and_the_flow_goes_on_there() {
    let nodes = vec![(say("How was it?"), end())];
    let codes = Metaflows { leaving: vec![NodeId(2)], ..codes(&[("4", 2)], &[]) };
    check_program(
        talk(nodes, codes),
        "dial 1s answered 20s\nwait 2s *4",
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 key *
        2000 key 4
        2800 got "4"
        @/2
        2800 Say("How was it?")
        3460 hang up
        3460 end: normal, by the flow
        "#,
    );
}

#[test]
fn a_server_may_be_asked_beside_the_conversation_and_its_program_ends_it() {
    let nodes =
        vec![(fetch(Install::Replace), Edges::always(to(3))), (feature(Feature::Break(Side::Own)), end())];
    let script =
        "dial 1s answered 20s\nhttp 500\nhttp 200 {\"module\":\"answer\",\"data\":{}}\nwait 2s *6 wait 2s *6";
    check_program(
        talk(nodes, codes(&[("6", 2)], &[])),
        script,
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 key *
        2000 key 6
        2800 got "6"
        @/2  Fetch(post http://flows.example/next)
        2800 POST http://flows.example/next
        | Content-Type: application/json
        | {"digits":"","keys":[]}
        2850 reply 500 after 50 ms
        2850 note: the server answered 500
        @/3  Break(own)
        2850 feature Break(own)
        4000 key *
        4000 key 6
        4800 got "6"
        @/2  Fetch(post http://flows.example/next)
        4800 POST http://flows.example/next
        | Content-Type: application/json
        | {"digits":"","keys":[]}
        4850 reply 200 after 50 ms
        @/
        4850 hang up
        4850 end: normal, by the flow
        "#,
    );
}

#[test]
fn keys_of_a_conversation_are_not_typed_ahead() {
    let program = line(vec![user("bob"), Op::Collect(collect())]);
    let script = "dial 1s answered 5s\nwait 2s 12 wait 5s 34#";
    check_program(
        program,
        script,
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 key 1
        2000 key 2
        @/1  Collect(max 4, end #, 5 s)
        6000 Say("Digits?")
        7000 key 3
        7000 key 4
        7000 key #
        7000 got "34"
        7000 hang up
        7000 end: normal, by the flow
        "#,
    );
}

#[test]
fn a_code_that_breaks_off_ends_the_one_at_work_and_no_other_does() {
    let announce = Announce { what: Announcement::Sound(Template::literal("news")), side: Side::Both };
    let nodes =
        vec![(feature(Feature::Announce(announce)), end()), (feature(Feature::Break(Side::Own)), end())];
    let program = talk(nodes, codes(&[("1", 2), ("2", 3)], &[]));
    let script = "dial 1s answered 20s\nwait 2s *1 wait 1s *1 wait 850ms *2 wait 3s *1";
    check_program(
        program,
        script,
        r#"
        @/0  Dial(user bob; 20 s)
        0 dial user bob; 20 s
        1000 user bob answers
        2000 key *
        2000 key 1
        2800 got "1"
        @/2  Announce("news", to both)
        2800 feature Announce("news", to both)
        3000 key *
        3000 key 1
        3800 got "1"
        3800 note: another star code is still at work
        3850 key *
        3850 key 2
        4650 got "2"
        @/3  Break(own)
        4650 feature Break(own)
        6850 key *
        6850 key 1
        7650 got "1"
        @/2  Announce("news", to both)
        7650 feature Announce("news", to both)
        @/1
        21000 Say("Good bye.")
        21540 hang up
        21540 end: normal, by the flow
        "#,
    );
}
