//! VoIPBIN's actions that ask services: texts and mail, machines that understand, cases; and `block`.

use std::time::Duration;

use serde_json::Value;

use super::address;
use super::list::{Action, Lowering, hangup};
use super::media::{feature, on_end};
use super::variables;
use crate::ir::{
    Cause, Channel, Converse, Edges, Expr, Feature, Message, Op, Outcome, Part, Target, Template,
};
use crate::lower::members::wrong;
use crate::lower::{Builder, Code};

/// Lowers `action` if it asks a service.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    match action.name {
        "message_send" => message_send(lowering, action),
        "conversation_send" => conversation_send(lowering, action),
        "email_send" => email_send(lowering, action),
        "chatbot_talk" => chatbot_talk(lowering, action),
        "ai_talk" => ai_talk(lowering, action),
        "ai_task" => ai_task(lowering, action),
        "ai_summary" => ai_summary(lowering, action),
        "case_create" => case_create(lowering, action),
        "block" => feature(lowering, action, Feature::Block),
        _ => return false,
    }
    true
}

/// A text message; one that cannot be sent ends the flow.
fn message_send(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let from = address::source(lowering, option).map(|address| address.target);
    let to: Vec<_> =
        address::destinations(lowering, option).into_iter().map(|address| address.target).collect();
    let text = lowering.text(option, "text").unwrap_or_else(|| {
        lowering.missing(action, "text");
        Template::default()
    });
    if to.is_empty() {
        lowering.missing(action, "destinations");
        return lowering.op(action.head, hangup(480, "failed"));
    }
    let message = Message { from, wait: true, ..Message::new(Channel::Sms, to, text) };
    lowering.op(action.head, Op::Feature(Box::new(Feature::Message(message))));
    let edges = Edges::always(action.next)
        .case(Outcome::Failed(Cause::Unavailable), Target::Hangup)
        .case(Outcome::Key("failed".to_owned()), Target::Hangup);
    lowering.builder.edges(action.head, edges);
}

fn conversation_send(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let text = lowering.text(option, "text").unwrap_or_default();
    let wait = option.flag(&mut lowering.builder, "sync").unwrap_or(false);
    let Some(id) = lowering.filled(option, "conversation_id") else {
        return lowering.missing(action, "conversation_id");
    };
    let message = Message { wait, ..Message::new(Channel::Chat, vec![id], text) };
    feature(lowering, action, Feature::Message(message));
}

fn email_send(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let to: Vec<_> =
        address::destinations(lowering, option).into_iter().map(|address| address.target).collect();
    let subject = lowering.filled(option, "subject");
    let content = lowering.text(option, "content").unwrap_or_default();
    let attachments = attachments(lowering, action);
    let wait = option.flag(&mut lowering.builder, "sync").unwrap_or(false);
    if to.is_empty() {
        return lowering.missing(action, "destinations");
    }
    let message = Message { subject, attachments, wait, ..Message::new(Channel::Mail, to, content) };
    feature(lowering, action, Feature::Message(message));
}

/// `{reference_type, reference_id}`, as `type:id`; text is taken as it stands.
fn attachments(lowering: &mut Lowering, action: &Action<'_>) -> Vec<Template> {
    let list = action.option.list(&mut lowering.builder, "attachments").unwrap_or_default();
    let at = action.option.at("attachments");
    let mut found = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let member = |key: &str| value.get(key).and_then(Value::as_str);
        let text = match (value, member("reference_type"), member("reference_id")) {
            (Value::String(text), ..) => text.clone(),
            (_, kind, Some(id)) => format!("{}:{id}", kind.unwrap_or("recording")),
            _ => {
                let expected = "an object with `reference_type` and `reference_id`";
                wrong(&mut lowering.builder, &at.child(index), expected, value);
                continue;
            }
        };
        found.push(lowering.template(&text));
    }
    found
}

fn seconds(builder: &mut Builder, action: &Action<'_>) -> Option<Duration> {
    action.option.seconds(builder, "duration").filter(|length| !length.is_zero())
}

fn plain(kind: Template, id: Template) -> Converse {
    Converse { kind, id, language: None, voice: None, longest: None, resume: false, on_end: None }
}

/// The older form of `ai_talk`.
fn chatbot_talk(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let message = "chatbot_talk is the old form of ai_talk";
    lowering.builder.report(Code::Deprecated, &action.top.at("type"), message);
    let (language, voice) = (lowering.filled(option, "language"), lowering.filled(option, "gender"));
    let longest = seconds(&mut lowering.builder, action);
    let Some(id) = lowering.filled(option, "chatbot_id") else {
        return lowering.missing(action, "chatbot_id");
    };
    let kind = Template::literal("chatbot");
    feature(lowering, action, Feature::Converse(Converse { language, voice, longest, ..plain(kind, id) }));
}

/// An assistant or a team of them; one that is not there ends the flow.
fn ai_talk(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let (language, voice) = (lowering.filled(option, "language"), lowering.filled(option, "gender"));
    let longest = seconds(&mut lowering.builder, action);
    let kind = match option.text(&mut lowering.builder, "assistance_type").unwrap_or_default().as_str() {
        "" | "ai" => "assistant",
        "team" | "ai_team" => "team",
        other => {
            let message = format!("expected ai or team, found `{other}`; ai is taken");
            lowering.builder.report(Code::BadValue, &option.at("assistance_type"), message);
            "assistant"
        }
    };
    let resume = option.flag(&mut lowering.builder, "resume").unwrap_or(false);
    let id = lowering.filled(option, "assistance_id");
    let old = lowering.filled(option, "ai_id");
    let kind = Template::literal(kind);
    converse(lowering, action, "assistance_id", id.or(old), |id| Converse {
        language,
        voice,
        longest,
        resume,
        ..plain(kind, id)
    });
}

fn ai_task(lowering: &mut Lowering, action: &Action<'_>) {
    let id = lowering.filled(&action.option, "assistance_id");
    let old = lowering.filled(&action.option, "ai_id");
    let kind = Template::literal("task");
    converse(lowering, action, "assistance_id", id.or(old), |id| plain(kind, id));
}

fn converse(
    lowering: &mut Lowering,
    action: &Action<'_>,
    key: &str,
    id: Option<Template>,
    with: impl FnOnce(Template) -> Converse,
) {
    let Some(id) = id else {
        lowering.missing(action, key);
        return lowering.op(action.head, hangup(480, "failed"));
    };
    lowering.op(action.head, Op::Feature(Box::new(Feature::Converse(with(id)))));
    let edges = Edges::always(action.next).case(Outcome::Failed(Cause::Unavailable), Target::Hangup);
    lowering.builder.edges(action.head, edges);
}

/// A summary of a call, a recording, a conference: `type:id` names it.
fn ai_summary(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let language = lowering.filled(option, "language");
    let kind = lowering.filled(option, "reference_type").unwrap_or_else(|| Template::literal("call"));
    let on_end = on_end(lowering, action);
    let id = lowering.filled(option, "reference_id").map(|id| {
        let colon = Part::Literal(":".to_owned());
        Template(kind.0.into_iter().chain([colon]).chain(id.0).collect())
    });
    let kind = Template::literal("summary");
    let with = |id| Converse { language, on_end, ..plain(kind, id) };
    converse(lowering, action, "reference_id", id, with);
}

/// A case about who called or wrote: its words as JSON.
fn case_create(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let name = lowering.text(option, "name").unwrap_or_default();
    // Whether it is waited for makes no difference: what comes of it is of no interest.
    let _ = option.flag(&mut lowering.builder, "sync");
    let words = ["detail", "note"].map(|key| {
        let text = lowering.text(option, key).unwrap_or_default();
        (key.to_owned(), variables::filled(&text))
    });
    // An object as text is its JSON.
    let data = Some(Template(vec![Part::Value(Expr::Object(words.into()))]));
    feature(lowering, action, Feature::Event { kind: "case", id: name, data });
}
