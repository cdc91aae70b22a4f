//! Reads `users.toml`: a table a user, `[alice]` with `password`; a table with `members` is a group.
//!
//! What it says of star codes is put together when the flow documents are there that it may name.
//! Of a table that makes no sense as a whole, name, password and number stay in use: a slip in a rule locks nobody out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::{
    CallerId, CallerIds, Device, Forwarding, Group, HotDesk, Order, Permission, User, Users, Whose, Written,
};
use crate::Problem;
use crate::dtmf::Dtmf;
use crate::problem::place;
use crate::tables::{Fault, entries};

/// The file's name; it may be absent.
pub(crate) const FILE: &str = "users.toml";

/// The table, or the key, with the star codes of all.
const CODES: &str = "metaflows";

/// What the file says.
pub(crate) struct Read {
    pub(crate) users: Users,
    pub(crate) codes: Vec<Written>,
    pub(crate) problems: Vec<Problem>,
}

/// Star codes, and where in the text.
type Codes = Vec<(Whose, Spanned<Value>)>;

/// A user's table as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUser {
    password: Option<String>,
    number: Option<String>,
    id: Option<String>,
    display_name: Option<String>,
    #[serde(default)]
    caller_id: RawCallerIds,
    #[serde(default)]
    devices: BTreeMap<Spanned<String>, Spanned<RawDevice>>,
    #[serde(default)]
    forward: RawForwarding,
    #[serde(default)]
    do_not_disturb: bool,
    call_waiting: Option<bool>,
    music: Option<String>,
    #[serde(default)]
    dtmf: Dtmf,
    hot_desk: Option<Spanned<RawDesk>>,
    may: Option<Vec<Spanned<String>>>,
    metaflows: Option<Spanned<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDevice {
    password: String,
    id: Option<String>,
    #[serde(default)]
    caller_id: RawCallerIds,
    #[serde(default)]
    do_not_disturb: bool,
    call_waiting: Option<bool>,
    dtmf: Option<Dtmf>,
    metaflows: Option<Spanned<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCallerIds {
    internal: Option<String>,
    internal_name: Option<String>,
    external: Option<String>,
    external_name: Option<String>,
    emergency: Option<String>,
    emergency_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawForwarding {
    always: Option<String>,
    busy: Option<String>,
    no_answer: Option<String>,
    unreachable: Option<String>,
    after_s: Option<u64>,
    keep_caller_id: Option<bool>,
    #[serde(default)]
    confirm: bool,
    #[serde(default)]
    direct_only: bool,
    #[serde(default)]
    ring_too: bool,
    by_phone: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDesk {
    id: String,
    pin: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    #[serde(default)]
    members: Vec<String>,
    number: Option<String>,
    id: Option<String>,
    order: Option<Spanned<String>>,
    ring_s: Option<Spanned<u64>>,
}

/// Reads the file's text.
pub(crate) fn parse(text: &str) -> Read {
    let (mut entries, mut problems) = entries(FILE, text);
    // Groups after users, whose numbers they may not have.
    entries.sort_by_key(|(_, _, value)| is_group(value.get_ref()));
    let mut users = Users::new();
    let mut codes = Codes::new();
    for (name, span, value) in entries {
        let mut say = |(span, message): Fault| {
            problems.push(Problem::file(FILE, message).at(place(text, span.start)));
        };
        if name == CODES {
            let at = value.span();
            match read::<Value>(value) {
                Ok(value) => codes.push((Whose::All, Spanned::new(at, value))),
                Err(fault) => say(fault),
            }
            continue;
        }
        if is_group(value.get_ref()) {
            match read::<RawGroup>(value).and_then(|raw| group(&name, raw)) {
                Ok(group) => match taken(&users, &name, group.number.as_deref()) {
                    Some(why) => say((span, why)),
                    None => users.insert_group(group),
                },
                Err((span, message)) => say((span, format!("group `{name}`: {message}"))),
            }
            continue;
        }
        let plain = plain(&name, value.get_ref());
        let user = match read::<RawUser>(value).and_then(|raw| user(&name, span.clone(), raw, &mut codes)) {
            Ok(user) => Some(user),
            Err((span, message)) => {
                say((span, format!("user `{name}`: {message}")));
                plain
            }
        };
        let Some(user) = user else { continue };
        let known = user.devices.iter().find(|device| users.owner(&device.name).is_some());
        match (taken(&users, &name, user.number.as_deref()), known) {
            (Some(why), _) => say((span, why)),
            (None, Some(device)) => {
                say((span, format!("`{name}` has the device `{}`, which is there already", device.name)));
            }
            (None, None) => drop(users.insert(user)),
        }
    }
    let mut written = Vec::new();
    for (whose, value) in codes {
        let place = place(text, value.span().start);
        match value.into_inner() {
            value @ (Value::String(_) | Value::Object(_)) => written.push(Written { whose, place, value }),
            other => {
                let message = format!("`metaflows` is a file's name or a table, found `{other}`");
                problems.push(Problem::file(FILE, message).at(place));
            }
        }
    }
    Read { users, codes: written, problems }
}

/// Whether a table is a group's.
fn is_group(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::Table(table) if table.iter().any(|(key, _)| key.get_ref() == "members"))
}

fn read<'de, T: Deserialize<'de>>(value: Spanned<DeValue<'de>>) -> Result<T, Fault> {
    let whole = value.span();
    T::deserialize(ValueDeserializer::from(value))
        .map_err(|error| (error.span().unwrap_or(whole), error.message().to_owned()))
}

/// Why a name or a number cannot be had.
fn taken(users: &Users, name: &str, number: Option<&str>) -> Option<String> {
    if let Some((user, _)) = users.device(name) {
        return Some(format!("`{name}` is a device of `{}`", user.name));
    }
    let user = number.and_then(|number| users.by_number(number)).map(|user| &user.name);
    let group = || number.and_then(|number| users.group_by_number(number)).map(|group| &group.name);
    let other = user.or_else(group)?;
    Some(format!("`{name}` has the number of `{other}`"))
}

/// Name, password and number of a table in which something else is wrong.
fn plain(name: &str, value: &DeValue<'_>) -> Option<User> {
    let DeValue::Table(table) = value else { return None };
    let text = |wanted: &str| match table.iter().find(|(key, _)| key.get_ref() == wanted)?.1.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        _ => None,
    };
    let password = text("password").filter(|password| !password.is_empty())?;
    Some(User { number: text("number"), ..User::new(name, password) })
}

fn user(name: &str, span: Range<usize>, raw: RawUser, codes: &mut Codes) -> Result<User, Fault> {
    let password = raw.password.unwrap_or_default();
    if password.is_empty() && raw.devices.is_empty() {
        return Err((span, "it has no `password`, nor `devices` with theirs".to_owned()));
    }
    codes.extend(raw.metaflows.map(|own| (Whose::User(name.to_owned()), own)));
    Ok(User {
        name: name.to_owned(),
        password,
        number: raw.number,
        id: raw.id,
        display_name: raw.display_name,
        caller_ids: caller_ids(raw.caller_id),
        devices: raw
            .devices
            .into_iter()
            .map(|(name, raw)| device(name, raw, codes))
            .collect::<Result<_, _>>()?,
        forward: forwarding(raw.forward),
        do_not_disturb: raw.do_not_disturb,
        call_waiting: raw.call_waiting.unwrap_or(true),
        music: raw.music,
        dtmf: raw.dtmf,
        hot_desk: raw.hot_desk.map(desk).transpose()?,
        may: raw.may.map_or_else(|| Ok(Permission::usual()), permissions)?,
    })
}

fn device(name: Spanned<String>, raw: Spanned<RawDevice>, codes: &mut Codes) -> Result<Device, Fault> {
    let at = raw.span();
    let RawDevice { password, id, caller_id, do_not_disturb, call_waiting, dtmf, metaflows } =
        raw.into_inner();
    if password.is_empty() {
        return Err((at, "a device needs a `password`".to_owned()));
    }
    codes.extend(metaflows.map(|own| (Whose::Device(name.get_ref().clone()), own)));
    let caller_ids = caller_ids(caller_id);
    let name = name.into_inner();
    Ok(Device { name, password, id, caller_ids, do_not_disturb, call_waiting, dtmf })
}

fn caller_ids(raw: RawCallerIds) -> CallerIds {
    CallerIds {
        internal: CallerId { number: raw.internal, name: raw.internal_name },
        external: CallerId { number: raw.external, name: raw.external_name },
        emergency: CallerId { number: raw.emergency, name: raw.emergency_name },
    }
}

fn forwarding(raw: RawForwarding) -> Forwarding {
    let usual = Forwarding::default();
    let some = |number: Option<String>| number.filter(|number| !number.is_empty());
    Forwarding {
        always: some(raw.always),
        busy: some(raw.busy),
        no_answer: some(raw.no_answer),
        unreachable: some(raw.unreachable),
        after: raw.after_s.map_or(usual.after, |seconds| Duration::from_secs(seconds.clamp(1, 3_600))),
        keep_caller_id: raw.keep_caller_id.unwrap_or(usual.keep_caller_id),
        confirm: raw.confirm,
        direct_only: raw.direct_only,
        ring_too: raw.ring_too,
        by_phone: raw.by_phone.unwrap_or(usual.by_phone),
    }
}

fn desk(raw: Spanned<RawDesk>) -> Result<HotDesk, Fault> {
    let at = raw.span();
    let RawDesk { id, pin } = raw.into_inner();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(&id) || id.len() > 10 {
        return Err((at, "a hot desk's `id` has one to ten digits".to_owned()));
    }
    if pin.as_deref().is_some_and(|pin| !digits(pin) || pin.len() > 6) {
        return Err((at, "a hot desk's `pin` has one to six digits".to_owned()));
    }
    Ok(HotDesk { id, pin })
}

fn permissions(names: Vec<Spanned<String>>) -> Result<BTreeSet<Permission>, Fault> {
    let one = |name: Spanned<String>| {
        Permission::named(name.get_ref()).ok_or_else(|| {
            let known = "`outside`, `pickup`, `listen`, `whisper` and `barge`";
            (name.span(), format!("expected some of {known}, found `{}`", name.get_ref()))
        })
    };
    names.into_iter().map(one).collect()
}

fn group(name: &str, raw: RawGroup) -> Result<Group, Fault> {
    let mut group = Group { number: raw.number, id: raw.id, members: raw.members, ..Group::new(name) };
    if let Some(order) = raw.order {
        group.order = Order::named(order.get_ref()).ok_or_else(|| {
            let expected = "expected `together`, `in_turn` or `random`";
            (order.span(), format!("{expected}, found `{}`", order.get_ref()))
        })?;
    }
    if let Some(seconds) = raw.ring_s {
        match seconds.get_ref() {
            1..=3_600 => group.ring = Duration::from_secs(*seconds.get_ref()),
            _ => return Err((seconds.span(), "expected 1 to 3600 seconds".to_owned())),
        }
    }
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_table_with_members_is_a_group() {
        let text = "[alice]\npassword = \"a\"\nnumber = \"201\"\n[sales]\nmembers = [\"alice\"]\nnumber = \"600\"\n\
                    order = \"in_turn\"\nring_s = 15\n[odd]\nmembers = [\"alice\"]\norder = \"best\"\n\
                    [same]\nmembers = []\nnumber = \"201\"\n";
        let Read { users, problems, .. } = parse(text);
        let sales = users.group_by_number("600").expect("a group");
        assert_eq!((sales.members.as_slice(), sales.order), (["alice".to_owned()].as_slice(), Order::InTurn));
        assert_eq!(sales.ring, Duration::from_secs(15));
        assert_eq!(
            said(&problems),
            [
                "users.toml:11:9: error: group `odd`: expected `together`, `in_turn` or `random`, found `best`",
                "users.toml:12:2: error: `same` has the number of `alice`",
            ]
        );
    }

    #[test]
    fn a_users_file_is_read_and_its_mistakes_are_named_by_line() {
        let text = "[alice]\npassword = \"a\"\nnumber = \"201\"\n[bob]\npassword = \"b\"\nnumber = \"201\"\n\
                    [carol]\nnumber = \"5\"\n[dave]\npassword = \"d\"\ndnd = true\n";
        let Read { users, problems, .. } = parse(text);
        let names: Vec<_> = users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["alice", "dave"], "a slip in a rule locks nobody out");
        let said = said(&problems);
        assert_eq!(said[0], "users.toml:4:2: error: `bob` has the number of `alice`");
        let lacks = "users.toml:7:2: error: user `carol`: it has no `password`, nor `devices` with theirs";
        assert_eq!(said[1], lacks);
        assert!(said[2].starts_with("users.toml:11:1: error: user `dave`: unknown field `dnd`"), "{said:?}");
        assert_eq!(said.len(), 3);
    }

    #[test]
    fn a_user_has_devices_caller_ids_rules_and_permissions() {
        let text = "[alice]\nnumber = \"201\"\nid = \"ab12\"\ndisplay_name = \"Alice\"\n\
                    caller_id = { external = \"+4721000201\", emergency = \"+4721000000\" }\n\
                    forward = { busy = \"202\", no_answer = \"+4799\", after_s = 15, confirm = true, keep_caller_id = false }\n\
                    hot_desk = { id = \"201\", pin = \"1234\" }\nmay = [\"listen\"]\nmusic = \"waltz\"\ncall_waiting = false\n\
                    [alice.devices]\ndesk = { password = \"d\" }\n\
                    mobile = { password = \"m\", do_not_disturb = true, caller_id = { external = \"+4791\" } }\n\
                    [bob]\npassword = \"b\"\ndevices = { desk = { password = \"x\" } }\n";
        let Read { users, problems, .. } = parse(text);
        let alice = users.get("alice").expect("a user without a password of its own");
        assert_eq!(alice.caller_ids.of("external").number.as_deref(), Some("+4721000201"));
        assert_eq!(alice.caller_ids.of("emergency").number.as_deref(), Some("+4721000000"));
        let forward = Forwarding {
            busy: Some("202".into()),
            no_answer: Some("+4799".into()),
            after: Duration::from_secs(15),
            confirm: true,
            keep_caller_id: false,
            ..Forwarding::default()
        };
        assert_eq!(alice.forward, forward);
        assert!(alice.may(Permission::Listen) && !alice.may(Permission::Outside));
        assert!(!alice.call_waiting && alice.music.as_deref() == Some("waltz"));
        let names: Vec<_> = alice.accounts().map(|(name, _)| name).collect();
        assert_eq!(names, ["desk", "mobile"]);
        assert!(users.device("mobile").is_some_and(|(_, device)| device.do_not_disturb));
        assert_eq!(
            said(&problems),
            ["users.toml:14:2: error: `bob` has the device `desk`, which is there already"]
        );
    }

    #[test]
    fn keys_go_to_a_device_as_it_says_or_as_its_user_does() {
        let text = "[alice]\npassword = \"a\"\ndtmf = \"info\"\n[alice.devices]\ndesk = { password = \"d\" }\n\
                    door = { password = \"e\", dtmf = \"inband\" }\n\
                    [bob]\npassword = \"b\"\nnumber = \"202\"\ndtmf = \"tones\"\n";
        let Read { users, problems, .. } = parse(text);
        let of = |account| users.dtmf(account);
        assert_eq!([of("alice"), of("desk"), of("door")], [Dtmf::Info, Dtmf::Info, Dtmf::Inband]);
        assert_eq!([of("bob"), of("nobody")], [Dtmf::Auto; 2], "a slip in a rule locks nobody out");
        let said = said(&problems);
        let expected = "users.toml:10:8: error: user `bob`: unknown variant `tones`, expected one of `auto`";
        assert!(said.len() == 1 && said[0].starts_with(expected), "{said:?}");
    }

    #[test]
    fn the_example_in_the_documentation_is_read_without_a_word() {
        let Read { users, problems, .. } = parse(include_str!("../../../../docs/users.toml"));
        assert_eq!(said(&problems), [""; 0]);
        assert_eq!((users.len(), users.groups().count()), (2, 1));
    }
}
