//! Phones by the ten thousand: REGISTER, its challenge, its answer, and refreshes over the same nonce.
//!
//! Nothing is sent twice; each 200 is checked for the phone's own contact.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use testkit::ua::digest;

use super::sockets::{SOCKETS, Sockets, TURN};
use super::text::{header, lines, status};

/// Phones that are not registered so long after the last one asked have failed.
const STRAGGLERS: Duration = Duration::from_secs(8);
/// How long a registration lasts.
const EXPIRES: u32 = 600;

/// Many phones, each of a user of its own.
pub struct Phones {
    server: SocketAddr,
    password: String,
    sockets: Sockets,
    /// The number of the first one.
    first: usize,
    phones: Vec<Phone>,
}

#[derive(Default)]
struct Phone {
    cseq: u32,
    /// The challenge it answers, and how often it has.
    challenge: Option<(String, u32)>,
    asked: Option<Instant>,
}

/// What came of a round.
#[derive(Debug, Default)]
pub struct Round {
    /// Phones that got their 200.
    pub registered: usize,
    /// Challenges on the way.
    pub challenged: usize,
    /// The first REGISTER to the 200 in microseconds, sorted.
    pub times: Vec<u32>,
    /// Faults, and how often each was seen.
    pub faults: BTreeMap<String, usize>,
    /// From the first REGISTER to the last 200.
    pub time: Duration,
}

/// The name of a phone's user.
pub fn user(phone: usize) -> String {
    format!("phone{phone:05}")
}

impl Phones {
    /// The phones of these numbers at `server`, whose users all have this password.
    pub fn new(server: SocketAddr, numbers: Range<usize>, password: &str) -> Phones {
        Phones {
            server,
            password: password.to_owned(),
            sockets: Sockets::new(server),
            first: numbers.start,
            phones: numbers.map(|_| Phone::default()).collect(),
        }
    }

    /// Their sockets, for whoever goes on with them.
    pub(super) fn into_sockets(self) -> Sockets {
        self.sockets
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.phones.len()
    }

    /// Registers or refreshes them all, `rate` a second.
    pub fn register(&mut self, rate: u32) -> Round {
        let (mut round, begun, count) = (Round::default(), Instant::now(), self.phones.len());
        let (mut asked, mut last) = (0, begun);
        let mut buffer = [0; 4_096];
        while round.registered < count && last.elapsed() < STRAGGLERS {
            let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as usize;
            while asked < due.min(count) {
                last = Instant::now();
                self.phones[asked].asked = Some(last);
                self.ask(asked);
                asked += 1;
            }
            let mut quiet = true;
            for socket in 0..SOCKETS {
                while let Some(length) = self.sockets.receive(socket, &mut buffer) {
                    quiet = false;
                    let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    if let Err(fault) = self.take(&message, &mut round) {
                        *round.faults.entry(fault).or_default() += 1;
                    }
                }
            }
            if quiet {
                self.sockets.wait(TURN);
            }
        }
        round.time = last.duration_since(begun);
        for phone in &mut self.phones {
            if phone.asked.take().is_some() {
                *round.faults.entry("no answer".to_owned()).or_default() += 1;
            }
        }
        round.times.sort_unstable();
        round
    }

    fn take(&mut self, message: &str, round: &mut Round) -> Result<(), String> {
        let id = header(message, "Call-ID").and_then(|id| id.split_once('-')?.1.parse::<usize>().ok());
        let number = id.filter(|number| *number < self.phones.len()).ok_or("a stranger's Call-ID")?;
        let contact = format!("<{}>", self.contact(number));
        let phone = &mut self.phones[number];
        if header(message, "CSeq") != Some(&format!("{} REGISTER", phone.cseq)) {
            return Err("a response to no request of ours".to_owned());
        }
        let Some(asked) = phone.asked else { return Ok(()) };
        match status(message) {
            Some(100..=199) => Ok(()),
            Some(200) => {
                phone.asked = None;
                if !lines(message, "Contact").any(|line| line.contains(&contact)) {
                    return Err("a 200 without the phone's contact".to_owned());
                }
                round.registered += 1;
                round.times.push(asked.elapsed().as_micros() as u32);
                Ok(())
            }
            Some(401) => {
                let challenges = lines(message, "WWW-Authenticate").filter_map(|line| line.split_once(": "));
                // SHA-512-256 is not for phones of this kind.
                let known = challenges.map(|(_, value)| value).find(|value| !value.contains("SHA-512"));
                let known = known.ok_or("a 401 without a challenge")?.to_owned();
                if phone.challenge.replace((known.clone(), 0)).is_some_and(|(before, _)| before == known) {
                    phone.asked = None;
                    return Err("wrong credentials".to_owned());
                }
                round.challenged += 1;
                self.ask(number);
                Ok(())
            }
            other => {
                phone.asked = None;
                Err(format!("refused with {other:?}"))
            }
        }
    }

    /// Sends a REGISTER, with credentials if the phone was ever challenged.
    fn ask(&mut self, number: usize) {
        let (server, own, contact, user) =
            (self.server, self.sockets.address(number), self.contact(number), user(self.first + number));
        let phone = &mut self.phones[number];
        phone.cseq += 1;
        let cseq = phone.cseq;
        let mut text = format!(
            "REGISTER sip:{server} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {own};branch=z9hG4bK{user}-{cseq};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@{server}>;tag=t{number}\r\n\
             To: <sip:{user}@{server}>\r\n\
             Call-ID: {:x}.{}-{number}\r\n\
             CSeq: {cseq} REGISTER\r\n\
             Contact: <{contact}>\r\n\
             Expires: {EXPIRES}\r\n\
             User-Agent: offhook-load\r\n",
            std::process::id(),
            self.first
        );
        if let Some((challenge, count)) = &mut phone.challenge {
            *count += 1;
            let uri = format!("sip:{server}");
            let answer = digest::answer_again(challenge, *count, "REGISTER", &uri, &user, &self.password);
            text += &format!("Authorization: {}\r\n", answer.expect("a known algorithm"));
        }
        text += "Content-Length: 0\r\n\r\n";
        self.sockets.send(number, &text);
    }

    fn contact(&self, number: usize) -> String {
        format!("sip:{}@{}", user(self.first + number), self.sockets.address(number))
    }
}
