//! Publications: what phones say of themselves. RFC 3903, with the package `presence` (RFC 3856, PIDF of RFC 3863).
//! Keeps each user's bodies by entity tag until their time is over; of several, the newest counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::body::Body;
use crate::endpoint::{Endpoint, Reply, Request};
use crate::event::Event;
use crate::message::{Message, Name, Uri, lex};
use crate::random::Seeded;
use crate::subscription::Package;

/// What may be published.
const PUBLISHED: &str = "presence";

/// The most publications of one user; a further one takes the oldest one's place.
const MOST: usize = 8;

/// The longest body, in bytes: phones publish about a thousand.
const LONGEST: usize = 16 * 1024;

/// One publication.
#[derive(Debug)]
struct Publication {
    user: Arc<str>,
    package: Package,
    body: Body,
    ends: Instant,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Publications {
    all: HashMap<Arc<str>, Publication, Seeded>,
    /// Entity tags, oldest first.
    users: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    ends: BTreeSet<(Instant, Arc<str>)>,
}

impl Publications {
    pub(crate) fn new(hashes: Seeded) -> Self {
        Publications { all: HashMap::with_hasher(hashes), users: BTreeMap::new(), ends: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// When the first of them ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.ends.first().map(|(end, _)| *end)
    }

    fn add(&mut self, tag: Arc<str>, publication: Publication) {
        self.ends.insert((publication.ends, tag.clone()));
        self.users.entry(publication.user.clone()).or_default().push(tag.clone());
        self.all.insert(tag, publication);
    }

    fn remove(&mut self, tag: &str) -> Option<Publication> {
        let (tag, gone) = self.all.remove_entry(tag)?;
        if let Some(tags) = self.users.get_mut(&gone.user) {
            tags.retain(|other| *other != tag);
            if tags.is_empty() {
                self.users.remove(&gone.user);
            }
        }
        self.ends.remove(&(gone.ends, tag));
        Some(gone)
    }

    fn oldest(&self, user: &str) -> Option<Arc<str>> {
        self.users.get(user).filter(|tags| tags.len() > MOST)?.first().cloned()
    }

    /// What counts of a user's publications.
    fn newest(&self, user: &str) -> Option<&Body> {
        Some(&self.all.get(self.users.get(user)?.last()?)?.body)
    }

    /// Removes what has expired, and tells whose it was.
    fn expire(&mut self, now: Instant) -> Vec<Publication> {
        let mut gone = Vec::new();
        while let Some((_, tag)) = self.ends.first().filter(|(end, _)| *end <= now).cloned() {
            gone.extend(self.remove(&tag));
        }
        gone
    }

    /// Removes those of users that `stays` does not know.
    fn keep(&mut self, stays: impl Fn(&str) -> bool) -> Vec<Publication> {
        let leaving: Vec<Arc<str>> =
            self.all.iter().filter(|(_, p)| !stays(&p.user)).map(|(tag, _)| tag.clone()).collect();
        let mut gone: Vec<Publication> = leaving.iter().filter_map(|tag| self.remove(tag)).collect();
        gone.sort_by(|a, b| a.user.cmp(&b.user));
        gone
    }
}

impl Endpoint {
    /// PUBLISH: the steps of RFC 3903 §6 in their order.
    pub(crate) fn on_publish(&mut self, now: Instant, request: &Request<'_>) {
        let Some((package, _)) = self.package(now, request, PUBLISHED) else { return };
        let Some(user) = self.authenticate(now, request, 401) else { return };
        let target = Uri::parse(request.message.request_uri()).ok().and_then(|uri| uri.user);
        if target.map(lex::unescaped).as_deref() != Some(user.as_str()) {
            // Nobody publishes for another.
            return self.refuse(now, request, 403);
        }
        let mut matches = other(request.message, "SIP-If-Match");
        let (tag, several) = (matches.next().map(str::trim), matches.next().is_some());
        if several {
            self.counters.bad_requests += 1;
            return self.refuse_with(now, request, 400, Some("Bad SIP-If-Match: One Expected"), &[]);
        }
        let known = |tag: &str| self.publications.all.get(tag).is_some_and(|p| *p.user == *user);
        if tag.is_some_and(|tag| !known(tag)) {
            return self.refuse_with(now, request, 412, Some("Conditional Request Failed"), &[]);
        }
        let Some(seconds) = self.grant(now, request) else { return };
        let body = match self.published_body(now, request, tag.is_some(), package) {
            Ok(body) => body,
            Err(()) => return,
        };
        self.publish(now, request, user, tag, package, seconds, body);
    }

    /// The body of a PUBLISH, or why there is none to be had: 400, 413 and 415 are sent.
    fn published_body(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        is_known: bool,
        package: Package,
    ) -> Result<Option<Body>, ()> {
        let bytes = request.message.body();
        let kind = request.message.line(Name::ContentType).unwrap_or("").to_owned();
        let body = Body { content_type: kind, bytes: bytes.clone() };
        match bytes.len() {
            0 if is_known => return Ok(None),
            0 => self.refuse_with(now, request, 400, Some("Bad Request: A Body Expected"), &[]),
            1..=LONGEST if body.is(package.media_type()) => return Ok(Some(body)),
            1..=LONGEST => {
                let accept = ("Accept".to_owned(), package.media_type().to_owned());
                self.refuse_with(now, request, 415, None, &[accept]);
            }
            _ => self.refuse(now, request, 413),
        }
        Err(())
    }

    #[allow(clippy::too_many_arguments)]
    fn publish(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        user: String,
        tag: Option<&str>,
        package: Package,
        seconds: u32,
        body: Option<Body>,
    ) {
        let before = self.publications.newest(&user).cloned();
        let replaced = tag.and_then(|tag| self.publications.remove(tag));
        let owner: Arc<str> = user.as_str().into();
        let fresh: Arc<str> = self.random.token().into();
        if let Some(body) = body.or_else(|| replaced.map(|old| old.body)).filter(|_| seconds > 0) {
            let ends = now + Duration::from_secs(u64::from(seconds));
            self.publications.add(fresh.clone(), Publication { user: owner, package, body, ends });
            if let Some(oldest) = self.publications.oldest(&user) {
                self.publications.remove(&oldest);
            }
        }
        let headers =
            [("SIP-ETag".to_owned(), fresh.to_string()), ("Expires".to_owned(), seconds.to_string())];
        let answer = self.random.token();
        self.respond(now, request.transaction, &Reply { headers: &headers, ..Reply::status(200, &answer) });
        if self.publications.newest(&user) != before.as_ref() {
            self.tell_published(user, package);
        }
    }

    fn tell_published(&mut self, user: String, package: Package) {
        let body = self.publications.newest(&user).cloned();
        self.event(Event::Published { user, package, body });
    }

    pub(crate) fn on_publication_timer(&mut self, now: Instant) {
        let gone = self.publications.expire(now);
        self.tell_unpublished(gone);
    }

    /// Forgets what users published that there are no more.
    pub(crate) fn keep_publications(&mut self, stays: impl Fn(&str) -> bool) {
        let gone = self.publications.keep(stays);
        self.tell_unpublished(gone);
    }

    fn tell_unpublished(&mut self, mut gone: Vec<Publication>) {
        gone.dedup_by(|a, b| a.user == b.user && a.package == b.package);
        for publication in gone {
            self.tell_published(publication.user.to_string(), publication.package);
        }
    }
}

/// The values of a header we have no name for.
fn other<'a>(message: &'a Message, name: &'a str) -> impl Iterator<Item = &'a str> {
    message.others().filter(move |(label, _)| label.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
