//! Pages about the server itself, which need no key: its health, its metrics, and its documentation.

use std::future::Future;
use std::sync::atomic::Ordering;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::endpoint::COMMON_FORM;
use crate::state::State;
use crate::{docs_page, reply};

/// The documents that never change while the server runs.
pub(crate) struct Documents {
    openapi: Bytes,
    docs: Bytes,
}

impl Documents {
    pub(crate) fn render() -> Self {
        let document = crate::openapi();
        let json = document.to_json().expect("the document is made of texts and numbers");
        let value = serde_json::from_str(&json).expect("what was just written is JSON");
        Documents { openapi: Bytes::from(json), docs: Bytes::from(docs_page::render(&value)) }
    }
}

/// Whether the server is alive.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    status: HealthStatus,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HealthStatus {
    Ok,
}

/// Whether the server can do its work, and what of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready` when all parts are; `ending` when they are, and the server is about to end.
    status: ReadinessStatus,
    /// Whether the database answers.
    database: bool,
    /// Whether the database has the schema that this version needs.
    schema: bool,
    /// Whether the background workers run.
    workers: bool,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReadinessStatus {
    Ready,
    NotReady,
    /// Everything is well, and the server is about to end.
    Ending,
}

/// A page at a path.
pub(crate) struct Page<'a, F> {
    path: &'static str,
    state: &'a State,
    run: F,
}

/// A page at a path that everybody may read.
pub(crate) fn page<'a, F>(path: &'static str, state: &'a State, run: F) -> Page<'a, F> {
    Page { path, state, run }
}

impl<F, R> Page<'_, F>
where
    F: Fn(State) -> R + Clone + 'static,
    R: Future<Output = HttpResponse> + 'static,
{
    /// Registers the page; every method but GET is 405.
    pub(crate) fn register(self, config: &mut ServiceConfig) {
        let others = reply::method_not_allowed(self.state, self.path, &["GET"], COMMON_FORM);
        let (state, run) = (self.state.clone(), self.run);
        let get = web::get().to(move || {
            let request_id = state.request_ids.next();
            let page = run(state.clone());
            async move {
                let mut response = page.await;
                reply::tag(&mut response, &request_id);
                response
            }
        });
        config.service(web::resource(self.path).route(get).default_service(web::route().to(others)));
    }
}

pub(crate) async fn healthz(_: State) -> HttpResponse {
    build(StatusCode::OK).json(Health { status: HealthStatus::Ok })
}

pub(crate) async fn readyz(state: State) -> HttpResponse {
    let readiness = state.engine.readiness().await;
    let is_well = readiness.database && readiness.schema && readiness.workers;
    let (code, status) = match (is_well, state.is_ending.load(Ordering::Relaxed)) {
        (true, false) => (StatusCode::OK, ReadinessStatus::Ready),
        (true, true) => (StatusCode::SERVICE_UNAVAILABLE, ReadinessStatus::Ending),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, ReadinessStatus::NotReady),
    };
    build(code).json(Readiness {
        status,
        database: readiness.database,
        schema: readiness.schema,
        workers: readiness.workers,
    })
}

pub(crate) async fn metrics(state: State) -> HttpResponse {
    build(StatusCode::OK)
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body((state.render_metrics)())
}

pub(crate) async fn openapi(state: State) -> HttpResponse {
    build(StatusCode::OK).content_type("application/json").body(state.documents.openapi.clone())
}

pub(crate) async fn docs(state: State) -> HttpResponse {
    // Nothing on the page comes from elsewhere, and nothing on it runs.
    let policy =
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    build(StatusCode::OK)
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .content_type("text/html; charset=utf-8")
        .body(state.documents.docs.clone())
}

pub(crate) async fn docs_style(_: State) -> HttpResponse {
    build(StatusCode::OK).content_type("text/css; charset=utf-8").body(docs_page::STYLE)
}

fn build(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    response
}
