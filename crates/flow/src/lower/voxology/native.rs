//! Voxology's native names: the camel-case forms of the callback's fields, as what the engine knows of a call.
//!
//! `callId`, `callerNo`, `startTime`, `keyPresses`, `sessionData` and `callTime` are attested in published scripts;
//! the others follow their pattern.

use serde_json::Value;

use crate::ir::{Binary, Expr, Fact};

/// Native names that offhook cannot know: nobody tells a SIP server where a number lives.
const UNKNOWN: [&str; 9] = [
    "callerNoCity",
    "callerNoRegion",
    "callerNoCountry",
    "callerNoTimezone",
    "apiNoCity",
    "apiNoRegion",
    "apiNoCountry",
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

/// `live-in-progress` until the call is over.
pub(super) fn status() -> Expr {
    let over = equals(Fact::Status, "hangup");
    Expr::Ternary(Box::new(over), Box::new(text("completed")), Box::new(text("live-in-progress")))
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
