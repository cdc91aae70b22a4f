//! Debian packages: which are missing, and installing them.

use std::fs;
use std::process::{Command, Stdio};

/// What building needs: a linker and C compiler, and libopus and OpenSSL, which are found through pkg-config.
const BUILD: &[&str] = &["gcc", "libc6-dev", "pkg-config", "libopus-dev", "libssl-dev"];

/// What running needs: the voice.
const RUN: &[&str] = &["espeak-ng"];

/// What the tests need: SIPp, baresip, Linphone, sipsak, kamailio as a proxy, a packet capture, sox to make what they say, and
/// the library that recordings in MP3 are made by.
const PEERS: &[&str] = &[
    "sip-tester",
    "baresip-core",
    "linphone-cli",
    "wireshark-common",
    "sox",
    "libsox-fmt-mp3",
    "libmp3lame0",
    "opus-tools",
    "procps",
    "libcap2-bin",
    "iproute2",
    "kamailio",
    "sipsak",
    "valgrind",
];

/// Peers that send or see raw packets: SIPp's keys, and the capture of what a phone hears.
const RAW: &[&str] = &["/usr/bin/sipp", "/usr/bin/dumpcap"];

/// Makes sure that what `cargo xtask run` needs is there.
pub(crate) fn for_running() -> Result<(), String> {
    ensure(&[BUILD, RUN].concat())
}

/// Makes sure that what `cargo xtask test` needs is there.
pub(crate) fn for_testing() -> Result<(), String> {
    ensure(&[BUILD, RUN, PEERS].concat())?;
    if root() { Ok(()) } else { allow_raw_packets() }
}

/// Lets the peers that need raw packets have them without root.
fn allow_raw_packets() -> Result<(), String> {
    for program in RAW {
        let has = Command::new("/sbin/getcap").arg(program).output();
        if has.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("cap_net_raw")) {
            continue;
        }
        println!("$ sudo setcap cap_net_raw,cap_net_admin+eip {program}");
        let status = Command::new("sudo")
            .args(["/sbin/setcap", "cap_net_raw,cap_net_admin+eip", program])
            .stdin(Stdio::null())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!(
                "{program} may not send raw packets; run the tests as root, or give it cap_net_raw"
            ));
        }
    }
    Ok(())
}

fn root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn ensure(wanted: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        println!("System packages: all there ({}).", wanted.join(", "));
        return Ok(());
    }
    println!("System packages missing: {}.", missing.join(", "));
    if which("apt-get").is_none() {
        return Err(format!(
            "there is no apt-get here. Install what your system calls {} by hand; with the commands pkg-config, gcc and \
             espeak-ng there, `cargo build --release` works without this task.",
            missing.join(", ")
        ));
    }
    apt(&["update", "-q"])?;
    let mut install = vec!["install", "-y", "-q", "--no-install-recommends"];
    install.extend(&missing);
    apt(&install)
}

fn installed(package: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output();
    match query {
        Ok(output) => output.stdout == b"installed",
        // No dpkg: judge by the commands and files that the packages bring.
        Err(_) => match package {
            "libc6-dev" => fs::exists("/usr/include/stdio.h").unwrap_or(false),
            "libopus-dev" => quiet(Command::new("pkg-config").args(["--exists", "opus"])),
            "libssl-dev" => quiet(Command::new("pkg-config").args(["--exists", "libssl"])),
            "sip-tester" => which("sipp").is_some(),
            "baresip-core" => which("baresip").is_some(),
            "linphone-cli" => which("linphone-daemon").is_some(),
            "procps" => which("kill").is_some(),
            "libsox-fmt-mp3" => {
                quiet(Command::new("sh").args(["-c", "sox --help-format mp3 | grep -q Writes:.*yes"]))
            }
            "libmp3lame0" => quiet(Command::new("sh").args(["-c", "ldconfig -p | grep -q libmp3lame.so.0"])),
            "opus-tools" => which("opusenc").is_some(),
            "iproute2" => which("ip").is_some(),
            "libcap2-bin" => fs::exists("/sbin/setcap").unwrap_or(false),
            "wireshark-common" => which("dumpcap").is_some(),
            command => which(command).is_some(),
        },
    }
}

/// Runs apt-get, as root or through sudo, without questions.
fn apt(arguments: &[&str]) -> Result<(), String> {
    let prefix: &[&str] = match (root(), which("sudo")) {
        (true, _) => &[],
        (false, Some(_)) => &["sudo"],
        (false, None) => {
            return Err(format!("not root and no sudo; run as root: apt-get {}", arguments.join(" ")));
        }
    };
    // `env` hands the variable through sudo, which drops it otherwise.
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    println!("$ {}", words.join(" "));
    let status = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` failed: {status}", words.join(" "))),
        Err(error) => Err(format!("cannot run {}: {error}", words[0])),
    }
}

fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn which(command: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(command)).find(|file| file.is_file())
}
