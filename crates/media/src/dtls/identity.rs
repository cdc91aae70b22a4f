//! The certificate that we show in handshakes, and how handshakes are held.
//!
//! It is made when the server starts and signed by nobody but itself: what makes it ours is its fingerprint in the
//! session description (RFC 5763 §3).

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslContext, SslMethod, SslOptions, SslVerifyMode, SslVersion};
use openssl::x509::{X509, X509NameBuilder};

use super::hello::COOKIE;

/// The suites of RFC 5764 §4.1.2 and RFC 7714 §14.2, most wanted first.
const SUITES: &str =
    "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32";

/// Keys are fresh for each handshake. Old phones have RSA keys of 1024 bits, which level 1 takes: what is proven is the
/// fingerprint.
const CIPHERS: &str = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:DHE+AES:!aNULL:@SECLEVEL=1";

/// The days that the certificate is good for; peers look at its fingerprint only.
const DAYS: u32 = 3_650;

/// What every handshake of this start begins with.
pub(crate) struct Identity {
    pub(super) context: SslContext,
    /// SHA-256 of the certificate.
    pub(crate) fingerprint: Vec<u8>,
}

impl Identity {
    /// A new key and certificate: some hundred microseconds.
    pub(crate) fn new() -> Result<Identity, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let certificate = certificate(&key)?;
        let mut context = SslContext::builder(SslMethod::dtls())?;
        context.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
        let once = SslOptions::NO_TICKET | SslOptions::NO_RENEGOTIATION;
        context.set_options(SslOptions::NO_QUERY_MTU | SslOptions::COOKIE_EXCHANGE | once);
        // Who comes as far as OpenSSL has echoed a cookie that a worker asked for and looked at: `guard/callers.rs`.
        context.set_cookie_generate_cb(|_, cookie| {
            cookie[..COOKIE].fill(0);
            Ok(COOKIE)
        });
        context.set_cookie_verify_cb(|_, _| true);
        context.set_cipher_list(CIPHERS)?;
        context.set_certificate(&certificate)?;
        context.set_private_key(&key)?;
        context.set_tlsext_use_srtp(SUITES)?;
        // Nobody signed the peer's certificate either: its fingerprint is judged when the handshake is over.
        let verify = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
        context.set_verify_callback(verify, |_, _| true);
        let fingerprint = certificate.digest(MessageDigest::sha256())?.to_vec();
        Ok(Identity { context: context.build(), fingerprint })
    }
}

pub(super) fn certificate(key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    name.append_entry_by_nid(Nid::COMMONNAME, "offhook")?;
    let name = name.build();
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
    builder.set_not_after(Asn1Time::days_from_now(DAYS)?.as_ref())?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}
