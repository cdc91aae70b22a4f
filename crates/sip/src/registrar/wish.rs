//! What a REGISTER asks for, read and judged as a whole before any of it is done: RFC 3261 §10.3 step 7.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::binding::{Binding, way};
use super::{Limits, MOST, Refusal};
use crate::error::ParseError;
use crate::flow::Flow;
use crate::message::{Address, Core, Message, Name, lex};

/// The longest contact with its parameters and path, in bytes. Push parameters take a thousand (RFC 8599);
/// a hundred users with ten contacts each are a megabyte.
const LONGEST: usize = 2_000;

/// What a REGISTER asks for.
pub(super) enum Wish {
    /// The list of bindings: there is no Contact.
    Fetch,
    /// `*`: all bindings are to go.
    Clear,
    /// These bindings, each for so many seconds; 0 removes it.
    Bind(Vec<(Binding, u32)>),
}

/// Whether RFC 5626 applies to a registration: then the response requires `outbound`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outbound {
    Applies,
    Not,
}

fn bad(header: Name, expected: &'static str) -> Refusal {
    Refusal::Bad(ParseError { at: 0, header: Some(header.text()), expected })
}

/// A count of seconds; a malformed one is as good as an hour (RFC 3261 §10.2.1.1, §20.19).
fn seconds(text: &str) -> u32 {
    lex::seconds(text).unwrap_or(3600)
}

/// Reads what a REGISTER asks for.
pub(super) fn read(
    now: Instant,
    user: &Arc<str>,
    message: &Message,
    core: &Core<'_>,
    flow: Flow,
    limits: &Limits,
) -> Result<(Wish, Outbound), Refusal> {
    let header = message.line(Name::Expires).map(seconds);
    let values: Vec<&str> = message.values(Name::Contact).collect();
    if values.is_empty() {
        return Ok((Wish::Fetch, Outbound::Not));
    }
    if values.contains(&"*") {
        // RFC 3261 §10.2.2: alone, and only to remove.
        if values.len() != 1 || header != Some(0) {
            return Err(bad(Name::Contact, "* alone and Expires 0"));
        }
        return Ok((Wish::Clear, Outbound::Not));
    }
    if values.len() > MOST {
        return Err(Refusal::TooMany);
    }
    let path: Vec<String> = message.values(Name::Path).map(str::to_owned).collect();
    if path.iter().any(|hop| Address::parse(hop).is_err()) {
        return Err(bad(Name::Path, "an address in brackets"));
    }
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        let address = Address::parse(value).map_err(|expected| bad(Name::Contact, expected))?;
        let asked = address.param("expires").map(seconds).or(header);
        let granted = limits.grant(asked)?;
        let binding = bind(now + granted, user, &address, core, flow, &path)?;
        all.push((binding, u32::try_from(granted.as_secs()).unwrap_or(u32::MAX)));
    }
    let outbound = outbound(message, &path, &all)?;
    Ok((Wish::Bind(all), outbound))
}

impl Limits {
    /// For how long a contact is bound that asks for so many seconds.
    fn grant(&self, asked: Option<u32>) -> Result<Duration, Refusal> {
        let asked = asked.map_or(self.usual, |seconds| Duration::from_secs(u64::from(seconds)));
        if !asked.is_zero() && asked < self.least {
            return Err(Refusal::TooBrief { least: self.least });
        }
        Ok(asked.min(self.most))
    }
}

fn bind(
    expires: Instant,
    user: &Arc<str>,
    address: &Address<'_>,
    core: &Core<'_>,
    flow: Flow,
    path: &[String],
) -> Result<Binding, Refusal> {
    let mut params = String::new();
    for (name, value) in lex::params(address.params) {
        if !name.eq_ignore_ascii_case("expires") {
            params.push(';');
            params.push_str(name);
            if let Some(value) = value {
                params.push('=');
                params.push_str(value);
            }
        }
    }
    let length = address.uri_text.len() + params.len() + path.iter().map(String::len).sum::<usize>();
    if length > LONGEST {
        return Err(bad(Name::Contact, "at most 2000 bytes"));
    }
    let instance = address.param("+sip.instance").filter(|i| !i.is_empty());
    // RFC 5626 §6: a reg-id counts only beside an instance; it is a number from 1.
    let reg_id = address.param("reg-id").and_then(|id| lex::number(id, 0x7fff_ffff)).filter(|id| *id > 0);
    Ok(Binding {
        user: user.clone(),
        contact: address.uri_text.to_owned(),
        flow: way(flow, core.via.rport, &address.uri, path),
        path: path.to_vec(),
        expires,
        priority: priority(address),
        params: params.into(),
        instance: instance.map(|i| lex::unquoted(i).to_ascii_lowercase().into()),
        reg_id: reg_id.filter(|_| instance.is_some()),
        call_id: core.call_id.into(),
        cseq: core.cseq,
        age: 0,
    })
}

/// `q` in thousandths: from `0` to `1` with up to three decimals; what is absent or no such number is 1.
fn priority(address: &Address<'_>) -> u16 {
    let Some(text) = address.param("q") else { return 1000 };
    match text.split_once('.').unwrap_or((text, "")) {
        ("0" | "", decimals) if decimals.len() <= 3 && decimals.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{decimals:0<3}").parse().unwrap_or(1000)
        }
        _ => 1000,
    }
}

/// RFC 5626 §6: whether outbound applies, which the phone must support and every hop between must have taken part in.
fn outbound(message: &Message, path: &[String], all: &[(Binding, u32)]) -> Result<Outbound, Refusal> {
    let flows = all.iter().filter(|(binding, _)| binding.reg_id.is_some()).count();
    if flows == 0 {
        return Ok(Outbound::Not);
    }
    if all.iter().filter(|(_, seconds)| *seconds > 0).count() > 1 {
        return Err(bad(Name::Contact, "one contact beside a reg-id"));
    }
    if !message.values(Name::Supported).any(|option| option.eq_ignore_ascii_case("outbound")) {
        return Ok(Outbound::Not);
    }
    let is_direct = message.values(Name::Via).nth(1).is_none();
    let edge_takes_part = path
        .first()
        .is_some_and(|first| Address::parse(first).is_ok_and(|address| address.uri.param("ob").is_some()));
    if is_direct || edge_takes_part { Ok(Outbound::Applies) } else { Err(Refusal::NoOutbound) }
}
