//! A flow's picture as SVG: `dugong` decides where boxes and arrows go, this writes them.
//!
//! Boxes bring their own background and arrows are of a middle grey, so that it is read on white and on black.

use std::fmt::Write;

use dugong::graphlib::{Graph, GraphOptions};
use dugong::{EdgeLabel, GraphLabel, NodeLabel, Point};
use flow::graph::{Kind, Picture, Shape};

/// Characters in a line of a box; longer titles go on in the next.
const LINE: usize = 38;
/// Lines of a title; the rest is left out.
const LINES: usize = 4;
/// Width of a character: title, place, label. The font is monospaced.
const WIDTHS: [f64; 3] = [7.25, 6.1, 6.7];
/// Height of a line of the title, and of the place.
const HEIGHT: f64 = 16.0;
/// Around a box's text.
const PADDING: f64 = 9.0;
/// Around the whole.
const MARGIN: f64 = 12.0;

type Layout = Graph<NodeLabel, EdgeLabel, GraphLabel>;

const STYLE: &str = "\
text { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1f2328 }
.title { font-size: 12px } .place { font-size: 10px; fill: #59636e } .label { font-size: 11px }
.box { stroke: #8c959f; stroke-width: 1 } .pill { fill: #eff2f5 }
.arrow { fill: none; stroke: #7d8590; stroke-width: 1.4 } .head { fill: #7d8590 }
.prompt { fill: #ddf4ff } .keys { fill: #fbefff } .question { fill: #fff8c5 } .ask { fill: #dafbe1 }
.people { fill: #ffeff7 } .step { fill: #f6f8fa } .missing { fill: #ffebe9 } .end { fill: #d1d9e0 } .start { fill: #d1d9e0 }
.lost .box { fill: #f6f8fa; stroke-dasharray: 4 } .lost text { fill: #9198a1 } .lost.arrow { stroke-dasharray: 4; opacity: .6 }
";

/// The picture, drawn.
pub(super) fn svg(picture: &Picture) -> String {
    let layout = laid_out(picture);
    let (mut width, mut height) = (0.0_f64, 0.0_f64);
    let mut boxes = String::new();
    for (at, shape) in picture.shapes.iter().enumerate() {
        let Some(node) = layout.node(&at.to_string()) else { continue };
        width = width.max(node.x.unwrap_or_default() + node.width / 2.0);
        height = height.max(node.y.unwrap_or_default() + node.height / 2.0);
        draw(&mut boxes, shape, node);
    }
    let mut arrows = String::new();
    for (at, arrow) in picture.arrows.iter().enumerate() {
        let (from, to) = (arrow.from.to_string(), arrow.to.to_string());
        let Some(edge) = layout.edge(&from, &to, Some(&at.to_string())) else { continue };
        for point in &edge.points {
            width = width.max(point.x);
            height = height.max(point.y);
        }
        width = width.max(edge.x.unwrap_or_default() + edge.width / 2.0);
        let lost = picture.shapes.get(arrow.from).is_some_and(|shape| !shape.reachable);
        let class = if lost { "arrow lost" } else { "arrow" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            arrows,
            "<path class=\"{class}\" marker-end=\"url(#head)\" d=\"{}\"/>",
            curve(&edge.points)
        );
        if let (Some(x), Some(y), false) = (edge.x, edge.y, arrow.label.is_empty()) {
            let half = (edge.width / 2.0, edge.height / 2.0);
            let _ = writeln!(
                boxes,
                "<rect class=\"pill\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"7\"/>\
                 <text class=\"label\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                x - half.0,
                y - half.1,
                edge.width,
                edge.height,
                y + 4.0,
                escaped(&short(&arrow.label))
            );
        }
    }
    let (width, height) = ((width + MARGIN).ceil(), (height + MARGIN).ceil());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<style>\n{STYLE}</style>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n{arrows}{boxes}</svg>\n"
    )
}

fn laid_out(picture: &Picture) -> Layout {
    let options = GraphOptions { multigraph: true, directed: true, ..GraphOptions::default() };
    let mut layout: Layout = Graph::new(options);
    layout.set_graph(GraphLabel {
        nodesep: 28.0,
        ranksep: 34.0,
        edgesep: 14.0,
        marginx: MARGIN,
        marginy: MARGIN,
        ..GraphLabel::default()
    });
    for (at, shape) in picture.shapes.iter().enumerate() {
        let (width, height) = size(shape);
        layout.set_node(at.to_string(), NodeLabel { width, height, ..NodeLabel::default() });
    }
    for (at, arrow) in picture.arrows.iter().enumerate() {
        let label = short(&arrow.label);
        let (width, height) =
            if label.is_empty() { (0.0, 0.0) } else { (measure(&label, WIDTHS[2]) + 12.0, 17.0) };
        let edge = EdgeLabel { width, height, weight: 1.0, ..EdgeLabel::default() };
        let (from, to) = (arrow.from.to_string(), arrow.to.to_string());
        layout.set_edge_named(from, to, Some(at.to_string()), Some(edge));
    }
    dugong::layout_dagreish(&mut layout);
    layout
}

fn size(shape: &Shape) -> (f64, f64) {
    let lines = wrapped(&shape.title);
    let title = lines.iter().map(|line| measure(line, WIDTHS[0])).fold(0.0, f64::max);
    let width = title.max(measure(&shape.source, WIDTHS[1]));
    let rows = lines.len() + usize::from(!shape.source.is_empty());
    (width + 2.0 * PADDING, rows as f64 * HEIGHT + 2.0 * PADDING - 4.0)
}

fn draw(out: &mut String, shape: &Shape, node: &NodeLabel) {
    let (x, y) = (node.x.unwrap_or_default(), node.y.unwrap_or_default());
    let (left, top) = (x - node.width / 2.0, y - node.height / 2.0);
    let class = match shape.kind {
        Kind::Start => "start",
        Kind::Prompt => "prompt",
        Kind::Keys => "keys",
        Kind::Question => "question",
        Kind::Ask => "ask",
        Kind::People => "people",
        Kind::Step => "step",
        Kind::Missing => "missing",
        Kind::End => "end",
    };
    let round = if matches!(shape.kind, Kind::Start | Kind::End) { 13.0 } else { 4.0 };
    let lost = if shape.reachable { "" } else { " class=\"lost\"" };
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<g{lost}><rect class=\"box {class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
         rx=\"{round}\"/>",
        node.width, node.height
    );
    let mut baseline = top + PADDING + 9.0;
    let titles = wrapped(&shape.title).into_iter().map(|line| (line, "title"));
    let place =
        Some(shape.source.clone()).filter(|source| !source.is_empty()).map(|source| (source, "place"));
    for (line, class) in titles.chain(place) {
        let _ = write!(
            out,
            "<text class=\"{class}\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{baseline:.1}\">{}</text>",
            escaped(&line)
        );
        baseline += HEIGHT;
    }
    out.push_str("</g>\n");
}

/// A line through the points, rounded at each of them.
fn curve(points: &[Point]) -> String {
    let mut path = String::new();
    let Some(first) = points.first() else { return path };
    let _ = write!(path, "M{:.1} {:.1}", first.x, first.y);
    for pair in points.windows(2).skip(1) {
        let [corner, next] = pair else { continue };
        let (x, y) = ((corner.x + next.x) / 2.0, (corner.y + next.y) / 2.0);
        let _ = write!(path, "Q{:.1} {:.1} {x:.1} {y:.1}", corner.x, corner.y);
    }
    if let Some(last) = points.last() {
        let _ = write!(path, "L{:.1} {:.1}", last.x, last.y);
    }
    path
}

/// Text in lines, broken between words where that is possible.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut rest = word;
        while let Some(line) = lines.last_mut() {
            let space = usize::from(!line.is_empty());
            if line.chars().count() + space + rest.chars().count() <= LINE {
                line.push_str(if space == 1 { " " } else { "" });
                line.push_str(rest);
                break;
            }
            if line.is_empty() {
                let end = rest.char_indices().nth(LINE).map_or(rest.len(), |(end, _)| end);
                let (piece, left) = rest.split_at(end);
                line.push_str(piece);
                rest = left;
            }
            lines.push(String::new());
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

/// A label that does not push everything aside.
fn short(label: &str) -> String {
    match label.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    }
}

/// Letters of the East Asian scripts and pictures are twice as wide.
fn measure(text: &str, width: f64) -> f64 {
    let wide = |letter: char| matches!(letter, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..);
    text.chars().map(|letter| if wide(letter) { 2.0 * width } else { width }).sum()
}

fn escaped(text: &str) -> String {
    let clean: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use flow::graph::Arrow;

    use super::*;

    fn shape(title: &str) -> Shape {
        Shape { kind: Kind::Step, title: title.into(), source: "/a".into(), reachable: true }
    }

    #[test]
    fn long_titles_are_broken_between_words_and_long_words_anywhere() {
        assert_eq!(wrapped("a b"), ["a b"]);
        let long = "word ".repeat(12);
        assert!(wrapped(&long).iter().all(|line| line.chars().count() <= LINE), "{:?}", wrapped(&long));
        assert_eq!(wrapped(&"x".repeat(LINE + 3)), ["x".repeat(LINE), "xxx".into()]);
        assert_eq!(wrapped(&"word ".repeat(200)).len(), LINES);
    }

    #[test]
    fn boxes_do_not_overlap_and_lie_inside() {
        let shapes = (0..30).map(|at| shape(&"step ".repeat(at % 7 + 1))).collect();
        let arrow = |from: usize, to: usize| Arrow { from, to, label: format!("\"{to}\"") };
        // A tree, a loop back, a step that leads to itself, and two arrows between the same.
        let mut arrows: Vec<Arrow> = (1..30).map(|to| arrow(to / 3, to)).collect();
        arrows.extend([arrow(20, 0), arrow(7, 7), arrow(0, 1)]);
        let picture = Picture { shapes, arrows };
        let layout = laid_out(&picture);
        let areas: Vec<[f64; 4]> = (0..30)
            .map(|at: usize| {
                let node = layout.node(&at.to_string()).expect("it is there");
                let (x, y) = (node.x.expect("a place"), node.y.expect("a place"));
                let (w, h) = (node.width / 2.0, node.height / 2.0);
                [x - w, y - h, x + w, y + h]
            })
            .collect();
        for (at, a) in areas.iter().enumerate() {
            assert!(a[0] >= 0.0 && a[1] >= 0.0);
            for b in &areas[at + 1..] {
                assert!(a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1], "{a:?} {b:?}");
            }
        }
        let text = svg(&picture);
        assert_eq!(text.matches("<path class=\"arrow").count(), 32, "{text}");
    }

    #[test]
    fn words_are_escaped() {
        let picture = Picture { shapes: vec![shape("<script>&\u{1}")], arrows: Vec::new() };
        assert!(svg(&picture).contains(">&lt;script&gt;&amp; </text>"));
    }
}
