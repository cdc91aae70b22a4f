//! The walk of RFC 3263 §4.1 and §4.2 over what is known: hops in order, up to the first question that is open.
//! It starts from the beginning each time, so there is no half-way state that an odd answer could leave behind.

use std::net::{IpAddr, SocketAddr};

use super::target::{Host, Target, name};
use super::weight::{Place, ordered};
use super::{Answer, Data, Kind, Preferences, Query};
use crate::flow::{Hop, Transport};

/// Aliases followed from one name.
const MOST_ALIASES: usize = 8;
/// Records of one answer that are looked at.
const MOST_RECORDS: usize = 32;
/// Hops of one target.
const MOST_HOPS: usize = 64;

/// A walk, and what it has found.
pub(super) struct Walk<'a, F> {
    known: F,
    preferences: &'a Preferences,
    seed: u64,
    /// The host asked for, as TLS wants to see it in the certificate (RFC 5922 §4).
    name: Option<String>,
    pub(super) hops: Vec<Hop>,
    /// What is to be asked before the walk can go on.
    pub(super) open: Vec<Query>,
}

/// A question is open: the walk ends here for now.
struct Open;

impl<'a, F: Fn(&Query) -> Option<&'a Answer>> Walk<'a, F> {
    /// Walks as far as it goes.
    pub(super) fn new(target: &Target, preferences: &'a Preferences, seed: u64, known: F) -> Self {
        let name = match &target.host {
            Host::Name(name) => Some(name.clone()),
            Host::Address(_) => None,
        };
        let mut walk = Walk { known, preferences, seed, name, hops: Vec::new(), open: Vec::new() };
        // Where it stopped is in `open`.
        let _ = walk.walk(target);
        walk
    }

    fn walk(&mut self, target: &Target) -> Result<(), Open> {
        let usual = target.usual_transport();
        let domain = match &target.host {
            Host::Address(ip) => {
                self.hop(*ip, target.port.unwrap_or(usual.default_port()), usual);
                return Ok(());
            }
            Host::Name(name) => name,
        };
        if let Some(port) = target.port {
            return self.addresses(domain, port, usual);
        }
        let found = match target.transport {
            Some(transport) => self.services(&[(service(transport, domain), transport)])?,
            None => self.by_preference(domain, target.secure)?,
        };
        if !found {
            // RFC 3263 §4.2: without SRV records the host itself, at the usual port.
            self.addresses(domain, usual.default_port(), usual)?;
        }
        Ok(())
    }

    /// By the domain's own order (NAPTR), or else ours. True if there were any SRV records.
    fn by_preference(&mut self, domain: &str, secure: bool) -> Result<bool, Open> {
        let mut offers: Vec<(u16, u16, String, Transport)> = Vec::new();
        for data in self.records(domain, Kind::Naptr)? {
            let Data::Naptr { order, preference, flags, service, replacement } = data else { continue };
            let transport = naptr_transport(service).filter(|t| self.may_use(*t, secure));
            if let (true, Some(transport), Some(replacement)) =
                (flags.eq_ignore_ascii_case("s"), transport, name(replacement))
            {
                offers.push((*order, *preference, replacement, transport));
            }
        }
        offers.sort_by_key(|(order, preference, ..)| (*order, *preference));
        let offers: Vec<(String, Transport)> = offers.into_iter().map(|(_, _, n, t)| (n, t)).collect();
        if !offers.is_empty() && self.services(&offers)? {
            return Ok(true);
        }
        let ours: Vec<(String, Transport)> = self
            .preferences
            .transports
            .iter()
            // Nobody is a WebSocket server for others without saying so by NAPTR (RFC 7118 §6).
            .filter(|t| self.may_use(**t, secure) && !matches!(t, Transport::Ws | Transport::Wss))
            .map(|t| (service(*t, domain), *t))
            .collect();
        self.services(&ours)
    }

    /// The hops of SRV names, in order; all that are open are asked for at once. True if there were any records.
    fn services(&mut self, names: &[(String, Transport)]) -> Result<bool, Open> {
        let open = self.open.len();
        for (name, _) in names {
            let _ = self.records(name, Kind::Srv);
        }
        let asked = self.open.split_off(open);
        let mut found = false;
        for (name, transport) in names {
            let Ok(records) = self.records(name, Kind::Srv) else {
                self.open = asked;
                return Err(Open);
            };
            let places: Vec<Place<'a>> = records
                .into_iter()
                .filter_map(|data| match data {
                    Data::Srv { priority, weight, port, target } => {
                        Some(Place { priority: *priority, weight: *weight, port: *port, target })
                    }
                    _ => None,
                })
                .collect();
            found |= !places.is_empty();
            for place in ordered(places, self.seed) {
                // RFC 2782: a target of "." says that there is no such service.
                let host = name_or_address(place.target);
                match host {
                    Some(Host::Name(host)) if place.port != 0 => {
                        self.addresses(&host, place.port, *transport)?
                    }
                    Some(Host::Address(ip)) if place.port != 0 => self.hop(ip, place.port, *transport),
                    _ => {}
                }
            }
        }
        Ok(found)
    }

    /// The hops of a host.
    fn addresses(&mut self, host: &str, port: u16, transport: Transport) -> Result<(), Open> {
        let kinds = self.preferences.families.kinds();
        for (index, kind) in kinds.iter().enumerate() {
            match self.records(host, *kind) {
                Ok(records) => {
                    for data in records {
                        match data {
                            Data::Address(ip) if ip.is_ipv4() == (*kind == Kind::A) => {
                                self.hop(*ip, port, transport)
                            }
                            _ => {}
                        }
                    }
                }
                Err(Open) => {
                    // The other family is asked at the same time.
                    for other in kinds.iter().skip(index + 1) {
                        let _ = self.records(host, *other);
                    }
                    return Err(Open);
                }
            }
        }
        Ok(())
    }

    fn hop(&mut self, ip: IpAddr, port: u16, transport: Transport) {
        if ip.is_unspecified() || ip.is_multicast() || self.hops.len() >= MOST_HOPS {
            return;
        }
        let hop = Hop { transport, remote: SocketAddr::new(ip, port), name: self.name.clone() };
        if !self.hops.contains(&hop) {
            self.hops.push(hop);
        }
    }

    /// What is known of a name, its aliases followed. A failure is as good as no record: many servers fail at NAPTR.
    fn records(&mut self, name: &str, kind: Kind) -> Result<Vec<&'a Data>, Open> {
        let mut name = name.to_owned();
        for _ in 0..=MOST_ALIASES {
            let query = Query { name, kind };
            let Some(answer) = (self.known)(&query) else {
                if !self.open.contains(&query) {
                    self.open.push(query);
                }
                return Err(Open);
            };
            let Answer::Records(records) = answer else { return Ok(Vec::new()) };
            let data = || records.iter().take(MOST_RECORDS).map(|record| &record.data);
            let wanted: Vec<&'a Data> = data().filter(|data| !matches!(data, Data::Alias(_))).collect();
            let alias = data().find_map(|data| match data {
                Data::Alias(alias) => super::target::name(alias),
                _ => None,
            });
            match alias {
                Some(alias) if wanted.is_empty() => name = alias,
                _ => return Ok(wanted),
            }
        }
        Ok(Vec::new())
    }

    fn may_use(&self, transport: Transport, secure: bool) -> bool {
        self.preferences.transports.contains(&transport) && (!secure || transport.is_secure())
    }
}

fn name_or_address(text: &str) -> Option<Host> {
    match text.parse() {
        Ok(ip) => Some(Host::Address(ip)),
        Err(_) => name(text).map(Host::Name),
    }
}

/// The name under which a domain's service stands (RFC 3263 §4.1, RFC 7118 §6).
fn service(transport: Transport, domain: &str) -> String {
    let prefix = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    };
    format!("{prefix}.{domain}")
}

/// The transport a NAPTR service stands for (RFC 3263 §4.1, RFC 7118 §6).
fn naptr_transport(service: &str) -> Option<Transport> {
    [
        ("SIP+D2U", Transport::Udp),
        ("SIP+D2T", Transport::Tcp),
        ("SIPS+D2T", Transport::Tls),
        ("SIP+D2W", Transport::Ws),
        ("SIPS+D2W", Transport::Wss),
    ]
    .into_iter()
    .find(|(name, _)| name.eq_ignore_ascii_case(service))
    .map(|(_, transport)| transport)
}
