//! The README is followed as it stands: its files of configuration, its calls between phones and by a carrier, and its
//! commands of SIPp, with other ports and fewer calls.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testkit::ua::desk::{Desk, Manner};
use tests::peers::carrier::Carrier;
use tests::peers::process::Process;
use tests::server::{Server, Setup, binary, free_port};
use tests::{root, wait};

const SOON: Duration = Duration::from_secs(15);
const A: u16 = 440;
const B: u16 = 1_000;

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md")
}

/// The part of the README from this heading to the next of the same level.
fn chapter<'a>(readme: &'a str, heading: &str) -> &'a str {
    let rest = readme.split_once(&format!("\n## {heading}\n")).expect("the chapter").1;
    rest.split("\n## ").next().unwrap_or_default()
}

/// What stands between fences of this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("\n```{language}\n");
    text.split(&open).skip(1).filter_map(|rest| rest.split("\n```\n").next()).collect()
}

/// The files of the chapter by path, which stands in their first line.
fn files(chapter: &str) -> BTreeMap<String, String> {
    let named = blocks(chapter, "toml").into_iter().filter_map(|block| {
        let (first, rest) = block.split_once('\n')?;
        Some((first.strip_prefix("# office/")?.to_owned(), format!("{rest}\n")))
    });
    named.collect()
}

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(file, text).expect("a file");
}

#[test]
fn two_phones_and_a_carrier_work_as_the_readme_says() {
    let readme = readme();
    let zero = chapter(&readme, "From zero to two phones and a carrier");
    let files = files(zero);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["flows/numbers.toml", "flows/trunks.toml", "flows/users.toml", "offhook.toml"],
        "the files of the chapter"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let mut carrier = Carrier::answering();
    for (path, text) in &files {
        // As the chapter says of a carrier of SIPp's.
        let acme = "server = \"sip:sip.acme.example\"\n";
        let text = text.replace(acme, &carrier.server()).replace("register = true\n", "");
        write(folder.path(), path, &text);
    }
    let echo = blocks(zero, "json");
    write(folder.path(), "flows/echo.json", echo.first().expect("the echo"));
    let checked = Command::new(binary())
        .args(["config", "check", "--config", "offhook.toml"])
        .current_dir(&folder)
        .output()
        .expect("it runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    let (sip, http) = (free_port(), free_port());
    let mut serve = Command::new(binary());
    serve
        .args(["serve", "--config", "offhook.toml"])
        .env("OFFHOOK_SIP__PORT", sip.to_string())
        .env("OFFHOOK_HTTP__PORT", http.to_string())
        .env("OFFHOOK_SIP__BIND", "127.0.0.1")
        .current_dir(&folder);
    let _server = Process::start("offhook", &mut serve);
    let health = format!("http://127.0.0.1:{http}/healthz");
    wait::until("the server to be ready", Duration::from_secs(20), || ureq::get(&health).call().ok());

    let server = ([127, 0, 0, 1], sip).into();
    let answers = Manner::Answer(Duration::from_millis(200));
    let desk = |user, password, tone| Desk::new(server, user, password, tone, answers).expect("a phone");
    let (alice, bob) = (desk("alice", "correct horse", A), desk("bob", "battery staple", B));
    assert_eq!((alice.registered(), bob.registered()), (Some(200), Some(200)));
    let echo = alice.call("100");
    assert!(alice.up(echo) && alice.hears_tone(echo, A), "100 says back what it hears");
    alice.hang_up(echo);
    for number in ["202", "bob"] {
        let call = alice.call(number);
        assert!(alice.up(call) && alice.hears_tone(call, B), "{number} is bob");
        alice.hang_up(call);
    }
    let both = bob.call("+4721000000");
    assert!(bob.up(both) && bob.hears_tone(both, A), "the group rings alice too");
    bob.hang_up(both);
    let outside = alice.call("22334455");
    assert!(alice.up(outside) && alice.hears_tone(outside, A), "the carrier says back what it hears");
    alice.hang_up(outside);
    assert!(carrier.finish().success(), "the carrier was not called as it expects");
}

#[test]
fn the_pictures_show_what_the_readme_says() {
    let readme = readme();
    let zero = chapter(&readme, "From zero to two phones and a carrier");
    let pictures: Vec<&str> = zero
        .split("](")
        .filter_map(|rest| rest.split(')').next())
        .filter(|path| path.ends_with(".svg"))
        .collect();
    assert_eq!(pictures.len(), 4, "{pictures:?}");
    let drawn: String =
        pictures.iter().map(|path| fs::read_to_string(root().join(path)).expect("a picture")).collect();
    // Whatever stands in quotes in the files and is not a name for machines alone stands in a picture too.
    for word in
        ["alice", "correct horse", "201", "bob", "battery staple", "202", "office", "+4721000000", "acme"]
    {
        assert!(zero.contains(word) && drawn.contains(word), "{word}");
    }
}

#[test]
fn the_load_tests_of_the_readme_run() {
    let readme = readme();
    let server = Server::start(Setup { quiet: true, ..Setup::default() });
    let commands: Vec<&str> = blocks(chapter(&readme, "Load tests with SIPp"), "")
        .iter()
        .flat_map(|block| block.lines())
        .filter(|line| line.starts_with("sipp "))
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    let folder = tempfile::tempdir().expect("a folder");
    for command in commands {
        let text = command.split('#').next().unwrap_or_default().replace("127.0.0.1:5060", &server.address());
        let mut words: Vec<String> = text.split_whitespace().skip(1).map(str::to_owned).collect();
        let mut before = String::new();
        for word in &mut words {
            match before.as_str() {
                "-sf" => *word = root().join(&*word).display().to_string(),
                // As many as fit into a test.
                "-m" => *word = word.parse::<u32>().expect("a number").min(20).to_string(),
                "-r" => *word = word.parse::<u32>().expect("a number").min(10).to_string(),
                _ => {}
            }
            before.clone_from(word);
        }
        let ports = ["-p".to_owned(), free_port().to_string(), "-mp".to_owned(), free_port().to_string()];
        let limit = ["-nostdin", "-timeout", "60", "-timeout_error"].map(str::to_owned);
        let mut sipp = Command::new("sipp");
        sipp.args(words).args(ports).args(limit).current_dir(&folder);
        let status = Process::start("sipp", &mut sipp).wait_exit(SOON + Duration::from_secs(60));
        assert!(status.success(), "{command}: {status}");
    }
}
