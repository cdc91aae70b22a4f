//! The flows in the binary: what runs when nothing is configured.

use flow::ir::{Item, Op, Template};
use flow::tone;
use store::{Directory, Loaded, Sounds};

fn demo() -> Loaded {
    Directory::load(None).expect("the demo")
}

#[test]
fn the_demo_has_no_errors_and_no_residuals() {
    let demo = demo();
    let errors: Vec<String> =
        demo.problems.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect();
    assert_eq!(errors, [""; 0]);
    for document in demo.flows.documents() {
        assert_eq!(document.program.residual_count(), 0, "{}", document.id);
    }
}

#[test]
fn every_number_of_the_tour_leads_to_its_flow() {
    let demo = demo();
    let numbers = [
        "1001", "1002", "1003", "1004", "1101", "1102", "1201", "1301", "9195", "9196", "9197", "9198",
        "9199",
    ];
    for number in numbers {
        let route = demo.flows.route(number).unwrap_or_else(|| panic!("no flow at {number}"));
        assert!(route.public, "{number}");
    }
}

#[test]
fn every_sound_that_the_demo_names_is_in_the_binary() {
    let (demo, built_in) = (demo(), Sounds::built_in());
    for document in demo.flows.documents() {
        let items = document.program.nodes.iter().flat_map(|node| match &node.op {
            Op::Play(play) => play.items.clone(),
            Op::Collect(collect) => collect.prompts.clone(),
            _ => Vec::new(),
        });
        for item in items {
            if let Item::Sound(name) = item {
                let name = Template::as_literal(&name).expect("a name without variables").to_owned();
                if let Some(made) = tone::named(&name) {
                    made.unwrap_or_else(|why| panic!("{name} in {}: {why}", document.id));
                    continue;
                }
                let sound = demo.flows.sounds().resolve(&name).or_else(|_| built_in.resolve(&name));
                assert!(sound.is_ok_and(|sound| sound.read().is_ok()), "{name} in {}", document.id);
            }
        }
    }
}
