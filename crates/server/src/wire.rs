//! Makes each part and hands it its neighbours: flows and accounts into the switch, the switch into the API.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use store::{Directory, Loaded, Problem, Users};
use switch::{HttpConfig, SipConfig, Switch, WebSounds, speech};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{self, Config, Provider};
use crate::{demo, metrics};

/// Longer than any call: `rtp.timeout_s = 0`.
const NEVER: Duration = Duration::from_secs(366 * 86_400);

/// Everything that runs.
pub(crate) struct Running {
    pub(crate) switch: Arc<Switch>,
    config: Config,
    /// Where the accounts of the configuration are read again.
    file: Option<PathBuf>,
    api: JoinHandle<()>,
}

/// Asks the system for as many open files as it allows: a call has two sockets, and the usual limit is 1,024.
pub(crate) fn make_room(config: &Config) {
    let wanted = config.calls.max as u64 * 3 + config.sip.max_connections as u64 + 256;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            tracing::warn!(limit, wanted, "the system allows too few open files for calls.max calls");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files stays as it is"),
    }
}

/// Starts everything; what cannot start is named with what to change.
pub(crate) async fn start(config: Config, file: Option<PathBuf>) -> anyhow::Result<Running> {
    let loaded = load(&config, None).map_err(|problems| anyhow!("{}", lines(&problems)))?;
    let (users, made_up) = users(&config, &loaded)?;
    let render = metrics::start();
    let listener = TcpListener::bind(config.http).await.with_context(|| {
        format!("cannot listen for HTTP on {}; http.bind and http.port change it", config.http)
    })?;
    let http = listener.local_addr()?;

    let flows = Arc::new(ArcSwap::from_pointee(loaded.flows));
    let settings = switch::Config { trunks: loaded.trunks, ..of_switch(&config) };
    let switch = Switch::start(settings, flows, &users).await.map_err(|error| explained(error, &config))?;
    let switch = Arc::new(switch);
    if let Some(address) = config.callback_server {
        demo::callback_server(address).await;
    }
    let api = api::Api { switch: Arc::clone(&switch), metrics: Arc::new(move || render.render()) };
    let api = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, api::router(api)).await {
            tracing::error!(%error, "the API stopped");
        }
    });
    let sip = switch.sip_udp().or(switch.sip_tcp()).unwrap_or(config.sip.address);
    let reached = SocketAddr::new(config.sip.advertise.unwrap_or(sip.ip()), sip.port());
    let demo = config.flows.is_none();
    println!("{}", demo::invitation(reached, http, &users, made_up, &switch.flows(), demo));
    for (transport, address) in switch.listening() {
        tracing::info!(transport, %address, "SIP is listened for");
    }
    tracing::info!(%sip, %http, accounts = users.len(), "ready");
    Ok(Running { switch, config, file, api })
}

impl Running {
    /// Reads flows and users again, those in the configuration too; its other settings wait for a restart.
    /// What is broken is named, and stays as it was. Certificates are read again, too.
    pub(crate) async fn reload(&self) {
        self.switch.reload_certificates();
        let (mut config, previous, file) = (self.config.clone(), self.switch.flows(), self.file.clone());
        let read = move || {
            config.users = config::Loaded::load(file.as_deref())?.config().users;
            let loaded = load(&config, Some(&previous))?;
            let users = users(&config, &loaded)
                .map_err(|error| vec![Problem::file("users", format!("{error:#}"))])?;
            Ok::<_, Vec<Problem>>((loaded, users.0))
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok((loaded, users))) => {
                let (documents, accounts) = (loaded.flows.documents().count(), users.len());
                let trunks = loaded.trunks.len();
                self.switch.reload(loaded.flows, &users, &loaded.trunks);
                tracing::info!(documents, accounts, trunks, "flows, accounts and trunks are read again");
            }
            Ok(Err(problems)) => {
                tell(&problems);
                tracing::error!("nothing was reloaded; flows and accounts stay as they were");
            }
            Err(error) => {
                tracing::error!(%error, "reloading broke off; flows and accounts stay as they were")
            }
        }
    }

    /// Takes no more calls, waits for the others, says BYE to the rest.
    pub(crate) async fn drain(&self) {
        let limit = self.config.calls.drain;
        tracing::info!(
            calls = self.switch.calls().len(),
            limit_s = limit.as_secs(),
            "no more calls are taken"
        );
        let cut = self.switch.drain(limit).await;
        tracing::info!(cut, "all calls have ended");
    }

    /// Ends what is left.
    pub(crate) async fn stop(self) {
        self.api.abort();
        // The API's handle must be gone, or the switch is not ours alone.
        let _ = self.api.await;
        if let Some(switch) = Arc::into_inner(self.switch) {
            switch.stop().await;
        }
    }
}

/// The flows directory, with what is odd about it in the log.
pub(crate) fn load(config: &Config, previous: Option<&store::Flows>) -> Result<Loaded, Vec<Problem>> {
    let path = config.flows.as_deref();
    let loaded = match previous {
        Some(previous) => Directory::reload(path, previous),
        None => Directory::load(path),
    };
    let named = |mut problem: Problem| {
        let directory = path.unwrap_or(Path::new("demo"));
        problem.file = match problem.file.as_str() {
            "." => directory.display().to_string(),
            file => directory.join(file).display().to_string(),
        };
        problem
    };
    let mut loaded = loaded.map_err(|problems| problems.into_iter().map(named).collect::<Vec<_>>())?;
    loaded.problems = loaded.problems.into_iter().map(named).collect();
    tell(&loaded.problems);
    Ok(loaded)
}

/// The accounts of the configuration and of the flows directory, or made-up ones; whether they are made up.
fn users(config: &Config, loaded: &Loaded) -> anyhow::Result<(Users, bool)> {
    let users = loaded.users.clone().with(config.users.clone());
    if users.is_empty() { Ok((demo::users(&config.data_dir)?, true)) } else { Ok((users, false)) }
}

fn tell(problems: &[Problem]) {
    for problem in problems {
        match problem.is_error() {
            true => tracing::error!("{problem}"),
            false => tracing::warn!("{problem}"),
        }
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn of_switch(config: &Config) -> switch::Config {
    let Config { sip, rtp, calls, .. } = config;
    switch::Config {
        sip: SipConfig {
            udp: sip.udp.clone(),
            tcp: sip.tcp.clone(),
            tls: sip.tls.clone(),
            ws: sip.ws.clone(),
            wss: sip.wss.clone(),
            certificates: sip.certificates.clone(),
            origins: sip.origins.clone(),
            shards: sip.shards,
            connections: sip.max_connections,
            connections_per_peer: sip.max_connections_per_peer,
            handshake: sip.handshake,
            first_message: sip.first_message,
            idle: sip.idle,
            ping: sip.ping,
            nameservers: sip.nameservers.clone(),
            realm: sip.realm.clone(),
            session_expires: sip.session_expires,
            min_se: sip.min_se,
            ..SipConfig::default()
        },
        media: media::Config {
            workers: rtp.workers,
            ports: rtp.ports.clone(),
            bind: media_address(sip),
            dscp: rtp.dscp,
            media_timeout: rtp.timeout.unwrap_or(NEVER),
            io: rtp.io,
            priority: rtp.priority,
            pin: rtp.pin,
            recordings_dir: config.data_dir.join("recordings"),
            ..media::Config::default()
        },
        speech: of_speech(config),
        codecs: config.codecs.clone(),
        amd: config.amd,
        http: HttpConfig {
            allowed: config.web.allowed.clone(),
            denied: config.web.denied.clone(),
            // Whoever has it started here wants it asked.
            servers: config.callback_server.into_iter().collect(),
            signing_key: config.web.signing_key.clone(),
            last_good: config.web.last_good,
            ..HttpConfig::default()
        },
        web_sounds: WebSounds {
            directory: config.data_dir.join("web-sounds"),
            kept: config.web.sounds,
            largest: config.web.sound,
        },
        advertise: sip.advertise,
        allow_anonymous: sip.allow_anonymous,
        trust_local: sip.trust_local,
        language: config.speech.language.clone(),
        country: config.country.clone(),
        account: config.account.clone(),
        max_calls: calls.max,
        max_duration: calls.max_duration,
        cdr: calls.records.clone(),
        settings: Some(config.data_dir.join("settings.json")),
        journal: calls.journal.clone(),
        recordings: config.recordings.clone(),
        ..switch::Config::default()
    }
}

/// Where audio is listened for: where signalling is if that is one address, else everywhere.
fn media_address(sip: &config::Sip) -> IpAddr {
    let all = [&sip.udp, &sip.tcp, &sip.tls, &sip.ws, &sip.wss];
    let mut addresses = all.into_iter().flatten().map(SocketAddr::ip);
    let first = addresses.next().unwrap_or(sip.address.ip());
    let others: Vec<IpAddr> = addresses.filter(|address| *address != first).collect();
    match others.is_empty() {
        true => first,
        false if first.is_ipv6() || others.iter().any(IpAddr::is_ipv6) => Ipv6Addr::UNSPECIFIED.into(),
        false => Ipv4Addr::UNSPECIFIED.into(),
    }
}

fn of_speech(config: &Config) -> speech::Config {
    let ours = &config.speech;
    speech::Config {
        provider: match &ours.provider {
            Provider::Espeak => speech::Provider::Espeak,
            Provider::OpenAi { url, model, key } => speech::Provider::OpenAi(speech::OpenAi {
                url: url.clone(),
                model: model.clone(),
                key: Some(key.clone()).filter(|key| !key.is_empty()),
            }),
        },
        language: ours.language.clone(),
        voice: ours.voice.clone(),
        cache_dir: (ours.cache > 0).then(|| config.data_dir.join("speech")),
        cache_bytes: ours.cache,
        deadline: ours.timeout,
    }
}

/// A failed start with the settings that change it.
fn explained(error: switch::StartError, config: &Config) -> anyhow::Error {
    let advice = match &error {
        switch::StartError::Listen { transport: transport @ ("TLS" | "WS" | "WSS"), .. } => {
            format!("sip.{} says where", transport.to_lowercase())
        }
        switch::StartError::Listen { source, .. } => match source.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "another program has the port (perhaps another offhook); stop it, or set sip.port: \
                 OFFHOOK_SIP__PORT={} offhook serve",
                config.sip.address.port().saturating_add(10)
            ),
            std::io::ErrorKind::AddrNotAvailable => {
                format!("this machine has no address {}; set sip.bind", config.sip.address.ip())
            }
            _ => "sip.bind and sip.port change it".to_owned(),
        },
        switch::StartError::Media(_) => "rtp.ports and rtp.workers change it".to_owned(),
        switch::StartError::Certificates(_) => {
            "sip.tls_certificate and sip.tls_key name the files; without sip.tls and sip.wss TLS is off"
                .to_owned()
        }
        switch::StartError::Directory { .. } => {
            "data_dir, calls.records and calls.journal change it".to_owned()
        }
        switch::StartError::Bucket(_) => "the settings of recordings.s3_bucket change it".to_owned(),
        _ => return error.into(),
    };
    // The error tells its source itself; as a chain it would be told twice.
    anyhow!("{error}; {advice}")
}
