//! Accounts that may register and call.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use crate::Problem;
use crate::groups::{Group, Order};
use crate::numbers::syntax;
use crate::problem::place;

/// The file's name; it may be absent.
pub(crate) const FILE: &str = "users.toml";

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The digest user name and the user part of its address.
    pub name: String,
    /// The digest password, in the clear because SIP digests need it.
    pub password: String,
    /// The number that reaches the account, if it has one.
    pub number: Option<String>,
}

impl fmt::Debug for User {
    // A password must not reach a log by way of a debug print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("number", &self.number).finish_non_exhaustive()
    }
}

/// All accounts and their groups, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    users: BTreeMap<String, User>,
    /// Names by number.
    numbers: HashMap<String, String>,
    groups: BTreeMap<String, Group>,
}

impl Users {
    /// No accounts.
    pub fn new() -> Users {
        Users::default()
    }

    /// Adds an account; the one of the same name that was there before is returned.
    pub fn insert(&mut self, user: User) -> Option<User> {
        let before = self.users.remove(&user.name);
        if let Some(number) = before.as_ref().and_then(|before| before.number.as_ref()) {
            self.numbers.remove(number);
        }
        if let Some(number) = &user.number {
            self.numbers.entry(number.clone()).or_insert_with(|| user.name.clone());
        }
        self.users.insert(user.name.clone(), user);
        before
    }

    /// The account of this name.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// The account that this number reaches.
    pub fn by_number(&self, number: &str) -> Option<&User> {
        self.users.get(self.numbers.get(number)?)
    }

    /// Adds a group; the one of the same name is replaced.
    pub fn insert_group(&mut self, group: Group) {
        self.groups.insert(group.name.clone(), group);
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The group that this number reaches.
    pub fn group_by_number(&self, number: &str) -> Option<&Group> {
        self.groups.values().find(|group| group.number.as_deref() == Some(number))
    }

    /// All groups in the order of their names.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The same accounts and groups with those of `others`, which go before these of the same name.
    #[must_use]
    pub fn with(mut self, others: Users) -> Users {
        others.users.into_values().for_each(|user| drop(self.insert(user)));
        self.groups.extend(others.groups);
        self
    }

    /// All accounts in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

/// Reads `users.toml`: a table a user, `[alice]` with `password` and perhaps `number`; a table with `members` is a group.
pub(crate) fn parse(text: &str) -> (Users, Vec<Problem>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<Problem> =
        errors.iter().map(|error| syntax(FILE, text, table.get_ref(), error)).collect();
    let mut users = Users::new();
    for (name, value) in table.get_ref() {
        let mut say = |span: std::ops::Range<usize>, message: String| {
            problems.push(Problem::file(FILE, message).at(place(text, span.start)));
        };
        let DeValue::Table(members) = value.get_ref() else {
            say(value.span(), format!("expected `[{}]` with `password = \"…\"`", name.get_ref()));
            continue;
        };
        if is_group(members) {
            continue;
        }
        let mut user = User { name: name.get_ref().to_string(), password: String::new(), number: None };
        for (key, value) in members {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("password", DeValue::String(password)) => user.password = password.to_string(),
                ("number", DeValue::String(number)) => user.number = Some(number.to_string()),
                ("password" | "number", _) => say(value.span(), "expected a text in quotes".to_owned()),
                (other, _) => {
                    let has = "a user has `password` and `number`, a group `members`";
                    say(key.span(), format!("unknown key `{other}`; {has}"));
                }
            }
        }
        match (&user.password, user.number.as_deref().and_then(|number| users.by_number(number))) {
            (password, _) if password.is_empty() => {
                say(name.span(), format!("`{}` has no password", user.name));
            }
            (_, Some(other)) => {
                say(name.span(), format!("`{}` has the number of `{}`", user.name, other.name));
            }
            _ => drop(users.insert(user)),
        }
    }
    // After the users, whose numbers they may not have.
    for (name, value) in table.get_ref() {
        let DeValue::Table(members) = value.get_ref() else { continue };
        if !is_group(members) {
            continue;
        }
        let mut say = |span: std::ops::Range<usize>, message: String| {
            problems.push(Problem::file(FILE, message).at(place(text, span.start)));
        };
        let group = group(name.get_ref(), members, &mut say);
        let number = group.number.as_deref();
        let user = number.and_then(|number| users.by_number(number)).map(|user| &user.name);
        match user.or(number.and_then(|number| users.group_by_number(number)).map(|group| &group.name)) {
            Some(other) => say(name.span(), format!("`{}` has the number of `{other}`", group.name)),
            None => users.insert_group(group),
        }
    }
    (users, problems)
}

/// Whether a table is a group's.
fn is_group(table: &DeTable<'_>) -> bool {
    table.iter().any(|(key, _)| key.get_ref() == "members")
}

/// A group's table.
fn group(name: &str, table: &DeTable<'_>, say: &mut impl FnMut(std::ops::Range<usize>, String)) -> Group {
    let mut group = Group::new(name);
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("members", DeValue::Array(members)) => {
                for member in members {
                    match member.get_ref() {
                        DeValue::String(name) => group.members.push(name.to_string()),
                        _ => say(member.span(), "expected a user's name in quotes".to_owned()),
                    }
                }
            }
            ("number", DeValue::String(number)) => group.number = Some(number.to_string()),
            ("order", DeValue::String(order)) => match Order::named(order) {
                Some(order) => group.order = order,
                None => {
                    let expected = "expected `together`, `in_turn` or `random`";
                    say(value.span(), format!("{expected}, found `{order}`"));
                }
            },
            ("ring_s", DeValue::Integer(seconds)) => match seconds.as_str().parse() {
                Ok(seconds @ 1..=3_600) => group.ring = Duration::from_secs(seconds),
                _ => say(value.span(), "expected 1 to 3600 seconds".to_owned()),
            },
            ("members", _) => say(value.span(), "expected a list of users' names".to_owned()),
            ("number" | "order", _) => say(value.span(), "expected a text in quotes".to_owned()),
            ("ring_s", _) => say(value.span(), "expected a number of seconds".to_owned()),
            (other, _) => {
                let has = "a group has `members`, `number`, `order` and `ring_s`";
                say(key.span(), format!("unknown key `{other}`; {has}"));
            }
        }
    }
    group
}

impl FromIterator<User> for Users {
    fn from_iter<I: IntoIterator<Item = User>>(users: I) -> Users {
        let mut all = Users::new();
        users.into_iter().for_each(|user| drop(all.insert(user)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_name_and_by_number_and_hides_its_password() {
        let alice = User { name: "alice".into(), password: "secret".into(), number: Some("201".into()) };
        let users: Users = [alice.clone()].into_iter().collect();
        assert_eq!(users.get("alice"), Some(&alice));
        assert_eq!(users.by_number("201"), Some(&alice));
        assert_eq!(users.by_number("202"), None);
        assert!(!format!("{users:?}").contains("secret"));
    }

    #[test]
    fn a_table_with_members_is_a_group() {
        let text = "[alice]\npassword = \"a\"\nnumber = \"201\"\n[sales]\nmembers = [\"alice\", 5]\nnumber = \"600\"\n\
                    order = \"in_turn\"\nring_s = 15\n[odd]\nmembers = \"alice\"\norder = \"best\"\nnumber = \"201\"\n";
        let (users, problems) = parse(text);
        let sales = users.group_by_number("600").expect("a group");
        assert_eq!((sales.members.as_slice(), sales.order), (["alice".to_owned()].as_slice(), Order::InTurn));
        assert_eq!(sales.ring, Duration::from_secs(15));
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "users.toml:10:11: error: expected a list of users' names",
                "users.toml:11:9: error: expected `together`, `in_turn` or `random`, found `best`",
                "users.toml:9:2: error: `odd` has the number of `alice`",
                "users.toml:5:21: error: expected a user's name in quotes",
            ]
        );
    }

    #[test]
    fn a_users_file_is_read_and_its_mistakes_are_named_by_line() {
        let text = "[alice]\npassword = \"a\"\nnumber = \"201\"\n[bob]\npassword = \"b\"\nnumber = \"201\"\n\
                    [carol]\nnumber = 5\n";
        let (users, problems) = parse(text);
        assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["alice"]);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "users.toml:4:2: error: `bob` has the number of `alice`",
                "users.toml:8:10: error: expected a text in quotes",
                "users.toml:7:2: error: `carol` has no password",
            ]
        );
    }
}
