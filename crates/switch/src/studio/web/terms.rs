//! What a server says of its sound (RFC 9111): how long it may be used, and by what it is known when it is asked again.
//!
//! The same reply serves all calls, and no request says who calls: this is one client's cache, which `private` permits, and a
//! shared one in that `s-maxage` goes before `max-age`. Requests are all alike, so that of `Vary` only `*` counts.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::RequestBuilder;
use reqwest::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, VARY,
};

/// The longest that a server is not asked, whatever it says.
const DAY: Duration = Duration::from_secs(86_400);

/// Headers of a reply; those with several lines as one.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    cache_control: Option<String>,
    expires: Option<String>,
    date: Option<String>,
    age: Option<String>,
    vary: Option<String>,
    etag: Option<String>,
    modified: Option<String>,
}

impl Terms {
    pub(super) fn of(headers: &HeaderMap) -> Terms {
        let all = |name: HeaderName| {
            let lines: Vec<&str> =
                headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            (!lines.is_empty()).then(|| lines.join(","))
        };
        let one = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Terms {
            cache_control: all(CACHE_CONTROL),
            expires: one(EXPIRES),
            date: one(DATE),
            age: one(AGE),
            vary: all(VARY),
            etag: one(ETAG),
            modified: one(LAST_MODIFIED),
        }
    }

    /// The same after a 304: what that says goes before what the reply said that it confirms (RFC 9111 §3.2).
    pub(super) fn renewed(self, headers: &HeaderMap) -> Terms {
        let new = Terms::of(headers);
        Terms {
            cache_control: new.cache_control.or(self.cache_control),
            expires: new.expires.or(self.expires),
            // How old a reply is and when it was made is of that reply only.
            date: new.date,
            age: new.age,
            vary: new.vary.or(self.vary),
            etag: new.etag.or(self.etag),
            modified: new.modified.or(self.modified),
        }
    }

    /// A request that is answered with 304 if the sound is still the same.
    pub(super) fn asked_with(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(etag) = &self.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(modified) = &self.modified {
            request = request.header(IF_MODIFIED_SINCE, modified);
        }
        request
    }

    /// Whether it may be kept at all (RFC 9111 §5.2.2.5).
    pub(super) fn may_be_kept(&self) -> bool {
        !self.says("no-store")
    }

    /// Whether it may be used when its server fails, although it is not fresh any more (RFC 9111 §4.2.4).
    pub(super) fn may_stand_in(&self) -> bool {
        let forbids = ["no-store", "no-cache", "must-revalidate", "proxy-revalidate"];
        !forbids.iter().any(|directive| self.says(directive)) && !self.varies_by_anything()
    }

    /// How long it may be used without asking (RFC 9111 §4.2), at most a day. `None` if nothing is said, or the time cannot
    /// be read.
    pub(super) fn lifetime(&self, now: Timestamp) -> Option<Duration> {
        if self.says("no-store") || self.says("no-cache") || self.varies_by_anything() {
            return Some(Duration::ZERO);
        }
        let said = self.value("s-maxage").or(self.value("max-age"));
        let seconds = match said {
            Some(seconds) => delta(seconds),
            None => {
                let expires = self.expires.as_deref()?;
                let made = self.date.as_deref().and_then(date).unwrap_or(now);
                // What is no date is over (RFC 9111 §5.3).
                let expires = date(expires).unwrap_or(made);
                u64::try_from(expires.as_second() - made.as_second()).unwrap_or(0)
            }
        };
        let age = self.age.as_deref().and_then(|age| age.trim().parse().ok()).unwrap_or(0);
        Some(Duration::from_secs(seconds.saturating_sub(age)).min(DAY))
    }

    /// No request is like the one that it was sent for (RFC 9111 §4.1).
    fn varies_by_anything(&self) -> bool {
        self.vary.as_deref().is_some_and(|vary| vary.split(',').any(|name| name.trim() == "*"))
    }

    fn directives(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.cache_control.as_deref().unwrap_or_default().split(',');
        all.map(|directive| directive.split_once('=').unwrap_or((directive, "")))
            .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
    }

    fn says(&self, wanted: &str) -> bool {
        self.directives().any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    }

    fn value(&self, wanted: &str) -> Option<&str> {
        self.directives().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }
}

/// Seconds; more than can be counted are as many as can be (RFC 9111 §1.2.2), and what is no number is none.
fn delta(text: &str) -> u64 {
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().unwrap_or(if number { u64::MAX } else { 0 })
}

/// An HTTP date in its preferred form (RFC 9110 §5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    Some(rfc2822::parse(text).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(headers: &[(&'static str, &str)]) -> Terms {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        Terms::of(&map)
    }

    fn lifetime(headers: &[(&'static str, &str)]) -> Option<u64> {
        let now = "1994-11-06T08:50:00Z".parse().expect("a time");
        terms(headers).lifetime(now).map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn a_server_says_how_long_its_sound_stays_fresh() {
        const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        type Row<'a> = (&'a [(&'static str, &'a str)], Option<u64>);
        let table: &[Row<'_>] = &[
            (&[], None),
            (&[("cache-control", "public")], None),
            (&[("cache-control", "public, Max-Age=60")], Some(60)),
            (&[("cache-control", "public"), ("cache-control", "max-age=\"60\"")], Some(60)),
            (&[("cache-control", "max-age=60, s-maxage=5")], Some(5)),
            (&[("cache-control", "private, max-age=60")], Some(60)),
            (&[("cache-control", "max-age=60, no-cache")], Some(0)),
            (&[("cache-control", "no-store, max-age=60")], Some(0)),
            (&[("cache-control", "max-age=soon")], Some(0)),
            (&[("cache-control", "max-age=99999999")], Some(86_400)),
            (&[("cache-control", "max-age=99999999999999999999999")], Some(86_400)),
            (&[("cache-control", "max-age=60"), ("age", "45")], Some(15)),
            (&[("cache-control", "max-age=60"), ("age", "3600")], Some(0)),
            (&[("cache-control", "max-age=60"), ("vary", "accept, *")], Some(0)),
            (&[("cache-control", "max-age=60"), ("vary", "accept-encoding")], Some(60)),
            (&[DATE, ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(60)),
            (&[("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(37)),
            (&[DATE, ("expires", "Sun, 06 Nov 1994 08:50:37 GMT"), ("age", "20")], Some(40)),
            (&[DATE, ("expires", "Sun, 06 Nov 1994 07:50:37 GMT")], Some(0)),
            (&[DATE, ("expires", "0")], Some(0)),
            (&[("cache-control", "max-age=7"), DATE, ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(7)),
        ];
        for (headers, expected) in table {
            assert_eq!(lifetime(headers), *expected, "{headers:?}");
        }
    }

    #[test]
    fn what_forbids_it_is_neither_kept_nor_used_when_its_server_fails() {
        for (said, kept, stands_in) in [
            ("max-age=60", true, true),
            ("private", true, true),
            ("No-Store", false, false),
            ("no-cache", true, false),
            ("max-age=60, must-revalidate", true, false),
            ("proxy-revalidate", true, false),
        ] {
            let terms = terms(&[("cache-control", said)]);
            assert_eq!((terms.may_be_kept(), terms.may_stand_in()), (kept, stands_in), "{said}");
        }
        let any = terms(&[("cache-control", "max-age=60"), ("vary", "*")]);
        assert!(any.may_be_kept() && !any.may_stand_in());
    }

    #[test]
    fn a_304_changes_what_it_says_and_nothing_else() {
        let old = terms(&[("cache-control", "max-age=60"), ("age", "59"), ("etag", "\"a\"")]);
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(old.lifetime(now), Some(Duration::from_secs(1)));
        let same = old.clone().renewed(&HeaderMap::new());
        assert_eq!(
            (same.lifetime(now), same.etag.as_deref()),
            (Some(Duration::from_secs(60)), Some("\"a\""))
        );
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, "max-age=7".parse().expect("a value"));
        headers.insert(ETAG, "\"b\"".parse().expect("a value"));
        let new = old.renewed(&headers);
        assert_eq!((new.lifetime(now), new.etag.as_deref()), (Some(Duration::from_secs(7)), Some("\"b\"")));
    }
}
