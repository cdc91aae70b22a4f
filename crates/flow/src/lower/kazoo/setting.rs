//! Modules that change something about a user or a phone: forwarding, do not disturb, call waiting, hot desks, ring
//! groups, lamps. The caller hears what was done.

use std::time::Duration;

use super::people::{captured, speech, value};
use super::place::lamp;
use super::{Step, Walk};
use crate::ir::{
    Binary, Callee, Cause, Change, Collect, Condition, Dial, Edges, Expr, Fact, Feature, Lamp, NodeId, Op,
    Outcome, Part, Setting, Target, Template, What,
};
use crate::lower::Code;

/// Time for a number to forward to.
const NUMBER: Duration = Duration::from_millis(8_000);
/// Time between the keys of a hot desk's id.
const BETWEEN: Duration = Duration::from_millis(2_000);
/// The variable for a hot desk's id that was typed.
const DESK: &str = "hotdesk_id";

impl<'a> Walk<'a> {
    /// To the captured number; where one is needed and none was captured, the caller is asked.
    pub(super) fn call_forward(&mut self, step: &Step<'a>) -> NodeId {
        let change = match self.text(step, "action").as_deref() {
            Some("activate") => Change::On,
            Some("deactivate") => Change::Off,
            Some("update") => Change::Update,
            Some("menu") => Change::Menu,
            _ => Change::Toggle,
        };
        let to = |number: Template| Setting {
            what: What::Forward,
            change,
            id: None,
            value: Some(number),
            scope: "user",
        };
        let plain = match change {
            Change::Off | Change::Menu => Setting { value: None, ..to(captured()) },
            _ => to(captured()),
        };
        let known = self.changing(plain, "Call forwarding", step);
        if !matches!(change, Change::On | Change::Update) {
            return known;
        }
        let asked = self.changing(to(value(Expr::Fact(Fact::LastDigits))), "Call forwarding", step);
        let ask = asking("Please enter the number to forward calls to, then press pound.", 20, NUMBER);
        let ask = self.add(Op::Collect(ask), Edges::always(Target::Node(asked)), step);
        let edges = Edges::always(Target::Node(ask)).case(Outcome::Yes, Target::Node(known));
        self.add(Op::If(Condition::Expr(Expr::Fact(Fact::CaptureGroup))), edges, step)
    }

    pub(super) fn do_not_disturb(&mut self, step: &Step<'a>) -> NodeId {
        let change = self.switched(step);
        let id = self.words(step, "id");
        let scope = if id.is_some() { "device" } else { "user" };
        let setting = Setting { what: What::DoNotDisturb, change, id, value: None, scope };
        self.changing(setting, "Do not disturb", step)
    }

    pub(super) fn call_waiting(&mut self, step: &Step<'a>) -> NodeId {
        let change = self.switched(step);
        let scope = match self.text(step, "scope").as_deref() {
            Some("user") => "user",
            _ => "device",
        };
        let setting = Setting { what: What::CallWaiting, change, id: None, value: None, scope };
        self.changing(setting, "Call waiting", step)
    }

    /// `activate`, `deactivate`, else toggle.
    fn switched(&mut self, step: &Step<'a>) -> Change {
        match self.text(step, "action").as_deref() {
            Some("activate") => Change::On,
            Some("deactivate") => Change::Off,
            _ => Change::Toggle,
        }
    }

    /// Changes it, says so, and goes on at `_`; where there is nothing to change it says that and stops.
    fn changing(&mut self, setting: Setting, name: &str, step: &Step<'a>) -> NodeId {
        let next = step.next();
        let on = self.spoken(&format!("{name} is on."), next, step);
        let off = self.spoken(&format!("{name} is off."), next, step);
        let none = self.spoken("This feature is not available here.", Target::Return, step);
        let done = match setting.change {
            Change::On | Change::Update => on,
            Change::Off => off,
            _ => next,
        };
        let key = |word: &str| Outcome::Key(word.to_owned());
        let edges = Edges::always(next)
            .case(Outcome::Done, done)
            .case(key("on"), on)
            .case(key("off"), off)
            .case(key("none"), none);
        self.add(Op::Feature(Box::new(Feature::Setting(setting))), edges, step)
    }

    /// `bridge` rings where the user sits; `login` asks for id and PIN, three times at most.
    pub(super) fn hotdesk(&mut self, step: &Step<'a>) -> NodeId {
        let action = self.text(step, "action").unwrap_or_else(|| "toggle".to_owned());
        let given = self.words(step, "id");
        let between = step.data.millis(&mut self.builder, "interdigit_timeout").unwrap_or(BETWEEN);
        match (action.as_str(), given) {
            ("bridge", Some(id)) => {
                let dial = Dial::new(vec![Callee::User(id).into()], Duration::from_secs(20));
                self.dial(dial, step)
            }
            ("bridge", None) => {
                let message = "`id` is missing: nobody is rung; the child `_` follows";
                self.report(Code::MissingOption, &step.data.at("id"), message);
                self.onward(Op::Noop, step)
            }
            ("logout", id) => self.desk(Change::Off, id, None, step.next(), step),
            ("login", id) => self.desk_login(id, between, step),
            (_, id) => {
                // Who is not there yet is asked as for `login`.
                let login = Target::Node(self.desk_login(id.clone(), between, step));
                self.desk(Change::Toggle, id, None, login, step)
            }
        }
    }

    /// `wrong` is where a PIN that is wanted, or wrong, leads.
    fn desk(
        &mut self,
        change: Change,
        id: Option<Template>,
        pin: Option<Template>,
        wrong: Target,
        step: &Step<'a>,
    ) -> NodeId {
        let next = step.next();
        let here = self.spoken("You are logged in here.", next, step);
        let gone = self.spoken("You are logged out here.", next, step);
        let done = if change == Change::Off { gone } else { here };
        let key = |word: &str| Outcome::Key(word.to_owned());
        let edges = Edges::always(next)
            .case(Outcome::Done, done)
            .case(key("on"), here)
            .case(key("off"), gone)
            .case(key("pin"), wrong)
            .case(key("none"), wrong)
            .case(Outcome::Failed(Cause::Unavailable), next);
        let setting = Setting { what: What::HotDesk, change, id, value: pin, scope: "user" };
        self.add(Op::Feature(Box::new(Feature::Setting(setting))), edges, step)
    }

    fn desk_login(&mut self, given: Option<Template>, between: Duration, step: &Step<'a>) -> NodeId {
        let asked = given.is_none();
        let either = Expr::Binary(
            Binary::Or,
            Box::new(Expr::Fact(Fact::CaptureGroup)),
            Box::new(Expr::Variable(DESK.to_owned())),
        );
        let id = given.unwrap_or_else(|| value(either));
        let again = self.add(Op::Jump(Some(2)), step.onward(), step);
        let pin = value(Expr::Fact(Fact::LastDigits));
        let login = self.desk(Change::On, Some(id), Some(pin), Target::Node(again), step);
        let pin = Collect {
            name: Some(Template::literal("hotdesk")),
            ..asking("Please enter your PIN, then press pound.", 6, between)
        };
        let mut first = Target::Node(self.add(Op::Collect(pin), Edges::always(Target::Node(login)), step));
        if asked {
            let id = Collect {
                into: vec![DESK.to_owned()],
                ..asking("Please enter your hot desk ID, then press pound.", 10, between)
            };
            let typed = self.add(Op::Collect(id), Edges::always(first), step);
            let edges = Edges::always(Target::Node(typed)).case(Outcome::Yes, first);
            first =
                Target::Node(self.add(Op::If(Condition::Expr(Expr::Fact(Fact::CaptureGroup))), edges, step));
        }
        let sorry = self.spoken("That is not right.", first, step);
        self.builder.edges(again, step.onward().case(Outcome::Yes, sorry));
        match first {
            Target::Node(node) => node,
            _ => again,
        }
    }

    pub(super) fn ring_group_toggle(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "callflow_id") else { return self.onward(Op::Noop, step) };
        let change = match self.text(step, "action").as_deref() {
            Some("logout") => Change::Off,
            Some("login") => Change::On,
            _ => {
                let message = "expected `login` or `logout`; what it is not becomes what it is";
                self.report(Code::MissingOption, &step.data.at("action"), message);
                Change::Toggle
            }
        };
        let id = Some(Template::literal(id));
        self.passing(
            Feature::Setting(Setting { what: What::RingGroup, change, id, value: None, scope: "user" }),
            step,
        )
    }

    /// The id gets the account's domain, unless it has one.
    pub(super) fn presence(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "presence_id") else { return self.onward(Op::Noop, step) };
        let status = self.text(step, "status");
        let lamp = status.and_then(|status| lamp(&status)).unwrap_or(Lamp::Idle);
        self.passing(Feature::Presence { id: lamp_of(id), lamp }, step)
    }
}

/// `id@domain`.
pub(super) fn lamp_of(id: String) -> Template {
    if id.contains('@') {
        return Template::literal(id);
    }
    Template(vec![Part::Literal(format!("{id}@")), Part::Value(Expr::Fact(Fact::CalledDomain))])
}

/// Asks for digits that end with pound.
pub(super) fn asking(text: &str, most: u32, patience: Duration) -> Collect {
    let first = patience.max(NUMBER);
    Collect { max: Some(most), between: patience, by_value: false, ..Collect::new(vec![speech(text)], first) }
}
