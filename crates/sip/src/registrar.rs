//! The registrar: who can be reached where, and until when. RFC 3261 §10.3, RFC 3327 (Path), RFC 5626 (instances).
//! Owns the bindings; whose credentials are right was settled before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::error::ParseError;
use crate::event::Event;
use crate::flow::Flow;
use crate::message::{Address, Core, Message, Name, Scheme, Uri, lex};

/// The most contacts of one user; a further one takes the place of the one that would expire first.
/// Phones that come back with a new port and no instance pile up otherwise.
const MOST: usize = 10;

/// A registered contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Whose.
    pub user: String,
    /// The Contact URI.
    pub contact: String,
    /// Where the REGISTER came from: the way to the phone behind its NAT.
    pub flow: Flow,
    /// The proxies to pass, first first (RFC 3327).
    pub path: Vec<String>,
    /// When it ends.
    pub expires: Instant,
    /// The Contact's parameters but `expires`, to be repeated to the phone.
    params: String,
    /// `+sip.instance` and `reg-id`: the same phone, whatever its address.
    instance: Option<(String, String)>,
    call_id: String,
    cseq: u32,
}

impl Binding {
    /// The Contact value a response lists it with.
    pub(crate) fn line(&self, now: Instant) -> String {
        let left = self.expires.saturating_duration_since(now).as_secs();
        format!("<{}>{};expires={left}", self.contact, self.params)
    }
}

/// Why a registration was not done. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 423.
    TooBrief { least: Duration },
    /// A later request of the same phone was served already.
    OutOfOrder,
    /// 400.
    Bad(ParseError),
}

/// One contact as asked for.
struct Wish {
    binding: Binding,
    seconds: u32,
}

/// All bindings.
#[derive(Debug)]
pub(crate) struct Registrar {
    least: Duration,
    usual: Duration,
    most: Duration,
    users: BTreeMap<String, Vec<Binding>>,
    ends: BTreeSet<(Instant, String)>,
}

impl Registrar {
    pub(crate) fn new(least: Duration, usual: Duration, most: Duration) -> Self {
        Registrar { least, usual, most, users: BTreeMap::new(), ends: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.users.values().map(Vec::len).sum()
    }

    pub(crate) fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.users.values().flatten()
    }

    pub(crate) fn of_user(&self, user: &str) -> impl Iterator<Item = &Binding> {
        self.users.get(user).into_iter().flatten()
    }

    /// Does what a REGISTER of this user asks, whole or not at all.
    pub(crate) fn register(
        &mut self,
        now: Instant,
        user: &str,
        message: &Message,
        core: &Core<'_>,
        flow: Flow,
    ) -> Result<Vec<Event>, Refusal> {
        let bad = |header: Name, expected| {
            Refusal::Bad(ParseError { at: 0, header: Some(header.text()), expected })
        };
        // RFC 3261 §20.19: a malformed value is as good as one hour.
        let header = message.line(Name::Expires).map(|text| lex::seconds(text).unwrap_or(3600));
        let values: Vec<&str> = message.values(Name::Contact).collect();
        if values.contains(&"*") {
            if values.len() != 1 || header != Some(0) {
                return Err(bad(Name::Contact, "* alone and Expires 0"));
            }
            let all = self.users.get(user).cloned().unwrap_or_default();
            if all.iter().any(|b| b.call_id == core.call_id && b.cseq >= core.cseq) {
                return Err(Refusal::OutOfOrder);
            }
            self.change(user, Vec::clear);
            return Ok(all.into_iter().map(unregistered).collect());
        }
        let path: Vec<String> = message.values(Name::Path).map(str::to_owned).collect();
        let mut wishes = Vec::new();
        for value in values {
            let address = Address::parse(value).map_err(|expected| bad(Name::Contact, expected))?;
            wishes.push(self.wish(now, user, &address, header, core, flow, &path)?);
        }
        let old = self.users.get(user).map(Vec::as_slice).unwrap_or_default();
        for wish in &wishes {
            let late = |b: &&Binding| b.call_id == core.call_id && b.cseq >= core.cseq;
            if old.iter().filter(|b| same(b, &wish.binding)).any(|b| late(&b)) {
                return Err(Refusal::OutOfOrder);
            }
        }
        let mut events = Vec::new();
        self.change(user, |all| {
            for Wish { binding, seconds } in wishes {
                let at = all.iter().position(|b| same(b, &binding));
                let replaced = at.map(|at| all.remove(at));
                if seconds == 0 {
                    events.extend(replaced.map(unregistered));
                    continue;
                }
                if let Some(gone) = replaced.filter(|r| r.contact != binding.contact) {
                    events.push(unregistered(gone));
                }
                events.push(Event::Registered {
                    user: binding.user.clone(),
                    contact: binding.contact.clone(),
                    expires: Duration::from_secs(u64::from(seconds)),
                    flow,
                });
                all.push(binding);
                if all.len() > MOST {
                    let first = all.iter().enumerate().min_by_key(|(_, b)| b.expires).map(|(at, _)| at);
                    events.extend(first.map(|at| unregistered(all.remove(at))));
                }
            }
        });
        Ok(events)
    }

    #[allow(clippy::too_many_arguments)]
    fn wish(
        &self,
        now: Instant,
        user: &str,
        address: &Address<'_>,
        header: Option<u32>,
        core: &Core<'_>,
        flow: Flow,
        path: &[String],
    ) -> Result<Wish, Refusal> {
        let asked = address.param("expires").map(|text| lex::seconds(text).unwrap_or(3600)).or(header);
        let asked = asked.map_or(self.usual, |seconds| Duration::from_secs(u64::from(seconds)));
        if !asked.is_zero() && asked < self.least {
            return Err(Refusal::TooBrief { least: self.least });
        }
        let granted = asked.min(self.most);
        let mut params = String::new();
        for (name, value) in lex::params(address.params) {
            if !name.eq_ignore_ascii_case("expires") {
                params.push(';');
                params.push_str(name);
                if let Some(value) = value {
                    params.push('=');
                    params.push_str(value);
                }
            }
        }
        let instance = address.param("+sip.instance").filter(|i| !i.is_empty()).map(|instance| {
            (lex::unquoted(instance).to_ascii_lowercase(), address.param("reg-id").unwrap_or("").to_owned())
        });
        let binding = Binding {
            user: user.to_owned(),
            contact: address.uri_text.to_owned(),
            flow,
            path: path.to_vec(),
            expires: now + granted,
            params,
            instance,
            call_id: core.call_id.to_owned(),
            cseq: core.cseq,
        };
        Ok(Wish { binding, seconds: u32::try_from(granted.as_secs()).unwrap_or(u32::MAX) })
    }

    /// Changes a user's bindings and keeps the ends in step.
    fn change(&mut self, user: &str, change: impl FnOnce(&mut Vec<Binding>)) {
        let mut all = self.users.remove(user).unwrap_or_default();
        for binding in &all {
            self.ends.remove(&(binding.expires, user.to_owned()));
        }
        change(&mut all);
        for binding in &all {
            self.ends.insert((binding.expires, user.to_owned()));
        }
        if !all.is_empty() {
            self.users.insert(user.to_owned(), all);
        }
    }

    /// Removes what has expired.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Binding> {
        let mut gone = Vec::new();
        while let Some((end, user)) = self.ends.first().cloned() {
            if end > now {
                break;
            }
            self.change(&user, |all| {
                gone.extend(all.iter().filter(|b| b.expires <= now).cloned());
                all.retain(|b| b.expires > now);
            });
        }
        gone
    }

    /// Removes what was registered over a stream that is gone: nothing else leads to those phones (RFC 5626 §4.2).
    pub(crate) fn closed(&mut self, flow: &Flow) -> Vec<Binding> {
        let gone: Vec<Binding> = self.bindings().filter(|b| b.flow == *flow).cloned().collect();
        for binding in &gone {
            self.change(&binding.user, |all| all.retain(|b| b.flow != *flow));
        }
        gone
    }

    /// Removes the bindings of users that `stays` does not know.
    pub(crate) fn keep(&mut self, stays: impl Fn(&str) -> bool) -> Vec<Binding> {
        let leaving: Vec<String> = self.users.keys().filter(|user| !stays(user)).cloned().collect();
        let mut gone = Vec::new();
        for user in leaving {
            self.change(&user, |all| gone.append(all));
        }
        gone
    }

    /// When the next binding ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.ends.first().map(|(end, _)| *end)
    }
}

/// Whether two bindings are one contact: the same instance and reg-id, else the same URI.
fn same(a: &Binding, b: &Binding) -> bool {
    if a.instance.is_some() && a.instance == b.instance {
        return true;
    }
    match (Uri::parse(&a.contact), Uri::parse(&b.contact)) {
        (Ok(x), Ok(y)) if x.scheme != Scheme::Other => x.equivalent(&y),
        _ => a.contact == b.contact,
    }
}

fn unregistered(binding: Binding) -> Event {
    Event::Unregistered { user: binding.user, contact: binding.contact }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Transport;
    use bytes::Bytes;

    struct Fixture {
        registrar: Registrar,
        now: Instant,
    }

    fn flow(port: u16) -> Flow {
        Flow {
            transport: Transport::Tcp,
            local: "192.0.2.9:5060".parse().unwrap(),
            remote: std::net::SocketAddr::from(([198, 51, 100, 7], port)),
        }
    }

    fn fixture() -> Fixture {
        let registrar =
            Registrar::new(Duration::from_secs(60), Duration::from_secs(3600), Duration::from_secs(7200));
        Fixture { registrar, now: Instant::now() }
    }

    impl Fixture {
        fn ask(&mut self, call_id: &str, cseq: u32, headers: &str) -> Result<usize, Refusal> {
            let text = format!(
                "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{headers}\r\n"
            );
            let message = Message::parse(Bytes::from(text)).unwrap();
            let core = message.core().unwrap();
            self.registrar.register(self.now, "a", &message, &core, flow(4000)).map(|e| e.len())
        }

        fn holds(&self, expected: &[&str]) {
            let lines: Vec<String> = self.registrar.of_user("a").map(|b| b.line(self.now)).collect();
            assert_eq!(lines, expected);
            assert_eq!(self.registrar.len(), expected.len());
        }
    }

    #[test]
    fn contacts_are_added_refreshed_and_removed_with_their_own_times() {
        let mut f = fixture();
        f.ask(
            "c",
            1,
            "Contact: <sip:a@x>;expires=100;q=0.5, <sip:a@y>\r\nExpires: 200\r\nm: sip:a@z;expires=99999\r\n",
        )
        .unwrap();
        f.holds(&["<sip:a@x>;q=0.5;expires=100", "<sip:a@y>;expires=200", "<sip:a@z>;expires=7200"]);
        f.ask("c", 2, "Contact: <sip:a@Y>;expires=0, <sip:a@x>\r\n").unwrap();
        f.holds(&["<sip:a@z>;expires=7200", "<sip:a@x>;expires=3600"]);
        assert_eq!(f.ask("c", 3, ""), Ok(0));
        f.ask("d", 1, "Contact: *\r\nExpires: 0\r\n").unwrap();
        f.holds(&[]);
        assert_eq!(f.registrar.next(), None);
    }

    #[test]
    fn a_refused_registration_changes_nothing() {
        let mut f = fixture();
        f.ask("c", 5, "Contact: <sip:a@x>\r\n").unwrap();
        let bad = |expected| Refusal::Bad(ParseError { at: 0, header: Some("Contact"), expected });
        let brief = Refusal::TooBrief { least: Duration::from_secs(60) };
        for (call_id, cseq, headers, refusal) in [
            ("c", 5, "Contact: <sip:a@x>;expires=0\r\n", Refusal::OutOfOrder),
            ("c", 4, "Contact: *\r\nExpires: 0\r\n", Refusal::OutOfOrder),
            ("c", 6, "Contact: <sip:a@new>, <sip:a@x>;expires=59\r\n", brief),
            ("c", 6, "Contact: *, <sip:a@x>\r\nExpires: 0\r\n", bad("* alone and Expires 0")),
            ("c", 6, "Contact: *\r\n", bad("* alone and Expires 0")),
            ("c", 6, "Contact: <sip:a@new>, <sip:\r\n", bad("a > after the URI")),
        ] {
            assert_eq!(f.ask(call_id, cseq, headers), Err(refusal), "{headers}");
            f.holds(&["<sip:a@x>;expires=3600"]);
        }
        // Another Call-ID is a restarted phone: its numbers start anew.
        f.ask("d", 1, "Contact: <sip:a@x>;expires=0\r\n").unwrap();
        f.holds(&[]);
    }

    #[test]
    fn an_instance_replaces_itself_whatever_its_address() {
        let mut f = fixture();
        let at = |port: u16, id: u8| {
            format!("Contact: <sip:a@10.0.0.1:{port}>;+sip.instance=\"<urn:uuid:F00>\";reg-id={id}\r\n")
        };
        f.ask("c", 1, &at(5060, 1)).unwrap();
        f.ask("d", 1, &at(5061, 1)).unwrap();
        f.ask("e", 1, &at(5062, 2)).unwrap();
        let contacts: Vec<&str> = f.registrar.bindings().map(|b| b.contact.as_str()).collect();
        assert_eq!(contacts, ["sip:a@10.0.0.1:5061", "sip:a@10.0.0.1:5062"]);
    }

    #[test]
    fn bindings_end_with_their_time_their_stream_or_the_limit() {
        let mut f = fixture();
        f.ask("c", 1, "Contact: <sip:a@x>;expires=60, <sip:a@y>;expires=60, <sip:a@z>;expires=90\r\nPath: <sip:p;lr>\r\n").unwrap();
        assert_eq!(f.registrar.bindings().next().unwrap().path, ["<sip:p;lr>"]);
        assert_eq!(f.registrar.expire(f.now + Duration::from_secs(59)), []);
        assert_eq!(f.registrar.expire(f.now + Duration::from_secs(60)).len(), 2);
        assert_eq!(f.registrar.closed(&flow(4001)), []);
        assert_eq!(f.registrar.closed(&flow(4000)).len(), 1);
        assert_eq!((f.registrar.len(), f.registrar.next()), (0, None));
        f.ask("k", 1, "Contact: <sip:a@k>\r\n").unwrap();
        assert_eq!(f.registrar.keep(|user| user == "a"), []);
        assert_eq!(f.registrar.keep(|user| user == "b").len(), 1);
        assert_eq!((f.registrar.len(), f.registrar.next()), (0, None));
        for i in 0..20 {
            f.ask("c", 2 + i, &format!("Contact: <sip:a@h{i}>;expires={}\r\n", 100 + i)).unwrap();
        }
        assert_eq!(f.registrar.len(), MOST);
        assert_eq!(f.registrar.bindings().next().unwrap().contact, "sip:a@h10");
    }
}
