//! Modules for variables: `set_variable`, `set_variables`, `branch_variable`.
//!
//! A channel variable is a variable of its own, named in lower case with underscores.
//! Custom application variables keep their names and live in one object, because pivot sends them as one.

use serde_json::Value;

use super::{Step, Walk};
use crate::ir::{Access, Assign, Binary, Branch, Expr, Fact, NodeId, Op};
use crate::lower::Code;

/// The variable that holds the custom application variables.
pub(super) const CUSTOM: &str = "custom_application_vars";
/// The variables that hold how the caller is shown.
pub(super) const CALLER: [(&str, Fact); 2] =
    [("caller_id_name", Fact::CallerName), ("caller_id_number", Fact::CallerNumber)];

/// The caller's name as the flow has changed it.
pub(super) fn caller_name() -> Expr {
    changed("caller_id_name", Fact::CallerName)
}

/// The caller's number as the flow has changed it.
pub(super) fn caller_number() -> Expr {
    changed("caller_id_number", Fact::CallerNumber)
}

/// The variable if it was ever set (even to nothing), else the fact.
pub(super) fn changed(name: &str, fact: Fact) -> Expr {
    let variable = || Box::new(Expr::Variable(name.to_owned()));
    let unset = Expr::Binary(Binary::Eq, variable(), Box::new(Expr::Literal(Value::Null)));
    Expr::Ternary(Box::new(unset), Box::new(Expr::Fact(fact)), variable())
}

/// A name as channel variables are written: `Caller-ID-Number` is `caller_id_number`.
fn channel_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    name.trim().chars().map(plain).collect()
}

/// `path` becomes `value`.
pub(super) fn assign(path: &[&str], value: Expr) -> Assign {
    Assign { path: path.iter().map(|part| (*part).to_owned()).collect(), value, computed: None, merge: false }
}

impl Walk<'_> {
    pub(super) fn set_variable(&mut self, step: &Step<'_>) -> NodeId {
        let Some(name) = self.required(step, "variable") else { return self.onward(Op::Noop, step) };
        let value = step.data.text(&mut self.builder, "value").unwrap_or_default();
        let assign = assign(&[&channel_name(&name)], Expr::Literal(Value::from(value)));
        self.onward(Op::Set(vec![assign]), step)
    }

    pub(super) fn set_variables(&mut self, step: &Step<'_>) -> NodeId {
        let custom = step.data.get(CUSTOM);
        let at = step.data.at(CUSTOM);
        let Some(object) = custom.and_then(Value::as_object) else {
            self.report(
                Code::MissingOption,
                &at,
                format!("`{CUSTOM}` is missing or no object; the module is skipped"),
            );
            return self.onward(Op::Noop, step);
        };
        let one = |(name, value): (&String, &Value)| assign(&[CUSTOM, name], Expr::Literal(value.clone()));
        let assigns = object.iter().map(one).collect();
        self.onward(Op::Set(assigns), step)
    }

    /// The child whose key is the variable's value.
    pub(super) fn branch_variable(&mut self, step: &Step<'_>) -> NodeId {
        let Some(name) = self.required(step, "variable") else { return self.onward(Op::Noop, step) };
        let scope = step.data.text(&mut self.builder, "scope").unwrap_or_default();
        if ["account", "user", "device", "merged"].contains(&scope.as_str()) {
            let message =
                format!("there are no {scope} documents here: only the call's variables are looked at");
            self.report(Code::Approximated, &step.data.at("scope"), message);
        }
        let branch = Branch { on: lookup(&name), reset: None, flush: false };
        let edges = step.children.edges();
        self.add(Op::Branch(branch), edges, step)
    }
}

/// A variable by whichever name it was set, else what is known of the call by that name.
pub(super) fn lookup(name: &str) -> Expr {
    let channel = channel_name(name);
    let custom = |name: &str| {
        let all = Box::new(Expr::Variable(CUSTOM.to_owned()));
        Expr::Member(all, Access::Name(name.to_owned()))
    };
    let mut places = vec![Expr::Variable(channel.clone()), custom(name)];
    if channel != name {
        places.push(custom(&channel));
    }
    let fact = match channel.as_str() {
        "account_id" => Some(Fact::AccountId),
        "call_id" => Some(Fact::SipCallId),
        "call_direction" | "direction" => Some(Fact::Direction),
        "caller_id_name" => Some(Fact::CallerName),
        "caller_id_number" | "from_user" => Some(Fact::CallerNumber),
        "callee_id_number" | "to_user" | "request_user" => Some(Fact::CalledNumber),
        "capture_group" => Some(Fact::CaptureGroup),
        "language" => Some(Fact::Language),
        "owner_id" | "user_id" | "username" => Some(Fact::User),
        _ => None,
    };
    places.extend(fact.map(Expr::Fact));
    let either = |a: Expr, b: Expr| Expr::Binary(Binary::Or, Box::new(a), Box::new(b));
    places.into_iter().reduce(either).unwrap_or(Expr::Literal(Value::Null))
}
