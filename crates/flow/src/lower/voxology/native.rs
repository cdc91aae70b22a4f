//! Voxology's native names: the camel-case forms of the callback's fields, as what the engine knows of a call.
//!
//! `callId`, `callerNo`, `startTime`, `keyPresses`, `sessionData` and `callTime` are attested in published scripts;
//! the others follow their pattern.

use serde_json::Value;

use crate::ir::{Binary, Expr, Fact, Unary};

/// Native names that offhook cannot know: a number's digits tell its country, and nobody tells a SIP server the rest.
const UNKNOWN: [&str; 7] = [
    "callerNoCity",
    "callerNoRegion",
    "callerNoTimezone",
    "apiNoCity",
    "apiNoRegion",
    "apiNoTimezone",
    "customData",
];

/// What the native `name` stands for; `None` for the script's own variables (and `sessionData`, which is one).
pub(super) fn lookup(name: &str) -> Option<Expr> {
    let fact = match name {
        "callId" => Fact::CallId,
        "appId" => Fact::AccountId,
        "callerNo" => return Some(caller()),
        "apiNo" => return Some(api()),
        "callerNoCountry" => return Some(or(caller_country(), null())),
        "apiNoCountry" => return Some(or(api_country(), null())),
        "startTime" => Fact::StartMillis,
        "endTime" => Fact::EndIso,
        "duration" | "callTime" => Fact::Elapsed,
        "direction" => Fact::Direction,
        "status" => return Some(status()),
        "detection" => return Some(detection()),
        "keyPresses" => Fact::LastDigits,
        "recordings" => Fact::Recordings,
        "sipDomain" => Fact::CalledDomain,
        "sipForwardedFor" => Fact::CallerAddress,
        "subaccountId" => return Some(text("0")),
        unknown if UNKNOWN.contains(&unknown) => return Some(Expr::Literal(Value::Null)),
        _ => return None,
    };
    Some(Expr::Fact(fact))
}

/// A string constant.
pub(super) fn text(value: &str) -> Expr {
    Expr::Literal(Value::String(value.into()))
}

/// `null`.
pub(super) fn null() -> Expr {
    Expr::Literal(Value::Null)
}

/// `undefined`: a variable that cannot be assigned.
pub(super) fn undefined() -> Expr {
    Expr::Variable(String::new())
}

/// The other party's number, whoever placed the call.
pub(super) fn caller() -> Expr {
    by_direction(Fact::CalledNumber, Fact::CallerNumber)
}

/// Our own number, whoever placed the call.
pub(super) fn api() -> Expr {
    by_direction(Fact::CallerNumber, Fact::CalledNumber)
}

/// The country of the other party's number.
pub(super) fn caller_country() -> Expr {
    by_direction(Fact::CalledCountry, Fact::CallerCountry)
}

/// The country of our own number.
pub(super) fn api_country() -> Expr {
    by_direction(Fact::CallerCountry, Fact::CalledCountry)
}

/// `live-in-progress` until the call is over; then `completed`, or why it was never answered.
pub(super) fn status() -> Expr {
    let choose = |question: Expr, yes: &str, no: Expr| {
        Expr::Ternary(Box::new(question), Box::new(text(yes)), Box::new(no))
    };
    let ended = |cause: &str| equals(Fact::EndCause, cause);
    let gave_up = or(ended("cancelled"), ended("hangup"));
    let refused = choose(ended("busy"), "busy", choose(ended("no_answer"), "no-answer", text("failed")));
    let over = choose(Expr::Fact(Fact::Answered), "completed", choose(gave_up, "canceled", refused));
    let live = Expr::Unary(Unary::Not, Box::new(equals(Fact::Status, "hangup")));
    choose(live, "live-in-progress", over)
}

/// `unknown` until someone has looked.
pub(super) fn detection() -> Expr {
    or(Expr::Fact(Fact::Detection), text("unknown"))
}

/// `a || b`.
pub(super) fn or(a: Expr, b: Expr) -> Expr {
    Expr::Binary(Binary::Or, Box::new(a), Box::new(b))
}

fn by_direction(outbound: Fact, inbound: Fact) -> Expr {
    let condition = equals(Fact::Direction, "outbound");
    Expr::Ternary(Box::new(condition), Box::new(Expr::Fact(outbound)), Box::new(Expr::Fact(inbound)))
}

fn equals(fact: Fact, value: &str) -> Expr {
    Expr::Binary(Binary::Eq, Box::new(Expr::Fact(fact)), Box::new(text(value)))
}
