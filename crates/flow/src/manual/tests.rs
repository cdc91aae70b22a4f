//! What is selected, and that it is whole in every form.

use super::*;

#[test]
fn everything_is_in_every_form() {
    let all = Selection::of(None, None).expect("everything");
    assert_eq!(all.operations.len(), action::table().count());
    let (markdown, plain, json) = (markdown(&all), plain(&all), json(&all));
    for row in &all.operations {
        assert!(markdown.contains(&format!("| `{}` |", row.name)), "{}", row.name);
        assert!(plain.contains(row.doc), "{}", row.name);
    }
    for module in &all.modules {
        assert!(markdown.contains(&format!("### `{}`", module.name)), "{}", module.name);
        for option in module.options {
            assert!(markdown.contains(&format!("| `{}`", option.name)), "{}", option.name);
        }
    }
    assert_eq!(json["modules"].as_array().map(Vec::len), Some(all.modules.len()));
    assert_eq!(json["operations"][1]["needs"], "a call");
}

#[test]
fn a_name_finds_what_has_it_whatever_its_case_and_a_slip_what_was_meant() {
    let play = Selection::of(None, Some("play")).expect("the operation at least");
    assert_eq!(play.operations.iter().map(|row| row.name).collect::<Vec<_>>(), ["Play"]);
    assert!(plain(&play).contains("Play (operation)"));
    assert!(markdown(&play).contains("| `Play` |") && !markdown(&play).contains("# Modules\n\nEvery"));
    let meant = Selection::of(None, Some("Colect")).err().flatten();
    assert!(meant.is_some_and(|meant| meant.eq_ignore_ascii_case("collect")), "{meant:?}");
    assert_eq!(Selection::of(None, Some("xyzzy-plugh")).err(), Some(None));
}

#[test]
fn a_dialect_has_its_own_modules_only() {
    if let Ok(kazoo) = Selection::of(Some(Dialect::Kazoo), None) {
        assert!(kazoo.modules.iter().all(|module| module.dialect == Dialect::Kazoo));
    }
}
