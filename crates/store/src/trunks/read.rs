//! Reads `trunks.toml`; a table that makes no sense is named by line and left out, the others stand.

use std::time::Duration;

use flow::lower::nearest;
use serde::Deserialize;
use toml::Spanned;
use toml::de::ValueDeserializer;

use super::{
    Account, CODECS, CallerIdPolicy, FILE, Form, IdentityHeader, Pattern, Plan, Signals, Trunk, Trunks,
};
use crate::Problem;
use crate::dtmf::Dtmf;
use crate::network::Network;
use crate::problem::place;
use crate::tables::{Fault, entries};

/// How often a trunk is asked whether it is there, unless it says.
const PING_SECONDS: u64 = 30;
/// How long a registration is asked for, unless it says.
const EXPIRES_SECONDS: u64 = 600;

/// A table as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    server: Option<Spanned<Servers>>,
    proxy: Option<Spanned<String>>,
    domain: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(default)]
    register: bool,
    expires: Option<u64>,
    #[serde(default)]
    from: Vec<Spanned<String>>,
    priority: Option<u32>,
    weight: Option<u32>,
    #[serde(default)]
    numbers: Vec<Spanned<String>>,
    #[serde(default)]
    barred: Vec<Spanned<String>>,
    #[serde(default)]
    flags: Vec<String>,
    kinds: Option<Vec<String>>,
    account: Option<String>,
    #[serde(default)]
    country: String,
    national_prefix: Option<String>,
    international_prefix: Option<String>,
    #[serde(default)]
    called: RawForm,
    #[serde(default)]
    caller: RawForm,
    #[serde(default)]
    caller_id: RawCallerId,
    #[serde(default)]
    identity: RawIdentity,
    trusted: Option<bool>,
    calls: Option<u32>,
    calls_per_second: Option<u32>,
    #[serde(default)]
    codecs: Vec<Spanned<String>>,
    music: Option<String>,
    #[serde(default)]
    progress: RawSignals,
    #[serde(default)]
    dtmf: Dtmf,
    ping: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Servers {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Copy, Default, Deserialize)]
enum RawForm {
    #[default]
    #[serde(rename = "+e164")]
    PlusE164,
    #[serde(rename = "e164")]
    E164,
    #[serde(rename = "international")]
    International,
    #[serde(rename = "national")]
    National,
    #[serde(rename = "as-dialled")]
    AsDialled,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCallerId {
    default: Option<String>,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum RawIdentity {
    #[default]
    #[serde(rename = "p-asserted")]
    PAsserted,
    #[serde(rename = "remote-party")]
    RemoteParty,
    #[serde(rename = "none")]
    None,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum RawSignals {
    #[serde(rename = "off")]
    Off,
    #[default]
    #[serde(rename = "note")]
    Note,
    #[serde(rename = "act")]
    Act,
}

/// Reads the file's text.
pub(crate) fn parse(text: &str) -> (Trunks, Vec<Problem>) {
    let (entries, mut problems) = entries(FILE, text);
    let mut trunks = Vec::new();
    for (name, span, value) in entries {
        let whole = value.span();
        let read = Raw::deserialize(ValueDeserializer::from(value))
            .map_err(|error| (error.span().unwrap_or(whole), error.message().to_owned()))
            .and_then(|raw| trunk(&name, span, raw));
        match read {
            Ok(trunk) => trunks.push(trunk),
            Err((span, message)) => {
                let message = format!("trunk `{name}`: {message}");
                problems.push(Problem::file(FILE, message).at(place(text, span.start)));
            }
        }
    }
    (Trunks(trunks), problems)
}

fn trunk(name: &str, span: std::ops::Range<usize>, raw: Raw) -> Result<Trunk, Fault> {
    let Some(server) = raw.server else {
        return Err((span, "expected `server = \"sip:…\"`".to_owned()));
    };
    let at = server.span();
    let servers = match server.into_inner() {
        Servers::One(server) => vec![server],
        Servers::Several(servers) => servers,
    };
    let servers = servers.into_iter().map(|uri| sip_uri(uri, &at)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = servers.first() else {
        return Err((span, "`server` names no server".to_owned()));
    };
    let account = match (raw.username, raw.password) {
        (Some(username), Some(password)) => Some(Account { username, password }),
        (None, None) => None,
        _ => return Err((span, "`username` and `password` go together".to_owned())),
    };
    if raw.register && account.is_none() {
        return Err((span, "`register` needs `username` and `password`".to_owned()));
    }
    let domain = raw.domain.unwrap_or_else(|| host(first).to_owned());
    let from = raw.from.into_iter().map(network).collect::<Result<Vec<_>, _>>()?;
    if raw.weight == Some(0) {
        return Err((span, "`weight` is 1 or more".to_owned()));
    }
    let plan = Plan {
        country: raw.country.trim_start_matches('+').to_owned(),
        national_prefix: raw.national_prefix.unwrap_or_else(|| Plan::default().national_prefix),
        international_prefix: raw
            .international_prefix
            .unwrap_or_else(|| Plan::default().international_prefix),
        called: form(raw.called),
        caller: form(raw.caller),
    };
    Ok(Trunk {
        name: name.to_owned(),
        proxy: raw
            .proxy
            .map(|proxy| (proxy.span(), proxy.into_inner()))
            .map(|(at, proxy)| sip_uri(proxy, &at))
            .transpose()?,
        servers,
        domain,
        account,
        register: raw.register.then(|| Duration::from_secs(raw.expires.unwrap_or(EXPIRES_SECONDS))),
        from,
        priority: raw.priority.unwrap_or(10),
        weight: raw.weight.unwrap_or(1),
        numbers: patterns(raw.numbers)?,
        barred: patterns(raw.barred)?,
        flags: raw.flags,
        kinds: raw.kinds.unwrap_or_else(|| vec!["audio".to_owned()]),
        account_id: raw.account,
        plan,
        caller_id: CallerIdPolicy { default: raw.caller_id.default, allow: patterns(raw.caller_id.allow)? },
        identity: match raw.identity {
            RawIdentity::PAsserted => IdentityHeader::PAsserted,
            RawIdentity::RemoteParty => IdentityHeader::RemoteParty,
            RawIdentity::None => IdentityHeader::None,
        },
        trusted: raw.trusted.unwrap_or(true),
        calls: raw.calls,
        calls_per_second: raw.calls_per_second,
        codecs: raw.codecs.into_iter().map(codec).collect::<Result<_, _>>()?,
        music: raw.music.filter(|class| !class.is_empty()),
        progress: match raw.progress {
            RawSignals::Off => Signals::Ignored,
            RawSignals::Note => Signals::Noted,
            RawSignals::Act => Signals::Obeyed,
        },
        dtmf: raw.dtmf,
        ping: match raw.ping.unwrap_or(PING_SECONDS) {
            0 => None,
            seconds => Some(Duration::from_secs(seconds)),
        },
    })
}

/// The name of a codec, as [`CODECS`] has it, in any case.
fn codec(name: Spanned<String>) -> Result<String, Fault> {
    let (at, name) = (name.span(), name.into_inner());
    if CODECS.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Ok(name);
    }
    let near = nearest(&name.to_uppercase(), CODECS).unwrap_or("PCMU");
    Err((at, format!("there is no codec `{name}`; the nearest is `{near}`")))
}

fn form(raw: RawForm) -> Form {
    match raw {
        RawForm::PlusE164 => Form::PlusE164,
        RawForm::E164 => Form::E164,
        RawForm::International => Form::International,
        RawForm::National => Form::National,
        RawForm::AsDialled => Form::AsDialled,
    }
}

/// `sip:host` or `sips:host`; a bare host gets `sip:`.
fn sip_uri(text: String, at: &std::ops::Range<usize>) -> Result<String, Fault> {
    let is_sip = text.starts_with("sip:") || text.starts_with("sips:");
    let uri = if is_sip || text.contains("://") { text } else { format!("sip:{text}") };
    let bad = host(&uri).is_empty()
        || uri.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c));
    if bad || uri.contains("://") {
        return Err((at.clone(), "expected a SIP URI such as \"sip:sip.example.com\"".to_owned()));
    }
    Ok(uri)
}

/// The host of a SIP URI, without its port.
fn host(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = rest.split([';', '?']).next().unwrap_or(rest);
    let rest = rest.rsplit('@').next().unwrap_or(rest);
    match rest.find(']') {
        Some(end) => rest.get(..=end).unwrap_or(rest),
        None => rest.split(':').next().unwrap_or(rest),
    }
}

fn network(text: Spanned<String>) -> Result<Network, Fault> {
    let span = text.span();
    text.into_inner().parse().map_err(|error: crate::NotANetwork| (span, error.to_string()))
}

fn patterns(texts: Vec<Spanned<String>>) -> Result<Vec<Pattern>, Fault> {
    let read = |text: Spanned<String>| {
        let span = text.span();
        text.get_ref()
            .parse()
            .map_err(|error: regex::Error| (span, format!("not a regular expression: {error}")))
    };
    texts.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_read_with_its_defaults() {
        let text = "[acme]\nserver = \"sip.acme.example:5070\"\nusername = \"u\"\npassword = \"p\"\nregister = true\n\
                    country = \"+49\"\nnumbers = ['^\\+49']\nfrom = [\"198.51.100.0/24\"]\ncalled = \"e164\"\n";
        let (trunks, problems) = parse(text);
        assert_eq!(problems, []);
        let acme = trunks.get("acme").expect("read");
        assert_eq!(
            (acme.servers.as_slice(), acme.domain.as_str()),
            (&["sip:sip.acme.example:5070".to_owned()][..], "sip.acme.example")
        );
        assert_eq!((acme.priority, acme.weight, acme.register), (10, 1, Some(Duration::from_secs(600))));
        assert!(acme.takes("030 1234567") && acme.takes("+4930") && !acme.takes("+4722334455"));
        assert!(acme.owns("198.51.100.7".parse().expect("an address")));
        assert_eq!(acme.plan.called("0301234567"), "49301234567");
        assert!(!format!("{acme:?}").contains("\"p\""), "a password in a debug print");
    }

    #[test]
    fn a_table_that_makes_no_sense_is_named_by_line_and_the_others_stand() {
        let text = "[a]\nserver = \"x\"\n[b]\nserver = \"http://x\"\n[c]\nsrver = \"x\"\n[d]\nserver = \"x\"\nregister = true\n\
                    [e]\nserver = \"x\"\nnumbers = ['(']\n[f]\nserver = \"x\"\nfrom = [\"1.2.3\"]\n";
        let (trunks, problems) = parse(text);
        assert_eq!(trunks.iter().map(|trunk| trunk.name.as_str()).collect::<Vec<_>>(), ["a"]);
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [Some(4), Some(6), Some(7), Some(12), Some(15)]);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said[0].contains("trunk `b`: expected a SIP URI"), "{said:?}");
        assert!(said[1].contains("srver"), "{said:?}");
        assert!(said[2].contains("needs `username`"), "{said:?}");
    }

    #[test]
    fn signals_in_the_sound_are_noted_unless_the_trunk_says_otherwise() {
        let read = |line: &str| parse(&format!("[a]\nserver = \"x\"\n{line}\n"));
        for (line, expected) in [
            ("", Signals::Noted),
            ("progress = \"note\"", Signals::Noted),
            ("progress = \"off\"", Signals::Ignored),
            ("progress = \"act\"", Signals::Obeyed),
        ] {
            let (trunks, problems) = read(line);
            assert_eq!(problems, []);
            assert_eq!(trunks.get("a").expect("read").progress, expected, "{line}");
        }
        let (trunks, problems) = read("progress = \"on\"");
        assert!(trunks.is_empty());
        let said = problems[0].to_string();
        assert!(said.contains("off") && said.contains("note") && said.contains("act"), "{said}");
    }

    #[test]
    fn the_example_in_the_documentation_is_read_without_a_word() {
        let (trunks, problems) = parse(include_str!("../../../../docs/trunks.toml"));
        assert_eq!((trunks.len(), problems), (2, Vec::new()));
    }

    #[test]
    fn keys_go_as_the_trunk_says_and_another_word_is_named_by_line() {
        let read = |line: &str| parse(&format!("[a]\nserver = \"x\"\n{line}\n"));
        for (line, expected) in [
            ("", Dtmf::Auto),
            ("dtmf = \"auto\"", Dtmf::Auto),
            ("dtmf = \"rfc4733\"", Dtmf::Events),
            ("dtmf = \"info\"", Dtmf::Info),
            ("dtmf = \"inband\"", Dtmf::Inband),
        ] {
            let (trunks, problems) = read(line);
            assert_eq!(problems, []);
            assert_eq!(trunks.get("a").expect("read").dtmf, expected, "{line}");
        }
        let (trunks, problems) = read("dtmf = \"sip-info\"");
        assert!(trunks.is_empty());
        let said = problems[0].to_string();
        let expected = "trunks.toml:3:8: error: trunk `a`: unknown variant `sip-info`, expected one of `auto`, `rfc4733`";
        assert!(said.starts_with(expected), "{said}");
    }

    #[test]
    fn codecs_are_known_ones_in_any_case_and_others_are_told_the_nearest() {
        let read = |codecs: &str| parse(&format!("[a]\nserver = \"x\"\ncodecs = [{codecs}]\n"));
        let (trunks, problems) = read("\"Opus\", \"pcma\", \"L16/16000\"");
        assert_eq!(problems, []);
        assert_eq!(trunks.get("a").expect("read").codecs, ["Opus", "pcma", "L16/16000"]);
        for (codec, near) in [("G729", "G722"), ("PCMW", "PCMU"), ("pcm-a", "PCMA"), ("zzzzzz", "PCMU")] {
            let (_, problems) = read(&format!("\"PCMU\", \"{codec}\""));
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            let wanted = format!(
                "trunks.toml:3:19: error: trunk `a`: there is no codec `{codec}`; the nearest is `{near}`"
            );
            assert_eq!(said, [wanted]);
        }
    }
}
