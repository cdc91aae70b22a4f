//! A child process whose output is read line by line, and which ends with its owner.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::wait;

/// A running peer.
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts `command`; both its outputs are kept as lines.
    pub fn start(name: &str, command: &mut Command) -> Process {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} does not start ({error}); `cargo xtask test` installs it")
            });
        let lines = Arc::new(Mutex::new(Vec::new()));
        for stream in [
            Box::new(child.stdout.take().expect("piped")) as Box<dyn Read + Send>,
            Box::new(child.stderr.take().expect("piped")),
        ] {
            let lines = Arc::clone(&lines);
            thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                let mut line = Vec::new();
                while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    lines
                        .lock()
                        .expect("no reader panics")
                        .push(String::from_utf8_lossy(&line).trim_end().to_owned());
                    line.clear();
                }
            });
        }
        Process { name: name.to_owned(), child, lines }
    }

    /// Everything printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no reader panics").clone()
    }

    /// Waits for a line that contains `text` at or after line `from`; returns the line and the place after it.
    pub fn wait_for(&mut self, text: &str, from: usize, limit: Duration) -> (String, usize) {
        let lines = Arc::clone(&self.lines);
        let found = || {
            let lines = lines.lock().expect("no reader panics");
            lines
                .iter()
                .enumerate()
                .skip(from)
                .find(|(_, line)| line.contains(text))
                .map(|(at, line)| (line.clone(), at + 1))
        };
        let (mut gone, deadline) = (None, Instant::now() + limit);
        let answer = wait::until(&format!("`{text}` from {}", self.name), limit * 2, || {
            if let Some(found) = found() {
                return Some(Some(found));
            }
            // One more look after the process has ended, so that its last words count.
            if gone.is_some() || Instant::now() > deadline {
                return Some(None);
            }
            gone = self.child.try_wait().expect("a child can be asked");
            None
        });
        let ended = || if gone.is_some() { "ended" } else { "goes on" };
        answer.unwrap_or_else(|| {
            panic!(
                "{} has not printed `{text}` within {limit:?}, and {}:\n{}",
                self.name,
                ended(),
                self.tail()
            )
        })
    }

    /// Writes a line to its standard input.
    pub fn write(&mut self, line: &str) {
        use std::io::Write;
        let input = self.child.stdin.as_mut().expect("piped");
        writeln!(input, "{line}").unwrap_or_else(|error| panic!("{} does not listen: {error}", self.name));
    }

    /// Waits until it ends.
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let name = self.name.clone();
        wait::until(&format!("{name} to end:\n{}", self.tail()), limit, || {
            self.child.try_wait().expect("a child can be asked")
        })
    }

    /// Sends it a signal by name, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args(["-s", signal, &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success(), "{} could not be signalled", self.name);
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn tail(&self) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
