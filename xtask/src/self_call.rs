//! `cargo xtask run --self-call`: a machine without a phone calls itself.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{cargo, packages};

/// How long the switch may take to answer its health check.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Starts the switch on free ports, calls `number` with the bundled phone, shows the call's timeline and stops it.
pub(crate) fn self_call(number: &str) -> Result<(), String> {
    packages::for_running()?;
    let binary = cargo::build()?;
    let target = cargo::target()?;
    let data = target.join("self-call");
    let heard = target.join("self-call.wav");
    let [sip, http, web] = free_ports()?;
    let flows = demo_flows(&data, web)?;

    let mut command = Command::new(&binary);
    command
        .arg("serve")
        // What to dial is dialled already.
        .stdout(Stdio::null())
        .env("OFFHOOK_SIP__BIND", "127.0.0.1")
        .env("OFFHOOK_SIP__PORT", sip.to_string())
        .env("OFFHOOK_HTTP__PORT", http.to_string())
        .env("OFFHOOK_DEMO__CALLBACK_SERVER", format!("127.0.0.1:{web}"))
        .env("OFFHOOK_FLOWS__DIRECTORY", &flows)
        .env("OFFHOOK_DATA_DIR", &data)
        .env("OFFHOOK_LOG__LEVEL", "warn")
        .current_dir(&data);
    let child = command.spawn().map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
    let mut switch = Switch(child);
    switch.wait_until_healthy(http)?;

    println!("\nCalling {number} at 127.0.0.1:{sip}\n");
    let mut phone = Command::new(target.join("release/examples/phone"));
    phone.arg(format!("127.0.0.1:{sip}")).arg(number).arg("--wav").arg(&heard);
    let called = cargo::must(&mut phone);
    println!("\nThe call as the switch saw it:\n");
    let mut trace = Command::new(&binary);
    trace.args(["trace", "--url", &format!("http://127.0.0.1:{http}")]);
    let traced = cargo::must(&mut trace);
    drop(switch);
    called.and(traced)?;
    println!("\nWhat the phone heard is in {}.", heard.display());
    Ok(())
}

/// The running switch; stopped when this goes out of scope.
struct Switch(Child);

impl Switch {
    fn wait_until_healthy(&mut self, http: u16) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Err(format!("the switch ended while starting: {status}"));
            }
            if healthy(http) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("the switch is not healthy after {} s", START_LIMIT.as_secs()))
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // The shell's own `kill`: the program of that name is not on every machine.
        let _ = Command::new("sh").args(["-c", &format!("kill -s TERM {}", self.0.id())]).status();
        // The process is ours and was told to end; there is nothing left to do if waiting fails.
        let _ = self.0.wait();
    }
}

fn healthy(http: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", http)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let asked = stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let mut reply = [0; 12];
    asked.and_then(|()| stream.read_exact(&mut reply)).is_ok() && reply.ends_with(b" 200")
}

/// Three ports that are free for UDP and TCP, from a range that systems do not hand out by themselves, so that nobody
/// takes them in between.
fn free_ports() -> Result<[u16; 3], String> {
    let first = 15_000 + (std::process::id() % 4_000) as u16;
    let free = |port: &u16| {
        UdpSocket::bind(("127.0.0.1", *port)).is_ok() && TcpListener::bind(("127.0.0.1", *port)).is_ok()
    };
    let found: Vec<u16> = (first..first + 1_000).filter(free).take(3).collect();
    found.try_into().map_err(|_| format!("no three free ports above {first}"))
}

/// The demo's flows with the callback server at port `web`, in case the usual one is taken.
fn demo_flows(data: &Path, web: u16) -> Result<std::path::PathBuf, String> {
    let copy = data.join("flows");
    let _ = fs::remove_dir_all(&copy);
    copy_directory(&cargo::root().join("flows"), &copy, web)
        .map_err(|error| format!("cannot copy the demo flows to {}: {error}", copy.display()))?;
    Ok(copy)
}

fn copy_directory(from: &Path, to: &Path, web: u16) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let copy = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_directory(&path, &copy, web)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path)?;
            fs::write(copy, text.replace("127.0.0.1:8090", &format!("127.0.0.1:{web}")))?;
        } else {
            fs::copy(&path, copy)?;
        }
    }
    Ok(())
}
