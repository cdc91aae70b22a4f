//! One value: from TOML or from an environment variable to something checked.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use switch::Network;
use toml::de::DeValue;

use super::settings::Kind;

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Text, checked by its kind.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(u64),
}

/// The value in a file; the error says what was expected and what is there.
pub(super) fn from_toml(kind: Kind, value: &DeValue<'_>) -> Result<Value, String> {
    let given = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Array(items)
            if matches!(kind, Kind::Sockets | Kind::List | Kind::Networks | Kind::Codecs) =>
        {
            let texts: Option<Vec<&str>> = items.iter().map(|item| item.as_ref().as_str()).collect();
            let Some(texts) = texts else { return Err(format!("expected {} in it", expected(Kind::Text))) };
            Value::Text(texts.join(", "))
        }
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Integer(number) => match u64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Number(number),
            Err(_) => return Err(format!("expected {}, found {number}", expected(kind))),
        },
        other => return Err(format!("expected {}, found {}", expected(kind), other.type_str())),
    };
    checked(kind, given)
}

/// The value in an environment variable, where everything is text.
pub(super) fn from_text(kind: Kind, text: &str) -> Result<Value, String> {
    let given = match kind {
        Kind::Flag => text.parse().map(Value::Flag).ok(),
        Kind::Number(..) => text.parse().map(Value::Number).ok(),
        _ => Some(Value::Text(text.to_owned())),
    };
    given.map_or_else(
        || Err(format!("expected {}, found {text:?}", expected(kind))),
        |given| checked(kind, given),
    )
}

fn checked(kind: Kind, value: Value) -> Result<Value, String> {
    let fits = match (kind, &value) {
        (Kind::Text | Kind::Secret | Kind::List, Value::Text(_)) | (Kind::Flag, Value::Flag(_)) => true,
        (Kind::Number(least, most), Value::Number(number)) => (least..=most).contains(number),
        (Kind::Address, Value::Text(text)) => text.parse::<IpAddr>().is_ok(),
        (Kind::OptionalAddress, Value::Text(text)) => text.is_empty() || text.parse::<IpAddr>().is_ok(),
        (Kind::OptionalSocket, Value::Text(text)) => text.is_empty() || text.parse::<SocketAddr>().is_ok(),
        (Kind::Sockets, Value::Text(text)) => text == "off" || sockets(text).is_some(),
        (Kind::Codecs, Value::Text(text)) => return codec_names(text).map(|()| value),
        (Kind::Ports, Value::Text(text)) => ports(text).is_some(),
        (Kind::Networks, Value::Text(text)) => networks(text).is_some(),
        (Kind::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
        (Kind::Directives, Value::Text(text)) => tracing_subscriber::EnvFilter::try_new(text).is_ok(),
        _ => false,
    };
    if fits {
        return Ok(value);
    }
    let found = match &value {
        Value::Text(text) => format!("{text:?}"),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
    };
    Err(format!("expected {}, found {found}", expected(kind)))
}

/// Whether all of these are codecs, and there is one; the error names the one that is not, and the nearest.
fn codec_names(text: &str) -> Result<(), String> {
    match list(text).find(|name| switch::codec_named(name).is_none()) {
        Some(name) => {
            let near = flow::lower::nearest(name, store::CODECS);
            let near = near.map(|near| format!("; the nearest is {near}")).unwrap_or_default();
            Err(format!("there is no codec {name:?}{near}; there are {}", store::CODECS.join(", ")))
        }
        None if list(text).next().is_none() => Err("expected at least one codec".to_owned()),
        None => Ok(()),
    }
}

/// `20000-29999` as a range of at least two ports.
pub(super) fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?);
    (first > 0 && first < last).then_some(first..=last)
}

/// `0.0.0.0:5060, [::]:5060` as addresses.
pub(super) fn sockets(text: &str) -> Option<Vec<SocketAddr>> {
    list(text).map(|part| part.parse().ok()).collect()
}

/// The parts between commas, without empty ones.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// `10.0.0.0/8, fe80::/10` as networks.
pub(super) fn networks(text: &str) -> Option<Vec<Network>> {
    list(text).map(|part| part.parse().ok()).collect()
}

/// What a kind accepts, for a sentence.
fn expected(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Secret => "a text in quotes".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Address => "an IP address such as \"0.0.0.0\"".to_owned(),
        Kind::OptionalAddress => "an IP address such as \"203.0.113.7\", or \"\"".to_owned(),
        Kind::OptionalSocket => "an address with a port such as \"127.0.0.1:8090\", or \"\"".to_owned(),
        Kind::Sockets => {
            "addresses with ports such as \"0.0.0.0:5061, [::]:5061\", \"off\", or \"\"".to_owned()
        }
        Kind::List => "texts in quotes with commas between them".to_owned(),
        Kind::Codecs => format!("codecs such as \"opus, PCMU\"; there are {}", store::CODECS.join(", ")),
        Kind::Ports => "two ports such as \"20000-29999\", the lower first".to_owned(),
        Kind::Networks => "networks such as \"10.0.0.0/8, fe80::/10\", or \"\"".to_owned(),
        Kind::Choice(words) => {
            words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ")
        }
        Kind::Directives => {
            "a log level such as \"info\", or directives such as \"info,switch=debug\"".to_owned()
        }
    }
}
