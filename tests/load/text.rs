//! Just enough of SIP's text to check what a server says.

/// The value of the first header of this name, as it stands.
pub(super) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.trim_end().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// All whole lines of this header.
pub(super) fn lines<'a>(message: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    head.split("\r\n").skip(1).filter(move |line| {
        line.split_once(':').is_some_and(|(found, _)| found.trim_end().eq_ignore_ascii_case(name))
    })
}

/// The status of a response.
pub(super) fn status(message: &str) -> Option<u16> {
    message.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

/// A parameter of a header's value: `tag` of `<sip:a@b>;tag=c`.
pub(super) fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|part| {
        let (found, text) = part.split_once('=')?;
        found.trim().eq_ignore_ascii_case(name).then(|| text.trim())
    })
}

/// What stands between `<` and `>`.
pub(super) fn bracketed(value: &str) -> Option<&str> {
    value.split_once('<')?.1.split_once('>').map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_response_are_found() {
        let message = "SIP/2.0 200 OK\r\nVia: a\r\nVIA: b\r\nTo: <sip:1@x;user=phone>;tag=77\r\n\r\nTo: no";
        assert_eq!(status(message), Some(200));
        assert_eq!(lines(message, "Via").collect::<Vec<_>>(), ["Via: a", "VIA: b"]);
        let to = header(message, "to").unwrap();
        assert_eq!((bracketed(to), parameter(to, "tag")), (Some("sip:1@x;user=phone"), Some("77")));
        assert_eq!(header(message, "From"), None);
    }
}
