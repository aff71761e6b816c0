//! Answers as HTTP responses.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use florin_engine::EventStream;
use florin_engine::export::{ExportFormat, ExportInterrupted, ExportKind, ExportStream};
use florin_engine::views::{Answer, ErrorCode, Refused};
use futures_util::stream;

use crate::endpoint::ErrorForm;
use crate::observe::Observer;
use crate::rate_limit::LimitHeaders;
use crate::state::State;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What a handler gives back when nothing was refused.
pub(crate) trait Reply: Sized {
    /// The same where errors have another form; what is no error stays as it is.
    fn in_form(self, _form: ErrorForm) -> Self {
        self
    }

    /// Its HTTP status.
    fn status(&self) -> u16;

    /// The response, with all its headers.
    fn into_response(self, request_id: &str, limits: LimitHeaders) -> HttpResponse;
}

impl Reply for Answer {
    fn in_form(self, form: ErrorForm) -> Self {
        form(self)
    }

    fn status(&self) -> u16 {
        self.status
    }

    fn into_response(self, request_id: &str, limits: LimitHeaders) -> HttpResponse {
        respond(&self, request_id, limits)
    }
}

/// A file that is made while it is sent.
pub(crate) struct Download {
    pub(crate) export: ExportStream,
    pub(crate) kind: ExportKind,
    pub(crate) format: ExportFormat,
}

impl Reply for Download {
    fn status(&self) -> u16 {
        StatusCode::OK.as_u16()
    }

    /// The body is sent in chunks, and an export that is broken off lacks the last one: actix closes the connection.
    fn into_response(self, request_id: &str, limits: LimitHeaders) -> HttpResponse {
        let content_type = content_type(self.format);
        let name = format!("attachment; filename=\"{}.{}\"", self.kind, self.format.as_str());
        let parts = stream::try_unfold(self.export, |mut export| async move {
            let rows = export.next().await?;
            Ok::<_, ExportInterrupted>(rows.map(|rows| (Bytes::from(rows), export)))
        });
        begin(StatusCode::OK, content_type, request_id, limits)
            .insert_header((header::CONTENT_DISPOSITION, name))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
            .streaming(Box::pin(parts))
    }
}

/// Events, as they happen.
pub(crate) struct EventStreamReply(pub(crate) EventStream);

impl Reply for EventStreamReply {
    fn status(&self) -> u16 {
        StatusCode::OK.as_u16()
    }

    fn into_response(self, request_id: &str, limits: LimitHeaders) -> HttpResponse {
        let pieces = stream::unfold(self.0, |mut events| async move {
            let piece = events.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(piece)), events))
        });
        begin(StatusCode::OK, "text/event-stream", request_id, limits)
            // A proxy that gathers what is sent would hold events back.
            .insert_header((HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")))
            .streaming(Box::pin(pieces))
    }
}

/// The content type of an export.
pub(crate) const fn content_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "text/csv; charset=utf-8; header=present",
        ExportFormat::Jsonl => "application/x-ndjson",
    }
}

fn begin(
    status: StatusCode,
    content_type: &'static str,
    request_id: &str,
    limits: LimitHeaders,
) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(content_type)))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((REQUEST_ID, request_id));
    if let Some(policy) = limits.policy {
        response.insert_header((RATE_LIMIT_POLICY, policy));
    }
    if let Some(state) = limits.state {
        response.insert_header((RATE_LIMIT, state));
    }
    response
}

/// An answer with all its headers.
pub(crate) fn respond(answer: &Answer, request_id: &str, limits: LimitHeaders) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = begin(status, "application/json", request_id, limits);
    if answer.replayed {
        response.insert_header((REPLAYED, HeaderValue::from_static("true")));
    }
    if let Some(seconds) = answer.retry_after_seconds {
        response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
    }
    add_what_the_status_demands(status, &mut response);
    response.body(answer.body.as_bytes().to_vec())
}

fn add_what_the_status_demands(status: StatusCode, response: &mut HttpResponseBuilder) {
    match status {
        StatusCode::UNAUTHORIZED => {
            response.insert_header((
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"florin\""),
            ));
        }
        // The rest of the body may still be on its way; nobody will read it.
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
            response.force_close();
        }
        _ => {}
    }
}

/// Adds the request's id to a response that was made elsewhere.
pub(crate) fn tag(response: &mut HttpResponse, request_id: &str) {
    if let Ok(value) = HeaderValue::try_from(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
}

/// A handler that answers 404.
pub(crate) fn path_not_found(
    state: &State,
    form: ErrorForm,
) -> impl Fn() -> Ready<HttpResponse> + Clone + 'static {
    let message = "There is nothing at this path; the paths are listed at /docs.";
    refuse(state, "unknown", Refused::new(ErrorCode::PathNotFound, message), None, form)
}

/// A handler that answers 405 and names the methods that a path has.
pub(crate) fn method_not_allowed(
    state: &State,
    path: &'static str,
    methods: &[&str],
    form: ErrorForm,
) -> impl Fn() -> Ready<HttpResponse> + Clone + 'static {
    let allow = methods.join(", ");
    let message = format!("This path does not have that method; it has {allow}.");
    let allow = HeaderValue::try_from(allow).expect("names of methods are ASCII");
    refuse(state, path, Refused::new(ErrorCode::MethodNotAllowed, message), Some(allow), form)
}

fn refuse(
    state: &State,
    path: &'static str,
    refused: Refused,
    allow: Option<HeaderValue>,
    form: ErrorForm,
) -> impl Fn() -> Ready<HttpResponse> + Clone + 'static {
    let state = state.clone();
    let observer = Rc::new(Observer::new("other", path));
    move || {
        let request_id = state.request_ids.next();
        let answer = form(refused.to_answer(&request_id));
        observer.observe(answer.status, &request_id, Duration::ZERO);
        let mut response = respond(&answer, &request_id, state.limiter.default_headers());
        if let Some(allow) = &allow {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
        ready(response)
    }
}
