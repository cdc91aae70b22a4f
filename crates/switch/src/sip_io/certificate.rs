//! What a certificate says, read from its DER: until when it is good, and whom it names (RFC 5922).
//!
//! Signatures and chains are rustls's business. Reading is total: what is malformed says nothing.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, the version, and `[3]`, the extensions, of a TBSCertificate (RFC 5280 §4.1).
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;
/// `uniformResourceIdentifier` of a GeneralName (RFC 5280 §4.2.1.6).
const URI: u8 = 0x86;
/// 2.5.29.17, subjectAltName.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];

/// When a certificate begins and ends to be good.
pub(super) fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let mut fields = fields(certificate)?;
    // Serial number, signature algorithm, issuer.
    let (_, validity) = fields.nth(3)?;
    let mut times = Elements(validity);
    Some((time(times.next()?)?, time(times.next()?)?))
}

/// The SIP domains that a certificate is for: its URIs of the form `sip:domain` (RFC 5922 §7.1).
pub(super) fn domains(certificate: &[u8]) -> Vec<String> {
    let found = || {
        let (_, extensions) = fields(certificate)?.find(|(tag, _)| *tag == EXTENSIONS)?;
        let (_, extensions) = Elements(extensions).next()?;
        let names = Elements(extensions).find_map(|(_, extension)| {
            let mut parts = Elements(extension);
            parts.next().filter(|part| *part == (OBJECT_ID, SUBJECT_ALT_NAME))?;
            parts.find(|(tag, _)| *tag == OCTET_STRING)
        })?;
        let (_, names) = Elements(names.1).next()?;
        let uris = Elements(names).filter(|(tag, _)| *tag == URI);
        Some(uris.filter_map(|(_, uri)| domain(std::str::from_utf8(uri).ok()?)).collect())
    };
    found().unwrap_or_default()
}

/// The domain of `sip:domain`; a URI with a user names that user alone.
fn domain(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let host = rest.split([';', '?', ':']).next()?;
    let whole = scheme.eq_ignore_ascii_case("sip") && !host.is_empty() && !rest.contains('@');
    whole.then(|| host.to_ascii_lowercase())
}

/// The fields of the TBSCertificate, the version left out.
fn fields(certificate: &[u8]) -> Option<impl Iterator<Item = (u8, &[u8])>> {
    let (_, certificate) = Elements(certificate).next().filter(|(tag, _)| *tag == SEQUENCE)?;
    let (_, signed) = Elements(certificate).next().filter(|(tag, _)| *tag == SEQUENCE)?;
    Some(Elements(signed).filter(|(tag, _)| *tag != VERSION))
}

fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // RFC 5280 §4.1.2.5.1: two digits stand for 1950 to 2049.
        UTC_TIME if text.len() == 12 => {
            let century = if text.get(..2)? < "50" { "20" } else { "19" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    let moment = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The elements of a DER sequence's content.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&short, mut rest) = rest.split_first()?;
        let mut length = usize::from(short);
        if short & 0x80 != 0 {
            let (bytes, after) =
                rest.split_at_checked(usize::from(short & 0x7F)).filter(|(b, _)| b.len() <= 4)?;
            length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};

    #[test]
    fn names_and_dates_are_found_and_damage_is_survived() {
        let mut params = CertificateParams::new(vec!["pbx.example".to_owned()]).unwrap();
        for uri in ["sip:Example.ORG", "sip:alice@example.net", "https://example.com"] {
            params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        }
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 2), date_time_ymd(2060, 3, 4));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der = certificate.der().to_vec();
        assert_eq!(domains(&der), ["example.org"]);
        let (from, until) = validity(&der).unwrap();
        assert_eq!(
            (from.to_string(), until.to_string()),
            ("2020-01-02T00:00:00Z".into(), "2060-03-04T00:00:00Z".into())
        );
        for cut in 0..der.len() {
            let _ = (domains(&der[..cut]), validity(&der[..cut]));
            let mut damaged = der.clone();
            damaged[cut] ^= 0xFF;
            let _ = (domains(&damaged), validity(&damaged));
        }
    }
}
