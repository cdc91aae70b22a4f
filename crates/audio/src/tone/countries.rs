//! The table of the network's signals, by country: ITU-T E.180, supplement 2 (2003), and the operators' own papers where
//! those are newer.
//!
//! A tone that is modulated (400 Hz by 25 Hz) is written as what it sounds like: the two beside it.

use super::network::{Cadence, Country};

const fn tone(hertz: &'static [u16], pattern: &'static [(u16, u16)]) -> Cadence {
    Cadence { hertz, pattern }
}

/// A second of tone without pause; frequencies that are whole hertz meet themselves again after it.
const ALWAYS: &[(u16, u16)] = &[(1_000, 0)];

/// Dial tone, ringback, busy and congestion.
const fn country(
    code: &'static str,
    dial: Cadence,
    ringback: Cadence,
    busy: Cadence,
    congestion: Cadence,
) -> Country {
    Country { code, dial, ringback, busy, congestion }
}

/// What E.180 recommends to everybody.
pub(super) const RECOMMENDED: Country = country(
    "",
    tone(&[425], ALWAYS),
    tone(&[425], &[(1_000, 4_000)]),
    tone(&[425], &[(500, 500)]),
    tone(&[425], &[(250, 250)]),
);

/// The countries whose signals are known, by ISO 3166 code.
pub const CODES: &[&str] = &[
    "at", "au", "be", "bg", "br", "ca", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr", "gb",
    "gr", "hu", "il", "in", "it", "jp", "kr", "lt", "mx", "my", "nl", "no", "nz", "pl", "pt", "ru", "se",
    "sg", "th", "tr", "tw", "us", "za",
];

pub(super) const COUNTRIES: &[Country] = &[
    country(
        "at",
        tone(&[420], ALWAYS),
        tone(&[420], &[(1_000, 5_000)]),
        tone(&[420], &[(400, 400)]),
        tone(&[420], &[(200, 200)]),
    ),
    country(
        "au",
        tone(&[400, 425, 450], ALWAYS),
        tone(&[400, 425, 450], &[(400, 200), (400, 2_000)]),
        tone(&[425], &[(375, 375)]),
        tone(&[425], &[(375, 375)]),
    ),
    country(
        "be",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 3_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(167, 167)]),
    ),
    country(
        "bg",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(250, 250)]),
    ),
    country(
        "br",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(250, 250)]),
        tone(&[425], &[(250, 250), (750, 250)]),
    ),
    country(
        "ca",
        tone(&[350, 440], ALWAYS),
        tone(&[440, 480], &[(2_000, 4_000)]),
        tone(&[480, 620], &[(500, 500)]),
        tone(&[480, 620], &[(250, 250)]),
    ),
    country(
        "ch",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "cl",
        tone(&[400], ALWAYS),
        tone(&[400], &[(1_000, 3_000)]),
        tone(&[400], &[(500, 500)]),
        tone(&[400], &[(200, 200)]),
    ),
    country(
        "cn",
        tone(&[450], ALWAYS),
        tone(&[450], &[(1_000, 4_000)]),
        tone(&[450], &[(350, 350)]),
        tone(&[450], &[(700, 700)]),
    ),
    country(
        "cz",
        tone(&[425], &[(330, 330), (660, 660)]),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(330, 330)]),
        tone(&[425], &[(165, 165)]),
    ),
    country(
        "de",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(480, 480)]),
        tone(&[425], &[(240, 240)]),
    ),
    country(
        "dk",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "ee",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(300, 300)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "es",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_500, 3_000)]),
        tone(&[425], &[(200, 200)]),
        tone(&[425], &[(200, 200), (200, 200), (200, 600)]),
    ),
    country(
        "fi",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(300, 300)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "fr",
        tone(&[440], ALWAYS),
        tone(&[440], &[(1_500, 3_500)]),
        tone(&[440], &[(500, 500)]),
        tone(&[440], &[(250, 250)]),
    ),
    country(
        "gb",
        tone(&[350, 440], ALWAYS),
        tone(&[400, 450], &[(400, 200), (400, 2_000)]),
        tone(&[400], &[(375, 375)]),
        tone(&[400], &[(400, 350), (225, 525)]),
    ),
    country(
        "gr",
        tone(&[425], &[(200, 300), (700, 800)]),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(300, 300)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "hu",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_250, 3_750)]),
        tone(&[425], &[(300, 300)]),
        tone(&[425], &[(300, 300)]),
    ),
    country(
        "il",
        tone(&[414], ALWAYS),
        tone(&[414], &[(1_000, 3_000)]),
        tone(&[414], &[(500, 500)]),
        tone(&[414], &[(250, 250)]),
    ),
    country(
        "in",
        tone(&[375, 425], ALWAYS),
        tone(&[375, 425], &[(400, 200), (400, 2_000)]),
        tone(&[400], &[(750, 750)]),
        tone(&[400], &[(250, 250)]),
    ),
    country(
        "it",
        tone(&[425], &[(200, 200), (600, 1_000)]),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "jp",
        tone(&[400], ALWAYS),
        tone(&[384, 416], &[(1_000, 2_000)]),
        tone(&[400], &[(500, 500)]),
        tone(&[400], &[(500, 500)]),
    ),
    country(
        "kr",
        tone(&[350, 440], ALWAYS),
        tone(&[440, 480], &[(1_000, 2_000)]),
        tone(&[480, 620], &[(500, 500)]),
        tone(&[480, 620], &[(300, 200)]),
    ),
    country(
        "lt",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(350, 350)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "mx",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(250, 250)]),
        tone(&[425], &[(250, 250)]),
    ),
    country(
        "my",
        tone(&[425], ALWAYS),
        tone(&[425], &[(400, 200), (400, 2_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(500, 500)]),
    ),
    country(
        "nl",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(250, 250)]),
    ),
    country(
        "no",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "nz",
        tone(&[400], ALWAYS),
        tone(&[400, 450], &[(400, 200), (400, 2_000)]),
        tone(&[400], &[(500, 500)]),
        tone(&[400], &[(250, 250)]),
    ),
    country(
        "pl",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 4_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(500, 500)]),
    ),
    country(
        "pt",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 5_000)]),
        tone(&[425], &[(500, 500)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "ru",
        tone(&[425], ALWAYS),
        tone(&[425], &[(800, 3_200)]),
        tone(&[425], &[(400, 400)]),
        tone(&[425], &[(200, 200)]),
    ),
    country(
        "se",
        tone(&[425], ALWAYS),
        tone(&[425], &[(1_000, 5_000)]),
        tone(&[425], &[(250, 250)]),
        tone(&[425], &[(250, 750)]),
    ),
    country(
        "sg",
        tone(&[425], ALWAYS),
        tone(&[401, 425, 449], &[(400, 200), (400, 2_000)]),
        tone(&[425], &[(750, 750)]),
        tone(&[425], &[(250, 250)]),
    ),
    country(
        "th",
        tone(&[400], ALWAYS),
        tone(&[400], &[(1_000, 4_000)]),
        tone(&[400], &[(500, 500)]),
        tone(&[400], &[(300, 300)]),
    ),
    country(
        "tr",
        tone(&[450], ALWAYS),
        tone(&[450], &[(2_000, 4_000)]),
        tone(&[450], &[(500, 500)]),
        tone(&[450], &[(200, 200), (200, 200), (200, 200), (600, 200)]),
    ),
    country(
        "tw",
        tone(&[350, 440], ALWAYS),
        tone(&[440, 480], &[(1_000, 2_000)]),
        tone(&[480, 620], &[(500, 500)]),
        tone(&[480, 620], &[(250, 250)]),
    ),
    country(
        "us",
        tone(&[350, 440], ALWAYS),
        tone(&[440, 480], &[(2_000, 4_000)]),
        tone(&[480, 620], &[(500, 500)]),
        tone(&[480, 620], &[(250, 250)]),
    ),
    country(
        "za",
        tone(&[367, 433], ALWAYS),
        tone(&[367, 433], &[(400, 200), (400, 2_000)]),
        tone(&[400], &[(500, 500)]),
        tone(&[400], &[(250, 250)]),
    ),
];
