//! The demo: accounts made up for it, the web server its flows ask, and what to dial.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use store::{Flows, User, Users};

/// The accounts that are made up when none are configured.
const ACCOUNTS: [&str; 2] = ["alice", "bob"];

/// What passwords are made of: nothing that looks like something else.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789L";

/// Letters of a password: 16 of 32 are 80 bits.
const PASSWORD: usize = 16;

/// Alice and bob, with the passwords kept in `data_dir` or with new ones.
pub(crate) fn users(data_dir: &Path) -> anyhow::Result<Users> {
    let file = data_dir.join("demo-users.toml");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(&file)?,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let table: toml::Table =
        toml::from_str(&text).with_context(|| format!("{} is not TOML", file.display()))?;
    let user = |(name, value): (String, toml::Value)| {
        let password = value.as_str().map(str::to_owned);
        password.map(|password| User::new(name, password))
    };
    let users: Users = table.into_iter().filter_map(user).collect();
    anyhow::ensure!(!users.is_empty(), "{} holds no accounts; remove it to get new ones", file.display());
    Ok(users)
}

/// Writes the file, for its owner's eyes only.
fn create(file: &Path) -> anyhow::Result<String> {
    let failed =
        || format!("cannot write {}; data_dir in the configuration names its directory", file.display());
    let mut text =
        "# The demo's accounts, made when it started first. Remove this file to get new passwords.\n"
            .to_owned();
    for name in ACCOUNTS {
        text.push_str(&format!("{name} = \"{}\"\n", password().context("cannot make a password")?));
    }
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).with_context(failed)?;
    }
    let mut out =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).with_context(failed)?;
    out.write_all(text.as_bytes()).with_context(failed)?;
    Ok(text)
}

fn password() -> std::io::Result<String> {
    let mut random = [0; PASSWORD];
    fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

/// Starts the web server of number 1101; without it the demo still runs, so a taken port is only told.
pub(crate) async fn callback_server(address: SocketAddr) {
    match tokio::net::TcpListener::bind(address).await {
        Ok(listener) => {
            tracing::info!(%address, "the demo's callback server answers");
            tokio::spawn(async move { axum::serve(listener, callback_server::router()).await });
        }
        Err(error) => tracing::warn!(
            %address, %error,
            "the demo's callback server cannot listen, so 1101 will not be answered; end what uses the port"
        ),
    }
}

/// What to dial, from which account, at which address; printed once at the start.
///
/// Passwords are shown only if they are `made_up`; what one hears is known only of the `demo`'s numbers.
pub(crate) fn invitation(
    sip: SocketAddr,
    http: SocketAddr,
    users: &Users,
    made_up: bool,
    flows: &Flows,
    demo: bool,
) -> String {
    let host = if sip.ip().is_unspecified() { outward(sip.ip()) } else { sip.ip() };
    let address = SocketAddr::new(host, sip.port());
    let mut text = format!("\noffhook answers SIP at {address} (UDP and TCP)");
    if sip.ip().is_unspecified() {
        text.push_str(&format!(", on this machine also at 127.0.0.1:{}", sip.port()));
    }
    text.push_str("\n\nAccounts:\n");
    for user in users.iter() {
        let password = if made_up { &user.password } else { "(as configured)" };
        text.push_str(&format!("  {:<8} password {password}   sip:{}@{address}\n", user.name, user.name));
    }
    text.push_str("\nNumbers:\n");
    for (number, document) in flows.numbers() {
        let heard = if demo { format!("{:<40} ", about(number)) } else { String::new() };
        let broken = if document.broken.is_some() { "  (broken: callers get 503)" } else { "" };
        text.push_str(&format!("  {number:<8} {heard}{}{broken}\n", document.id));
    }
    if demo {
        text.push_str(
            "\nA phone on this machine may dial these without an account, say sip:1001@127.0.0.1.\n",
        );
    }
    let url = if http.port() == 8080 { String::new() } else { format!(" --url http://{http}") };
    text.push_str(&format!("`offhook trace{url}` shows the last call; Ctrl-C stops the switch.\n"));
    text
}

/// The address of this machine that other machines see, as far as the routing table tells; nothing is sent.
fn outward(unspecified: IpAddr) -> IpAddr {
    // RFC 5737 and RFC 3849: addresses for documentation, routed like any other.
    let far = if unspecified.is_ipv4() { "192.0.2.1:9" } else { "[2001:db8::1]:9" };
    let socket = UdpSocket::bind(SocketAddr::new(unspecified, 0)).and_then(|socket| {
        socket.connect(far)?;
        socket.local_addr()
    });
    let loopback = if unspecified.is_ipv4() { "127.0.0.1" } else { "::1" };
    socket.map_or_else(|_| loopback.parse().expect("an address"), |address| address.ip())
}

/// What one hears at a number of the demo.
fn about(number: &str) -> &'static str {
    match number {
        "1001" => "a greeting",
        "1002" => "several actions and a jump",
        "1003" => "press 1, or do not",
        "1004" => "press 1 or 2; variables decide",
        "1101" => "four digits, said back by a web server",
        "1102" => "open or closed, by the clock",
        "1201" => "press 1, 2 or 3",
        "1301" => "a reception with a menu",
        "9195" => "all others who dial it",
        "9196" => "yourself",
        "9197" => "a minute of sound, again and again",
        "9198" => "the digits you type, ended by pound",
        "9199" => "a beep; then you are recorded",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn demo_passwords_are_made_once_kept_and_hidden_from_others() {
        let home = tempfile::tempdir().expect("a directory");
        let data = home.path().join("data");
        let first = users(&data).expect("made");
        assert_eq!(first.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ACCOUNTS);
        assert!(first.iter().all(|user| user.password.len() == PASSWORD));
        assert_ne!(
            first.get("alice").map(|user| &user.password),
            first.get("bob").map(|user| &user.password)
        );
        assert_eq!(users(&data).expect("kept"), first);
        let mode = fs::metadata(data.join("demo-users.toml")).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_invitation_names_address_account_password_and_every_number() {
        let flows = store::Directory::load(None).expect("the demo").flows;
        let user = User::new("alice", "secret");
        let users: Users = [user].into_iter().collect();
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let (sip, http) = (address("192.0.2.7:5060"), address("127.0.0.1:8081"));
        let text = invitation(sip, http, &users, true, &flows, true);
        for part in ["192.0.2.7:5060", "alice", "secret", "--url http://127.0.0.1:8081"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(flows.numbers().count() >= 12);
        for (number, _) in flows.numbers() {
            assert!(text.contains(number) && !about(number).is_empty(), "{number}");
        }
        assert!(!invitation(sip, http, &users, false, &flows, true).contains("secret"));
    }

    #[test]
    fn a_broken_file_of_accounts_is_named() {
        let home = tempfile::tempdir().expect("a directory");
        fs::write(home.path().join("demo-users.toml"), "alice = ").expect("written");
        let error = format!("{:#}", users(home.path()).expect_err("broken"));
        assert!(error.contains("demo-users.toml"), "{error}");
    }
}
