//! A scripted SIP phone over real UDP sockets: registers, calls, talks, presses keys, listens, hangs up.
//!
//! It shares no code with the switch's own signalling, so that it tests it.
//! Everything happens on the caller's thread, in real time, inside [`Call::run`].

pub mod desk;
pub mod digest;
pub mod line;
mod message;
pub mod script;
mod stream;

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use audio::Pcm;
pub use message::Message;
pub use stream::{Heard, Stream};

/// Why a phone could not do what it was told.
#[derive(Debug)]
pub enum PhoneError {
    /// The socket failed.
    Io(io::Error),
    /// No answer within the time allowed.
    Silence(&'static str),
    /// The far end refused: status and phrase.
    Refused(u16, String),
}

impl fmt::Display for PhoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PhoneError::Io(error) => write!(f, "the phone's socket: {error}"),
            PhoneError::Silence(what) => write!(f, "no answer to {what}"),
            PhoneError::Refused(status, phrase) => write!(f, "refused: {status} {phrase}"),
        }
    }
}

impl std::error::Error for PhoneError {}

impl From<io::Error> for PhoneError {
    fn from(error: io::Error) -> PhoneError {
        PhoneError::Io(error)
    }
}

/// A phone at one UDP port.
#[derive(Debug)]
pub struct Phone {
    socket: UdpSocket,
    server: SocketAddr,
    user: String,
    password: Option<String>,
    requests: u32,
}

/// How a call is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// SDP in the INVITE.
    Early,
    /// No SDP in the INVITE; the answer goes into the ACK.
    Late,
    /// SDP in the INVITE, without telephone-events.
    Plain,
}

impl Phone {
    /// A phone of `user` on loopback, for the server at `server`; with a password it answers challenges.
    pub fn new(server: SocketAddr, user: &str, password: Option<&str>) -> io::Result<Phone> {
        // The address that reaches the server is the one to listen on.
        let probe = UdpSocket::bind((if server.is_ipv4() { "0.0.0.0" } else { "::" }, 0))?;
        probe.connect(server)?;
        let socket = UdpSocket::bind((probe.local_addr()?.ip(), 0))?;
        Ok(Phone {
            socket,
            server,
            user: user.to_owned(),
            password: password.map(str::to_owned),
            requests: 0,
        })
    }

    /// Where the phone listens for SIP.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or(self.server)
    }

    /// Registers for `expires` seconds (0 unregisters); the final status.
    pub fn register(&mut self, expires: u32) -> Result<u16, PhoneError> {
        let target = format!("sip:{}", self.server);
        let own = format!("<sip:{}@{}>", self.user, self.server);
        let call_id = self.unique("reg");
        let contact = format!("Contact: <sip:{}@{}>\r\nExpires: {expires}\r\n", self.user, self.address());
        let answer = self.ask("REGISTER", &target, &own, &call_id, &contact, "", Duration::from_secs(5))?;
        Ok(answer.status().unwrap_or(0))
    }

    /// Calls `number` and returns once it is answered, within `limit`.
    pub fn call(&mut self, number: &str, offer: Offer, limit: Duration) -> Result<Call<'_>, PhoneError> {
        let mut stream = Stream::open(self.address().ip())?;
        let sdp = sdp(self.address(), stream.port());
        let target = format!("sip:{number}@{}", self.server);
        let to = format!("<{target}>");
        let call_id = self.unique("call");
        let contact = format!("Contact: <sip:{}@{}>\r\n", self.user, self.address());
        let plain = sdp.replace(&format!(" 0 8 {}", stream::EVENTS), " 0 8");
        let plain: String = plain.split_inclusive("\r\n").filter(|line| !line.contains(":101 ")).collect();
        let body = match offer {
            Offer::Early => sdp.as_str(),
            Offer::Plain => plain.as_str(),
            Offer::Late => "",
        };
        let answer = self.ask("INVITE", &target, &to, &call_id, &contact, body, limit)?;
        let status = answer.status().unwrap_or(0);
        let ack_body = if offer == Offer::Late && status < 300 { sdp.as_str() } else { "" };
        let remote = answer.header("contact").and_then(uri).unwrap_or(target);
        if status >= 300 {
            let phrase = answer.start.get(12..).unwrap_or_default().to_owned();
            return Err(PhoneError::Refused(status, phrase));
        }
        if let Some(media) = answer.media() {
            stream.connect(media);
        }
        let to = answer.header("to").unwrap_or_default().to_owned();
        let ack_body = ack_body.to_owned();
        let mut call = Call { phone: self, stream, remote, to, call_id, ack_body, ended: None, answer };
        call.acknowledge()?;
        Ok(call)
    }

    /// Sends `bytes` to the server as they are.
    pub fn send_raw(&self, bytes: &[u8]) -> io::Result<()> {
        self.socket.send_to(bytes, self.server).map(|_| ())
    }

    /// Waits for a message; `None` when `limit` passes.
    pub fn receive(&self, limit: Duration) -> io::Result<Option<Message>> {
        let mut buffer = [0; 8192];
        self.socket.set_read_timeout(Some(limit.max(Duration::from_millis(1))))?;
        match self.socket.recv(&mut buffer) {
            Ok(length) => Ok(Message::parse(&buffer[..length])),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks, answers one challenge, retransmits (RFC 3261 §17.1); the final response.
    #[allow(clippy::too_many_arguments)] // A request has these parts; naming them in a struct would say it twice.
    fn ask(
        &mut self,
        method: &str,
        target: &str,
        to: &str,
        call_id: &str,
        more: &str,
        body: &str,
        limit: Duration,
    ) -> Result<Message, PhoneError> {
        let mut authorization = String::new();
        loop {
            self.requests += 1;
            let (cseq, branch) = (self.requests, self.unique("z9hG4bK"));
            let headers = format!("{more}{authorization}");
            let request = self.request(method, target, to, call_id, cseq, &branch, &headers, body);
            let answer = self.exchange(method, &request, cseq, limit)?;
            let status = answer.status().unwrap_or(0);
            if method == "INVITE" && status >= 300 {
                let to = answer.header("to").unwrap_or(to).to_owned();
                let ack = self.request("ACK", target, &to, call_id, cseq, &branch, "", "");
                self.socket.send_to(ack.as_bytes(), self.server)?;
            }
            let (name, reply) = match status {
                401 => ("www-authenticate", "Authorization"),
                407 => ("proxy-authenticate", "Proxy-Authorization"),
                _ => return Ok(answer),
            };
            let Some(password) = self.password.clone().filter(|_| authorization.is_empty()) else {
                return Ok(answer);
            };
            let value = answer
                .all(name)
                .find_map(|challenge| digest::answer(challenge, method, target, &self.user, &password));
            let Some(value) = value else { return Ok(answer) };
            authorization = format!("{reply}: {value}\r\n");
        }
    }

    fn exchange(
        &self,
        method: &str,
        request: &str,
        cseq: u32,
        limit: Duration,
    ) -> Result<Message, PhoneError> {
        let deadline = Instant::now() + limit;
        let mut wait = Duration::from_millis(500);
        let mut resend = Instant::now();
        let mut provisional = false;
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Err(PhoneError::Silence(if method == "INVITE" { "INVITE" } else { "a request" }));
            }
            if now >= resend && !provisional {
                self.socket.send_to(request.as_bytes(), self.server)?;
                resend = now + wait;
                wait *= 2;
            }
            let until = if provisional { deadline } else { resend.min(deadline) };
            let Some(message) = self.receive(until - now)? else { continue };
            let ours = message.header("cseq").is_some_and(|value| value == format!("{cseq} {method}"));
            match message.status() {
                Some(status) if ours && status >= 200 => return Ok(message),
                Some(_) if ours => provisional = true,
                _ => {}
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // As for `ask`.
    fn request(
        &self,
        method: &str,
        target: &str,
        to: &str,
        call_id: &str,
        cseq: u32,
        branch: &str,
        more: &str,
        body: &str,
    ) -> String {
        let local = self.address();
        let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: \"{user}\" <sip:{user}@{server}>;tag={call_id}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             User-Agent: offhook-phone\r\n{more}{content}Content-Length: {length}\r\n\r\n{body}",
            user = self.user,
            server = self.server,
            length = body.len(),
        )
    }

    /// A token that no other phone of this machine uses.
    fn unique(&self, prefix: &str) -> String {
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |time| time.as_nanos());
        format!("{prefix}-{:x}-{}-{}", nanos, self.address().port(), self.requests)
    }
}

/// A call in progress.
#[derive(Debug)]
pub struct Call<'a> {
    phone: &'a mut Phone,
    /// The media, to talk into and to listen to.
    pub stream: Stream,
    remote: String,
    to: String,
    call_id: String,
    ack_body: String,
    ended: Option<Instant>,
    /// The 200 that answered the call.
    pub answer: Message,
}

impl Call<'_> {
    /// Lets the call go on until `done` says so or `limit` passes; `true` if `done` did. Ends early at a BYE.
    pub fn run(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&Stream) -> bool,
    ) -> Result<bool, PhoneError> {
        let deadline = Instant::now() + limit;
        loop {
            let now = Instant::now();
            let next = self.stream.turn(now)?;
            if done(&self.stream) {
                return Ok(true);
            }
            if now >= deadline || self.ended.is_some() {
                return Ok(false);
            }
            // SIP is rare: waiting for it in slices of at most 5 ms keeps the arrival times of RTP true.
            let wait = next.min(deadline).saturating_duration_since(now).min(Duration::from_millis(5));
            if let Some(message) = self.phone.receive(wait)? {
                self.handle(&message)?;
            }
        }
    }

    /// Listens for `time`.
    pub fn listen(&mut self, time: Duration) -> Result<(), PhoneError> {
        self.run(time, |_| false).map(|_| ())
    }

    /// Waits until sound comes and then stops for `pause`; `false` if that did not happen within `limit`.
    pub fn listen_until_quiet(&mut self, pause: Duration, limit: Duration) -> Result<bool, PhoneError> {
        let from = self.stream.heard.samples.len();
        self.run(limit, |stream| {
            let samples = stream.heard.samples.get(from..).unwrap_or_default();
            let (quiet, loud) =
                (8 * pause.as_millis() as usize, |window: &[i16]| audio::level::rms_dbov(window) > -48.0);
            samples.len() > quiet
                && samples.chunks(800).any(loud)
                && !samples[samples.len() - quiet..].chunks(800).any(loud)
        })
    }

    /// Presses keys and waits until they are sent.
    pub fn press(&mut self, keys: &str) -> Result<(), PhoneError> {
        self.stream.press(keys);
        self.run(Duration::from_secs(30), |stream| !stream.busy()).map(|_| ())
    }

    /// Talks: sends the sound, and listens meanwhile.
    pub fn talk(&mut self, pcm: &Pcm) -> Result<(), PhoneError> {
        self.stream.talk(pcm);
        self.run(pcm.duration() + Duration::from_secs(1), |stream| !stream.busy()).map(|_| ())
    }

    /// Waits for the far end to hang up; whether it did.
    pub fn until_bye(&mut self, limit: Duration) -> Result<bool, PhoneError> {
        self.run(limit, |_| false)?;
        Ok(self.ended.is_some())
    }

    /// Whether the far end has hung up.
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Hangs up (if the far end has not) and returns what was heard.
    pub fn hang_up(self) -> Result<Heard, PhoneError> {
        if self.ended.is_none() {
            self.phone.requests += 1;
            let (cseq, branch) = (self.phone.requests, self.phone.unique("z9hG4bK"));
            let bye = self.phone.request("BYE", &self.remote, &self.to, &self.call_id, cseq, &branch, "", "");
            self.phone.exchange("BYE", &bye, cseq, Duration::from_secs(5))?;
        }
        Ok(self.stream.heard)
    }

    /// Goes away without a word, as a phone that lost its network.
    pub fn vanish(self) -> Heard {
        self.stream.heard
    }

    fn handle(&mut self, message: &Message) -> Result<(), PhoneError> {
        if message.header("call-id") != Some(self.call_id.as_str()) {
            return Ok(());
        }
        match message.method() {
            Some("BYE") => {
                self.phone.send_raw(message.reply("200 OK", "").as_bytes())?;
                self.ended = Some(Instant::now());
            }
            Some("ACK") => {}
            Some(_) => self.phone.send_raw(message.reply("200 OK", "").as_bytes())?,
            // A 200 that is sent again has not seen its ACK.
            None if message.cseq_method() == Some("INVITE") => self.acknowledge()?,
            None => {}
        }
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), PhoneError> {
        let cseq = self
            .answer
            .header("cseq")
            .and_then(|value| value.split(' ').next())
            .and_then(|n| n.parse().ok())
            .unwrap_or(1);
        let branch = self.phone.unique("z9hG4bK");
        let ack = self.phone.request(
            "ACK",
            &self.remote,
            &self.to,
            &self.call_id,
            cseq,
            &branch,
            "",
            &self.ack_body,
        );
        Ok(self.phone.send_raw(ack.as_bytes())?)
    }
}

/// The URI between `<` and `>`.
fn uri(value: &str) -> Option<String> {
    let (_, rest) = value.split_once('<')?;
    rest.split_once('>').map(|(uri, _)| uri.to_owned())
}

fn sdp(local: SocketAddr, port: u16) -> String {
    let (ip, events) = (local.ip(), stream::EVENTS);
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    format!(
        "v=0\r\no=phone 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 {events}\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:{events} telephone-event/8000\r\na=fmtp:{events} 0-15\r\n\
         a=ptime:20\r\na=sendrecv\r\n"
    )
}

#[cfg(test)]
mod tests;
