//! Results of tests in JUnit's XML, as CI servers read it.

use std::time::Duration;

use super::test::{Suite, Verdict};

/// The whole document.
pub(super) fn document(suites: &[Suite]) -> String {
    let all: Vec<&Verdict> = suites.iter().flat_map(|suite| &suite.verdicts).collect();
    let inside: String = suites.iter().map(suite).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"offhook\" {}>\n{inside}</testsuites>\n",
        counts(&all)
    )
}

fn suite(suite: &Suite) -> String {
    let all: Vec<&Verdict> = suite.verdicts.iter().collect();
    let cases: String = all.iter().map(|verdict| case(verdict)).collect();
    format!(
        "  <testsuite name=\"{}\" {} errors=\"0\" skipped=\"0\">\n{cases}  </testsuite>\n",
        escaped(&suite.name),
        counts(&all)
    )
}

fn counts(verdicts: &[&Verdict]) -> String {
    let failed = verdicts.iter().filter(|verdict| verdict.failure.is_some()).count();
    let took: Duration = verdicts.iter().map(|verdict| verdict.took).sum();
    format!("tests=\"{}\" failures=\"{failed}\" time=\"{:.3}\"", verdicts.len(), took.as_secs_f64())
}

fn case(verdict: &Verdict) -> String {
    let (class, name) = verdict.name.rsplit_once('/').unwrap_or(("", &verdict.name));
    let opening = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escaped(&class.replace('/', ".")),
        escaped(name),
        verdict.took.as_secs_f64()
    );
    match &verdict.failure {
        None => format!("{opening}/>\n"),
        Some(failure) => {
            let first = failure.lines().next().unwrap_or_default();
            format!(
                "{opening}>\n      <failure message=\"{}\" type=\"difference\">{}</failure>\n    </testcase>\n",
                escaped(first),
                escaped(failure)
            )
        }
    }
}

/// Text for an element or an attribute; what XML 1.0 §2.2 cannot hold becomes `�`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_well_formed_whatever_they_say() {
        let failure = Some("a:1: expected `<\"&'>`\n  found \u{1}]]>".to_owned());
        let verdicts = vec![
            Verdict { name: "flows/menu.<x>".into(), took: Duration::from_millis(1_500), failure },
            Verdict { name: "alone".into(), took: Duration::ZERO, failure: None },
        ];
        let text = document(&[Suite { name: "flows & more".into(), verdicts }]);
        for piece in [
            "<testsuites name=\"offhook\" tests=\"2\" failures=\"1\" time=\"1.500\">",
            "<testsuite name=\"flows &amp; more\" tests=\"2\" failures=\"1\" time=\"1.500\" errors=\"0\" skipped=\"0\">",
            "<testcase classname=\"flows\" name=\"menu.&lt;x&gt;\" time=\"1.500\">",
            "<failure message=\"a:1: expected `&lt;&quot;&amp;'&gt;`\" type=\"difference\">a:1: expected",
            "found \u{fffd}]]&gt;</failure>",
            "<testcase classname=\"\" name=\"alone\" time=\"0.000\"/>",
        ] {
            assert!(text.contains(piece), "no {piece} in\n{text}");
        }
    }
}
