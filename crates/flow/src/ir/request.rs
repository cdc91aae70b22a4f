//! Operations that ask elsewhere: HTTP requests, programs that arrive while running, other documents.

use std::time::Duration;

use super::{Expr, Template};
use crate::lower::Dialect;

/// An HTTP request that a flow makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET`, `POST`, …; evaluated because VoIPBIN allows variables in it.
    pub method: Template,
    /// Where.
    pub url: Template,
    /// Named values in order; what is undefined, and with `omit_empty` what is empty, is left out.
    pub fields: Vec<(String, Expr)>,
    /// How the fields travel.
    pub encoding: Encoding,
    /// Leave empty values out.
    pub omit_empty: bool,
    /// More headers.
    pub headers: Vec<(String, Template)>,
    /// Time limit for the whole exchange.
    pub timeout: Duration,
    /// Tries after the first when no connection could be made.
    pub retries: u32,
}

/// How the fields of a [`Request`] travel.
#[derive(Clone, Debug, PartialEq)]
pub enum Encoding {
    /// Appended to the URL's query; nested values as JSON text, or as `name[key]=` with `brackets`.
    Query {
        /// `Digits[name]=123` for nested objects.
        brackets: bool,
    },
    /// `application/x-www-form-urlencoded`.
    Form {
        /// As for `Query`.
        brackets: bool,
    },
    /// `application/json`, one object.
    Json,
    /// `application/xml`, one element a field below this root.
    Xml(String),
    /// The text as it stands, with this content type; the fields are not used.
    Raw {
        /// The body.
        body: Template,
        /// Its content type.
        content_type: Template,
    },
}

/// Asking for a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// The request.
    pub request: Request,
    /// How the reply is read.
    pub reply: Reply,
    /// What becomes of the running program.
    pub install: Install,
}

/// How a reply is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A program in this dialect.
    Program(Dialect),
    /// Nothing is expected; the node is `Done` whatever comes (Voxology's `end_call`).
    Ignored,
}

/// What becomes of the running program when a fetched one is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Install {
    /// It is gone (pivot, callback loop, REDIRECT).
    Replace,
    /// It goes on at the node's `Done` edge afterwards (VoIPBIN fetch).
    Push,
}

/// Another document of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Subflow {
    /// Its id.
    pub id: Template,
    /// Whether to come back.
    pub install: Install,
}

/// Telling an HTTP server something.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// The request.
    pub request: Request,
    /// Whether the flow waits for the reply.
    pub wait: bool,
}
