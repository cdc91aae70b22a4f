//! What is mutated: whole messages of many kinds, and descriptions as phones write them.

/// The torture messages of the RFCs, and requests and responses of every kind.
pub fn messages() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/sip/torture");
    let mut all: Vec<Vec<u8>> = std::fs::read_dir(folder)
        .expect("the torture messages")
        .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a file"))
        .collect();
    all.sort();
    let mut add = |method: &str, extra: &str, body: &str| {
        all.push(request(method, extra, body).into_bytes());
    };
    add("INVITE", "", DESCRIPTION);
    add(
        "INVITE",
        "Record-Route: <sip:192.0.2.9;lr>, <sip:p>\r\nSupported: timer, 100rel, replaces\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\n",
        DESCRIPTION,
    );
    add(
        "INVITE",
        "Require: 100rel\r\nReplaces: a@b;to-tag=1;from-tag=2;early-only\r\nReferred-By: <sip:r@x>;cid=\"1@x\"\r\n",
        DESCRIPTION,
    );
    add(
        "INVITE",
        "P-Asserted-Identity: \"A\" <sip:+49301@t;user=phone>, <tel:+49301>\r\nPrivacy: id;critical\r\nDiversion: <sip:1@h>;reason=user-busy;counter=2\r\nHistory-Info: <sip:1@h?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1, <sip:2@h>;index=1.1;mp=1\r\nRemote-Party-ID: <sip:1@h>;party=calling;privacy=full;screen=yes\r\n",
        "",
    );
    add("ACK", "", "");
    add("BYE", "Reason: Q.850;cause=16;text=\"x\"\r\n", "");
    add("CANCEL", "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n", "");
    add("OPTIONS", "Accept: */*\r\nRequire: a\r\n", "");
    add("UPDATE", "Session-Expires: 90\r\n", DESCRIPTION);
    add("PRACK", "RAck: 1 1 INVITE\r\n", "");
    add("INFO", "", "");
    add(
        "REFER",
        "Refer-To: <sip:c@d?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\nRefer-Sub: false\r\nReferred-By: <sip:a@b>\r\n",
        "",
    );
    add("NOTIFY", "Event: refer;id=1\r\nSubscription-State: terminated;reason=noresource\r\n", "");
    add("SUBSCRIBE", "Event: dialog\r\nExpires: 600\r\nAccept: application/dialog-info+xml\r\n", "");
    add("PUBLISH", "Event: presence\r\nExpires: 600\r\nSIP-If-Match: x\r\n", "");
    add("MESSAGE", "", "");
    add(
        "REGISTER",
        "Contact: *\r\nExpires: 0\r\nAuthorization: Digest username=\"alice\", realm=\"offhook\", nonce=\"00\", uri=\"x\", response=\"1\", qop=auth, nc=00000001, cnonce=\"c\"\r\n",
        "",
    );
    add(
        "REGISTER",
        "Path: <sip:p;lr;ob>\r\nSupported: path, outbound, gruu\r\nExpires: 3600\r\nContact: <sip:a@10.0.0.5:5070;ob>;reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\";q=0.5;expires=60\r\n",
        "",
    );
    let response = |status: &str, extra: &str, body: &str| {
        let text = request("INVITE", extra, body);
        let (_, rest) = text.split_once("\r\n").expect("a start line");
        format!("SIP/2.0 {status}\r\n{rest}")
            .replace("To: <sip:100@192.0.2.1>", "To: <sip:100@192.0.2.1>;tag=t")
            .into_bytes()
    };
    all.push(response("183 Session Progress", "Require: 100rel\r\nRSeq: 7\r\n", DESCRIPTION));
    all.push(response(
        "200 OK",
        "Record-Route: <sip:192.0.2.9;lr>\r\nSession-Expires: 90;refresher=uas\r\nRequire: timer\r\n",
        DESCRIPTION,
    ));
    all.push(response("302 Moved", "Contact: <sip:b@c>;q=0.7, <sip:d@e>\r\n", ""));
    all.push(response("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", algorithm=SHA-256, opaque=\"o\", stale=true\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5\r\n", ""));
    all.push(response(
        "407 Proxy Authentication Required",
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n",
        "",
    ));
    all.push(response("422 Session Interval Too Small", "Min-SE: 1800\r\n", ""));
    all.push(response("491 Request Pending", "Retry-After: 1\r\n", ""));
    all
}

/// A request of a phone.
pub fn request(method: &str, extra: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:100@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bKnashds8;rport\r\n\
         Max-Forwards: 70\r\n\
         From: \"Al\" <sip:alice@example.com>;tag=peer\r\n\
         To: <sip:100@192.0.2.1>\r\n\
         Call-ID: call-1\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:alice@10.0.0.5:5070>\r\n\
         {extra}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A plain offer.
pub const DESCRIPTION: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

/// Descriptions: a plain one, what Linphone and browsers write, and what gateways get wrong.
pub fn descriptions() -> Vec<Vec<u8>> {
    let more = [
        "v=0\r\no=alice 123 456 IN IP4 10.0.0.5\r\ns=Talk\r\nc=IN IP4 10.0.0.5\r\nb=AS:380\r\nt=0 0\r\na=rtcp-xr:rcvr-rtt=all:10000\r\na=ice-ufrag:0aBc\r\na=ice-pwd:0123456789abcdef01234567\r\nm=audio 7078 RTP/AVPF 96 97 0 8 101 102\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:97 speex/16000\r\na=rtpmap:101 telephone-event/48000\r\na=rtpmap:102 telephone-event/8000\r\na=rtcp-fb:* trr-int 1000\r\na=candidate:1 1 UDP 2130706431 10.0.0.5 7078 typ host\r\na=zrtp-hash:1.10 0123\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^31|1:4 WSH=64\r\nm=video 9078 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\n",
        "v=0\no=- 1 2 IN IP6 2001:db8::1\ns=\nt=0 0\na=group:BUNDLE 0 1\nm=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=rtcp:9 IN IP4 0.0.0.0\na=mid:0\na=rtcp-mux\na=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\na=setup:actpass\nm=audio 4000/2 RTP/AVP 8\nc=IN IP4 192.0.2.3\na=sendonly\na=ptime:30\na=maxptime:60\nm=image 0 udptl t38\n",
        "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 media.example.com\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=inactive\r\nm=text 5 RTP/AVP 98\r\n",
        DESCRIPTION,
    ];
    more.iter().map(|text| text.as_bytes().to_vec()).collect()
}
