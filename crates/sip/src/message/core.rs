//! The headers every message must have, RFC 3261 §8.1.1, read and checked at once.
//! An error names the header and where it stands, so that a 400 can say so.

use super::header::Name;
use super::{Address, Message, Method, Via, lex};
use crate::error::ParseError;

/// Via, From, To, Call-ID, CSeq and Max-Forwards of one message, borrowed from it.
#[derive(Clone, Debug)]
pub(crate) struct Core<'a> {
    /// The topmost Via.
    pub(crate) via: Via<'a>,
    pub(crate) from: Address<'a>,
    pub(crate) to: Address<'a>,
    pub(crate) call_id: &'a str,
    /// The number in CSeq.
    pub(crate) cseq: u32,
    /// The method in CSeq.
    pub(crate) method: Method,
    /// That method as it is written.
    pub(crate) method_token: &'a str,
    pub(crate) max_forwards: Option<u32>,
}

/// RFC 3261 §8.1.1.5: the number in CSeq is less than 2^31.
const CSEQ_MOST: u32 = 0x7fff_ffff;

impl<'a> Core<'a> {
    pub(super) fn of(message: &'a Message) -> Result<Self, ParseError> {
        let (at, line) = message.fields(Name::Via).next().ok_or_else(|| missing(Name::Via))?;
        let mut values = lex::list(line).map(Via::parse);
        let via = values.next().unwrap_or(Err("SIP/2.0")).map_err(|e| error(at, Name::Via, e))?;
        if let Some(Err(e)) = values.find(Result::is_err) {
            return Err(error(at, Name::Via, e));
        }
        let from = address(message, Name::From)?;
        let to = address(message, Name::To)?;
        let (at, call_id) = single(message, Name::CallId)?.ok_or_else(|| missing(Name::CallId))?;
        if call_id.is_empty() || call_id.bytes().any(|b| b <= b' ') {
            return Err(error(at, Name::CallId, "a word without spaces"));
        }
        let (at, cseq) = single(message, Name::CSeq)?.ok_or_else(|| missing(Name::CSeq))?;
        let (number, method_token) =
            cseq.split_once([' ', '\t']).ok_or(error(at, Name::CSeq, "a number and a method"))?;
        let method_token = method_token.trim();
        let cseq = lex::number(number, CSEQ_MOST).ok_or(error(at, Name::CSeq, "a number below 2^31"))?;
        if !lex::is_token(method_token) {
            return Err(error(at, Name::CSeq, "a method"));
        }
        if message.method().is_some() && message.method_token() != method_token {
            return Err(error(at, Name::CSeq, "the method of the request line"));
        }
        let max_forwards = match single(message, Name::MaxForwards)? {
            None => None,
            Some((at, text)) => {
                Some(lex::number(text, 255).ok_or(error(at, Name::MaxForwards, "a number from 0 to 255"))?)
            }
        };
        let method = Method::of(method_token);
        Ok(Core { via, from, to, call_id, cseq, method, method_token, max_forwards })
    }
}

fn error(at: usize, header: Name, expected: &'static str) -> ParseError {
    ParseError { at, header: Some(header.text()), expected }
}

fn missing(header: Name) -> ParseError {
    error(0, header, "the header")
}

/// The one field of a name that may stand once.
fn single(message: &Message, name: Name) -> Result<Option<(usize, &str)>, ParseError> {
    let mut fields = message.fields(name);
    let first = fields.next();
    match fields.next() {
        Some((at, _)) => Err(error(at, name, "one such header only")),
        None => Ok(first),
    }
}

fn address(message: &Message, name: Name) -> Result<Address<'_>, ParseError> {
    let (at, text) = single(message, name)?.ok_or_else(|| missing(name))?;
    Address::parse(text).map_err(|expected| error(at, name, expected))
}
