//! Reads `conferences.toml`: a table a room; one that makes no sense is named by line and left out, the others stand.

use flow::ir::{Announced, FileFormat};
use flow::{Profile, Rooms};
use serde::Deserialize;
use toml::Spanned;
use toml::de::ValueDeserializer;

use crate::Problem;
use crate::problem::place;
use crate::tables::{Fault, entries};

/// The file's name; it may be absent.
pub(crate) const FILE: &str = "conferences.toml";

/// A table as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    number: Option<Spanned<Several>>,
    #[serde(default)]
    public: bool,
    pin: Option<Spanned<Several>>,
    moderator_pin: Option<Spanned<Several>>,
    #[serde(default)]
    moderators: Vec<String>,
    attempts: Option<u32>,
    members: Option<u32>,
    welcome: Option<String>,
    music: Option<String>,
    entry: Option<String>,
    exit: Option<String>,
    #[serde(default)]
    muted: bool,
    #[serde(default)]
    wait_for_moderator: bool,
    #[serde(default)]
    end_with_moderator: bool,
    #[serde(default)]
    end_when_alone: bool,
    timeout_s: Option<u64>,
    pre_flow: Option<String>,
    post_flow: Option<String>,
    keys: Option<bool>,
    record: Option<Spanned<Recorded>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Recorded {
    Flag(bool),
    Format(String),
}

/// Reads the file's text.
pub(crate) fn parse(text: &str) -> (Rooms, Vec<Problem>) {
    let (entries, mut problems) = entries(FILE, text);
    let mut rooms: Vec<(String, Profile)> = Vec::new();
    for (name, at, value) in entries {
        let whole = value.span();
        let read = Raw::deserialize(ValueDeserializer::from(value))
            .map_err(|error| (error.span().unwrap_or(whole), error.message().to_owned()))
            .and_then(profile);
        let taken = |profile: &Profile| {
            let mut others = rooms.iter();
            let number =
                |(_, other): &&(String, Profile)| other.numbers.iter().any(|n| profile.numbers.contains(n));
            others.find(number).map(|(other, _)| other.clone())
        };
        let read = read.and_then(|profile| match taken(&profile) {
            Some(other) => Err((at, format!("it has a number of `{other}`"))),
            None => Ok(profile),
        });
        match read {
            Ok(profile) => rooms.push((name, profile)),
            Err((span, message)) => {
                let message = format!("conference `{name}`: {message}");
                problems.push(Problem::file(FILE, message).at(place(text, span.start)));
            }
        }
    }
    (rooms.into_iter().collect(), problems)
}

fn profile(raw: Raw) -> Result<Profile, Fault> {
    let record = match raw.record {
        None => None,
        Some(record) => match (record.span(), record.into_inner()) {
            (_, Recorded::Flag(on)) => on.then_some(FileFormat::Wav),
            (at, Recorded::Format(name)) => Some(
                FileFormat::from_name(&name)
                    .ok_or((at, format!("expected `true`, \"wav\", \"mp3\" or \"ogg\", found \"{name}\"")))?,
            ),
        },
    };
    Ok(Profile {
        numbers: several(raw.number, "a number", |c| c.is_ascii_alphanumeric() || "+*#-_.".contains(c))?,
        public: raw.public,
        pins: several(raw.pin, "a PIN of digits", |c| c.is_ascii_digit())?,
        moderator_pins: several(raw.moderator_pin, "a PIN of digits", |c| c.is_ascii_digit())?,
        moderators: raw.moderators,
        attempts: raw.attempts.filter(|attempts| *attempts > 0),
        most: raw.members.filter(|members| *members > 0),
        welcome: raw.welcome,
        music: raw.music,
        entry: announced(raw.entry),
        exit: announced(raw.exit),
        muted: raw.muted,
        waits: raw.wait_for_moderator,
        ends_with_lead: raw.end_with_moderator,
        ends_alone: raw.end_when_alone,
        longest_s: raw.timeout_s.filter(|seconds| *seconds > 0),
        pre_flow: raw.pre_flow,
        post_flow: raw.post_flow,
        keys: raw.keys.unwrap_or(true),
        record,
    })
}

/// A text or several, of which each is not empty and has such letters.
fn several(
    given: Option<Spanned<Several>>,
    what: &str,
    letter: impl Fn(char) -> bool,
) -> Result<Vec<String>, Fault> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let at = given.span();
    let all = match given.into_inner() {
        Several::One(one) => vec![one],
        Several::Many(many) => many,
    };
    match all.iter().find(|text| text.is_empty() || !text.chars().all(&letter)) {
        Some(bad) => Err((at, format!("expected {what}, found \"{bad}\""))),
        None => Ok(all),
    }
}

/// `tone`, `name`, `recorded name`, `none`, or the name of a sound. A tone unless it is said.
fn announced(given: Option<String>) -> Announced {
    match given.as_deref() {
        None | Some("tone") => Announced::Tone,
        Some("none" | "") => Announced::Nothing,
        Some("name") => Announced::Name,
        Some("recorded name") => Announced::Recorded,
        Some(sound) => Announced::Sound(sound.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_read_with_its_defaults() {
        let (rooms, problems) = parse("[board]\nnumber = \"800\"\n");
        assert_eq!(problems, []);
        let plain = Profile {
            numbers: vec!["800".into()],
            entry: Announced::Tone,
            exit: Announced::Tone,
            keys: true,
            ..Profile::default()
        };
        assert_eq!(rooms.find("800"), Some(("board", &plain)));
    }

    #[test]
    fn the_example_has_every_key() {
        let (rooms, problems) = parse(include_str!("../../../docs/conferences.toml"));
        assert_eq!(problems, []);
        let (_, board) = rooms.find("board").expect("read");
        assert_eq!((&board.entry, board.record), (&Announced::Name, Some(FileFormat::Mp3)));
    }

    #[test]
    fn all_that_a_room_may_say_is_read() {
        let text = "[board]\nnumber = [\"800\", \"+49301234567\"]\npublic = true\npin = \"12\"\n\
                    moderator_pin = [\"98\", \"99\"]\nmoderators = [\"alice\"]\nattempts = 5\nmembers = 10\n\
                    welcome = \"hello\"\nmusic = \"harp\"\nentry = \"recorded name\"\nexit = \"gong\"\nmuted = true\n\
                    wait_for_moderator = true\nend_with_moderator = true\nend_when_alone = true\nkeys = false\nrecord = \"mp3\"\n\
                    timeout_s = 3600\npre_flow = \"welcome\"\npost_flow = \"survey\"\n";
        let (rooms, problems) = parse(text);
        assert_eq!(problems, []);
        let (_, board) = rooms.find("board").expect("read");
        assert_eq!((board.pins.len(), board.moderator_pins.len(), board.attempts), (1, 2, Some(5)));
        assert_eq!((board.most, board.record, board.keys), (Some(10), Some(FileFormat::Mp3), false));
        assert_eq!((&board.entry, &board.exit), (&Announced::Recorded, &Announced::Sound("gong".into())));
        assert!(board.public && board.muted && board.waits);
        assert!(board.ends_with_lead && board.ends_alone);
        let flows = (board.pre_flow.as_deref(), board.post_flow.as_deref());
        assert_eq!((board.longest_s, flows), (Some(3_600), (Some("welcome"), Some("survey"))));
    }

    #[test]
    fn a_table_that_makes_no_sense_is_named_by_line_and_the_others_stand() {
        let text = "[a]\nnumber = \"800\"\n[b]\npin = \"12x\"\n[c]\nnumbr = \"1\"\n[d]\nrecord = \"flac\"\n\
                    [e]\nnumber = \"800\"\n[f]\nnumber = \"\"\n";
        let (rooms, problems) = parse(text);
        assert_eq!(rooms.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a"]);
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [Some(4), Some(6), Some(8), Some(9), Some(12)]);
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(said[0].contains("conference `b`: expected a PIN of digits, found \"12x\""), "{said:?}");
        assert!(said[1].contains("numbr") && said[3].contains("a number of `a`"), "{said:?}");
    }
}
