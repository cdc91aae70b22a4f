//! Reads all that can be read in a message: for the fuzz targets, which have no other way to the typed headers.

use crate::auth::client::Challenge;
use crate::body;
use crate::message::{Address, Message, Name, Via, lex};
use crate::reason::Cause;
use crate::session::Replaces;

/// Reads every header value as every type a header has. Returns how many were an address.
pub fn headers(message: &Message) -> usize {
    let _ = (message.problem(), message.core(), Challenge::of(message));
    let mut addresses = 0;
    for (_, line) in message.headers() {
        for value in lex::list(line) {
            let _ = (Via::parse(value), Replaces::parse(value), Cause::parse(value), lex::seconds(value));
            let _ = (lex::unquoted(value), lex::unescaped(value), lex::params(value).count());
            if let Ok(address) = Address::parse(value) {
                addresses += 1;
                let _ = (address.tag(), address.uri.param("lr"), address.uri.equivalent(&address.uri));
            }
        }
    }
    let line = |name| message.line(name);
    let _ = body::find_sdp(line(Name::ContentType), line(Name::ContentDisposition), message.body());
    addresses
}
