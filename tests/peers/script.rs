//! SIPp with a scenario that a test puts together message by message.
//!
//! Owns the text of the scenario; what came is in [`Call::received`] for the test to look at.

use std::fs;
use std::time::Duration;

use super::sipp::{self, Call, Run};

/// A caller's scenario, as far as it has been told.
#[derive(Clone, Debug)]
pub struct Script {
    steps: String,
    cseq: u32,
    /// The CSeq of the last INVITE.
    invited: u32,
    run: Run,
}

/// The description in an offer or an answer of the carrier's: PCMU and telephone-events, in its first version.
pub const SDP: &str = "v=0\no=carrier 1 1 IN IP[local_ip_type] [media_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\n\
     m=audio [media_port] RTP/AVP 0 96\na=rtpmap:0 PCMU/8000\na=rtpmap:96 telephone-event/8000\na=fmtp:96 0-15\n";

impl Default for Script {
    fn default() -> Script {
        Script::new()
    }
}

impl Script {
    /// One that has not said anything yet, over UDP.
    pub fn new() -> Script {
        Script { steps: String::new(), cseq: 0, invited: 0, run: Run::default() }
    }

    /// The same over TCP.
    #[must_use]
    pub fn over_tcp(mut self) -> Script {
        self.run.transport = "t1";
        self
    }

    /// The same from this address (`::1`).
    #[must_use]
    pub fn from(mut self, address: &'static str) -> Script {
        self.run.address = address;
        self
    }

    /// INVITE with these further headers (each ended by a line feed) and this body, as it begins a dialog.
    #[must_use]
    pub fn invite(self, headers: &str, body: &str) -> Script {
        let to = "<sip:[service]@[remote_ip]:[remote_port]>";
        self.invite_as("sip:[service]@[remote_ip]:[remote_port]", to, headers, body)
    }

    /// The same to a URI and a To of the test's own.
    #[must_use]
    pub fn invite_as(mut self, uri: &str, to: &str, headers: &str, body: &str) -> Script {
        self.cseq += 1;
        self.invited = self.cseq;
        let text = self.text("INVITE", uri, to, headers, body, self.cseq);
        self.send(&text, true)
    }

    /// A request within the dialog.
    #[must_use]
    pub fn request(mut self, method: &str, headers: &str, body: &str) -> Script {
        self.cseq += 1;
        if method == "INVITE" {
            self.invited = self.cseq;
        }
        let headers = format!("[routes]\n{headers}");
        let text = self.text(method, "[next_url]", PEER, &headers, body, self.cseq);
        self.send(&text, true)
    }

    /// ACK to a 2xx.
    #[must_use]
    pub fn ack(self, body: &str) -> Script {
        let text = self.text("ACK", "[next_url]", PEER, "[routes]\n", body, self.invited);
        self.send(&text, false)
    }

    /// A refusal of the last INVITE comes, with this status, and is acknowledged.
    #[must_use]
    pub fn refused(mut self, status: u16) -> Script {
        self = self.expect_bare(status);
        let cseq = self.invited;
        let text = format!(
            "ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n[last_Via:]\n{FROM}\n[last_To:]\nCall-ID: [call_id]\n\
             CSeq: {cseq} ACK\nMax-Forwards: 70\nContent-Length: 0\n\n"
        );
        self.send(&text, false)
    }

    /// A refusal of the last re-INVITE comes and is acknowledged.
    #[must_use]
    pub fn refused_in_dialog(mut self, status: u16) -> Script {
        self = self.expect_bare(status);
        let text = format!(
            "ACK [next_url] SIP/2.0\n[last_Via:]\n{FROM}\n[last_To:]\nCall-ID: [call_id]\nCSeq: {} ACK\n\
             Max-Forwards: 70\nContent-Length: 0\n\n",
            self.invited
        );
        self.send(&text, false)
    }

    /// CANCEL of the INVITE, on its branch: 200 to it, 487 to the INVITE.
    #[must_use]
    pub fn cancels(self) -> Script {
        let cseq = self.invited;
        let uri = "sip:[service]@[remote_ip]:[remote_port]";
        let via = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[$branch];rport";
        let text = |method: &str, to: &str| {
            format!(
                "{method} {uri} SIP/2.0\n{via}\n{FROM}\nTo: {to}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n\
                 Max-Forwards: 70\nContent-Length: 0\n\n"
            )
        };
        let to = format!("<{uri}>");
        self.send(&text("CANCEL", &to), true)
            .expect_plain(200)
            .expect_plain(487)
            .send(&text("ACK", PEER), false)
    }

    /// PRACK for the provisional that came last.
    #[must_use]
    pub fn prack(mut self) -> Script {
        self.cseq += 1;
        let headers = format!("[routes]\nRAck: [$rseq] {} INVITE\n", self.invited);
        let text = self.text("PRACK", "[next_url]", PEER, &headers, "", self.cseq);
        self.send(&text, true).expect_plain(200)
    }

    /// A reliable provisional comes (and a 100 before it).
    #[must_use]
    pub fn reliable(mut self, status: u16) -> Script {
        self.steps += &format!(
            "<recv response=\"100\" optional=\"true\"/>\n<recv response=\"{status}\" rrs=\"true\"><action>\n\
             <ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"RSeq:\" check_it=\"true\" assign_to=\"rseq\"/>\n\
             <ereg regexp=\"z9hG4bK[^;]*\" search_in=\"hdr\" header=\"Via:\" check_it=\"true\" assign_to=\"branch\"/>\n\
             </action></recv>\n"
        );
        self
    }

    /// A response to an INVITE comes, after whatever provisionals.
    #[must_use]
    pub fn expect(self, status: u16) -> Script {
        self.provisionals().expect_plain(status)
    }

    /// A refusal comes, after whatever provisionals: it says nothing of a route.
    fn expect_bare(self, status: u16) -> Script {
        let mut told = self.provisionals();
        told.steps += &format!("<recv response=\"{status}\"/>\n");
        told
    }

    fn provisionals(mut self) -> Script {
        for provisional in [100, 180, 183] {
            self.steps += &format!("<recv response=\"{provisional}\" optional=\"true\"/>\n");
        }
        self
    }

    /// A response comes and no other.
    #[must_use]
    pub fn expect_plain(mut self, status: u16) -> Script {
        self.steps += &format!("<recv response=\"{status}\" rrs=\"true\"/>\n");
        self
    }

    /// A request comes.
    #[must_use]
    pub fn awaits(mut self, method: &str) -> Script {
        self.steps += &format!("<recv request=\"{method}\"/>\n");
        self
    }

    /// Answers the request that came last, with its status line's end, further headers and a body.
    #[must_use]
    pub fn reply(self, status: &str, headers: &str, body: &str) -> Script {
        let (kind, length) = framing(body);
        let text = format!(
            "SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n{CONTACT}\n\
             {headers}{kind}Content-Length: {length}\n\n{body}"
        );
        self.send(&text, false)
    }

    /// A request comes and is answered with 200.
    #[must_use]
    pub fn serves(self, method: &str, headers: &str, body: &str) -> Script {
        let served = self.awaits(method).reply("200 OK", headers, body);
        if method == "INVITE" { served.awaits("ACK") } else { served }
    }

    /// Does nothing for so long.
    #[must_use]
    pub fn pause(mut self, time: Duration) -> Script {
        self.steps += &format!("<pause milliseconds=\"{}\"/>\n", time.as_millis());
        self
    }

    /// A call of PCMU that is answered and acknowledged.
    #[must_use]
    pub fn answered(self, headers: &str) -> Script {
        self.invite(headers, SDP).expect(200).ack("")
    }

    /// BYE and its answer.
    #[must_use]
    pub fn hangs_up(self) -> Script {
        self.request("BYE", "", "").expect_plain(200)
    }

    /// The server's BYE comes and is answered.
    #[must_use]
    pub fn is_hung_up(self) -> Script {
        self.serves("BYE", "", "")
    }

    /// Calls `number` at `server` and does it all.
    pub fn call(&self, server: &str, number: &str) -> Call {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let scenario = folder.path().join("carrier.xml");
        let steps = &self.steps;
        // A variable must be used somewhere.
        let used = if steps.contains("assign_to") { "<Reference variables=\"rseq,branch\"/>\n" } else { "" };
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n\
             <scenario name=\"carrier\">\n{steps}<timewait milliseconds=\"100\"/>\n{used}</scenario>\n"
        );
        fs::write(&scenario, text).expect("a scenario file");
        sipp::run(&scenario, server, number, &self.run, folder.path())
    }

    fn text(&self, method: &str, uri: &str, to: &str, headers: &str, body: &str, cseq: u32) -> String {
        let (kind, length) = framing(body);
        let kind = if headers.contains("Content-Type:") { "" } else { kind };
        let hops = if headers.contains("Max-Forwards:") { "" } else { "Max-Forwards: 70\n" };
        format!(
            "{method} {uri} SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\n{FROM}\n\
             To: {to}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n{CONTACT}\n{hops}{headers}{kind}\
             Content-Length: {length}\n\n{body}"
        )
    }

    fn send(mut self, text: &str, again: bool) -> Script {
        let again = if again { " retrans=\"500\"" } else { "" };
        self.steps += &format!("<send{again}><![CDATA[\n{text}\n]]></send>\n");
        self
    }
}

const FROM: &str = "From: \"Carrier\" <sip:carrier@[local_ip]:[local_port]>;tag=[pid]c[call_number]";
const CONTACT: &str = "Contact: <sip:carrier@[local_ip]:[local_port];transport=[transport]>";
const PEER: &str = "<sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]";

/// The Content-Type line of a body, and its length as SIPp is to write it.
fn framing(body: &str) -> (&'static str, &'static str) {
    if body.is_empty() { ("", "0") } else { ("Content-Type: application/sdp\n", "[len]") }
}
