//! The binary at work: calls begun and given up by command, journals run again, recordings listed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::ua::desk::{Desk, Manner};
use testkit::ua::{Offer, Phone};

/// Longest that anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(20);
const A: u16 = 440;
const B: u16 = 800;

fn wait<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// A port that is free for UDP and TCP.
fn port() -> u16 {
    wait("a free port", || {
        let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
        let port = socket.local_addr().ok()?.port();
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

fn offhook() -> Command {
    Command::new(env!("CARGO_BIN_EXE_offhook"))
}

/// `offhook serve` in a folder of its own.
struct Served {
    folder: tempfile::TempDir,
    sip: SocketAddr,
    http: u16,
    process: Child,
}

impl Served {
    fn start(flows: &[(&str, Value)]) -> Served {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("flows")).expect("a folder");
        let mut numbers = String::new();
        for (number, flow) in flows {
            std::fs::write(folder.path().join(format!("flows/{number}.json")), flow.to_string())
                .expect("written");
            numbers += &format!("{number} = {{ flow = \"{number}\", public = true }}\n");
        }
        std::fs::write(folder.path().join("flows/numbers.toml"), numbers).expect("written");
        let (sip, http) = (port(), port());
        let user = "{ password = \"secret\" }";
        let config = format!(
            "data_dir = \"data\"\n[sip]\nbind = \"127.0.0.1\"\nport = {sip}\n[http]\nport = {http}\n\
             [flows]\ndirectory = \"flows\"\nallowed_networks = \"127.0.0.0/8\"\n[calls]\njournal = \"journals\"\n\
             [demo]\ncallback_server = \"\"\n[users]\nalice = {user}\nbob = {user}\n"
        );
        std::fs::write(folder.path().join("offhook.toml"), config).expect("written");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let process = offhook()
            .args(["serve", "--config", "offhook.toml"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a server");
        let served = Served { folder, sip: ([127, 0, 0, 1], sip).into(), http, process };
        wait("the server", || served.get("/healthz").starts_with("HTTP/1.1 200").then_some(()));
        served
    }

    /// The whole answer; nothing if there is none.
    fn get(&self, path: &str) -> String {
        let mut reply = String::new();
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.http)) {
            let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let _ = stream.read_to_string(&mut reply);
        }
        reply
    }

    fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {reply}"))
    }

    /// The latest call, once it is over.
    fn ended(&self) -> Value {
        let id = wait("the end of the call", || {
            let calls = self.json("/calls");
            let call = calls["calls"].as_array()?.first()?;
            (call["state"] == "ended").then(|| call["id"].as_str().map(str::to_owned))?
        });
        self.json(&format!("/calls/{id}"))
    }

    /// A command that asks this server.
    fn asks(&self, words: &[&str]) -> Command {
        let mut command = offhook();
        command.args(words).args(["--url", &format!("http://127.0.0.1:{}", self.http)]);
        command
    }

    fn call(&self, words: &[&str]) -> Calling {
        let mut all = vec!["call"];
        all.extend(words);
        let mut process = self.asks(&all).stdout(Stdio::piped()).spawn().expect("a command");
        let lines = BufReader::new(process.stdout.take().expect("its output"));
        Calling { process, lines, told: Vec::new() }
    }

    fn desk(&self, user: &str, tone: u16, manner: Manner) -> Desk {
        let desk = Desk::new(self.sip, user, "secret", tone, manner).expect("a phone");
        assert_eq!(desk.registered(), Some(200));
        desk
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            println!("{}", std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}

/// `offhook call` on its way.
struct Calling {
    process: Child,
    lines: BufReader<ChildStdout>,
    told: Vec<String>,
}

impl Calling {
    /// Reads until a line has these words.
    fn says(&mut self, words: &str) {
        loop {
            let mut line = String::new();
            let length = self.lines.read_line(&mut line).expect("its output");
            assert!(length > 0, "it never said {words:?}: {:#?}", self.told);
            self.told.push(line);
            if self.told.last().is_some_and(|line| line.contains(words)) {
                return;
            }
        }
    }

    /// Ctrl-C, as a terminal sends it.
    fn interrupt(&self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().expect("kill");
        assert!(sent.success());
    }

    fn status(&mut self) -> Option<i32> {
        self.process.wait().expect("its end").code()
    }
}

fn printed(output: Output) -> (String, Option<i32>) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (text + &errors, output.status.code())
}

const SOON: Manner = Manner::Answer(Duration::from_millis(50));

#[test]
fn ctrl_c_hangs_up_a_call_that_talks_and_gives_up_one_that_rings() {
    let served = Served::start(&[]);
    let (alice, bob) = (served.desk("alice", A, SOON), served.desk("bob", B, SOON));
    let mut call = served.call(&["alice", "bob"]);
    call.says("bob answered; connected");
    assert!(alice.hears_tone(0, B) && bob.hears_tone(0, A));
    call.interrupt();
    call.says("hanging up");
    assert!(alice.over(0) && bob.over(0), "both are hung up");
    assert_eq!(call.status(), Some(130));
    let over = served.ended();
    assert_eq!((&over["by"], &over["cause"]), (&json!("server"), &json!("hung up from outside")), "{over}");

    alice.behave(Manner::Ring);
    let mut call = served.call(&["alice", "bob"]);
    call.says("alice rings");
    call.interrupt();
    assert!(alice.over(1), "the ringing ends");
    assert_eq!(call.status(), Some(130));
    let over = served.ended();
    assert!(over["answered"].is_null() && over["by"] == "server", "{over}");
    assert!(bob.wait(|lines| lines.len() == 1), "bob is not called");
}

#[test]
fn a_machine_is_waited_for_until_its_greeting_is_over() {
    let echo = json!({"actions": [{"type": "echo", "option": {"duration": 60_000}}]});
    let served = Served::start(&[("700", echo)]);
    // Who talks and talks without a pause is no person.
    let alice = served.desk("alice", A, SOON);
    let mut call = served.call(&["alice", "--flow", "700.json", "--amd", "wait"]);
    call.says("alice answered");
    let trace = || {
        let calls = served.json("/calls");
        let id = calls["calls"][0]["id"].as_str().unwrap_or_default().to_owned();
        served.get(&format!("/calls/{id}/trace"))
    };
    wait("that a machine is heard", || trace().contains("machine").then_some(()));
    assert!(!trace().contains("Echo"), "it still greets: {}", trace());
    alice.speak(0);
    wait("the flow", || trace().contains("Echo").then_some(()));
    alice.speak(A);
    assert!(alice.hears_tone(0, A), "its echo: {}", trace());
    alice.hang_up(0);
    assert_eq!(call.status(), Some(0));
}

#[test]
fn the_journal_of_a_call_is_run_again_by_command_and_tells_the_same() {
    let flow = json!({"module": "answer", "data": {}, "children": {"_": {
        "module": "collect_dtmf", "data": {"max_digits": 2, "interdigit_timeout": 5_000},
        "children": {"_": {"module": "hangup", "data": {}, "children": {}}}}}});
    let served = Served::start(&[("700", flow)]);
    let mut phone = Phone::new(served.sip, "caller", None).expect("a phone");
    let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
    call.press("42").expect("pressed");
    assert!(call.until_bye(LONG).expect("a socket"));
    let over = served.ended();
    let against = served.folder.path().join("call.json");
    std::fs::write(&against, over.to_string()).expect("written");
    let journal = wait("the journal", || {
        let all = std::fs::read_dir(served.folder.path().join("data/journals"))
            .or_else(|_| std::fs::read_dir(served.folder.path().join("journals")));
        let file = all.ok()?.flatten().next()?.path();
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("leg")).then_some(file)
    });
    let replay = |journal: &std::path::Path| {
        let mut command = offhook();
        command.arg("replay").arg(journal).arg("--against").arg(&against);
        printed(command.output().expect("it runs"))
    };
    let (told, status) = wait("the whole journal", || {
        let (told, status) = replay(&journal);
        (!told.contains("the journal ends before its call")).then_some((told, status))
    });
    assert_eq!(status, Some(0), "{told}\n{over}");
    assert!(told.contains("got    \"42\"") && told.contains("Hangup"), "{told}");
    // With another key it is another story.
    let changed = served.folder.path().join("changed.jsonl");
    let text = std::fs::read_to_string(&journal).expect("a journal");
    let other = text.replacen("\"digit\":\"4\"", "\"digit\":\"5\"", 1);
    assert_ne!(text, other, "a key in the journal");
    std::fs::write(&changed, other).expect("written");
    let (told, status) = replay(&changed);
    assert!(status == Some(1) && told.contains("differs"), "{told}");
}

#[test]
fn recordings_that_failed_are_listed_sent_again_and_given_up_by_command() {
    let server =
        testkit::receiver::Receiver::start(|nth, _| (if nth < 2 { 403 } else { 201 }, String::new()));
    let flow = json!({"module": "record_caller", "data": {"time_limit": 1, "url": server.url("/box"), "format": "wav"},
        "children": {}});
    let served = Served::start(&[("700", flow)]);
    let told = |words: &[&str]| {
        let mut all = vec!["recordings"];
        all.extend(words);
        printed(served.asks(&all).output().expect("it runs"))
    };
    assert_eq!(told(&[]), ("All recordings are where they are to be.\n".to_owned(), Some(0)));
    for _ in 0..2 {
        let mut phone = Phone::new(served.sip, "caller", None).expect("a phone");
        let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
        call.talk(&audio::tone::beep(700, Duration::from_secs(1), audio::Rate::NARROW)).expect("talked");
        call.until_bye(LONG).expect("a socket");
    }
    let failed: Vec<String> = wait("two that failed", || {
        let (text, _) = told(&[]);
        let failed = text
            .lines()
            .filter(|line| line.contains(" failed ") && line.ends_with("the server answered 403"));
        let ids: Vec<String> = failed.filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect();
        (ids.len() == 2).then_some(ids)
    });
    let (text, status) = told(&["--drop", &failed[0]]);
    assert_eq!((text.as_str(), status), (&*format!("{}: is not sent any more\n", failed[0]), Some(0)));
    let (text, status) = told(&["--send-failed"]);
    assert_eq!((text.as_str(), status), (&*format!("{}: is sent\n", failed[1]), Some(0)));
    assert_eq!(server.wait_for(2).header("x-offhook-recording"), failed[1]);
    wait("that nothing is left", || told(&[]).0.starts_with("All recordings").then_some(()));
    let (text, status) = told(&["--send", "nothing"]);
    assert!(status == Some(1) && text.contains("no recording of that name"), "{text}");
}
