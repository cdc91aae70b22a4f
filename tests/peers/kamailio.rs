//! kamailio as a proxy in front of the server: it stays in the path (Record-Route) and in that of registrations (Path).

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::process::Process;
use crate::server::{Server, free_port};

/// A running proxy.
pub struct Kamailio {
    process: Process,
    port: u16,
    _folder: tempfile::TempDir,
}

/// What it does with a request: dialogs follow their routes, what the server sends goes where it is to go, and
/// everything else goes to the server.
const SCRIPT: &str = r#"
debug=2
log_stderror=yes
children=1
tcp_children=1
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "path.so"
loadmodule "xlog.so"
modparam("rr", "enable_full_lr", 1)

request_route {
    xlog("L_NOTICE", "came by: $rm to $ru\n");
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route() || is_method("NOTIFY")) { t_relay(); exit; }
        if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
        sl_send_reply("404", "Not Here");
        exit;
    }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    if (is_method("INVITE|SUBSCRIBE")) record_route();
    if (is_method("REGISTER")) add_path();
    if ($sp == SERVER_PORT) { loose_route(); t_relay(); exit; }
    $du = "sip:127.0.0.1:SERVER_PORT;transport=TRANSPORT";
    t_relay();
}
"#;

impl Kamailio {
    /// Starts it in front of `server`, to which it speaks by `transport` (`udp`, `tcp`).
    pub fn in_front_of(server: &Server, transport: &str) -> Kamailio {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let script =
            SCRIPT.replace("SERVER_PORT", &server.sip.port().to_string()).replace("TRANSPORT", transport);
        let config = folder.path().join("kamailio.cfg");
        let listen = format!("listen=udp:127.0.0.1:{port}\nlisten=tcp:127.0.0.1:{port}\n");
        fs::write(&config, format!("#!KAMAILIO\n{listen}{script}")).expect("a config file");
        let mut process = Process::start(
            "kamailio",
            Command::new("kamailio").args(["-DD", "-E", "-f"]).arg(&config).arg("-Y").arg(folder.path()),
        );
        process.wait_for("INFO: <core>", 0, Duration::from_secs(10));
        let proxy = Kamailio { process, port, _folder: folder };
        proxy.await_ready();
        proxy
    }

    /// It is ready when it answers: a request that has no hops left gets its own 483.
    fn await_ready(&self) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a time limit can be set");
        let port = socket.local_addr().expect("bound").port();
        let ask = format!(
            "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bKready\r\n\
             Max-Forwards: 0\r\nFrom: <sip:t@127.0.0.1>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: ready\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        crate::wait::until("kamailio to answer", Duration::from_secs(10), || {
            socket.send_to(ask.as_bytes(), ("127.0.0.1", self.port)).ok()?;
            let mut buffer = [0; 2048];
            socket.recv(&mut buffer).ok().map(drop)
        });
    }

    /// Whether a request of this method came by.
    pub fn saw(&self, method: &str) -> bool {
        let word = format!("came by: {method} to");
        self.process.lines().iter().any(|line| line.contains(&word))
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its children end with it only if it is asked.
        self.process.signal("TERM");
        self.process.wait_exit(Duration::from_secs(10));
    }
}
