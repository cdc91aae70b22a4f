//! A picture in Graphviz's language.

use std::fmt::Write;

use super::{Kind, Picture};

/// The picture as a digraph.
pub fn dot(picture: &Picture) -> String {
    let mut text =
        String::from("digraph flow {\n  node [shape=box, fontname=\"sans-serif\", fontsize=11];\n");
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    for (at, shape) in picture.shapes.iter().enumerate() {
        let form = match shape.kind {
            Kind::Start | Kind::End => ", style=rounded",
            Kind::Question => ", shape=hexagon",
            _ => "",
        };
        let grey = if shape.reachable { "" } else { ", color=gray, fontcolor=gray" };
        let place =
            if shape.source.is_empty() { String::new() } else { format!("\\n{}", escaped(&shape.source)) };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  n{at} [label=\"{}{place}\"{form}{grey}];", escaped(&shape.title));
    }
    for arrow in &picture.arrows {
        let _ = writeln!(text, "  n{} -> n{} [label=\"{}\"];", arrow.from, arrow.to, escaped(&arrow.label));
    }
    text.push_str("}\n");
    text
}

/// Text between quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r', '\t'], " ")
}
