//! Asks DNS what SIP wants to know of a name: the machine's resolver settings and hosts file, or name servers of the
//! configuration.
//!
//! Owns the resolver, which all shards share. What the answers mean is `sip::locate`'s, which keeps them as well.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};
use sip::locate::{Answer, Data, Kind, Query, Record};
use tokio::time::timeout;

/// For one server to answer once.
const PATIENCE: Duration = Duration::from_secs(2);
/// For the whole answer, whatever the resolver tries: a caller hears nothing meanwhile.
const LIMIT: Duration = Duration::from_secs(5);
/// How long a name is taken not to exist where its zone does not say.
const NOTHING: Duration = Duration::from_secs(30);
/// Answers the resolver keeps for all shards.
const KEPT: u64 = 1024;

/// See the module. A clone is another handle.
#[derive(Clone)]
pub(crate) struct Dns(TokioResolver);

/// The resolver cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("DNS cannot be asked: {0}")]
pub struct DnsFault(#[from] NetError);

impl Dns {
    /// Asks these servers, or without any those of the machine.
    pub(crate) fn new(servers: &[SocketAddr]) -> Result<Dns, DnsFault> {
        let (config, options) = match servers {
            [] => hickory_resolver::system_conf::read_system_conf().unwrap_or_else(|error| {
                tracing::warn!(%error, "the machine's resolver settings cannot be read: asking 127.0.0.1");
                let local = [SocketAddr::from((Ipv4Addr::LOCALHOST, 53))];
                (of_servers(&local), ResolverOpts::default())
            }),
            servers => (of_servers(servers), ResolverOpts::default()),
        };
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        let ours = builder.options_mut();
        *ours = options;
        ours.timeout = ours.timeout.min(PATIENCE);
        ours.attempts = 2;
        ours.cache_size = KEPT;
        Ok(Dns(builder.build()?))
    }

    /// The answer to a question, within a few seconds.
    pub(crate) async fn ask(&self, query: &Query) -> Answer {
        let Ok(mut name) = Name::from_ascii(&query.name) else { return Answer::Failure };
        // The whole name was meant: nothing is searched for below the machine's domain.
        name.set_fqdn(true);
        let kind = match query.kind {
            Kind::Naptr => RecordType::NAPTR,
            Kind::Srv => RecordType::SRV,
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
        };
        match timeout(LIMIT, self.0.lookup(name, kind)).await {
            Ok(Ok(lookup)) => Answer::Records(lookup.answers().iter().filter_map(record).collect()),
            Ok(Err(error)) => {
                tracing::debug!(%query, %error, "DNS");
                absence(&error).map_or(Answer::Failure, |ttl| Answer::Nothing { ttl })
            }
            Err(_) => {
                tracing::debug!(%query, "DNS took too long");
                Answer::Failure
            }
        }
    }
}

fn of_servers(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
        for connection in &mut connections {
            connection.port = address.port();
        }
        NameServerConfig::new(address.ip(), true, connections)
    };
    ResolverConfig::from_name_servers(servers.iter().map(server).collect())
}

/// How long an error says that there is nothing; `None` if it does not say so.
fn absence(error: &NetError) -> Option<Duration> {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(nothing))
            if matches!(nothing.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
        {
            Some(nothing.negative_ttl.map_or(NOTHING, |seconds| Duration::from_secs(u64::from(seconds))))
        }
        _ => None,
    }
}

fn record(record: &hickory_resolver::proto::rr::Record) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let data = match &record.data {
        RData::A(address) => Data::Address(address.0.into()),
        RData::AAAA(address) => Data::Address(address.0.into()),
        RData::CNAME(name) => Data::Alias(name.0.to_ascii()),
        RData::SRV(srv) => Data::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_ascii(),
        },
        RData::NAPTR(naptr) => Data::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            replacement: naptr.replacement.to_ascii(),
        },
        _ => return None,
    };
    Some(Record { ttl: Duration::from_secs(u64::from(record.ttl)), data })
}

#[cfg(test)]
mod tests;
