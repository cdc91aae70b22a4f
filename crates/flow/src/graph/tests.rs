//! Tests of pictures.

use serde_json::{Value, json};

use super::*;

fn draw(document: &Value) -> Picture {
    picture(&crate::lower::lower(None, document).expect("a flow").program)
}

/// `title -label-> title`, for each arrow.
fn arrows(picture: &Picture) -> Vec<String> {
    let title = |at: usize| picture.shapes.get(at).map_or("nothing", |shape| shape.title.as_str());
    let arrow = |arrow: &Arrow| format!("{} -{}-> {}", title(arrow.from), arrow.label, title(arrow.to));
    picture.arrows.iter().map(arrow).collect()
}

#[test]
fn a_picture_has_each_step_its_outcomes_and_the_ends() {
    let flow = json!({"name": "x", "actions": [
        {"type": "LABEL", "name": "AGAIN"},
        {"type": "SAY", "params": {"text": "Hello"}},
        {"type": "IF", "condition": "$a == 1", "then": [{"type": "GOTO", "params": {"label": "AGAIN"}}]},
        {"type": "HANGUP"},
        {"type": "SAY", "params": {"text": "Never"}}
    ]});
    let picture = draw(&flow);
    let arrows = arrows(&picture);
    for expected in ["start --> Say(\"Hello\")", "Say(\"Hello\") --> If($a == 1)", "If($a == 1) -no"] {
        assert!(arrows.iter().any(|arrow| arrow.starts_with(expected)), "no {expected} in {arrows:#?}");
    }
    assert!(picture.shapes.iter().all(|shape| shape.title != "Noop"));
    let never = picture.shapes.iter().find(|shape| shape.title.contains("Never")).expect("it is drawn");
    assert!(!never.reachable);
    assert_eq!(never.source, "/actions/4");
}

#[test]
fn outcomes_that_lead_to_one_place_are_one_arrow() {
    let leaf = |text: &str| json!({"module": "tts", "data": {"text": text}});
    let flow = json!({"module": "tts", "data": {"text": "Hello"}, "children": {"_": leaf("Bye")}});
    let picture = draw(&flow);
    let pairs: BTreeSet<(usize, usize)> = picture.arrows.iter().map(|arrow| (arrow.from, arrow.to)).collect();
    assert_eq!(pairs.len(), picture.arrows.len(), "{:#?}", arrows(&picture));
}

#[test]
fn words_cannot_break_out_of_their_labels() {
    let text = "a\"] --> n9; <b>&`|#\nend";
    let flow = json!({"module": "tts", "data": {"text": text}});
    let picture = draw(&flow);
    let chart = mermaid(&picture);
    assert_eq!(chart.lines().filter(|line| line.contains("n9")).count(), 1, "{chart}");
    assert!(chart.contains("a#34;#93; --#62; n9#59; #60;b#62;#38;#96;#124;#35; end"), "{chart}");
    let graph = dot(&picture);
    assert!(
        graph.contains("label=\"Say(\\\"a\\\"] --> n9; <b>&`|# end\\\"), 1234567890*# stop\\n/\""),
        "{graph}"
    );
}

#[test]
fn a_star_code_is_a_start_of_its_own() {
    let leaf = json!({"module": "hangup", "data": {}});
    let flow = json!({"flow": {"module": "user", "data": {"id": "bob"}, "children": {}},
        "metaflow": {"binding_digit": "*", "numbers": {"9": leaf}}});
    let picture = draw(&flow);
    let arrows = arrows(&picture);
    assert!(arrows.iter().any(|arrow| arrow.starts_with("*9 in a conversation --> ")), "{arrows:#?}");
    assert!(picture.shapes.iter().all(|shape| shape.reachable), "{:#?}", picture.shapes);
}

#[test]
fn an_empty_flow_has_a_picture_too() {
    let picture = draw(&json!({"actions": []}));
    assert!(!picture.shapes.is_empty());
    assert!(mermaid(&picture).starts_with("flowchart TD\n  n0"));
}
