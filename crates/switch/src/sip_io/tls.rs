//! TLS: certificates and keys from files, who is trusted, and how both change while the switch runs.
//!
//! New connections use what was loaded last; old ones keep what they have. What cannot be loaded is told, and changes
//! nothing. The names a peer must show are those of RFC 5922; wildcards are taken, since carriers use them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
};

use super::certificate;
use crate::call::run::pause;
use crate::events::wall_clock;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(5);

/// Which certificates we show and which we believe.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    /// Ours: the first is shown to those who ask for no name, or for one that none has.
    pub certificates: Vec<KeyFiles>,
    /// Whether clients show one, signed by `client_ca`.
    pub clients: ClientCertificates,
    /// Who signs clients' certificates, as PEM.
    pub client_ca: Option<PathBuf>,
    /// Who signs servers' certificates besides those whom the system trusts, as PEM.
    pub ca: Option<PathBuf>,
    /// Whether any certificate of a server will do. For laboratories.
    pub trust_anybody: bool,
}

/// A certificate with its chain, and its key, both PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    /// The certificate first, then those that sign it.
    pub chain: PathBuf,
    /// PKCS #8, PKCS #1 or SEC1.
    pub key: PathBuf,
}

/// What is asked of TLS clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Nothing.
    #[default]
    Off,
    /// A certificate if they have one; a wrong one ends the connection.
    Asked,
    /// A certificate.
    Required,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("cannot read {file}: {why}")]
    Read {
        /// Which.
        file: PathBuf,
        /// What the system or the reader said.
        why: String,
    },
    /// A file has no certificate in it.
    #[error("{file} holds no certificate (BEGIN CERTIFICATE)")]
    NoCertificate {
        /// Which.
        file: PathBuf,
    },
    /// A file has no key in it.
    #[error("{file} holds no private key (BEGIN PRIVATE KEY)")]
    NoKey {
        /// Which.
        file: PathBuf,
    },
    /// The key is another's.
    #[error("the key in {key} does not belong to the certificate in {chain}")]
    WrongKey {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// The certificate's time is over, or has not come.
    #[error("the certificate in {file} is good from {from} until {until} only")]
    Expired {
        /// Which.
        file: PathBuf,
        /// When it begins.
        from: Timestamp,
        /// When it ends.
        until: Timestamp,
    },
    /// Something that this build cannot use.
    #[error("{file} cannot be used: {why}")]
    Unusable {
        /// Which.
        file: PathBuf,
        /// What rustls said.
        why: String,
    },
    /// Clients are to show certificates, and nobody is named who signs them.
    #[error("client certificates are wanted, but no file says who signs them")]
    NoClientCa,
    /// TLS is listened for without a certificate.
    #[error("TLS needs a certificate")]
    NothingToShow,
}

/// See the module.
pub(super) struct Tls {
    config: TlsConfig,
    loaded: ArcSwap<Loaded>,
    seen: Mutex<Vec<Option<SystemTime>>>,
}

struct Loaded {
    server: Option<Arc<ServerConfig>>,
    ours: Option<Arc<CertifiedKey>>,
    /// Made when the first connection is opened: the system's list of whom it trusts is long.
    client: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Tls {
    /// Reads the files.
    pub(super) fn new(config: TlsConfig) -> Result<Arc<Tls>, TlsError> {
        let seen = times(&config);
        let loaded = ArcSwap::from_pointee(load(&config)?);
        Ok(Arc::new(Tls { config, loaded, seen: Mutex::new(seen) }))
    }

    /// What to accept connections with, if we have a certificate.
    pub(super) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.loaded.load().server.clone()
    }

    /// What to open connections with. The first time it reads files.
    pub(super) fn client(&self) -> Result<Arc<ClientConfig>, String> {
        let loaded = self.loaded.load_full();
        let client =
            || connecting(&self.config, loaded.ours.clone()).map(Arc::new).map_err(|error| error.to_string());
        loaded.client.get_or_init(client).clone()
    }

    /// Reads the files again, now. What is wrong with them is told, and changes nothing.
    pub(super) fn reload(&self) {
        *crate::lock(&self.seen) = times(&self.config);
        match load(&self.config) {
            Ok(loaded) => {
                self.loaded.store(Arc::new(loaded));
                tracing::info!(
                    certificates = self.config.certificates.len(),
                    "TLS certificates are read again"
                );
            }
            Err(error) => tracing::error!(%error, "the TLS certificates stay as they were"),
        }
    }

    /// Reads the files again whenever they change, for ever.
    pub(super) async fn watch(self: Arc<Tls>) {
        loop {
            pause(LOOK).await;
            let tls = self.clone();
            let look = move || {
                if times(&tls.config) != *crate::lock(&tls.seen) {
                    tls.reload();
                }
            };
            // Files may lie on slow disks. A panic there ends the watching, not the switch.
            if tokio::task::spawn_blocking(look).await.is_err() {
                return;
            }
        }
    }
}

/// When each file changed last.
fn times(config: &TlsConfig) -> Vec<Option<SystemTime>> {
    let pairs = config.certificates.iter().flat_map(|files| [&files.chain, &files.key]);
    let files = pairs.chain(&config.client_ca).chain(&config.ca);
    files.map(|file| std::fs::metadata(file).and_then(|data| data.modified()).ok()).collect()
}

fn load(config: &TlsConfig) -> Result<Loaded, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let keys: Vec<_> =
        config.certificates.iter().map(|files| key(files, &provider)).collect::<Result<_, _>>()?;
    let ours = keys.first().cloned();
    let server = match keys.is_empty() {
        true => None,
        false => Some(Arc::new(accepting(config, keys, &provider)?)),
    };
    Ok(Loaded { server, ours, client: OnceLock::new() })
}

/// A certificate and its key, checked against each other and the calendar.
fn key(files: &KeyFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let KeyFiles { chain, key } = files;
    let certificates = certificates(chain)?;
    let first = certificates.first().map(|first| certificate::validity(first)).unwrap_or_default();
    if let Some((from, until)) = first
        && !(from..=until).contains(&wall_clock())
    {
        return Err(TlsError::Expired { file: chain.clone(), from, until });
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => TlsError::NoKey { file: key.clone() },
        error => TlsError::Read { file: key.clone(), why: plain(&error) },
    })?;
    match CertifiedKey::from_der(certificates, secret, provider) {
        Ok(certified) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(TlsError::WrongKey { chain: chain.clone(), key: key.clone() })
        }
        Err(error @ rustls::Error::InvalidCertificate(_)) => {
            Err(TlsError::Unusable { file: chain.clone(), why: error.to_string() })
        }
        Err(error) => Err(TlsError::Unusable { file: key.clone(), why: error.to_string() }),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unread =
        |error: rustls::pki_types::pem::Error| TlsError::Read { file: file.to_owned(), why: plain(&error) };
    let found: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(unread)?.collect::<Result<_, _>>().map_err(unread)?;
    if found.is_empty() { Err(TlsError::NoCertificate { file: file.to_owned() }) } else { Ok(found) }
}

/// What the system said rather than how the reader wraps it.
fn plain(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn accepting(
    config: &TlsConfig,
    keys: Vec<Arc<CertifiedKey>>,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, TlsError> {
    // A set of versions that the provider has no suites for does not exist here.
    let unusable = |why: String| TlsError::Unusable { file: PathBuf::from("TLS"), why };
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?;
    let builder = if config.clients == ClientCertificates::Off {
        builder.with_no_client_auth()
    } else {
        let file = config.client_ca.as_deref().ok_or(TlsError::NoClientCa)?;
        let mut roots = RootCertStore::empty();
        add(&mut roots, file)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let verifier = match config.clients {
            ClientCertificates::Required => verifier,
            _ => verifier.allow_unauthenticated(),
        };
        let verifier = verifier
            .build()
            .map_err(|error| TlsError::Unusable { file: file.to_owned(), why: error.to_string() })?;
        builder.with_client_cert_verifier(verifier)
    };
    Ok(builder.with_cert_resolver(Arc::new(ByName(keys))))
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), TlsError> {
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::Unusable { file: file.to_owned(), why: error.to_string() })?;
    }
    Ok(())
}

fn connecting(config: &TlsConfig, ours: Option<Arc<CertifiedKey>>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    if !config.trust_anybody {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of the system's trusted certificates cannot be read");
        }
        roots.add_parsable_certificates(found.certs);
        if let Some(file) = &config.ca {
            add(&mut roots, file)?;
        }
    }
    let algorithms = provider.signature_verification_algorithms;
    let verifier = Believing { roots, algorithms, anybody: config.trust_anybody };
    let unusable = |why: String| TlsError::Unusable { file: PathBuf::from("TLS"), why };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    // RFC 5923 §4: who may be called back by a connection shows who he is.
    Ok(match ours {
        Some(ours) => builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(ours))),
        None => builder.with_no_client_auth(),
    })
}

/// Our certificates: the first that has the name asked for, else the first.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name();
        let named = |key: &&Arc<CertifiedKey>| {
            asked.is_some_and(|name| key.cert.first().is_some_and(|first| names(first, name)))
        };
        self.0.iter().find(named).or(self.0.first()).cloned()
    }
}

/// Whether a certificate is for this host: by a URI `sip:host`, or, as of any server, by DNS name or address.
pub(super) fn names(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if certificate::domains(certificate).iter().any(|domain| domain.eq_ignore_ascii_case(host)) {
        return true;
    }
    let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(certificate), ServerName::try_from(host))
    else {
        return false;
    };
    verify_server_name(&parsed, &name).is_ok()
}

/// Judges servers' certificates.
#[derive(Debug)]
struct Believing {
    roots: RootCertStore,
    algorithms: WebPkiSupportedAlgorithms,
    anybody: bool,
}

impl ServerCertVerifier for Believing {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.anybody {
            rustls::client::verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(end_entity)?,
                &self.roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
            if !names(end_entity, &server_name.to_str()) {
                return Err(CertificateError::NotValidForName.into());
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
