//! Short forms for traces and messages: `Say("Guess.")`, `Collect(max 1)`, `$rating == "5"`.

mod people;

pub use people::{dial, feature};

use std::{fmt, time::Duration};

use super::{
    Access, Barge, Binary, Branch, Collect, Condition, Conference, Expr, Fact, FileFormat, Identity, Item,
    Op, Outcome, Part, Play, Record, Repeat, Shown, Template, Unary, Withheld,
};
use crate::leg::Prompt;

/// Longest text shown of a prompt or value, in characters.
const SHOWN: usize = 60;

/// Nested expressions shown; deeper ones are `…`.
const DEPTH: usize = 20;

/// An operation in short.
pub fn op(op: &Op) -> String {
    match op {
        Op::Noop => "Noop".into(),
        Op::Answer => "Answer".into(),
        Op::Hangup(hangup) => format!("Hangup({})", hangup.cause),
        Op::Play(play) => self::play(play),
        Op::PlayBehind(play) => format!("Behind({})", self::play(play)),
        Op::Collect(collect) => format!("Collect({})", gather(collect)),
        Op::Menu(menu) => format!("Menu({}, {} rounds)", gather(&menu.gather), menu.retries),
        Op::SendDigits(send) => format!("SendDigits({})", quoted(&send.digits.to_string())),
        Op::Dial(dial) => format!("Dial({})", people::dial(dial)),
        Op::Identify(identity) => format!("Identify({})", self::identity(identity)),
        Op::Alert(alert) => format!("Alert({alert})"),
        Op::Number(number) => format!("Number({number})"),
        Op::Feature(feature) => people::feature(feature),
        Op::Detect(detect) => people::detect("Detect", detect, None),
        Op::DetectBehind { detect, hangup } => {
            people::detect("DetectBehind", detect, hangup.as_ref().map(|_| "hang up on a machine"))
        }
        Op::Conference(conference) => self::conference(conference),
        Op::FlushDigits => "FlushDigits".into(),
        Op::Sleep(length) => format!("Sleep({length} ms)"),
        Op::WaitForHangup => "WaitForHangup".into(),
        Op::WaitForChange => "WaitForChange".into(),
        Op::Echo(None) => "Echo".into(),
        Op::Echo(Some(length)) => format!("Echo({})", time(*length)),
        Op::Record(record) => self::record("Record", record),
        Op::RecordStart(record) => self::record("RecordStart", record),
        Op::RecordStop => "RecordStop".into(),
        Op::RecordToggle(record) => self::record("RecordToggle", record),
        Op::RecordMask(on) => if *on { "RecordMask" } else { "RecordUnmask" }.into(),
        Op::Set(assignments) => {
            let name = |one: &super::Assign| {
                let computed = one.computed.iter().map(ToString::to_string);
                one.path.iter().cloned().chain(computed).collect::<Vec<_>>().join(".")
            };
            let assignments = assignments.iter().map(|one| format!("{} = {}", name(one), one.value));
            format!("Set({})", cut(&assignments.collect::<Vec<_>>().join(", ")))
        }
        Op::If(condition) => format!("If({})", self::condition(condition)),
        Op::Branch(Branch { on, .. }) => format!("Branch({})", cut(&on.to_string())),
        Op::Jump(None) => "Jump".into(),
        Op::Leave(name) => format!("Leave({name})"),
        Op::Jump(Some(times)) => format!("Jump({times} times)"),
        Op::EachStart { over, .. } => format!("Each({})", cut(&over.to_string())),
        Op::EachNext { value, .. } => format!("Next({value})"),
        Op::Hours(hours) => format!("Hours({}, {} rules)", hours.timezone, hours.rules.len()),
        Op::Fetch(fetch) => format!("Fetch({} {})", fetch.request.method, fetch.request.url),
        Op::Subflow(subflow) => format!("Subflow({})", subflow.id),
        Op::Webhook(webhook) => format!("Webhook({} {})", webhook.request.method, webhook.request.url),
        Op::Language(language) => format!("Language({language})"),
        Op::Unavailable { feature } => format!("Unavailable({feature})"),
        Op::Residual(construct) => format!("Residual({construct})"),
    }
}

fn conference(conference: &Conference) -> String {
    let mut words = vec![quoted(&conference.room.to_string())];
    words.extend(conference.moderator.then(|| "moderator".to_owned()));
    words.extend((!conference.pins.is_empty()).then(|| "PIN".to_owned()));
    words.extend(conference.most.map(|most| format!("max {most}")));
    format!("Conference({})", words.join(", "))
}

/// Who the callee sees, in short.
fn identity<T: fmt::Display>(identity: &Identity<T>) -> String {
    let shown = |shown: &Shown<T>| match shown {
        Shown::Caller => None,
        Shown::Called => Some("the called number".to_owned()),
        Shown::Class(class) => Some((*class).to_owned()),
        Shown::Given(text) => Some(quoted(&text.to_string())),
    };
    let mut words: Vec<String> = shown(&identity.name).into_iter().chain(shown(&identity.number)).collect();
    words.extend(identity.prefix.iter().map(|prefix| format!("prefix {}", quoted(&prefix.to_string()))));
    words.extend(match identity.withheld {
        Withheld::Nothing => None,
        Withheld::AsCaller => Some("withheld as the caller's".to_owned()),
        Withheld::Name => Some("name withheld".to_owned()),
        Withheld::Number => Some("number withheld".to_owned()),
        Withheld::Both => Some("withheld".to_owned()),
    });
    words.extend(identity.still.then(|| "beside what is".to_owned()));
    if words.is_empty() { "as the caller".to_owned() } else { words.join(", ") }
}

/// Something to be heard, in short.
pub fn prompt(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Speech(speech) => format!("Say({})", whole(&speech.text)),
        Prompt::Sound(name) => format!("Sound({})", whole(name)),
        Prompt::Tone(tone) => self::tone(&tone.hertz, tone.total),
        Prompt::Signal(signal) => {
            let country = signal.country.iter().map(|country| format!(" {country}"));
            let total = signal.total.iter().map(|total| format!(", {}", time(*total)));
            format!("Tone({}{})", signal.what.word(), country.chain(total).collect::<String>())
        }
        Prompt::Silence(length) => format!("Silence({})", time(*length)),
        Prompt::Recording(id) => format!("Recording({})", quoted(id)),
    }
}

fn play(play: &Play) -> String {
    let items: Vec<String> = play.items.iter().map(item).collect();
    let repeat = match play.repeat {
        Repeat::Times(1) => String::new(),
        Repeat::Times(times) => format!(" {times} times"),
        Repeat::Forever => " for ever".to_owned(),
    };
    let barge = match &play.barge {
        Barge::None => String::new(),
        Barge::Any => ", any key stops".to_owned(),
        Barge::Keys(keys) => format!(", {keys} stop"),
    };
    match items.as_slice() {
        [one] => format!("{one}{repeat}{barge}"),
        more => format!("Play({}){repeat}{barge}", more.join(", ")),
    }
}

fn item(item: &Item) -> String {
    match item {
        Item::Speech(speech) => format!("Say({})", quoted(&speech.text.to_string())),
        Item::Sound(name) => match name.as_literal().and_then(crate::tone::named) {
            Some(Ok(named)) => prompt(&named),
            _ => format!("Sound({})", quoted(&name.to_string())),
        },
        Item::Tone(tone) => self::tone(&tone.hertz, tone.total),
        Item::Silence(length) => format!("Silence({})", time(*length)),
    }
}

fn tone(hertz: &[u16], total: Duration) -> String {
    let hertz: Vec<String> = hertz.iter().map(u16::to_string).collect();
    format!("Tone({} Hz, {})", hertz.join("+"), time(total))
}

fn gather(collect: &Collect) -> String {
    let mut words = Vec::new();
    words.push(collect.max.map_or_else(|| "no limit".to_owned(), |max| format!("max {max}")));
    if !collect.terminators.is_empty() {
        words.push(format!("end {}", collect.terminators));
    }
    words.push(time(collect.first));
    words.join(", ")
}

fn record(name: &str, record: &Record) -> String {
    let mut words: Vec<String> = record.name.iter().map(|name| quoted(&name.to_string())).collect();
    if record.format != FileFormat::Wav {
        words.push(record.format.name().to_owned());
    }
    words.extend(record.limit.map(|limit| format!("max {}", time(limit))));
    if !record.stop_keys.is_empty() {
        words.push(format!("{} stop", record.stop_keys));
    }
    if words.is_empty() { name.to_owned() } else { format!("{name}({})", words.join(", ")) }
}

fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Expr(expr) => cut(&expr.to_string()),
        Condition::Matches { text, patterns } => cut(&format!("{text} matches {}", patterns.join(" or "))),
        Condition::Clock { .. } => "the clock".to_owned(),
    }
}

/// `2.5 s`, `500 ms`.
pub fn time(length: Duration) -> String {
    let millis = length.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        _ if millis.is_multiple_of(1_000) => format!("{} s", millis / 1_000),
        _ => format!("{} s", millis as f64 / 1_000.0),
    }
}

fn cut(text: &str) -> String {
    let end = text.char_indices().nth(SHOWN).map(|(at, _)| at);
    match end.and_then(|end| text.get(..end)) {
        Some(start) => format!("{start}…"),
        None => text.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    whole(&cut(text))
}

/// In quotes, on one line.
fn whole(text: &str) -> String {
    format!("\"{}\"", text.replace(['\n', '\r', '\t'], " "))
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Value(expr) => write!(f, "${{{expr}}}"),
            Part::Spread(expr) => write!(f, "${{...{expr}}}"),
        })
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        expr(f, self, 0)
    }
}

fn expr(f: &mut fmt::Formatter<'_>, of: &Expr, depth: usize) -> fmt::Result {
    if depth > DEPTH {
        return f.write_str("…");
    }
    let deeper = depth + 1;
    match of {
        Expr::Literal(value) => write!(f, "{value}"),
        Expr::Variable(name) => write!(f, "${name}"),
        Expr::Fact(fact) => f.write_str(&fact_name(*fact)),
        Expr::Member(of, access) => {
            expr(f, of, deeper)?;
            match access {
                Access::Name(name) => write!(f, ".{name}"),
                Access::Index(index) => {
                    f.write_str("[")?;
                    expr(f, index, deeper)?;
                    f.write_str("]")
                }
            }
        }
        Expr::Unary(operator, of) => {
            f.write_str(match operator {
                Unary::Not => "!",
                Unary::Minus => "-",
                Unary::Plus => "+",
            })?;
            expr(f, of, deeper)
        }
        Expr::Binary(operator, left, right) => {
            operand(f, left, deeper)?;
            write!(f, " {} ", symbol(*operator))?;
            operand(f, right, deeper)
        }
        Expr::Ternary(condition, yes, no) => {
            operand(f, condition, deeper)?;
            f.write_str(" ? ")?;
            operand(f, yes, deeper)?;
            f.write_str(" : ")?;
            operand(f, no, deeper)
        }
        Expr::Array(items) => {
            f.write_str("[")?;
            list(f, items, deeper)?;
            f.write_str("]")
        }
        Expr::Object(members) => {
            f.write_str("{")?;
            for (at, (name, value)) in members.iter().enumerate() {
                write!(f, "{}{name}: ", if at == 0 { "" } else { ", " })?;
                expr(f, value, deeper)?;
            }
            f.write_str("}")
        }
        Expr::Call(receiver, name, arguments) => {
            if let Some(receiver) = receiver {
                expr(f, receiver, deeper)?;
                f.write_str(".")?;
            }
            write!(f, "{name}(")?;
            list(f, arguments, deeper)?;
            f.write_str(")")
        }
        Expr::Template(template) => write!(f, "\"{template}\""),
    }
}

/// An operand, in parentheses if it has an operator itself.
fn operand(f: &mut fmt::Formatter<'_>, of: &Expr, depth: usize) -> fmt::Result {
    if matches!(of, Expr::Binary(..) | Expr::Ternary(..)) {
        f.write_str("(")?;
        expr(f, of, depth)?;
        f.write_str(")")
    } else {
        expr(f, of, depth)
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: &[Expr], depth: usize) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { ", " })?;
        expr(f, item, depth)?;
    }
    Ok(())
}

/// As ECMAScript writes it.
pub(crate) fn symbol(operator: Binary) -> &'static str {
    match operator {
        Binary::Or => "||",
        Binary::And => "&&",
        Binary::Eq => "==",
        Binary::Ne => "!=",
        Binary::Same => "===",
        Binary::NotSame => "!==",
        Binary::Lt => "<",
        Binary::Le => "<=",
        Binary::Gt => ">",
        Binary::Ge => ">=",
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        Binary::Rem => "%",
    }
}

/// `CallerNumber` as `callerNumber`.
fn fact_name(fact: Fact) -> String {
    let name = format!("{fact:?}");
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Key(key) => write!(f, "\"{key}\""),
            Outcome::Failed(cause) => write!(f, "failed ({cause:?})"),
            other => f.write_str(&format!("{other:?}").to_lowercase()),
        }
    }
}
