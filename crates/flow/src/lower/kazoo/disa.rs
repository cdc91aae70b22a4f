//! Modules by which a caller dials on: `disa`, by number, and `directory`, by name.

use std::time::Duration;

use super::{Step, Walk};
use crate::ir::{
    Barge, Cause, Collect, Edges, Expr, Fact, Feature, Hangup, Identity, Item, NodeId, Op, Outcome, Part,
    Play, Repeat, Shown, SpeechItem, Target, Template, TimerStart, Tone,
};

/// Time for the first digit; the dial tone lasts as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between digits.
const BETWEEN: Duration = Duration::from_millis(2_000);

impl<'a> Walk<'a> {
    /// A PIN if one is wanted, a dial tone, and the number that is typed, as if it had been called.
    /// Who types too often what is not known hears good-bye.
    pub(super) fn disa(&mut self, step: &Step<'a>) -> NodeId {
        let builder = &mut self.builder;
        let pin = step.data.text(builder, "pin").unwrap_or_default();
        let retries = step.data.count(builder, "retries").unwrap_or(3).max(1);
        let max = step.data.count(builder, "max_digits").unwrap_or(15).max(1);
        let between = step.data.millis(builder, "interdigit").unwrap_or(BETWEEN);
        let ringing = step.data.text(builder, "preconnect_audio").is_some_and(|audio| audio == "ringing");
        let rings = step.data.count(builder, "ring_repeat_count").unwrap_or(1).max(1);
        let account = step.data.flag(builder, "use_account_caller_id").unwrap_or(false);

        let hangup = Hangup { status: 480, phrase: None, cause: "normal".to_owned() };
        let hangup = self.add(Op::Hangup(hangup), Edges::always(Target::Hangup), step);
        let bye = self.told("Good bye.", hangup, step);

        let dial = Template(vec![Part::Value(Expr::Fact(Fact::LastDigits))]);
        let number = self.add(Op::Number(dial), Edges::always(Target::Hangup), step);
        let found = match account {
            true => {
                let shown = Identity {
                    number: Shown::Class("external"),
                    name: Shown::Class("external"),
                    ..Identity::default()
                };
                self.add(Op::Identify(shown), Edges::always(Target::Node(number)), step)
            }
            false => number,
        };
        let tone =
            Item::Tone(Tone { hertz: vec![350, 440], on: PATIENCE, off: Duration::ZERO, total: PATIENCE });
        let typed = asked(vec![tone], max, between, TimerStart::Entry);
        let typed = self.add(Op::Collect(typed), Edges::always(Target::Node(found)), step);
        let again = self.told("That number is not known.", typed, step);
        let jump = self.again(retries, again, bye, step);
        let unknown = Edges::always(Target::Hangup).case(Outcome::Failed(Cause::Missing), Target::Node(jump));
        self.builder.edges(number, unknown);
        let edges = Edges::always(Target::Node(found));
        let nothing = [Outcome::Timeout, Outcome::Key(String::new())];
        self.builder.edges(
            typed,
            nothing.into_iter().fold(edges, |edges, none| edges.case(none, Target::Node(jump))),
        );

        let ring = Tone {
            hertz: vec![440, 480],
            on: Duration::from_secs(2),
            off: Duration::from_secs(4),
            total: Duration::from_secs(6).saturating_mul(rings),
        };
        let dialtone = match ringing {
            true => self.played(Item::Tone(ring), typed, step),
            false => typed,
        };
        if pin.is_empty() {
            return self.add(Op::Answer, Edges::always(Target::Node(dialtone)), step);
        }
        let length = u32::try_from(pin.chars().count()).unwrap_or(u32::MAX);
        let ask = asked(vec![said("Please enter your PIN.")], length, between, TimerStart::PromptEnd);
        let ask = self.add(Op::Collect(ask), Edges::always(Target::Hangup), step);
        let wrong = self.told("That is not right.", ask, step);
        let jump = self.again(retries, wrong, bye, step);
        self.builder
            .edges(ask, Edges::always(Target::Node(jump)).case(Outcome::Key(pin), Target::Node(dialtone)));
        ask
    }

    /// Dials by name; who leaves with 0 goes on at `_`.
    pub(super) fn directory(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        let edges = step.onward().case(Outcome::Done, Target::Return);
        let directory =
            self.add(Op::Feature(Box::new(Feature::Directory(Template::literal(id)))), edges, step);
        self.add(Op::Answer, Edges::always(Target::Node(directory)), step)
    }

    /// To `back` after every try but the last one, then to `end`.
    fn again(&mut self, tries: u32, back: NodeId, end: NodeId, step: &Step<'a>) -> NodeId {
        let edges = Edges::always(Target::Node(end)).case(Outcome::Yes, Target::Node(back));
        self.add(Op::Jump(Some(tries.saturating_sub(1))), edges, step)
    }

    fn told(&mut self, text: &str, next: NodeId, step: &Step<'a>) -> NodeId {
        self.played(said(text), next, step)
    }

    fn played(&mut self, item: Item, next: NodeId, step: &Step<'a>) -> NodeId {
        let play = Play {
            items: vec![item],
            repeat: Repeat::Times(1),
            barge: Barge::None,
            consume: false,
            answers: true,
        };
        self.add(Op::Play(play), Edges::always(Target::Node(next)), step)
    }
}

fn said(text: &str) -> Item {
    let language = Some(Template::literal("en-US"));
    Item::Speech(SpeechItem { text: Template::literal(text), language, ..SpeechItem::default() })
}

fn asked(prompts: Vec<Item>, max: u32, between: Duration, timer: TimerStart) -> Collect {
    Collect { max: Some(max), between, timer, ..Collect::new(prompts, PATIENCE) }
}
