//! What a call's flow is told, with its journal, and the web servers that it asks.

use std::sync::Arc;
use std::time::Instant;

use flow::engine::Input;
use flow::leg::Tag;
use flow::trace::What;
use flow::{HttpFailure, HttpRequest};
use store::Document;

use super::run::Call;
use super::{Mail, post};

/// Requests of one flow on their way at a time; a flow that makes more has gone mad.
const REQUESTS: usize = 32;

/// A request on its way, for the trace of one whose flow is over when the reply comes.
pub(super) struct Request {
    method: String,
    url: String,
    began: Instant,
}

impl Call {
    /// Tells the flow something, and its journal.
    pub(super) fn tell(&mut self, now: Instant, input: Input) {
        if !self.flow_runs() {
            return;
        }
        self.journal(now, &input, None);
        self.machine.handle(now, input);
    }

    /// Writes down what the flow is told.
    pub(super) fn journal(&mut self, now: Instant, input: &Input, document: Option<&Arc<Document>>) {
        if let Some(journal) = &mut self.journal {
            let at = now.saturating_duration_since(self.record.timeline.began());
            journal.input(at, input, document);
        }
    }

    /// A web server answered, or did not.
    pub(super) fn replied(&mut self, now: Instant, tag: Tag, result: Result<flow::HttpReply, HttpFailure>) {
        let Some(request) = self.requests.remove(&tag) else { return };
        let latency = now.saturating_duration_since(request.began);
        metrics::histogram!("offhook_http_seconds").record(latency.as_secs_f64());
        let outcome = match &result {
            Ok(reply) if reply.status < 400 => "ok",
            Ok(_) => "status",
            Err(failure) if failure.timeout => "timeout",
            Err(_) => "failed",
        };
        metrics::counter!("offhook_http_requests_total", "outcome" => outcome).increment(1);
        if self.machine.is_over() {
            let (status, note) = match &result {
                Ok(reply) => (reply.status, reply.note.clone()),
                Err(failure) => (0, failure.why.clone()),
            };
            let Request { method, url, .. } = request;
            let latency_ms = latency.as_millis() as u64;
            self.record.timeline.add(now, What::Http { method, url, status, latency_ms, note });
        }
        // A flow that is over does not listen; its journal does.
        self.tell(now, Input::Http(tag, result));
    }

    /// The flow asks a web server.
    pub(super) fn request(&mut self, now: Instant, tag: Tag, request: HttpRequest) {
        let (method, url) = (request.method.clone(), request.url.clone());
        self.requests.insert(tag, Request { method, url, began: now });
        if self.requests.len() > REQUESTS {
            let why = format!("{REQUESTS} requests are on their way already");
            post(&self.mail, Mail::Http(tag, Err(HttpFailure { why, timeout: false })));
            return;
        }
        let (http, mail) = (self.shared.http.clone(), self.mail.clone());
        self.shared.tasks.spawn(async move {
            let result = http.exchange(&request).await;
            post(&mail, Mail::Http(tag, result));
        });
    }
}
