//! The Privacy header: RFC 3323 §4.2, with `id` of RFC 3325 §9.3 and `history` of RFC 7044 §7.2.

use std::fmt;

/// What a request asks to be kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privacy {
    /// There is no Privacy header.
    #[default]
    Unsaid,
    /// `none`: nothing is to be hidden, whatever a network does by default.
    None,
    /// These.
    Wanted(Wanted),
}

/// The kinds of privacy that are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `id`: the asserted identity goes to nobody outside the trust domain.
    pub id: bool,
    /// `user`: what the caller wrote of itself, such as From.
    pub user: bool,
    /// `header`: headers that show the way back, such as Via and Contact.
    pub header: bool,
    /// `session`: the addresses in the session description.
    pub session: bool,
    /// `history`: History-Info.
    pub history: bool,
    /// `critical`: rather refuse the call than do without.
    pub critical: bool,
}

impl Privacy {
    /// `id`: do not show who calls.
    pub fn id() -> Self {
        Privacy::Wanted(Wanted { id: true, ..Wanted::default() })
    }

    /// Values are separated by semicolons; commas, and several headers, are taken too.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut privacy = Privacy::Unsaid;
        let mut wanted = Wanted::default();
        for word in lines.flat_map(|line| line.split([';', ','])) {
            match word.trim().trim_matches('"') {
                w if w.eq_ignore_ascii_case("id") => wanted.id = true,
                w if w.eq_ignore_ascii_case("user") => wanted.user = true,
                w if w.eq_ignore_ascii_case("header") => wanted.header = true,
                w if w.eq_ignore_ascii_case("session") => wanted.session = true,
                w if w.eq_ignore_ascii_case("history") => wanted.history = true,
                w if w.eq_ignore_ascii_case("critical") => wanted.critical = true,
                // The drafts before RFC 3323 had one word for all.
                w if w.eq_ignore_ascii_case("full") => {
                    wanted = Wanted { id: true, user: true, header: true, session: true, ..wanted }
                }
                w if w.eq_ignore_ascii_case("none") || w.eq_ignore_ascii_case("off") => {
                    privacy = Privacy::None
                }
                _ => {}
            }
        }
        // `none` beside anything else is a contradiction: the one who wants to be hidden is.
        if wanted == Wanted::default() { privacy } else { Privacy::Wanted(wanted) }
    }

    /// Whether who calls is not to be shown to the other end.
    pub fn hides_caller(&self) -> bool {
        matches!(self, Privacy::Wanted(w) if w.id || w.user || w.header)
    }
}

impl fmt::Display for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Privacy::Wanted(wanted) = self else { return f.write_str("none") };
        let words = [
            (wanted.header, "header"),
            (wanted.session, "session"),
            (wanted.user, "user"),
            (wanted.id, "id"),
            (wanted.history, "history"),
            (wanted.critical, "critical"),
        ];
        let said: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        f.write_str(if said.is_empty() { "none" } else { "" })?;
        f.write_str(&said.join(";"))
    }
}
