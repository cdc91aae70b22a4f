//! Our side as the one who asks: challenges, and the judgement of credentials.
//! RFC 7616 with several challenges as RFC 8760 §2.4 has them. A user there is not is refused in the same way and
//! time as a wrong password, so names cannot be fished for. The `uri` parameter is hashed but not compared with the
//! Request-URI: phones and proxies write it in their own ways, and a used nonce cannot be used for another request.
//! Hashed names (`userhash`) and `username*` are not offered (RFC 7616 §3.4), so credentials with them are nobody's.

use std::collections::HashMap;
use std::time::Instant;

use super::asking::Asking;
use super::nonce::{Nonces, Worth, equal};
use super::{Algorithm, Qop};
use crate::config::{Config, User};
use crate::message::lex;
use crate::random::{Random, Seeded};

/// A wrong name is told no longer than this, in characters: it goes into logs.
const LONGEST_NAME: usize = 64;

/// Checks credentials.
#[derive(Debug)]
pub(crate) struct Guard {
    realm: String,
    algorithms: Vec<Algorithm>,
    /// Whether challenges offer `auth-int` too.
    protects_bodies: bool,
    /// Passwords by user. In the clear, as they came: the hash depends on how a phone writes its name.
    users: HashMap<String, String, Seeded>,
    /// Hashed for users there are not, so that they take as long.
    nobody: String,
    nonces: Nonces,
}

/// What credentials prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There are none for our realm.
    Absent,
    /// They are this user's.
    User(String),
    /// The password is right and the nonce is not: challenge again with `stale=true`.
    Stale,
    /// They are wrong.
    Wrong {
        /// The name given.
        user: String,
    },
}

/// The parameters of an Authorization header.
#[derive(Debug, Default)]
struct Credentials<'a> {
    user: String,
    realm: String,
    nonce: String,
    uri: String,
    response: &'a str,
    algorithm: Option<Algorithm>,
    qop: Option<String>,
    count: &'a str,
    client_nonce: String,
}

impl Guard {
    pub(crate) fn new(config: &Config, random: &mut Random) -> Self {
        Guard {
            realm: config.realm.clone(),
            algorithms: config.algorithms.clone(),
            protects_bodies: config.protects_bodies,
            users: HashMap::with_hasher(Seeded::new(random)),
            nobody: random.token(),
            nonces: Nonces::new(random),
        }
    }

    pub(crate) fn set_users(&mut self, users: &[User]) {
        self.users.clear();
        self.users.extend(users.iter().map(|user| (user.name.clone(), user.password.clone())));
    }

    /// The account a digest user name means, and its password: phones give `alice` or `alice@realm`.
    fn account<'a>(&'a self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let short = name
            .rsplit_once('@')
            .filter(|(_, realm)| realm.eq_ignore_ascii_case(&self.realm))
            .map_or(name, |(short, _)| short);
        [name, short].into_iter().find_map(|name| Some((name, self.users.get(name)?.as_str())))
    }

    /// The values of as many challenge headers as there are algorithms, most wanted first.
    pub(crate) fn challenges(&mut self, now: Instant, random: &mut Random, asking: Asking) -> Vec<String> {
        let realm = self.realm.replace('\\', "\\\\").replace('"', "\\\"");
        let stale = if asking.stale { ", stale=true" } else { "" };
        let qop = if self.protects_bodies { "auth,auth-int" } else { "auth" };
        let algorithms = self.algorithms.clone();
        algorithms
            .into_iter()
            .filter(|algorithm| asking.wants(*algorithm))
            .map(|algorithm| {
                let nonce = self.nonces.make(now, random);
                format!(
                    "Digest realm=\"{realm}\", nonce=\"{nonce}\"{stale}, algorithm={algorithm}, qop=\"{qop}\""
                )
            })
            .collect()
    }

    /// Judges the first credentials that are for our realm.
    pub(crate) fn verify<'a>(
        &mut self,
        now: Instant,
        method: &str,
        body: &[u8],
        lines: impl Iterator<Item = &'a str>,
    ) -> Verdict {
        for line in lines {
            let Some(credentials) = Credentials::parse(line) else { continue };
            if credentials.realm == self.realm {
                return self.judge(now, method, body, credentials);
            }
        }
        Verdict::Absent
    }

    /// Judges credentials for our realm. Whatever the name, the same hashes are made and compared.
    fn judge(&mut self, now: Instant, method: &str, body: &[u8], given: Credentials<'_>) -> Verdict {
        let wrong = |user: &str| Verdict::Wrong { user: user.chars().take(LONGEST_NAME).collect() };
        let Some(algorithm) = given.algorithm.filter(|a| self.algorithms.contains(a)) else {
            return wrong(&given.user);
        };
        let count = u32::from_str_radix(given.count, 16).ok().filter(|_| given.count.len() == 8);
        let client_nonce = &given.client_nonce;
        let protected = match given.qop.as_deref() {
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some(None),
            Some(qop) if qop.eq_ignore_ascii_case("auth-int") => Some(Some(body)),
            Some(_) => return wrong(&given.user),
            None => None,
        };
        let qop = match (protected, count) {
            (None, _) => None,
            (Some(body), Some(_)) => Some(Qop { count: given.count, client_nonce, body }),
            (Some(_), None) => return wrong(&given.user),
        };
        let account = self.account(&given.user);
        let password = account.map_or(self.nobody.as_str(), |(_, password)| password);
        let secret = algorithm.secret(&given.user, &self.realm, password);
        let expected = algorithm.response(&secret, &given.nonce, qop, method, &given.uri);
        let matches = equal(expected.as_bytes(), given.response.to_ascii_lowercase().as_bytes());
        // The password of nobody is random and told to nobody.
        let user = account.filter(|_| matches).map(|(name, _)| name.to_owned());
        let count = qop.and(count);
        match (self.nonces.judge(now, &given.nonce, count), user) {
            (Worth::Fresh, Some(user)) => {
                self.nonces.spend(&given.nonce, count);
                Verdict::User(user)
            }
            // A nonce from before a restart is no attack: a new one settles it, whatever the password.
            (Worth::Foreign, _) | (Worth::Stale, Some(_)) => Verdict::Stale,
            (Worth::Fresh | Worth::Stale, None) => wrong(&given.user),
        }
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.nonces.expire(now);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.nonces.next()
    }
}

impl<'a> Credentials<'a> {
    /// Reads `Digest name=value, ...`; `None` for another scheme. An unknown algorithm leaves `algorithm` empty.
    fn parse(line: &'a str) -> Option<Self> {
        let (scheme, rest) = line.trim().split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut all = Credentials { algorithm: Some(Algorithm::Md5), ..Credentials::default() };
        for (name, value) in lex::list(rest).map(lex::pair) {
            let value = value.unwrap_or("");
            let text = || lex::unquoted(value).into_owned();
            match name {
                n if n.eq_ignore_ascii_case("username") => all.user = text(),
                n if n.eq_ignore_ascii_case("realm") => all.realm = text(),
                n if n.eq_ignore_ascii_case("nonce") => all.nonce = text(),
                n if n.eq_ignore_ascii_case("uri") => all.uri = text(),
                n if n.eq_ignore_ascii_case("response") => all.response = value.trim_matches('"'),
                n if n.eq_ignore_ascii_case("algorithm") => all.algorithm = Algorithm::named(Some(&text())),
                n if n.eq_ignore_ascii_case("qop") => all.qop = Some(text()),
                n if n.eq_ignore_ascii_case("nc") => all.count = value.trim_matches('"'),
                n if n.eq_ignore_ascii_case("cnonce") => all.client_nonce = text(),
                _ => {}
            }
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::{Challenge, answer};
    use super::*;
    use std::time::Duration;

    struct Fixture {
        guard: Guard,
        random: Random,
        now: Instant,
    }

    fn fixture() -> Fixture {
        let mut random = Random::new(3);
        let config = Config { realm: "a \"realm\"".into(), ..Config::default() };
        let mut guard = Guard::new(&config, &mut random);
        guard.set_users(&[User { name: "alice".into(), password: "secret".into() }]);
        Fixture { guard, random, now: Instant::now() }
    }

    impl Fixture {
        fn credentials(&mut self, which: usize, user: &str, password: &str, count: u32) -> String {
            let challenges =
                self.guard.challenges(self.now, &mut self.random, Asking::new(&Verdict::Absent, None));
            let challenge = Challenge::parse(&challenges[which]).unwrap();
            let user = crate::call::Credentials { user: user.into(), password: password.into() };
            answer(&challenge, &user, "REGISTER", "sip:h", count, "cn")
        }

        fn verify(&mut self, line: &str) -> Verdict {
            self.guard.verify(self.now, "REGISTER", b"", [line].into_iter())
        }
    }

    #[test]
    fn right_credentials_pass_once_in_either_algorithm() {
        for which in [0, 1] {
            let mut f = fixture();
            let line = f.credentials(which, "alice", "secret", 1);
            assert!(line.contains(["SHA-256", "MD5"][which]), "{line}");
            assert_eq!(f.verify(&line), Verdict::User("alice".into()));
            assert_eq!(f.verify(&line), Verdict::Stale);
        }
    }

    #[test]
    fn wrong_credentials_and_unknown_users_look_the_same() {
        let mut f = fixture();
        for (user, password) in [("alice", "other"), ("nobody", "secret"), ("", "")] {
            let line = f.credentials(0, user, password, 1);
            assert_eq!(f.verify(&line), Verdict::Wrong { user: user.into() });
        }
    }

    #[test]
    fn an_old_nonce_is_stale_for_its_owner_and_wrong_for_others() {
        let mut f = fixture();
        let (right, wrong) = (f.credentials(0, "alice", "secret", 1), f.credentials(0, "alice", "x", 1));
        f.now += Duration::from_secs(301);
        assert_eq!(f.verify(&right), Verdict::Stale);
        assert_eq!(f.verify(&wrong), Verdict::Wrong { user: "alice".into() });
    }

    #[test]
    fn an_altered_request_is_wrong() {
        let mut f = fixture();
        let line = f.credentials(0, "alice", "secret", 1);
        assert_eq!(
            f.guard.verify(f.now, "INVITE", b"", [line.as_str()].into_iter()),
            Verdict::Wrong { user: "alice".into() }
        );
        let line = line.replace("nc=00000001", "nc=00000002");
        assert_eq!(f.verify(&line), Verdict::Wrong { user: "alice".into() });
        let line = line.replace("qop=auth", "qop=auth-int");
        assert_eq!(f.verify(&line), Verdict::Wrong { user: "alice".into() });
    }

    #[test]
    fn what_is_not_for_us_is_absent() {
        let mut f = fixture();
        for line in
            ["", "Basic x", "Digest realm=\"other\"", "Digest", "NoOneKnowsThisScheme opaque-data=here"]
        {
            assert_eq!(f.verify(line), Verdict::Absent, "{line}");
        }
    }

    #[test]
    fn a_stale_challenge_says_so_and_sha256_comes_first() {
        let mut f = fixture();
        let lines = f.guard.challenges(f.now, &mut f.random, Asking::new(&Verdict::Stale, None));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("algorithm=SHA-256") && lines[1].contains("algorithm=MD5"));
        assert!(lines.iter().all(|l| l.contains("stale=true") && l.contains("realm=\"a \\\"realm\\\"\"")));
    }

    #[test]
    fn all_three_algorithms_pass_when_they_are_offered() {
        let mut f = fixture();
        f.guard.algorithms = Algorithm::ALL.to_vec();
        for which in 0..3 {
            let line = f.credentials(which, "alice", "secret", 1);
            assert!(line.contains(["SHA-512-256", "SHA-256", "MD5"][which]), "{line}");
            assert_eq!(f.verify(&line), Verdict::User("alice".into()));
        }
    }

    #[test]
    fn a_name_with_the_realm_is_the_same_user_and_with_another_is_not() {
        let mut f = fixture();
        let line = f.credentials(0, "alice@a \"Realm\"", "secret", 1);
        assert_eq!(f.verify(&line), Verdict::User("alice".into()));
        let line = f.credentials(0, "alice@elsewhere", "secret", 1);
        assert_eq!(f.verify(&line), Verdict::Wrong { user: "alice@elsewhere".into() });
    }

    #[test]
    fn counts_rise_and_none_is_taken_twice() {
        let mut f = fixture();
        let challenges = f.guard.challenges(f.now, &mut f.random, Asking::new(&Verdict::Absent, None));
        let challenge = Challenge::parse(&challenges[0]).unwrap();
        let user = crate::call::Credentials { user: "alice".into(), password: "secret".into() };
        let mut verify = |count| f.verify(&answer(&challenge, &user, "REGISTER", "sip:h", count, "cn"));
        assert_eq!(verify(1), Verdict::User("alice".into()));
        assert_eq!(verify(3), Verdict::User("alice".into()));
        assert_eq!((verify(2), verify(3)), (Verdict::Stale, Verdict::Stale));
        assert_eq!(verify(4), Verdict::User("alice".into()));
    }

    #[test]
    fn a_body_under_auth_int_cannot_be_changed() {
        let mut f = fixture();
        f.guard.protects_bodies = true;
        let challenge = f
            .guard
            .challenges(f.now, &mut f.random, Asking::new(&Verdict::Absent, None))
            .remove(0)
            .replace("auth,auth-int", "auth-int");
        let challenge = Challenge::parse(&challenge).unwrap();
        let user = crate::call::Credentials { user: "alice".into(), password: "secret".into() };
        let line =
            super::super::client::answer_with(&challenge, &user, "MESSAGE", "sip:h", b"hello", 1, "cn");
        let mut verify = |body: &[u8]| f.guard.verify(f.now, "MESSAGE", body, [line.as_str()].into_iter());
        assert_eq!(verify(b"hellp"), Verdict::Wrong { user: "alice".into() });
        assert_eq!(verify(b"hello"), Verdict::User("alice".into()));
    }

    #[test]
    fn hashed_and_extended_names_are_nobodys() {
        let mut f = fixture();
        let line = f.credentials(0, "alice", "secret", 1);
        let hashed = line.replace("username=\"alice\"", "username=\"0123abcd\", userhash=true");
        assert_eq!(f.verify(&hashed), Verdict::Wrong { user: "0123abcd".into() });
        let extended = line.replace("username=\"alice\"", "username*=UTF-8''alice");
        assert_eq!(f.verify(&extended), Verdict::Wrong { user: String::new() });
        let long = line.replace("alice", &"x".repeat(500));
        assert_eq!(f.verify(&long), Verdict::Wrong { user: "x".repeat(64) });
    }
}
