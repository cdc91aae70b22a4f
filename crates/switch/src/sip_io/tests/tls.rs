//! TLS between two of our own, and with a client that looks closely.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::sip_io::tls::{ClientCertificates, KeyFiles, TlsError};

/// One who signs certificates, and the directory where they lie.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
    dir: tempfile::TempDir,
}

impl Authority {
    fn new() -> Authority {
        let dir = tempfile::tempdir().expect("a directory");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, params.self_signed(&key).expect("signed").pem()).expect("written");
        Authority { issuer: Issuer::new(params, key), file, dir }
    }

    /// A certificate for hosts, or for `sip:` URIs, in files of this name.
    fn sign(&self, file: &str, names: &[&str]) -> KeyFiles {
        self.sign_with(file, names, |_| {})
    }

    fn sign_with(&self, file: &str, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> KeyFiles {
        let (uris, hosts): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains(':'));
        let hosts: Vec<String> = hosts.into_iter().map(str::to_owned).collect();
        let mut params = CertificateParams::new(hosts).expect("names");
        for uri in uris {
            params.subject_alt_names.push(SanType::URI(uri.try_into().expect("a URI")));
        }
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let files = KeyFiles { chain: self.path(file, "crt"), key: self.path(file, "key") };
        std::fs::write(&files.key, key.serialize_pem()).expect("written");
        std::fs::write(&files.chain, certificate.pem()).expect("written");
        files
    }

    fn path(&self, file: &str, extension: &str) -> PathBuf {
        self.dir.path().join(file).with_extension(extension)
    }

    /// A switch with these certificates that believes this authority.
    fn rig(&self, certificates: Vec<KeyFiles>, clients: ClientCertificates) -> Rig {
        Rig::with("127.0.0.1", |plan| {
            plan.transport = Transport::Tls;
            plan.tls = TlsConfig {
                certificates,
                clients,
                client_ca: Some(self.file.clone()),
                ca: Some(self.file.clone()),
                trust_anybody: false,
            };
        })
    }
}

fn to(rig: &Rig, name: Option<&str>) -> Hop {
    Hop { transport: rig.ways.listening[0].0, remote: rig.tcp(), name: name.map(str::to_owned) }
}

/// A client that believes everything.
async fn look(rig: &Rig, name: &str) -> TlsStream<TcpStream> {
    let blind = TlsConfig { trust_anybody: true, ..TlsConfig::default() };
    let client = Tls::new(blind).expect("nothing to read").client().expect("a client");
    let stream = TcpStream::connect(rig.tcp()).await.expect("a connection");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    TlsConnector::from(client).connect(name, stream).await.expect("TLS")
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().expect("certificates")[0].clone().into_owned()
}

fn written(files: &KeyFiles) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_file(&files.chain).expect("a certificate")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_switches_talk_over_tls_when_the_certificate_has_the_name() {
    let authority = Authority::new();
    let names = ["pbx.example", "127.0.0.1", "sip:domain.example", "*.wild.example"];
    let mut server = authority.rig(vec![authority.sign("server", &names)], ClientCertificates::Off);
    let mut client = authority.rig(Vec::new(), ClientCertificates::Off);
    for name in [Some("pbx.example"), Some("domain.example"), Some("a.wild.example"), None] {
        assert_eq!(client.ways.find(0, &to(&server, name)), Found::Later);
        let flow = client.way().await.expect("a way");
        let text = Bytes::from(options("h", ""));
        assert_eq!(client.ways.send(flow, text.clone()), Sent::Yes);
        let back = server.message().await;
        assert_eq!((back.transport, back.local), (Transport::Tls, server.tcp()));
        assert_eq!(server.ways.send(back, text), Sent::Yes);
        assert_eq!(client.message().await, flow, "by the same stream");
    }
    for name in ["other.example", "a.b.wild.example"] {
        assert_eq!(client.ways.find(0, &to(&server, Some(name))), Found::Later);
        assert_eq!(client.way().await, None, "{name}");
    }
    let mut stranger = Authority::new().rig(Vec::new(), ClientCertificates::Off);
    assert_eq!(stranger.ways.find(0, &to(&server, Some("pbx.example"))), Found::Later);
    assert_eq!(stranger.way().await, None, "signed by nobody it knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_asked_for_chooses_the_certificate_and_new_files_are_shown_to_new_connections() {
    let authority = Authority::new();
    let files = [authority.sign("one", &["one.example"]), authority.sign("two", &["two.example"])];
    let mut rig = authority.rig(files.to_vec(), ClientCertificates::Off);
    assert_eq!(shown(&look(&rig, "two.example").await), written(&files[1]));
    assert_eq!(shown(&look(&rig, "else.example").await), written(&files[0]));
    let mut old = look(&rig, "one.example").await;
    let before = written(&files[0]);
    assert_eq!(shown(&old), before);
    // The file system's stamps may be coarse.
    let later = std::time::SystemTime::now() + Duration::from_secs(2);
    authority.sign("one", &["one.example"]);
    let file = std::fs::File::options().append(true).open(&files[0].chain).expect("the file");
    file.set_modified(later).expect("a stamp");
    assert_ne!(written(&files[0]), before);
    let watch = tokio::spawn(rig.ways.tls.clone().watch());
    let changed = async {
        // As often as the limits on connections allow.
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        while shown(&look(&rig, "one.example").await) == before {
            looks.tick().await;
        }
    };
    timeout(LONG, changed).await.expect("the new certificate");
    watch.abort();
    std::fs::write(&files[0].chain, "broken").expect("written");
    rig.ways.tls.reload();
    assert_ne!(shown(&look(&rig, "one.example").await), before, "the last good one stays");
    old.write_all(options("h", "").as_bytes()).await.expect("sent");
    let flow = loop {
        // The lookers' connections have ended meanwhile.
        if let Inbound::Message { flow, .. } = rig.next().await {
            break flow;
        }
    };
    assert_eq!(rig.ways.send(flow, Bytes::from_static(b"x")), Sent::Yes);
    assert_eq!(old.read_u8().await.expect("the old connection lives"), b'x');
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_certificate_is_called_back_by_its_name_on_its_own_connection() {
    let authority = Authority::new();
    let ours = vec![authority.sign("server", &["127.0.0.1"])];
    let mut server = authority.rig(ours.clone(), ClientCertificates::Required);
    let known = authority.sign("client", &["peer.example"]);
    let mut client = authority.rig(vec![known], ClientCertificates::Off);
    assert_eq!(client.ways.find(0, &to(&server, None)), Found::Later);
    let flow = client.way().await.expect("a way");
    for host in ["peer.example:5071", "thief.example:5072"] {
        assert_eq!(client.ways.send(flow, options(host, ";alias").into()), Sent::Yes);
        server.message().await;
    }
    let peer = |host: &str, port: u16| Hop {
        transport: Transport::Tls,
        remote: (flow.local.ip(), port).into(),
        name: Some(host.to_owned()),
    };
    assert!(matches!(server.ways.find(0, &peer("peer.example", 5071)), Found::Flow(_)));
    assert_eq!(server.ways.find(0, &peer("thief.example", 5072)), Found::Later);
    assert_eq!(server.way().await, None);
    let mut nobody = authority.rig(Vec::new(), ClientCertificates::Off);
    assert_eq!(nobody.ways.find(0, &to(&server, None)), Found::Later);
    // With TLS 1.3 the client hears of the refusal after it has finished its own handshake.
    if nobody.way().await.is_some() {
        nobody.closed().await;
    }
    let mut asking = authority.rig(ours, ClientCertificates::Asked);
    assert_eq!(nobody.ways.find(0, &to(&asking, None)), Found::Later);
    let flow = nobody.way().await.expect("a way");
    assert_eq!(nobody.ways.send(flow, options("h", "").into()), Sent::Yes);
    asking.message().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_go_on_is_cut_off_and_leaves_room() {
    let authority = Authority::new();
    let files = authority.sign("server", &["pbx.example"]);
    let rig = Rig::with("127.0.0.1", |plan| {
        plan.transport = Transport::Tls;
        plan.times.handshake = Duration::from_millis(500);
        plan.limits = Limits { connections: 20, per_peer: 20 };
        plan.tls.certificates = vec![files];
    });
    let mut half: Vec<_> = (0..18).map(|_| rig.dial()).collect();
    for stream in &mut half {
        // 16 wait for a hello that never comes whole, the others find no room.
        let _ = stream.write_all(&[0x16, 0x03, 0x01]);
    }
    for stream in &mut half {
        let end = stream.read(&mut [0; 9]).map_err(|error| error.kind());
        assert!(matches!(end, Ok(0) | Err(std::io::ErrorKind::ConnectionReset)), "{end:?}");
    }
    look(&rig, "pbx.example").await;
}

fn fails(files: &KeyFiles, expected: &str) {
    let config = TlsConfig { certificates: vec![files.clone()], ..TlsConfig::default() };
    let error = Tls::new(config).err().expect("an error").to_string();
    let dir = files.key.parent().unwrap_or(Path::new("")).display().to_string();
    assert_eq!(error.replace(&dir, ""), expected);
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_with_its_file() {
    let authority = Authority::new();
    let (one, two) = (authority.sign("one", &["a.example"]), authority.sign("two", &["b.example"]));
    let mixed = |chain: &Path, key: &Path| KeyFiles { chain: chain.to_owned(), key: key.to_owned() };
    fails(&mixed(&one.chain, &two.key), "the key in /two.key does not belong to the certificate in /one.crt");
    fails(&mixed(&one.key, &one.key), "/one.key holds no certificate (BEGIN CERTIFICATE)");
    fails(&mixed(&one.chain, &one.chain), "/one.crt holds no private key (BEGIN PRIVATE KEY)");
    let gone = authority.path("gone", "key");
    fails(&mixed(&one.chain, &gone), "cannot read /gone.key: No such file or directory (os error 2)");
    let old = authority.sign_with("old", &["a.example"], |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    fails(
        &old,
        "the certificate in /old.crt is good from 2020-01-01T00:00:00Z until 2021-01-01T00:00:00Z only",
    );
    let config =
        TlsConfig { certificates: vec![one], clients: ClientCertificates::Asked, ..TlsConfig::default() };
    assert!(matches!(Tls::new(config).err(), Some(TlsError::NoClientCa)));
}
