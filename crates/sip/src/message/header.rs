//! Header names: which ones we read, their compact forms, and where a header field stands in its message.
//! Matching is one lower-casing and one comparison by length, so a long message costs what its bytes cost.

/// A header name we read; all others are `Other` and are found by their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Accept,
    Allow,
    Authorization,
    CallId,
    Contact,
    ContentDisposition,
    ContentEncoding,
    ContentLength,
    ContentType,
    CSeq,
    Diversion,
    Event,
    Expires,
    From,
    HistoryInfo,
    Join,
    MaxForwards,
    MinExpires,
    MinSe,
    PAssertedIdentity,
    PPreferredIdentity,
    Path,
    Privacy,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyRequire,
    RAck,
    Reason,
    RecordRoute,
    ReferSub,
    ReferTo,
    ReferredBy,
    RemotePartyId,
    Replaces,
    Require,
    RetryAfter,
    Route,
    RSeq,
    Server,
    SessionExpires,
    SubscriptionState,
    Supported,
    To,
    Unsupported,
    UserAgent,
    Via,
    WwwAuthenticate,
    Other,
}

/// The longest name in `Name::of`.
const LONGEST: usize = 20;

impl Name {
    /// Reads a name in any case, long or compact (RFC 3261 §7.3.3).
    pub(crate) fn of(text: &str) -> Self {
        let mut lower = [0u8; LONGEST];
        let Some(lower) = lower.get_mut(..text.len()) else { return Name::Other };
        lower.copy_from_slice(text.as_bytes());
        lower.make_ascii_lowercase();
        match &*lower {
            b"accept" => Name::Accept,
            b"allow" => Name::Allow,
            b"authorization" => Name::Authorization,
            b"call-id" | b"i" => Name::CallId,
            b"contact" | b"m" => Name::Contact,
            b"content-disposition" => Name::ContentDisposition,
            b"content-encoding" | b"e" => Name::ContentEncoding,
            b"content-length" | b"l" => Name::ContentLength,
            b"content-type" | b"c" => Name::ContentType,
            b"cseq" => Name::CSeq,
            b"diversion" => Name::Diversion,
            b"event" | b"o" => Name::Event,
            b"expires" => Name::Expires,
            b"from" | b"f" => Name::From,
            b"history-info" => Name::HistoryInfo,
            b"join" => Name::Join,
            b"max-forwards" => Name::MaxForwards,
            b"min-expires" => Name::MinExpires,
            b"min-se" => Name::MinSe,
            b"p-asserted-identity" => Name::PAssertedIdentity,
            b"p-preferred-identity" => Name::PPreferredIdentity,
            b"path" => Name::Path,
            b"privacy" => Name::Privacy,
            b"proxy-authenticate" => Name::ProxyAuthenticate,
            b"proxy-authorization" => Name::ProxyAuthorization,
            b"proxy-require" => Name::ProxyRequire,
            b"rack" => Name::RAck,
            b"reason" => Name::Reason,
            b"record-route" => Name::RecordRoute,
            b"refer-sub" => Name::ReferSub,
            b"refer-to" | b"r" => Name::ReferTo,
            b"referred-by" | b"b" => Name::ReferredBy,
            b"remote-party-id" => Name::RemotePartyId,
            b"replaces" => Name::Replaces,
            b"require" => Name::Require,
            b"retry-after" => Name::RetryAfter,
            b"route" => Name::Route,
            b"rseq" => Name::RSeq,
            b"server" => Name::Server,
            b"session-expires" | b"x" => Name::SessionExpires,
            b"subscription-state" => Name::SubscriptionState,
            b"supported" | b"k" => Name::Supported,
            b"to" | b"t" => Name::To,
            b"unsupported" => Name::Unsupported,
            b"user-agent" => Name::UserAgent,
            b"via" | b"v" => Name::Via,
            b"www-authenticate" => Name::WwwAuthenticate,
            _ => Name::Other,
        }
    }

    /// The name as we write it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Name::Accept => "Accept",
            Name::Allow => "Allow",
            Name::Authorization => "Authorization",
            Name::CallId => "Call-ID",
            Name::Contact => "Contact",
            Name::ContentDisposition => "Content-Disposition",
            Name::ContentEncoding => "Content-Encoding",
            Name::ContentLength => "Content-Length",
            Name::ContentType => "Content-Type",
            Name::CSeq => "CSeq",
            Name::Diversion => "Diversion",
            Name::Event => "Event",
            Name::Expires => "Expires",
            Name::From => "From",
            Name::HistoryInfo => "History-Info",
            Name::Join => "Join",
            Name::MaxForwards => "Max-Forwards",
            Name::MinExpires => "Min-Expires",
            Name::MinSe => "Min-SE",
            Name::PAssertedIdentity => "P-Asserted-Identity",
            Name::PPreferredIdentity => "P-Preferred-Identity",
            Name::Path => "Path",
            Name::Privacy => "Privacy",
            Name::ProxyAuthenticate => "Proxy-Authenticate",
            Name::ProxyAuthorization => "Proxy-Authorization",
            Name::ProxyRequire => "Proxy-Require",
            Name::RAck => "RAck",
            Name::Reason => "Reason",
            Name::RecordRoute => "Record-Route",
            Name::ReferSub => "Refer-Sub",
            Name::ReferTo => "Refer-To",
            Name::ReferredBy => "Referred-By",
            Name::RemotePartyId => "Remote-Party-ID",
            Name::Replaces => "Replaces",
            Name::Require => "Require",
            Name::RetryAfter => "Retry-After",
            Name::Route => "Route",
            Name::RSeq => "RSeq",
            Name::Server => "Server",
            Name::SessionExpires => "Session-Expires",
            Name::SubscriptionState => "Subscription-State",
            Name::Supported => "Supported",
            Name::To => "To",
            Name::Unsupported => "Unsupported",
            Name::UserAgent => "User-Agent",
            Name::Via => "Via",
            Name::WwwAuthenticate => "WWW-Authenticate",
            Name::Other => "a header",
        }
    }
}

/// A run of bytes in a message's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// One header field: its name, and where its name and value stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: Name,
    pub(crate) label: Span,
    pub(crate) value: Span,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_in_compact_form() {
        let check = |text: &str, expected: Name| assert_eq!(Name::of(text), expected, "{text}");
        check("VIA", Name::Via);
        check("v", Name::Via);
        check("caLL-Id", Name::CallId);
        check("i", Name::CallId);
        check("P-Asserted-Identity", Name::PAssertedIdentity);
        check("", Name::Other);
        check("X-Something-Much-Longer-Than-Any", Name::Other);
    }

    #[test]
    fn no_name_is_longer_than_the_buffer() {
        assert_eq!(Name::PPreferredIdentity.text().len(), LONGEST);
        assert_eq!(Name::of(Name::ProxyAuthorization.text()), Name::ProxyAuthorization);
    }
}
