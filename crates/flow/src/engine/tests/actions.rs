//! What the actions do that a caller hears or types into.

use super::*;

#[test]
fn prompts_follow_each_other_and_the_end_hangs_up() {
    check(
        vec![Op::Answer, say("Hello there"), say("Bye")],
        "",
        r#"
        @/0
        0 answer
        @/1
        0 Say("Hello there")
        @/2
        660 Say("Bye")
        960 hang up
        960 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_flow_that_never_answered_refuses_the_call() {
    check(vec![Op::Noop], "", "@/0\n 0 refuse 480\n 0 end: normal, by the flow");
    check(vec![hangup()], "", "@/0  Hangup(busy)\n 0 refuse 486\n 0 end: busy, by the flow");
}

#[test]
fn a_key_stops_a_prompt_that_allows_it_and_is_used_up() {
    let edges = Edges::always(Target::Return).case(Outcome::Key("5".into()), to(1));
    let nodes = vec![
        (play("Hello there", Barge::Keys("5".into())), edges),
        (Op::Collect(collect()), Edges::always(Target::Return)),
    ];
    check_program(
        graph(nodes),
        "wait 100ms 7 wait 100ms 5 wait 1s 2#",
        r#"
        @/0
        0 Say("Hello there")
        100 key 7
        200 key 5
        @/1  Collect(max 4, end #, 5 s)
        1200 key 2
        1200 key #
        1200 got "72"
        1200 refuse 480
        1200 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_prompt_of_nothing_takes_no_time() {
    check(
        vec![tell(Expr::Literal(json!(null))), say(" ")],
        "",
        r#"
        @/0
        0 Say("is ")
        @/1
        300 refuse 480
        300 end: normal, by the flow
    "#,
    );
}

#[test]
fn the_first_key_stops_the_prompt_of_a_collect() {
    check(
        vec![Op::Collect(collect()), tell(Expr::Fact(Fact::LastDigits))],
        "wait 100ms 12 wait",
        r#"
        @/0  Collect(max 4, end #, 5 s)
        0 Say("Digits?")
        100 key 1
        100 key 2
        2100 got "12"
        @/1
        2100 Say("is 12")
        2400 refuse 480
        2400 end: normal, by the flow
    "#,
    );
}

#[test]
fn the_timer_for_the_first_key_starts_when_the_prompt_ends_or_at_entry() {
    check(
        vec![Op::Collect(collect())],
        "wait 100ms",
        r#"
        @/0  Collect(max 4, end #, 5 s)
        0 Say("Digits?")
        5420 got ""
        5420 refuse 480
        5420 end: normal, by the flow
    "#,
    );
    let entry = Collect { timer: TimerStart::Entry, ..collect() };
    check(
        vec![Op::Collect(entry)],
        "",
        r#"
        @/0  Collect(max 4, end #, 5 s)
        0 Say("Digits?")
        5000 got ""
        5000 refuse 480
        5000 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_total_time_ends_a_collect_whatever_is_typed() {
    let total = Collect { prompts: Vec::new(), total: Some(ms(3000)), ..collect() };
    check(
        vec![Op::Collect(total)],
        "wait 1s 1 wait 1900ms 2 wait",
        r#"
        @/0  Collect(max 4, end #, 5 s)
        1000 key 1
        2900 key 2
        3000 got "12"
        3000 refuse 480
        3000 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_terminator_alone_is_an_empty_answer_and_not_a_timeout() {
    let by_value = Collect { by_value: true, ..collect() };
    let edges =
        Edges::always(Target::Return).case(Outcome::Key(String::new()), to(1)).case(Outcome::Timeout, to(2));
    let nodes = || {
        vec![
            (Op::Collect(by_value.clone()), edges.clone()),
            (say("Empty"), Edges::always(Target::Return)),
            (say("Nobody"), Edges::always(Target::Return)),
        ]
    };
    check_program(
        graph(nodes()),
        "#",
        r#"
        @/0  Collect(max 4, end #, 5 s)
        0 Say("Digits?")
        0 key #
        0 got ""
        @/1
        0 Say("Empty")
        300 refuse 480
        300 end: normal, by the flow
    "#,
    );
    check_program(
        graph(nodes()),
        "",
        r#"
        @/0  Collect(max 4, end #, 5 s)
        0 Say("Digits?")
        5420 got ""
        @/2
        5420 Say("Nobody")
        5780 refuse 480
        5780 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_terminator_may_be_kept() {
    let kept = Collect { keep_terminator: true, into: vec!["d".into()], ..collect() };
    check(
        vec![Op::Collect(kept), tell(variable("d"))],
        "1#",
        r#"
        @/0  Collect(max 4, end #, 5 s)
        0 Say("Digits?")
        0 key 1
        0 key #
        0 got "1#"
        @/1
        0 Say("is 1#")
        300 refuse 480
        300 end: normal, by the flow
    "#,
    );
}

#[test]
fn keys_typed_ahead_count_wholly_or_the_last_or_not_at_all() {
    for (ahead, got) in [(TypeAhead::All, "1234"), (TypeAhead::Last, "5"), (TypeAhead::Drop, "")] {
        let collect = Collect { ahead, prompts: Vec::new(), ..collect() };
        let wait = if got.len() == 4 {
            300
        } else if got.is_empty() {
            5300
        } else {
            2300
        };
        check(
            vec![say("Go"), Op::Collect(collect)],
            "12345",
            &format!(
                r#"
            @/0
            0 Say("Go")
            0 key 1
            0 key 2
            0 key 3
            0 key 4
            0 key 5
            @/1  Collect(max 4, end #, 5 s)
            {wait} got "{got}"
            {wait} refuse 480
            {wait} end: normal, by the flow
        "#
            ),
        );
    }
}

#[test]
fn a_terminator_after_a_full_collect_does_not_answer_the_next_question() {
    let one = || Op::Collect(Collect { max: Some(1), ..collect() });
    check(
        vec![one(), one()],
        "1 wait 500ms # wait 500ms 2",
        r#"
        @/0  Collect(max 1, end #, 5 s)
        0 Say("Digits?")
        0 key 1
        0 got "1"
        @/1  Collect(max 1, end #, 5 s)
        0 Say("Digits?")
        500 key #
        1000 key 2
        1000 got "2"
        1000 refuse 480
        1000 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_menu_routes_by_key_and_loses_patience() {
    let menu = || Menu {
        gather: Collect { by_value: true, max: Some(1), ..collect() },
        retries: 2,
        hunt: None,
        record: None,
        transfer: Vec::new(),
        invalid: vec![speech("No")],
        exit: vec![speech("Bye")],
    };
    let edges = Edges::always(Target::Hangup).case(Outcome::Key("1".into()), to(1));
    let nodes = |edges: Edges| vec![(Op::Menu(menu()), edges), (say("One"), Edges::always(Target::Return))];
    check_program(
        graph(nodes(edges.clone())),
        "9 wait wait 1",
        r#"
        @/0  Menu(max 1, end #, 5 s, 2 rounds)
        0 Say("Digits?")
        0 key 9
        0 got "9"
        0 Say("No")
        300 Say("Digits?")
        720 key 1
        720 got "1"
        @/1
        720 Say("One")
        1020 refuse 480
        1020 end: normal, by the flow
    "#,
    );
    check_program(
        graph(nodes(edges.clone().case(Outcome::Key("max_retries".into()), to(1)))),
        "9 wait wait 8",
        r#"
        @/0  Menu(max 1, end #, 5 s, 2 rounds)
        0 Say("Digits?")
        0 key 9
        0 got "9"
        0 Say("No")
        300 Say("Digits?")
        720 key 8
        720 got "8"
        720 Say("No")
        1020 Say("Bye")
        @/1
        1320 Say("One")
        1620 refuse 480
        1620 end: normal, by the flow
    "#,
    );
    check_program(
        graph(nodes(edges.case(Outcome::Key("timeout".into()), to(1)))),
        "",
        r#"
        @/0  Menu(max 1, end #, 5 s, 2 rounds)
        0 Say("Digits?")
        5420 got ""
        @/1
        5420 Say("One")
        5720 refuse 480
        5720 end: normal, by the flow
    "#,
    );
}

#[test]
fn sleeping_and_echoing_take_their_time() {
    check(
        vec![Op::Sleep(literal(json!("1500"))), Op::Sleep(literal(json!(-1))), Op::Echo(Some(ms(2000)))],
        "",
        r#"
        @/0  Sleep("1500" ms)
        @/1  Sleep(-1 ms)
        @/2  Echo(2 s)
        1500 echo
        3500 refuse 480
        3500 end: normal, by the flow
    "#,
    );
}

#[test]
fn keys_are_sent_and_forgotten() {
    let send = SendDigits { digits: Template::literal("1w2x"), duration: ms(100), gap: ms(50) };
    let collect = Op::Collect(Collect { prompts: Vec::new(), ..collect() });
    check(
        vec![Op::SendDigits(send), Op::FlushDigits, collect],
        "5",
        r#"
        @/0  SendDigits("1w2x")
        0 send 1w2
        0 key 5
        @/1  FlushDigits
        @/2  Collect(max 4, end #, 5 s)
        5400 got ""
        5400 refuse 480
        5400 end: normal, by the flow
    "#,
    );
}

fn record() -> Record {
    Record {
        name: Some(Template::literal("memo")),
        limit: Some(ms(10_000)),
        silence: None,
        stop_keys: "#".into(),
        beep: true,
        format: FileFormat::Wav,
        sides: Sides::Caller,
        upload: None,
        answers: true,
        keeping: Keeping::default(),
    }
}

#[test]
fn a_recording_in_the_foreground_beeps_and_ends_by_key() {
    check(
        vec![Op::Record(record()), say("Thanks")],
        "wait wait 3s 1# wait",
        r#"
        @/0  Record("memo", max 10 s, # stop)
        0 answer
        0 Tone(440 Hz, 500 ms)
        500 record "memo"
        3500 key 1
        3500 key #
        3500 recorded recording-1, 3000 ms
        @/1
        3500 Say("Thanks")
        3860 hang up
        3860 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_recording_is_masked_and_toggled() {
    let background = || Record { beep: false, limit: None, format: FileFormat::Mp3, ..record() };
    check(
        vec![
            Op::RecordToggle(background()),
            Op::RecordMask(true),
            Op::RecordMask(false),
            Op::RecordToggle(background()),
            say("Hello there"),
        ],
        "",
        r#"
        @/0  RecordToggle("memo", mp3, # stop)
        0 answer
        0 record "memo"
        @/1  RecordMask
        0 mask the recording
        @/2  RecordUnmask
        0 unmask the recording
        @/3  RecordToggle("memo", mp3, # stop)
        0 recorded recording-1, 0 ms
        @/4
        0 Say("Hello there")
        660 hang up
        660 end: normal, by the flow
    "#,
    );
}

#[test]
fn a_recording_in_the_background_is_closed_before_the_call_ends() {
    let background = || Record { beep: false, limit: None, ..record() };
    check(
        vec![Op::RecordStart(background()), Op::RecordStart(background()), say("Hello there")],
        "",
        r#"
        @/0  RecordStart("memo", # stop)
        0 answer
        0 record "memo"
        @/1  RecordStart("memo", # stop)
        0 note: a recording is already running
        @/2
        0 Say("Hello there")
        660 recorded recording-1, 660 ms
        660 hang up
        660 end: normal, by the flow
    "#,
    );
}
