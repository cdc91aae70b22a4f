//! A phone on a desk: it rings, answers, holds and transfers on a thread of its own, while a test says what it does.
//!
//! It says a steady tone on every line that is up, so that a test can hear who hears whom.
//! As the scripted phone, it shares no code with the switch's own signalling.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use audio::codec::Codec;
use audio::{Pcm, Rate};

use super::Message;
use super::line::{Line, Phase};

mod keys;
mod registering;

/// What a phone does when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Rings, and answers after so long.
    Answer(Duration),
    /// Rings until a test says otherwise.
    Ring,
    /// Sends its tone as early media, and rings on.
    Early,
    /// Promises early media (183 with SDP), and sends none until a test says so.
    Quiet,
    /// Says 183 without SDP.
    Progress,
    /// Refuses with this status.
    Refuse(u16),
    /// Says nothing at all.
    Deaf,
}

/// A phone; its thread ends with it.
pub struct Desk {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Names a line of a phone: the first call it had is 0.
pub type LineId = usize;

/// The telephone set itself.
pub(super) struct Set {
    pub(super) socket: UdpSocket,
    pub(super) server: SocketAddr,
    pub(super) user: String,
    password: String,
    tone: u16,
    /// What it says instead of the tone.
    says: Option<Pcm>,
    manner: Manner,
    /// The payload types of audio on lines to come.
    pub(super) formats: &'static str,
    /// Whether lines to come describe telephone-events.
    pub(super) key_events: bool,
    /// What INFOs are answered with; nothing for 0.
    pub(super) info_status: u16,
    /// The Contacts of its refusals; its own address if empty.
    pub(super) sends_to: String,
    pub(super) requests: u32,
    lines: Vec<Line>,
    registered: Option<u16>,
    register: Option<(String, u32)>,
}

impl Desk {
    /// A phone of `user`, registered at the server; it speaks `tone` hertz.
    pub fn new(
        server: SocketAddr,
        user: &str,
        password: &str,
        tone: u16,
        manner: Manner,
    ) -> io::Result<Desk> {
        let probe = UdpSocket::bind(("0.0.0.0", 0))?;
        probe.connect(server)?;
        let socket = UdpSocket::bind((probe.local_addr()?.ip(), 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(2)))?;
        let set = Set {
            socket,
            server,
            user: user.to_owned(),
            password: password.to_owned(),
            tone,
            says: None,
            manner,
            formats: "0 8",
            key_events: true,
            info_status: 200,
            sends_to: String::new(),
            requests: 0,
            lines: Vec::new(),
            registered: None,
            register: None,
        };
        let shared = Arc::new(Shared { set: Mutex::new(set), turned: Condvar::new() });
        let stop = Arc::new(AtomicBool::new(false));
        let (own, end) = (shared.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut set = own.lock();
            while !end.load(Ordering::Relaxed) {
                set.turn();
                own.turned.notify_all();
                // The pace of a phone: its packets leave when they are due, to two milliseconds.
                set = own.wait(set, Duration::from_millis(2));
            }
        });
        let desk = Desk { shared, stop, thread: Some(thread) };
        desk.set().register_now(3_600);
        Ok(desk)
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.shared.lock()
    }

    /// Waits until `ready` says so of the lines; whether that came within 10 s.
    pub fn wait(&self, mut ready: impl FnMut(&[Line]) -> bool) -> bool {
        self.poll(|set| ready(&set.lines))
    }

    fn poll(&self, mut ready: impl FnMut(&Set) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut set = self.set();
        while !ready(&set) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            set = self.shared.wait(set, left);
        }
        true
    }

    /// Waits for the registration's answer; its status.
    pub fn registered(&self) -> Option<u16> {
        self.poll(|set| set.registered.is_some());
        self.set().registered
    }

    /// Unregisters.
    pub fn unregister(&self) {
        self.set().register_now(0);
        self.poll(|set| set.registered.is_some());
    }

    /// Where it listens for SIP.
    pub fn address(&self) -> SocketAddr {
        self.set().address()
    }

    /// What it does when it is called from here on.
    pub fn behave(&self, manner: Manner) {
        self.set().manner = manner;
    }

    /// Describes these payload types on lines to come: 0 (PCMU), 8 (PCMA), 9 (G.722), 107 (Opus, which is spoken only), 13
    /// (comfort noise).
    pub fn describe(&self, formats: &'static str) {
        self.set().formats = formats;
    }

    /// Speaks by this codec on a line, from its next packet on.
    pub fn speak_by(&self, line: LineId, codec: Codec) {
        self.on(line, |line, _| line.stream.speak_by(codec));
    }

    /// Redirects calls with this status to these Contacts, written as in the header, from here on.
    pub fn redirect(&self, status: u16, contacts: &str) {
        let mut set = self.set();
        set.manner = Manner::Refuse(status);
        set.sends_to = contacts.to_owned();
    }

    /// Calls a number.
    pub fn call(&self, number: &str) -> LineId {
        self.call_with(number, "", true)
    }

    /// As [`Desk::call`], with further headers, and with an offer in the INVITE or none.
    pub fn call_with(&self, number: &str, headers: &str, offer: bool) -> LineId {
        let mut set = self.set();
        let line = Line::outgoing(&mut set, number, headers, offer);
        set.lines.push(line);
        set.lines.len() - 1
    }

    /// What happens on a line, as it is now.
    pub fn line<T>(&self, line: LineId, look: impl FnOnce(&Line) -> T) -> T {
        look(&self.set().lines[line])
    }

    /// How many calls it has had: the next line's name.
    pub fn line_count(&self) -> LineId {
        self.set().lines.len()
    }

    fn on<T>(&self, line: LineId, act: impl FnOnce(&mut Line, &mut Set) -> T) -> T {
        let mut set = self.set();
        let mut taken = set.lines.remove(line);
        let done = act(&mut taken, &mut set);
        set.lines.insert(line, taken);
        done
    }

    /// Waits until the line is up; whether it came to that.
    pub fn up(&self, line: LineId) -> bool {
        self.wait(|lines| lines.get(line).is_some_and(|line| line.phase == Phase::Up))
    }

    /// Waits until the line is over.
    pub fn over(&self, line: LineId) -> bool {
        self.wait(|lines| lines.get(line).is_some_and(|line| line.phase == Phase::Over))
    }

    /// Answers a call that rings.
    pub fn answer(&self, line: LineId) {
        self.on(line, Line::answer);
    }

    /// Refuses a call that rings.
    pub fn refuse(&self, line: LineId, status: u16) {
        self.on(line, |line, set| line.refuse(set, status));
    }

    /// Hangs up, or gives up a call that is not answered.
    pub fn hang_up(&self, line: LineId) {
        self.on(line, Line::hang_up);
    }

    /// A re-INVITE with this direction and this connection address, if another than its own.
    pub fn reinvite(&self, line: LineId, direction: &str, address: Option<&str>) {
        self.on(line, |line, set| line.reinvite(set, direction, address));
    }

    /// A re-INVITE with these payload types of audio, of 0 (PCMU), 8 (PCMA) and 9 (G.722), which is heard only.
    pub fn change_formats(&self, line: LineId, formats: &'static str) {
        self.on(line, |line, set| line.change_formats(set, formats));
    }

    /// Holds.
    pub fn hold(&self, line: LineId) {
        self.reinvite(line, "sendonly", None);
    }

    /// Resumes.
    pub fn resume(&self, line: LineId) {
        self.reinvite(line, "sendrecv", None);
    }

    /// Transfers the far end of a line to a number.
    pub fn refer(&self, line: LineId, number: &str) {
        self.on(line, |line, set| {
            let to = format!("<sip:{number}@{}>", set.server);
            line.refer(set, &to);
        });
    }

    /// Transfers the far end of a line to that of another line.
    pub fn refer_to_line(&self, line: LineId, other: LineId) {
        let to = self.line(other, Line::replaces_uri);
        self.refer_uri(line, &to);
    }

    /// Transfers the far end of a line to what this Refer-To says.
    pub fn refer_uri(&self, line: LineId, to: &str) {
        self.on(line, |line, set| line.refer(set, to));
    }

    /// Sends sound on a line that rings or is up from here on, or none.
    pub fn sound(&self, line: LineId, on: bool) {
        self.on(line, |line, _| line.sound(on));
    }

    /// Sends a line's sound from another port than its descriptions say, and hears what comes there, as behind a NAT that
    /// has forgotten the way. The port; `None` if there is none.
    pub fn roam(&self, line: LineId) -> Option<u16> {
        self.on(line, |line, _| line.roam())
    }

    /// Speaks another tone from here on; 0 for silence.
    pub fn speak(&self, tone: u16) {
        self.set().tone = tone;
    }

    /// Says this again and again, at 8 kHz, on lines to come.
    pub fn say(&self, sound: Pcm) {
        self.set().says = Some(sound);
    }

    /// Goes away without a word.
    pub fn vanish(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The last second heard on a line.
    pub fn hears(&self, line: LineId) -> Pcm {
        self.line(line, |line| {
            let samples = &line.stream.heard.samples;
            Pcm::new(Rate(8_000), samples[samples.len().saturating_sub(8_000)..].to_vec())
        })
    }

    /// Listens for a second from now on.
    pub fn listen(&self, line: LineId) -> Pcm {
        let from = self.line(line, |line| line.stream.heard.samples.len());
        self.wait(|lines| lines[line].stream.heard.samples.len() >= from + 8_000);
        self.hears(line)
    }

    /// Waits until this tone is heard on a line, and only it; whether that came within 10 s.
    pub fn hears_tone(&self, line: LineId, hertz: u16) -> bool {
        self.hears_so(line, |pcm| crate::ear::purity(pcm, f32::from(hertz)) > 0.8)
    }

    /// Waits until nothing is heard on a line.
    pub fn hears_nothing(&self, line: LineId) -> bool {
        self.hears_so(line, |pcm| crate::ear::sounding(pcm) < 0.02)
    }

    /// Waits until the last 400 ms heard on a line are such.
    pub fn hears_so(&self, line: LineId, such: impl Fn(&Pcm) -> bool) -> bool {
        let mut seen = self.line(line, |line| line.stream.heard.samples.len());
        self.poll(|set| {
            let Some(line) = set.lines.get(line) else { return false };
            let samples = &line.stream.heard.samples;
            let last = &samples[samples.len().saturating_sub(3_200)..];
            if samples.len() < seen + 800 || last.len() < 3_200 {
                return false;
            }
            seen = samples.len();
            such(&Pcm::new(Rate(8_000), last.to_vec()))
        })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A thread that panicked has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What the phone's thread and the test have in common.
struct Shared {
    set: Mutex<Set>,
    /// Told after each turn of the thread.
    turned: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the next turn, at most so long.
    fn wait<'a>(&self, set: MutexGuard<'a, Set>, most: Duration) -> MutexGuard<'a, Set> {
        self.turned.wait_timeout(set, most).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Set {
    pub(super) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or(self.server)
    }

    /// The Contact of a response.
    pub(super) fn contact(&self, status: &str) -> String {
        match status.starts_with('3') && !self.sends_to.is_empty() {
            true => format!("Contact: {}\r\n", self.sends_to),
            false => format!("Contact: <sip:{}@{}>\r\n", self.user, self.address()),
        }
    }

    pub(super) fn send(&self, text: &str) {
        // What a network loses is sent again.
        let _ = self.socket.send_to(text.as_bytes(), self.server);
    }

    fn turn(&mut self) {
        let mut buffer = [0; 8192];
        for _ in 0..8 {
            let Ok(length) = self.socket.recv(&mut buffer) else { break };
            if let Some(message) = Message::parse(&buffer[..length]) {
                self.take(&message);
            }
        }
        let now = Instant::now();
        for mut line in std::mem::take(&mut self.lines) {
            line.turn(self, now);
            self.lines.push(line);
        }
    }

    fn take(&mut self, message: &Message) {
        let call_id = message.header("call-id").unwrap_or_default();
        if message.cseq_method() == Some("REGISTER") {
            return self.registered_now(message);
        }
        if let Some(at) = self.lines.iter().position(|line| line.call_id == call_id) {
            let mut line = self.lines.remove(at);
            line.take(self, message);
            return self.lines.insert(at, line);
        }
        match message.method() {
            Some("INVITE") => self.rings(message),
            Some("ACK") | None => {}
            Some("OPTIONS") => self.send(&message.reply("200 OK", "")),
            Some(_) => self.send(&message.reply("481 No Such Call", "")),
        }
    }

    fn rings(&mut self, invite: &Message) {
        if self.manner == Manner::Deaf {
            return;
        }
        let Some(line) = Line::incoming(self, invite.clone(), self.manner) else { return };
        self.lines.push(line);
    }

    /// What it says next.
    pub(super) fn speech(&self) -> Pcm {
        if let Some(sound) = &self.says {
            return sound.clone();
        }
        let second = Duration::from_secs(1);
        audio::tone::render(&[self.tone], second, Duration::ZERO, second, Rate::NARROW)
    }
}
