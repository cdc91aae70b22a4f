//! A soak: many bridged calls in which everything happens by chance, and what they leave behind.
//!
//! Each pair of phones calls, talks, and does what people do: holds, resumes, transfers, presses star codes, goes into a
//! conference and out, takes another's call, listens to one, hangs up, gives up while the other answers, or loses its
//! power. The seed is printed; chance is the same for it, the machine's timing is not.
//! What may not happen is a fault, with the line's story and the traces of its calls.

mod audio;
mod chance;
mod deeds;
mod left;
mod line;
mod setup;
mod take;

use std::collections::{BTreeMap, HashMap};
use std::net::UdpSocket;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::registrations::Phones;
use crate::server::{PASSWORD, Server};
use crate::wait;
use chance::Chance;
pub use left::{Left, living};
use line::{Line, LineId, Net, State};
pub use setup::setup;

/// Sockets of audio, which many lines share.
const EARS: usize = 16;
/// The pace of phones.
const TURN: Duration = Duration::from_millis(20);
/// Lines are looked at in so many groups.
const GROUPS: usize = 10;
/// Calls that begin a second, at most, while there are fewer than there are pairs.
const RATE: u32 = 80;
/// Faults that are told of.
const TOLD: usize = 200;

/// How much, how long, and by which chance.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Pairs of phones that talk at the same time.
    pub calls: usize,
    /// How long new calls are begun.
    pub time: Duration,
    /// Of chance.
    pub seed: u64,
}

impl Plan {
    /// As `SOAK_CALLS`, `SOAK_SECONDS` and `SOAK_SEED` say; without them this many and so long, and another seed each time.
    pub fn from_environment(calls: usize, seconds: u64) -> Plan {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Plan {
            calls: number("SOAK_CALLS").map_or(calls, |calls| calls as usize),
            time: Duration::from_secs(number("SOAK_SECONDS").unwrap_or(seconds)),
            seed: number("SOAK_SEED").unwrap_or_else(|| now.map_or(1, |now| now.as_millis() as u64)),
        }
    }

    /// Phones that are called by transfers alone.
    pub fn targets(&self) -> Range<usize> {
        2 * self.calls..2 * self.calls + (self.calls / 5).max(10)
    }
}

/// A pair of phones: the first calls the second, again and again.
#[derive(Clone, Copy, Debug)]
struct Pair {
    /// The call of now.
    line: Option<LineId>,
    /// When the next one begins.
    next: Instant,
    /// The caller gives up in the moment in which the other answers.
    crosses: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What was done and what came, and how often.
    pub counts: BTreeMap<String, usize>,
    /// What may not happen.
    pub faults: Vec<String>,
    /// Memory after each tenth of the time, in kilobytes.
    pub memory: Vec<u64>,
    /// The most lines that were up at a time.
    pub most: usize,
}

impl Report {
    /// How often this was seen.
    pub fn count(&self, what: &str) -> usize {
        self.counts.get(what).copied().unwrap_or_default()
    }
}

/// See the module.
pub struct Soak<'a> {
    plan: Plan,
    server: &'a Server,
    net: Net,
    chance: Chance,
    lines: Vec<Line>,
    /// Lines that are not over.
    living: Vec<LineId>,
    by_call_id: HashMap<String, LineId>,
    /// Whose audio comes from this port of the server.
    by_port: Vec<Option<LineId>>,
    pairs: Vec<Pair>,
    report: Report,
    /// When no more calls begin.
    end: Instant,
}

impl<'a> Soak<'a> {
    /// Registers all phones of the plan, at a server that was started with [`setup`].
    pub fn new(server: &'a Server, plan: Plan) -> Soak<'a> {
        println!("soak: {} pairs, {} s, SOAK_SEED={}", plan.calls, plan.time.as_secs(), plan.seed);
        let all = 0..plan.targets().end;
        let mut phones = Phones::new(server.sip, all.clone(), PASSWORD);
        let round = phones.register(500);
        assert_eq!(round.registered, all.end, "{:?}", round.faults);
        // Levels are told once a second.
        wait::until("registrations to be all there is", Duration::from_secs(60), || {
            let told = server.metric("offhook_registrations") as usize == all.end;
            (told && server.metric("offhook_sip_transactions") == 0.0).then_some(())
        });
        let rtp = (0..EARS).map(|_| {
            let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            socket
        });
        let prefix = format!("s{:x}", std::process::id());
        let net = Net { server: server.sip, sip: phones.into_sockets(), rtp: rtp.collect(), prefix };
        let now = Instant::now();
        let pair = |at: usize| Pair {
            line: None,
            next: now + Duration::from_secs_f64(at as f64 / f64::from(RATE)),
            crosses: false,
        };
        Soak {
            plan,
            server,
            net,
            chance: Chance::new(plan.seed),
            lines: Vec::new(),
            living: Vec::new(),
            by_call_id: HashMap::new(),
            by_port: vec![None; 65_536],
            pairs: (0..plan.calls).map(pair).collect(),
            report: Report::default(),
            end: now + plan.time,
        }
    }

    /// Lets everything happen, and hangs up in the end.
    pub fn run(mut self) -> Report {
        let begun = Instant::now();
        let mut tenth = begun + self.plan.time / 10;
        let pid = self.server.process.id();
        let (mut group, mut moves) = (0, begun + Duration::from_secs(2));
        let mut due = begun;
        loop {
            let now = Instant::now();
            if now >= due {
                due = (due + TURN / GROUPS as u32).max(now - TURN);
                group = (group + 1) % GROUPS;
                self.turn(now, group);
                self.report.most = self.report.most.max(self.living.len());
            }
            if self.report.memory.len() < 10 && now >= tenth {
                tenth = now + self.plan.time / 10;
                self.report.memory.push(super::cost::resident_kb(pid));
            }
            if now < self.end {
                self.begin_calls(now);
                if now >= moves {
                    moves = now + Duration::from_secs(1);
                    self.send_out();
                }
            } else if self.living.is_empty() {
                break;
            }
            if now > self.end + Duration::from_secs(60) {
                for line in self.living.clone() {
                    self.fault(line, "is not over a minute after the end");
                }
                break;
            }
            self.listen(now);
        }
        self.tell_faults();
        self.report
    }

    fn listen(&mut self, now: Instant) {
        let (mut quiet, mut buffer) = (true, [0; 8_192]);
        for socket in 0..super::sockets::SOCKETS {
            while let Some(length) = self.net.sip.receive(socket, &mut buffer) {
                quiet = false;
                let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                self.take(now, socket, &message);
            }
        }
        for at in 0..self.net.rtp.len() {
            // What is left waits for the next time; nothing is lost by it but a count.
            for _ in 0..64 {
                let Ok((_, from)) = self.net.rtp[at].recv_from(&mut buffer) else { break };
                if let Some(line) = self.by_port[usize::from(from.port())] {
                    self.lines[line].audio.heard += 1;
                }
            }
        }
        if quiet {
            self.net.sip.wait(Duration::from_millis(1));
        }
    }

    fn begin_calls(&mut self, now: Instant) {
        for at in 0..self.pairs.len() {
            if self.pairs[at].line.is_none() && self.pairs[at].next <= now {
                let number = self.number_for(at);
                let crosses = self.chance.one_in(12);
                let line = self.place(now, 2 * at, &number);
                self.lines[line].pair = Some(at);
                self.pairs[at] = Pair { line: Some(line), next: now, crosses };
                self.count("calls");
            }
        }
    }

    /// A phone calls.
    fn place(&mut self, now: Instant, phone: usize, number: &str) -> LineId {
        let id = self.lines.len();
        let line = Line::calling(&self.net, now, phone, id, number);
        self.add(now, line)
    }

    fn add(&mut self, now: Instant, mut line: Line) -> LineId {
        let id = self.lines.len();
        line.until = now + self.chance.between(Duration::from_secs(4), Duration::from_secs(60));
        line.deed = now + self.chance.between(Duration::from_secs(1), Duration::from_secs(6));
        self.by_call_id.insert(line.call_id.clone(), id);
        self.lines.push(line);
        self.living.push(id);
        id
    }

    /// A group of lines does what is due.
    fn turn(&mut self, now: Instant, group: usize) {
        for id in self.living.clone() {
            if id % GROUPS != group {
                continue;
            }
            if let Some(what) = self.lines[id].overdue(&self.net, now) {
                self.fault(id, format!("{what:?} never came"));
                self.over(now, id);
                continue;
            }
            let (state, until) = (&self.lines[id].state, self.lines[id].until);
            match *state {
                State::Ringing { then, does } if then <= now => self.rung(now, id, does),
                State::Up if self.end <= now || until <= now => self.hang_up(now, id),
                State::Up => self.live(now, id),
                State::Calling { cancelled: false } if self.end <= now => self.give_up(now, id),
                _ => {}
            }
        }
        self.living.retain(|id| !matches!(self.lines[*id].state, State::Over | State::Vanished));
    }

    fn live(&mut self, now: Instant, id: LineId) {
        let silent = matches!(self.lines[id].direction, "inactive");
        let line = &mut self.lines[id];
        line.audio.turn(&self.net.rtp, silent);
        if line.deed <= now {
            let next = self.chance.between(Duration::from_secs(1), Duration::from_secs(10));
            line.deed = now + next;
            self.deed(now, id);
        }
    }

    /// A line is over; its pair calls again after a while.
    fn over(&mut self, now: Instant, id: LineId) {
        let line = &mut self.lines[id];
        if matches!(line.state, State::Over) {
            return;
        }
        line.state = State::Over;
        line.forget();
        line.tell(now, "is over");
        self.free(now, id);
    }

    /// The pair of a line may call again.
    fn free(&mut self, now: Instant, id: LineId) {
        let after = self.chance.between(Duration::from_millis(100), Duration::from_secs(2));
        if let Some(pair) = self.lines[id].pair.take() {
            self.pairs[pair].line = None;
            self.pairs[pair].next = now + after;
        }
        if let Some(remote) = self.lines[id].audio.remote {
            self.by_port[usize::from(remote.port())].take_if(|owner| *owner == id);
        }
    }

    fn count(&mut self, what: impl Into<String>) {
        *self.report.counts.entry(what.into()).or_default() += 1;
    }

    fn fault(&mut self, id: LineId, what: impl Into<String>) {
        let what = what.into();
        self.count(format!("FAULT {what}"));
        if self.report.faults.len() < TOLD {
            let line = &self.lines[id];
            let name = super::registrations::user(line.phone);
            let story = line.story.join("\n    ");
            self.report.faults.push(format!("{name} {}: {what}\n    {story}", line.call_id));
        }
    }

    /// Adds the server's own traces to the first faults, while it still knows them.
    fn tell_faults(&mut self) {
        for fault in self.report.faults.iter_mut().take(5) {
            let mut words = fault.split([' ', ':']);
            let (name, id) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let traces = left::traces(self.server, name, id);
            *fault += &format!("\n{traces}");
        }
    }
}
