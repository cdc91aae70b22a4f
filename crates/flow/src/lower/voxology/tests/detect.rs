//! DETECT.

use super::*;

#[test]
fn detect_takes_its_timings_from_its_params_and_the_rest_from_the_server() {
    let program = clean(json!([
        { "type": "DETECT" },
        { "type": "DETECT", "params": { "timeout": 3500, "greeting": 1500, "max_words": 4 } }
    ]));
    let ms = |ms| Some(Duration::from_millis(ms));
    let timings = |pointer| match node(&program, pointer).op {
        Op::Detect(detect) => (*detect.timings, detect.follows, detect.answers),
        other => panic!("{other:?}"),
    };
    assert_eq!(timings("/actions/0"), (Timings::default(), false, true));
    let some = Timings { total: ms(3_500), greeting: ms(1_500), max_words: Some(4), ..Timings::default() };
    assert_eq!(timings("/actions/1"), (some, false, true));
    let wrong = script(json!([{ "type": "DETECT", "params": { "timeout": 100, "beep": 2000 } }]));
    let told = told(&wrong);
    assert!(told[0].1.ends_with("/params/timeout") && told[0].2.contains("500 to 120000"), "{told:?}");
    assert!(told[1].2.contains("no option `beep`"), "it does not follow greetings: {told:?}");
}
