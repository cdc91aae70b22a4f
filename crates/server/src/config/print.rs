//! `offhook config print`: the effective values as a TOML file that can be used again.

use std::fmt::Write;

use super::read::{Origin, Read};
use super::settings::{Kind, SETTINGS};
use super::value::Value;

/// All settings with their comments, and the accounts without their passwords.
pub(super) fn print(read: &Read) -> String {
    let mut out = String::from(
        "# offhook's settings as they are in effect.\n\
         # Each may be overridden by an environment variable: sip.port by OFFHOOK_SIP__PORT.\n",
    );
    let mut section = "";
    for setting in SETTINGS {
        let (of, key) = setting.split();
        if of != section {
            section = of;
            let _ = write!(out, "\n[{section}]");
        }
        out.push('\n');
        for line in setting.about.lines() {
            let _ = writeln!(out, "# {line}");
        }
        let (value, origin) = &read.values[setting.key];
        let shown = match (setting.kind, value) {
            (Kind::Secret, Value::Text(text)) if !text.is_empty() => "\"…\"".to_owned(),
            (_, Value::Text(text)) => toml::Value::String(text.clone()).to_string(),
            (_, Value::Flag(flag)) => flag.to_string(),
            (_, Value::Number(number)) => number.to_string(),
        };
        let from = match origin {
            Origin::Default => String::new(),
            Origin::File(line) => format!("  # line {line} of the file; the default is {}", setting.default),
            Origin::Variable(name) => format!("  # by {name}; the default is {}", setting.default),
        };
        let _ = writeln!(out, "{key} = {shown}{from}");
    }
    out.push_str("\n# Accounts that may register and call: name = { password = \"…\", number = \"…\" }.\n");
    out.push_str("# With none here and none in users.toml of the flows directory, alice and bob are made up.\n[users]\n");
    for user in read.users.iter() {
        let number = user.number.as_ref().map(|number| format!(", number = {number:?}")).unwrap_or_default();
        let _ = writeln!(out, "{} = {{ password = \"…\"{number} }}", user.name);
    }
    out
}
