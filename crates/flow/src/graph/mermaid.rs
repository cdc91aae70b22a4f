//! A picture in Mermaid's language, which README files and wikis draw.

use std::fmt::Write;

use super::{Kind, Picture, Shape};

/// The picture as a Mermaid flowchart.
pub fn mermaid(picture: &Picture) -> String {
    let mut text = String::from("flowchart TD\n");
    for (at, shape) in picture.shapes.iter().enumerate() {
        let label = label(shape);
        let (open, close) = match shape.kind {
            Kind::Start | Kind::End => ("([", "])"),
            Kind::Question => ("{{", "}}"),
            _ => ("[", "]"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  n{at}{open}\"{label}\"{close}");
    }
    for arrow in &picture.arrows {
        let label =
            if arrow.label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&arrow.label)) };
        let _ = writeln!(text, "  n{} -->{label} n{}", arrow.from, arrow.to);
    }
    let lost = picture.shapes.iter().enumerate().filter(|(_, shape)| !shape.reachable);
    let lost: Vec<String> = lost.map(|(at, _)| format!("n{at}")).collect();
    if !lost.is_empty() {
        text.push_str(
            "  classDef unreachable fill:#eeeeee,stroke:#aaaaaa,color:#999999,stroke-dasharray:4\n",
        );
        let _ = writeln!(text, "  class {} unreachable", lost.join(","));
    }
    text
}

fn label(shape: &Shape) -> String {
    let title = escaped(&shape.title);
    if shape.source.is_empty() {
        title
    } else {
        format!("{title}<br><small>{}</small>", escaped(&shape.source))
    }
}

/// Text between quotes: what means something to Mermaid, HTML or Markdown is written by its code.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '#' | '&' | '<' | '>' | '`' | '*' | '_' | '~' | '\\' | '$' | ';' | '{' | '}' | '['
            | ']' | '|' => {
                let _ = write!(out, "#{};", u32::from(letter));
            }
            _ if letter.is_control() => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}
