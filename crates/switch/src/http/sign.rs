//! The signature that tells a web server that a request is ours: HMAC-SHA256 (RFC 2104) over its time, method, address
//! and body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries it.
pub(super) const HEADER: &str = "x-offhook-signature";

/// `t=1700000000,v1=5257a8…`: `v1` is the HMAC of `t.METHOD.URL.` and the body, in hex. The URL is the one asked, with its
/// query and without a fragment.
pub(super) fn signature(key: &str, time: i64, method: &str, url: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(format!("{time}.{method}.{url}.").as_bytes());
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl dgst -sha256 -hmac s3cret` says it.
    #[test]
    fn the_signature_is_what_others_compute() {
        let body = br#"{"type":"init_call"}"#;
        assert_eq!(
            signature("s3cret", 1_700_000_000, "POST", "https://example.com/voice?a=1", body),
            "t=1700000000,v1=d9222b2683b8a3cc82a8c7c0adf67a21b272f473d9d97326547d81678ee84dc5"
        );
        let other = signature("s3cret", 1_700_000_000, "POST", "https://example.com/voice?a=2", body);
        assert!(!other.contains("d9222b2683b8a3cc82a8c7c0adf67a21b272f473d9d97326547d81678ee84dc5"));
    }
}
