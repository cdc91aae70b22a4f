//! Text to description, forgiving.
//!
//! `sdp-types` is strict about every line; a call must not fail over a bad time zone.
//! So only the lines that say something about media are given to it, tidied, and a line it then refuses is left out and
//! the rest tried again, unless the line matters.

use sdp_types::ParserError;

use crate::ParseError;

/// So many bad lines make a bad description; more is an attack on our patience, since each costs another pass.
const FORGIVEN: usize = 16;
/// Longer than any SIP body that carries audio; a body that large would have come over TCP.
const LONGEST: usize = 65_536;

pub(crate) fn session(bytes: &[u8]) -> Result<sdp_types::Session, ParseError> {
    if bytes.len() > LONGEST {
        return Err(ParseError { line: 1, what: "the description is too long".into() });
    }
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = text.lines().map(tidied).collect();
    drop_idle(&mut lines);
    for _ in 0..FORGIVEN {
        let error = match sdp_types::Session::parse(lines.join("\n").as_bytes()) {
            Ok(session) => return Ok(session),
            Err(error) => error,
        };
        let line = line_of(&error);
        match line.checked_sub(1).and_then(|at| lines.get_mut(at)) {
            Some(text) if !text.starts_with(['v', 'c', 'm']) => text.clear(),
            _ => return Err(ParseError { line, what: error.to_string() }),
        }
    }
    Err(ParseError { line: 1, what: "too many lines cannot be read".into() })
}

/// A line without what never belongs in one, and with single spaces where spaces separate fields.
fn tidied(line: &str) -> String {
    let line: String = line.trim().chars().filter(|c| !matches!(c, '\0' | '\r')).collect();
    if line.starts_with(['v', 'o', 'c', 'm', 't']) {
        line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        line
    }
}

/// Blanks lines nothing depends on, so that no fault of theirs counts: those of other types, what stands before `v=`, and
/// all but the first `o=`, `s=` and `c=` of the session, of which some gateways write one for each address they have.
/// Blank lines stay, so that an error's line number is the text's.
fn drop_idle(lines: &mut [String]) {
    let (mut begun, mut in_media) = (false, false);
    let mut seen = [false; 3];
    for line in lines {
        let kind =
            line.get(..2).and_then(|start| start.strip_suffix('=')).and_then(|kind| kind.chars().next());
        let keep = match kind {
            Some('v') => !std::mem::replace(&mut begun, true),
            Some('m') => {
                in_media = true;
                begun
            }
            Some(kind @ ('o' | 's' | 'c')) if !in_media => {
                let at = usize::from(kind == 's') + 2 * usize::from(kind == 'c');
                seen.get_mut(at).is_none_or(|seen| !std::mem::replace(seen, true)) && begun
            }
            Some('c' | 'b' | 't' | 'a') => begun,
            _ => false,
        };
        if !keep {
            line.clear();
        }
    }
}

/// The number of the line that was refused, counted from 1.
fn line_of(error: &ParserError) -> usize {
    use ParserError::*;
    match *error {
        InvalidLineFormat(line, _)
        | InvalidFieldEncoding(line, _)
        | InvalidFieldFormat(line, _)
        | MissingField(line, _)
        | FieldTrailingData(line, _)
        | InvalidVersion(line, _)
        | MultipleVersions(line)
        | MultipleOrigins(line)
        | MultipleSessionNames(line)
        | MultipleSessionDescription(line)
        | MultipleUris(line)
        | MultipleConnections(line)
        | MultipleTimeZones(line)
        | MultipleMediaTitles(line)
        | MultipleKeys(line)
        | RepeatWithoutTime(line) => line,
        // No version line, and what older releases complained of.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use crate::Session;

    const PLAIN: &str =
        "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

    #[test]
    fn a_plain_description_is_read_and_written_back() {
        let session = Session::parse(PLAIN.as_bytes()).unwrap();
        assert_eq!(session.to_string(), PLAIN);
        assert_eq!((session.version(), session.media_count()), (2, 1));
    }

    #[test]
    fn what_does_not_matter_may_be_broken() {
        for line in [
            "t=now later",
            "z=x",
            "b=AS",
            "k=",
            "r=7d",
            "nonsense",
            "=",
            "a",
            "o=too short",
            "s=\u{fffd}",
            "i=x\r\ni=y",
            "o=- 99999999999999999999999 1 IN IP4 192.0.2.1",
            "X-vendor: 1",
            "a=\0",
            " ",
            "\u{0}",
        ] {
            let text = PLAIN.replace("s=-", &format!("s=-\r\n{line}"));
            assert!(Session::parse(text.as_bytes()).is_ok(), "{line:?}");
            let text = format!("{PLAIN}{line}\r\n");
            assert!(Session::parse(text.as_bytes()).is_ok(), "{line:?} below m=");
        }
        assert!(Session::parse(PLAIN.replace("\r\n", "\n").as_bytes()).is_ok());
        assert!(Session::parse(PLAIN.replace("m=audio 4000", "m=audio  4000 ").as_bytes()).is_ok());
        assert!(Session::parse(b"v=0\nm=audio 4000 RTP/AVP 0").is_ok());
        assert!(Session::parse(b"v=0\ns=\xff\xfe\nm=audio 4000 RTP/AVP 0").is_ok());
    }

    #[test]
    fn what_matters_is_an_error_with_its_line() {
        assert_eq!(Session::parse(b"").unwrap_err().line, 0);
        assert_eq!(Session::parse(b"v=1\n").unwrap_err().line, 1);
        assert_eq!(
            Session::parse(PLAIN.replace("m=audio 4000", "m=audio x").as_bytes()).unwrap_err().line,
            6
        );
        assert_eq!(
            Session::parse(PLAIN.replace("c=IN IP4 192.0.2.1", "c=IN").as_bytes()).unwrap_err().line,
            4
        );
        assert!(Session::parse(&[b'a'; 70_000]).is_err());
        assert!(Session::parse(format!("v=0\n{}", "t=x\n".repeat(40)).as_bytes()).is_err());
    }
}
