//! Which country a telephone number belongs to, as far as its first digits tell (ITU-T E.164).
//!
//! Numbers move between cities and time zones, and their digits do not tell; countries keep their codes.

/// The two letters of ISO 3166-1 for the country of a number in E.164, with its `+`; `None` if the digits do not tell.
pub fn of(number: &str) -> Option<&'static str> {
    let digits = number.strip_prefix('+')?;
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.starts_with('1') {
        return north_america(digits);
    }
    // Russia's numbers begin with 7 too, but not with 76 or 77.
    if digits.starts_with('7') {
        return Some(if digits.starts_with("76") || digits.starts_with("77") { "KZ" } else { "RU" });
    }
    let codes = [2, 3].into_iter().filter_map(|length| digits.get(..length));
    codes
        .into_iter()
        .find_map(|code| CODES.iter().find(|(known, _)| *known == code))
        .map(|(_, country)| *country)
}

/// The countries that share the code 1 have area codes of their own; the United States have all others.
fn north_america(digits: &str) -> Option<&'static str> {
    let area = digits.get(1..4).filter(|_| digits.len() == 11)?;
    // Toll-free and premium numbers are nobody's, and an area code begins with 2 to 9.
    let shared = ["800", "833", "844", "855", "866", "877", "888", "900"];
    if area.starts_with(['0', '1']) || shared.contains(&area) {
        return None;
    }
    Some(AREAS.iter().find(|(areas, _)| areas.contains(&area)).map_or("US", |(_, country)| *country))
}

const AREAS: &[(&[&str], &str)] = &[
    (
        &[
            "204", "226", "236", "249", "250", "257", "263", "289", "306", "343", "354", "365", "367", "368",
            "382", "403", "416", "418", "428", "431", "437", "438", "450", "460", "468", "474", "506", "514",
            "519", "548", "579", "581", "584", "587", "604", "613", "639", "647", "672", "683", "705", "709",
            "742", "753", "778", "780", "782", "807", "819", "825", "867", "873", "879", "902", "905", "942",
        ],
        "CA",
    ),
    (&["242"], "BS"),
    (&["246"], "BB"),
    (&["264"], "AI"),
    (&["268"], "AG"),
    (&["284"], "VG"),
    (&["340"], "VI"),
    (&["345"], "KY"),
    (&["441"], "BM"),
    (&["473"], "GD"),
    (&["649"], "TC"),
    (&["658", "876"], "JM"),
    (&["664"], "MS"),
    (&["670"], "MP"),
    (&["671"], "GU"),
    (&["684"], "AS"),
    (&["721"], "SX"),
    (&["758"], "LC"),
    (&["767"], "DM"),
    (&["784"], "VC"),
    (&["787", "939"], "PR"),
    (&["809", "829", "849"], "DO"),
    (&["868"], "TT"),
    (&["869"], "KN"),
];

/// Codes that are one country's.
#[rustfmt::skip]
const CODES: &[(&str, &str)] = &[
    ("20", "EG"), ("27", "ZA"), ("30", "GR"), ("31", "NL"), ("32", "BE"), ("33", "FR"), ("34", "ES"), ("36", "HU"),
    ("39", "IT"), ("40", "RO"), ("41", "CH"), ("43", "AT"), ("44", "GB"), ("45", "DK"), ("46", "SE"), ("47", "NO"),
    ("48", "PL"), ("49", "DE"), ("51", "PE"), ("52", "MX"), ("53", "CU"), ("54", "AR"), ("55", "BR"), ("56", "CL"),
    ("57", "CO"), ("58", "VE"), ("60", "MY"), ("61", "AU"), ("62", "ID"), ("63", "PH"), ("64", "NZ"), ("65", "SG"),
    ("66", "TH"), ("81", "JP"), ("82", "KR"), ("84", "VN"), ("86", "CN"), ("90", "TR"), ("91", "IN"), ("92", "PK"),
    ("93", "AF"), ("94", "LK"), ("95", "MM"), ("98", "IR"),
    ("211", "SS"), ("212", "MA"), ("213", "DZ"), ("216", "TN"), ("218", "LY"), ("220", "GM"), ("221", "SN"),
    ("222", "MR"), ("223", "ML"), ("224", "GN"), ("225", "CI"), ("226", "BF"), ("227", "NE"), ("228", "TG"),
    ("229", "BJ"), ("230", "MU"), ("231", "LR"), ("232", "SL"), ("233", "GH"), ("234", "NG"), ("235", "TD"),
    ("236", "CF"), ("237", "CM"), ("238", "CV"), ("239", "ST"), ("240", "GQ"), ("241", "GA"), ("242", "CG"),
    ("243", "CD"), ("244", "AO"), ("245", "GW"), ("246", "IO"), ("248", "SC"), ("249", "SD"), ("250", "RW"),
    ("251", "ET"), ("252", "SO"), ("253", "DJ"), ("254", "KE"), ("255", "TZ"), ("256", "UG"), ("257", "BI"),
    ("258", "MZ"), ("260", "ZM"), ("261", "MG"), ("263", "ZW"), ("264", "NA"), ("265", "MW"), ("266", "LS"),
    ("267", "BW"), ("268", "SZ"), ("269", "KM"), ("290", "SH"), ("291", "ER"), ("297", "AW"), ("298", "FO"),
    ("299", "GL"), ("350", "GI"), ("351", "PT"), ("352", "LU"), ("353", "IE"), ("354", "IS"), ("355", "AL"),
    ("356", "MT"), ("357", "CY"), ("358", "FI"), ("359", "BG"), ("370", "LT"), ("371", "LV"), ("372", "EE"),
    ("373", "MD"), ("374", "AM"), ("375", "BY"), ("376", "AD"), ("377", "MC"), ("378", "SM"), ("380", "UA"),
    ("381", "RS"), ("382", "ME"), ("383", "XK"), ("385", "HR"), ("386", "SI"), ("387", "BA"), ("389", "MK"),
    ("420", "CZ"), ("421", "SK"), ("423", "LI"), ("500", "FK"), ("501", "BZ"), ("502", "GT"), ("503", "SV"),
    ("504", "HN"), ("505", "NI"), ("506", "CR"), ("507", "PA"), ("508", "PM"), ("509", "HT"), ("591", "BO"),
    ("592", "GY"), ("593", "EC"), ("594", "GF"), ("595", "PY"), ("596", "MQ"), ("597", "SR"), ("598", "UY"),
    ("670", "TL"), ("673", "BN"), ("674", "NR"), ("675", "PG"), ("676", "TO"), ("677", "SB"), ("678", "VU"),
    ("679", "FJ"), ("680", "PW"), ("681", "WF"), ("682", "CK"), ("683", "NU"), ("685", "WS"), ("686", "KI"),
    ("687", "NC"), ("688", "TV"), ("689", "PF"), ("690", "TK"), ("691", "FM"), ("692", "MH"), ("850", "KP"),
    ("852", "HK"), ("853", "MO"), ("855", "KH"), ("856", "LA"), ("880", "BD"), ("886", "TW"), ("960", "MV"),
    ("961", "LB"), ("962", "JO"), ("963", "SY"), ("964", "IQ"), ("965", "KW"), ("966", "SA"), ("967", "YE"),
    ("968", "OM"), ("970", "PS"), ("971", "AE"), ("972", "IL"), ("973", "BH"), ("974", "QA"), ("975", "BT"),
    ("976", "MN"), ("977", "NP"), ("992", "TJ"), ("993", "TM"), ("994", "AZ"), ("995", "GE"), ("996", "KG"),
    ("998", "UZ"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_its_country_where_its_digits_do() {
        for (number, country) in [
            ("+19495551212", Some("US")),
            ("+14165550100", Some("CA")),
            ("+18765550100", Some("JM")),
            ("+18005550100", None),
            ("+15550100", None),
            ("+4930901820", Some("DE")),
            ("+447700900123", Some("GB")),
            ("+35318765432", Some("IE")),
            ("+74951234567", Some("RU")),
            ("+77271234567", Some("KZ")),
            ("+87612345678", None),
            ("1000", None),
            ("alice", None),
            ("", None),
            ("+", None),
        ] {
            assert_eq!(of(number), country, "{number}");
        }
    }

    #[test]
    fn no_code_stands_twice_and_none_begins_with_another() {
        for (at, (code, _)) in CODES.iter().enumerate() {
            for (other, _) in CODES.iter().skip(at + 1) {
                assert!(!other.starts_with(code) && !code.starts_with(other), "{code} and {other}");
            }
        }
    }
}
