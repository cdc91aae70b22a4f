//! From a file's text and the environment to checked values, with everything that is wrong named at once.

use std::collections::BTreeMap;

use store::{Problem, User, Users};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{self, Kind, Setting};
use super::value::{self, Value};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Nobody set it.
    Default,
    /// The file, at this line.
    File(usize),
    /// This environment variable.
    Variable(String),
}

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    /// Every setting has a value.
    pub(super) values: BTreeMap<&'static str, (Value, Origin)>,
    /// The accounts of `[users]`.
    pub(super) users: Users,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
}

/// Variables with the prefix that are no settings.
const OTHER_VARIABLES: [&str; 2] = ["OFFHOOK_CONFIG", "OFFHOOK_URL"];

impl Read {
    /// The defaults, then the file (its name and text), then the environment.
    pub(super) fn new(
        file: Option<(&str, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Read {
        let values = settings::SETTINGS
            .iter()
            .map(|setting| (setting.key, (default(setting), Origin::Default)))
            .collect();
        let mut read = Read { values, users: Users::new(), problems: Vec::new() };
        if let Some((name, text)) = file {
            read.file(name, text);
        }
        let mut variables: Vec<_> =
            environment.into_iter().filter(|(name, _)| name.starts_with("OFFHOOK_")).collect();
        variables.sort();
        for (name, text) in variables {
            if !OTHER_VARIABLES.contains(&name.as_str()) {
                read.variable(name, &text);
            }
        }
        let name = file.map(|(name, _)| name);
        read.tls(name);
        read.opus(name);
        read.amd(name);
        read
    }

    /// What TLS settings ask of each other.
    fn tls(&mut self, file: Option<&str>) {
        let text = |key: &str| match self.values.get(key) {
            Some((Value::Text(text), _)) => text.as_str(),
            _ => "",
        };
        let count = |key: &str| value::list(text(key)).count();
        let listens = |key: &str| !matches!(text(key), "" | "off");
        let (certificates, keys) = (count("sip.tls_certificate"), count("sip.tls_key"));
        let mut wrong = Vec::new();
        if certificates != keys {
            wrong.push(("sip.tls_key", format!("there are {certificates} certificates and {keys} keys")));
        }
        for key in ["sip.tls", "sip.wss"] {
            if listens(key) && certificates == 0 {
                wrong.push((key, "TLS needs a certificate: sip.tls_certificate and sip.tls_key".to_owned()));
            }
        }
        if text("sip.tls_client_certificates") != "off" && text("sip.tls_client_ca").is_empty() {
            let who = "sip.tls_client_ca must say who signs them".to_owned();
            wrong.push(("sip.tls_client_certificates", who));
        }
        self.wrong(file, wrong);
    }

    /// What Opus has rates and bits a second of.
    fn opus(&mut self, file: Option<&str>) {
        let number = |key: &str| match self.values.get(key) {
            Some((Value::Number(number), _)) => *number,
            _ => 0,
        };
        let mut wrong = Vec::new();
        if ![8_000, 12_000, 16_000, 24_000, 48_000].contains(&number("media.opus_rate")) {
            wrong.push(("media.opus_rate", "expected 8000, 12000, 16000, 24000 or 48000".to_owned()));
        }
        if (1..6_000).contains(&number("media.opus_bitrate")) {
            wrong.push(("media.opus_bitrate", "expected 0, or 6000 or more".to_owned()));
        }
        self.wrong(file, wrong);
    }

    /// What the timings by which it is found out who answered ask of each other.
    fn amd(&mut self, file: Option<&str>) {
        let number = |key: &str| match self.values.get(key) {
            Some((Value::Number(number), _)) => *number,
            _ => 0,
        };
        let (least, most) = (number("media.amd.min_word_ms"), number("media.amd.max_word_ms"));
        if least >= most {
            let why = format!("the shortest word, {least}, is no shorter than the longest, {most}");
            self.wrong(file, vec![("media.amd.min_word_ms", why)]);
        }
    }

    fn wrong(&mut self, file: Option<&str>, wrong: Vec<(&str, String)>) {
        for (key, why) in wrong {
            let place = match self.values.get(key) {
                Some((_, Origin::Variable(name))) => name.clone(),
                Some((_, Origin::File(line))) => format!("{}:{line}", file.unwrap_or_default()),
                _ => file.unwrap_or("the configuration").to_owned(),
            };
            self.problems.push(Problem::file(place, format!("{key}: {why}")));
        }
    }

    fn file(&mut self, name: &str, text: &str) {
        let root = match DeTable::parse(text) {
            Ok(root) => root.into_inner(),
            Err(error) => {
                let problem =
                    Problem::file(name, format!("not TOML: {}", error.message().replace('\n', ", ")));
                let at = error.span().map_or(0, |span| span.start);
                return self.problems.push(problem.at_offset(text, at));
            }
        };
        let mut file = File { name, text, read: self };
        for (key, value) in &root {
            file.top(key, value);
        }
    }

    fn variable(&mut self, name: String, text: &str) {
        let path = name.trim_start_matches("OFFHOOK_").to_lowercase().replace("__", ".");
        if let Some(rest) = path.strip_prefix("users.") {
            match rest.rsplit_once('.') {
                Some((user, field @ ("password" | "number"))) => self.account(user, field, text),
                _ => self.problems.push(Problem::file(
                    name,
                    "expected OFFHOOK_USERS__NAME__PASSWORD or OFFHOOK_USERS__NAME__NUMBER",
                )),
            }
            return;
        }
        let Some(setting) = settings::find(&path) else {
            let names: Vec<String> = settings::SETTINGS.iter().map(Setting::variable).collect();
            let message = format!("there is no such setting{}", hint(&name, &names));
            return self.problems.push(Problem::file(name, message));
        };
        match value::from_text(setting.kind, text) {
            Ok(value) => {
                self.values.insert(setting.key, (value, Origin::Variable(name)));
            }
            Err(why) => self.problems.push(Problem::file(name, format!("{}: {why}", setting.key))),
        }
    }

    /// Sets one field of an account from the environment, where each comes alone.
    fn account(&mut self, name: &str, field: &str, text: &str) {
        let old = self.users.get(name).cloned();
        let mut user = old.unwrap_or_else(|| User::new(name, ""));
        match field {
            "password" => text.clone_into(&mut user.password),
            _ => user.number = Some(text.to_owned()),
        }
        self.users.insert(user);
    }
}

/// The file being read.
struct File<'a> {
    name: &'a str,
    text: &'a str,
    read: &'a mut Read,
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Entry<'i> = Spanned<DeValue<'i>>;

impl File<'_> {
    fn problem(&mut self, at: usize, message: String) {
        self.read.problems.push(Problem::file(self.name, message).at_offset(self.text, at));
    }

    fn top(&mut self, key: &Key<'_>, value: &Entry<'_>) {
        let section = settings::sections().find(|section| *section == key.as_ref());
        match (section, value.as_ref()) {
            (Some("users"), DeValue::Table(users)) => {
                users.iter().for_each(|(name, fields)| self.user(name, fields))
            }
            (Some(section), DeValue::Table(table)) => self.section(section, table),
            (Some(section), _) => self.problem(value.span().start, format!("expected [{section}], a table")),
            (None, DeValue::Table(_)) if settings::find(key.as_ref()).is_none() => {
                self.unknown(key, "", settings::sections().map(str::to_owned).collect());
            }
            (None, _) => self.setting("", key, value),
        }
    }

    fn section(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let inner = format!("{section}.{}", key.as_ref());
            match (settings::sections().any(|known| known == inner), value.as_ref()) {
                (true, DeValue::Table(table)) => self.section(&inner, table),
                (true, _) => self.problem(value.span().start, format!("expected [{inner}], a table")),
                (false, _) => self.setting(section, key, value),
            }
        }
    }

    fn setting(&mut self, section: &str, key: &Key<'_>, value: &Entry<'_>) {
        let full = if section.is_empty() { key.to_string() } else { format!("{section}.{}", key.as_ref()) };
        let Some(setting) = settings::find(&full) else {
            return self.unknown(
                key,
                section,
                settings::SETTINGS.iter().map(|setting| setting.key.to_owned()).collect(),
            );
        };
        match value::from_toml(setting.kind, value.as_ref()) {
            Ok(found) => {
                let line = self.text[..key.span().start].matches('\n').count() + 1;
                self.read.values.insert(setting.key, (found, Origin::File(line)));
            }
            Err(why) => self.problem(value.span().start, format!("{}: {why}", setting.key)),
        }
    }

    fn unknown(&mut self, key: &Key<'_>, section: &str, known: Vec<String>) {
        let full = if section.is_empty() { key.to_string() } else { format!("{section}.{}", key.as_ref()) };
        self.problem(key.span().start, format!("there is no setting {full}{}", hint(&full, &known)));
    }

    fn user(&mut self, name: &Key<'_>, fields: &Entry<'_>) {
        let mut user = User::new(name.as_ref().as_ref(), "");
        let shape = "expected { password = \"…\" }, and number = \"…\" if it has one";
        let DeValue::Table(table) = fields.as_ref() else {
            return self.problem(fields.span().start, format!("users.{}: {shape}", user.name));
        };
        for (field, value) in table {
            match (field.as_ref().as_ref(), value.as_ref()) {
                ("password", DeValue::String(text)) => text.as_ref().clone_into(&mut user.password),
                ("number", DeValue::String(text)) => user.number = Some(text.to_string()),
                ("password" | "number", other) => {
                    let found = other.type_str();
                    let message = format!(
                        "users.{}.{}: expected a text in quotes, found {found}",
                        user.name,
                        field.as_ref()
                    );
                    self.problem(value.span().start, message);
                }
                (other, _) => {
                    self.problem(
                        field.span().start,
                        format!("users.{}: there is no {other}; {shape}", user.name),
                    );
                }
            }
        }
        if user.password.is_empty() {
            self.problem(name.span().start, format!("users.{} has no password; {shape}", user.name));
        }
        self.read.users.insert(user);
    }
}

/// The default of the table; the tests hold that each is a value of its kind.
fn default(setting: &Setting) -> Value {
    match setting.kind {
        Kind::Flag => Value::Flag(setting.default == "true"),
        Kind::Number(least, _) => Value::Number(setting.default.parse().unwrap_or(least)),
        _ => Value::Text(setting.default.trim_matches('"').to_owned()),
    }
}

/// A hint at the setting that was meant: one of nearly this name, or those of this key in other sections.
fn hint(name: &str, known: &[String]) -> String {
    if let Some(near) = flow::lower::nearest(name, known) {
        return format!("; the nearest is {near}");
    }
    let key = |name: &str| name.rsplit(['.']).next().unwrap_or_default().to_owned();
    let same: Vec<&str> = known.iter().filter(|known| key(known) == key(name)).map(String::as_str).collect();
    if same.is_empty() { String::new() } else { format!("; there is {}", same.join(" and ")) }
}
