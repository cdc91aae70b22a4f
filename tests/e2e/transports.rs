//! TLS and IPv6 with phones and tools of other makes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::server::{PASSWORD, Server, Setup, free_port};
use tests::wait;

use crate::sound;

const SOON: Duration = Duration::from_secs(15);

/// Self-signed certificates in a folder of their own.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn new() -> Certificates {
        Certificates(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.0.path().join(name).with_extension(extension)
    }

    /// A new certificate for `host` in `name`.pem and `name`.key.
    fn make(&self, name: &str, host: &str) {
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=offhook test", "-addext"])
            .arg(format!("subjectAltName=DNS:{host},IP:127.0.0.1"))
            .arg("-keyout")
            .arg(self.path(name, "key"))
            .arg("-out")
            .arg(self.path(name, "pem"))
            .output()
            .expect("openssl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The demo with these certificates; and the port where TLS is spoken.
    fn server(&self, names: &[&str]) -> (Server, u16) {
        let port = free_port();
        let list = |extension: &str| {
            let files = names.iter().map(|name| self.path(name, extension).display().to_string());
            files.collect::<Vec<_>>().join(", ")
        };
        let settings = vec![
            ("sip", format!("tls = \"127.0.0.1:{port}\"")),
            ("sip", format!("tls_certificate = \"{}\"", list("pem"))),
            ("sip", format!("tls_key = \"{}\"", list("key"))),
        ];
        (Server::start(Setup { settings, ..Setup::default() }), port)
    }
}

/// What openssl says of the server that it reaches under `name`.
fn look(port: u16, name: &str, more: &[&str]) -> String {
    let script = "exec openssl s_client -connect 127.0.0.1:$0 -servername $1 $2 < /dev/null 2>&1";
    let output = Command::new("sh").args(["-c", script, &port.to_string(), name]).args(more).output();
    String::from_utf8_lossy(&output.expect("openssl runs").stdout).into_owned()
}

/// The certificate in what openssl says.
fn certificate(said: &str) -> String {
    let begin = said.find("-----BEGIN").unwrap_or_else(|| panic!("no certificate in {said}"));
    let end = said.find("-----END").expect("its end");
    said[begin..end].to_owned()
}

#[test]
fn baresip_registers_over_tls_calls_and_hears_itself() {
    let certificates = Certificates::new();
    certificates.make("one", "pbx.example");
    let (server, port) = certificates.server(&["one"]);
    let address = format!("127.0.0.1:{port};transport=tls");
    let mut phone = Baresip::start(&address, "alice", PASSWORD, true, &sound::long_file());
    wait::until("a registration", SOON, || (server.metric("offhook_registrations") == 1.0).then_some(()));
    phone.dial(&format!("sip:9196@{address}"));
    phone.wait_for("CALL_RTPESTAB", SOON);
    let talked = std::time::Instant::now() + Duration::from_secs(5);
    wait::until("five seconds of talk", SOON, || (std::time::Instant::now() > talked).then_some(()));
    phone.hang_up();
    phone.wait_for("CALL_CLOSED", SOON);
    let likeness = ear::likeness(&ear::cut(&sound::sentence(), 0.5, 3.0), &phone.heard());
    assert!(likeness.correlation > 0.85, "{likeness:?}");
    let view = server.finished_call("9196");
    assert!(view.0.to_string().contains("sip:alice@"), "{}", view.0);
}

#[test]
fn openssl_sees_the_certificate_of_the_name_it_asks_for_in_both_versions_and_the_new_one_after_a_hup() {
    let certificates = Certificates::new();
    certificates.make("one", "one.example");
    certificates.make("two", "two.example");
    let (server, port) = certificates.server(&["one", "two"]);
    let written =
        |name: &str| certificate(&fs::read_to_string(certificates.path(name, "pem")).expect("a file"));
    let (one, two) = (written("one"), written("two"));
    assert_eq!(certificate(&look(port, "two.example", &["-tls1_2"])), two);
    assert_eq!(certificate(&look(port, "two.example", &["-tls1_3"])), two);
    assert_eq!(certificate(&look(port, "one.example", &["-tls1_3"])), one);
    assert_eq!(certificate(&look(port, "else.example", &["-tls1_3"])), one);
    let refused = look(port, "one.example", &["-tls1_1"]);
    assert!(!refused.contains("-----BEGIN"), "{refused}");
    certificates.make("one", "one.example");
    server.reload();
    wait::until("the new certificate", SOON, || {
        (certificate(&look(port, "one.example", &["-tls1_3"])) == written("one")).then_some(())
    });
    fs::remove_file(certificates.path("one", "key")).expect("removed");
    server.reload();
    assert_eq!(certificate(&look(port, "one.example", &["-tls1_3"])), written("one"));
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_before_anything_starts() {
    let certificates = Certificates::new();
    certificates.make("one", "one.example");
    certificates.make("two", "two.example");
    let folder = tempfile::tempdir().expect("a folder");
    let run = |certificate: &str, key: &str| {
        let output = Command::new(tests::server::binary())
            .args(["serve"])
            .current_dir(folder.path())
            .env("OFFHOOK_SIP__PORT", free_port().to_string())
            .env("OFFHOOK_HTTP__PORT", free_port().to_string())
            .env("OFFHOOK_SIP__TLS", format!("127.0.0.1:{}", free_port()))
            .env("OFFHOOK_SIP__TLS_CERTIFICATE", certificates.path(certificate, "pem"))
            .env("OFFHOOK_SIP__TLS_KEY", certificates.path(key, "key"))
            .output()
            .expect("it runs");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = run("one", "two");
    assert!(said.contains("two.key does not belong to the certificate in"), "{said}");
    let said = run("one", "none");
    assert!(said.contains("none.key: No such file") && said.contains("sip.tls_key"), "{said}");
}

#[test]
fn sipp_calls_over_ipv6_by_udp_and_tcp() {
    let port = free_port();
    let address = format!("[::1]:{port}");
    let settings = ["udp", "tcp"].map(|key| ("sip", format!("{key} = \"[::]:{port}\"")));
    let server = Server::start(Setup { settings: settings.into(), ..Setup::default() });
    for transport in ["u1", "t1"] {
        let output = Command::new("sipp")
            .args(["-sn", "uac", "-s", "9196", &address, "-i", "::1", "-t", transport, "-m", "1"])
            .args(["-d", "500", "-nostdin", "-timeout", "20", "-p", &free_port().to_string()])
            .output()
            .expect("sipp runs");
        assert!(output.status.success(), "{transport}: {}", String::from_utf8_lossy(&output.stdout));
        let view = server.finished_call("9196");
        assert!(view.0.to_string().contains("[::1]"), "{}", view.0);
    }
}
