//! Modules that speak HTTP: `pivot`, which asks a web server for the rest of the flow, and `webhook`, which tells one.

use std::time::Duration;

use serde_json::Value;

use super::record::{URL, last_recording};
use super::variable::{CUSTOM, caller_name, caller_number};
use super::{Step, Walk};
use crate::ir::{
    Assign, Binary, Condition, Edges, Encoding, Expr, Fact, Fetch, Install, NodeId, Op, Outcome, Part, Reply,
    Request, Target, Template, Webhook,
};
use crate::lower::{Code, Dialect};

/// The variable with the address that is told of the call when it is over.
const CDR: &str = "pivot_cdr_url";

/// Kazoo's limit for a pivot request, which is its default too.
pub(super) const TIMEOUT: Duration = Duration::from_millis(5_000);

impl Walk<'_> {
    /// The reply replaces the rest of this flow; a failure of any kind goes on at `_`, without another try.
    pub(super) fn pivot(&mut self, step: &Step<'_>) -> NodeId {
        let Some(url) = self.address(step, "voice_url") else { return self.onward(Op::Noop, step) };
        let format = step.data.text(&mut self.builder, "req_format").unwrap_or_else(|| "kazoo".to_owned());
        let twiml = format.eq_ignore_ascii_case("twiml");
        if !twiml && !format.eq_ignore_ascii_case("kazoo") {
            let message = format!("unknown format `{format}`: expected `kazoo` or `twiml`; both are read");
            self.report(Code::BadValue, &step.data.at("req_format"), message);
        }
        let record = step.data.text(&mut self.builder, "cdr_url").filter(|url| !url.is_empty());
        if record.is_some() && !twiml {
            let message = "call records are only sent with `req_format` `twiml`, in Kazoo too";
            self.report(Code::IgnoredOption, &step.data.at("cdr_url"), message);
        }
        let timeout = step.data.millis(&mut self.builder, "req_timeout_ms").unwrap_or(TIMEOUT);
        if timeout > TIMEOUT {
            self.report(Code::OutOfRange, &step.data.at("req_timeout_ms"), "at most 5000 ms; 5000 is taken");
        }
        let body = step.data.text(&mut self.builder, "req_body_format").unwrap_or_default();
        let encoding = self.encoding(step, "method", "get", &body);
        let request = Request {
            method: Template::literal(if matches!(encoding, Encoding::Query { .. }) {
                "GET"
            } else {
                "POST"
            }),
            url: Template::literal(url),
            fields: parameters(),
            encoding,
            omit_empty: true,
            headers: Vec::new(),
            timeout: timeout.min(TIMEOUT),
            retries: 0,
        };
        let reply = Reply::Program(Dialect::Kazoo);
        let fetch = self.onward(Op::Fetch(Fetch { request, reply, install: Install::Replace }), step);
        match record.filter(|_| twiml) {
            Some(url) => self.recorded(url, fetch, step),
            None => fetch,
        }
    }

    /// From here on the call is reported when it is over.
    fn recorded(&mut self, url: String, next: NodeId, step: &Step<'_>) -> NodeId {
        if self.builder.program().on_gone.is_none() {
            let variable = || Expr::Variable(CDR.to_owned());
            let seconds = Expr::Binary(
                Binary::Div,
                Box::new(Expr::Fact(Fact::Elapsed)),
                Box::new(Expr::Literal(Value::from(1_000))),
            );
            let whole = Expr::Call(None, "parseInt".to_owned(), vec![seconds]);
            let mut fields = parameters();
            fields.push(("Duration".to_owned(), whole));
            let request = Request {
                method: Template::literal("POST"),
                url: Template(vec![Part::Value(variable())]),
                fields,
                encoding: Encoding::Form { brackets: true },
                omit_empty: true,
                headers: Vec::new(),
                timeout: TIMEOUT,
                retries: 0,
            };
            let tell =
                self.add(Op::Webhook(Webhook { request, wait: true }), Edges::always(Target::Return), step);
            let asked = Edges::always(Target::Return).case(Outcome::Yes, Target::Node(tell));
            let gone = self.add(Op::If(Condition::Expr(variable())), asked, step);
            self.builder.program().on_gone = Some(gone);
        }
        let set = |value: Value| {
            let (path, value) = (vec![CDR.to_owned()], Expr::Literal(value));
            Op::Set(vec![Assign { path, value, computed: None, merge: false }])
        };
        // Nothing is told of a call whose server had no flow for it.
        let failed = self.onward(set(Value::Null), step);
        self.builder.edges(next, Edges::always(Target::Node(failed)));
        self.add(set(url.into()), Edges::always(Target::Node(next)), step)
    }

    /// Fire and forget; goes on at `_` at once.
    pub(super) fn webhook(&mut self, step: &Step<'_>) -> NodeId {
        self.only_next("webhook", step);
        let Some(url) = self.address(step, "uri") else { return self.onward(Op::Noop, step) };
        let encoding = self.encoding(step, "http_verb", "post", "form");
        let mut fields = vec![("hook_event".to_owned(), Expr::Literal(Value::from("callflow")))];
        let facts = [
            ("call_id", Expr::Fact(Fact::SipCallId)),
            ("account_id", Expr::Fact(Fact::AccountId)),
            ("call_direction", Expr::Fact(Fact::Direction)),
            ("caller_id_name", caller_name()),
            ("caller_id_number", caller_number()),
            ("from", address(Fact::CallerNumber, Fact::CallerDomain)),
            ("to", address(Fact::CalledNumber, Fact::CalledDomain)),
            ("request", address(Fact::CalledNumber, Fact::CalledDomain)),
        ];
        fields.extend(facts.map(|(name, value)| (name.to_owned(), value)));
        if let Some(custom) = step.data.get("custom_data") {
            fields.push(("custom_data".to_owned(), Expr::Literal(custom.clone())));
        }
        let request = Request {
            method: Template::literal(if matches!(encoding, Encoding::Query { .. }) {
                "GET"
            } else {
                "POST"
            }),
            url: Template::literal(url),
            fields,
            encoding,
            omit_empty: true,
            headers: Vec::new(),
            timeout: TIMEOUT,
            retries: step.data.count(&mut self.builder, "retries").unwrap_or(0).min(5),
        };
        self.onward(Op::Webhook(Webhook { request, wait: false }), step)
    }

    /// An address that can be asked; anything else is told, and the module is skipped.
    fn address(&mut self, step: &Step<'_>, key: &str) -> Option<String> {
        let url = self.required(step, key)?.trim().to_owned();
        let lower = url.to_ascii_lowercase();
        if lower.starts_with("http://") || lower.starts_with("https://") {
            return Some(url);
        }
        self.report(
            Code::BadUrl,
            &step.data.at(key),
            format!("`{url}` cannot be asked: expected http:// or https://"),
        );
        None
    }

    /// Query for GET, form or JSON body for POST.
    fn encoding(&mut self, step: &Step<'_>, key: &str, usual: &str, body: &str) -> Encoding {
        let method = step.data.text(&mut self.builder, key).unwrap_or_else(|| usual.to_owned());
        match (method.to_ascii_lowercase().as_str(), body.to_ascii_lowercase().as_str()) {
            ("get", _) => Encoding::Query { brackets: true },
            ("post", "json") => Encoding::Json,
            ("post", _) => Encoding::Form { brackets: true },
            (other, _) => {
                self.report(
                    Code::BadValue,
                    &step.data.at(key),
                    format!("unknown method `{other}`: expected GET or POST; GET is taken"),
                );
                Encoding::Query { brackets: true }
            }
        }
    }
}

/// The request parameters of seed 000, in its order; what is empty is left out.
pub(super) fn parameters() -> Vec<(String, Expr)> {
    let text = |text: &str| Box::new(Expr::Literal(Value::from(text)));
    let status = || Box::new(Expr::Fact(Fact::Status));
    let is = |word: &str| Box::new(Expr::Binary(Binary::Eq, status(), text(word)));
    let over = Box::new(Expr::Ternary(is("hangup"), text("completed"), status()));
    let fields = [
        ("Call-ID", Expr::Fact(Fact::SipCallId)),
        ("Account-ID", Expr::Fact(Fact::AccountId)),
        ("From", Expr::Fact(Fact::CallerNumber)),
        ("From-Realm", Expr::Fact(Fact::CallerDomain)),
        ("To", Expr::Fact(Fact::CalledNumber)),
        ("To-Realm", Expr::Fact(Fact::CalledDomain)),
        ("Request", Expr::Fact(Fact::CalledNumber)),
        ("Request-Realm", Expr::Fact(Fact::CalledDomain)),
        ("Call-Status", Expr::Ternary(is("progressing"), text("in-progress"), over)),
        ("Api-Version", *text("4.x")),
        ("Direction", Expr::Fact(Fact::Direction)),
        ("Caller-ID-Name", caller_name()),
        ("Caller-ID-Number", caller_number()),
        ("User-ID", Expr::Fact(Fact::User)),
        ("Language", Expr::Fact(Fact::Language)),
        ("Recording-Url", Expr::Variable(URL.to_owned())),
        ("Recording-Duration", Expr::Fact(Fact::RecordedSeconds)),
        ("Recording-ID", last_recording("id")),
        ("Digits", Expr::Fact(Fact::Collections)),
        ("Custom-Application-Vars", Expr::Variable(CUSTOM.to_owned())),
    ];
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

/// `number@realm`.
fn address(number: Fact, realm: Fact) -> Expr {
    let parts =
        vec![Part::Value(Expr::Fact(number)), Part::Literal("@".into()), Part::Value(Expr::Fact(realm))];
    Expr::Template(Template(parts))
}
