//! Processors' webhooks: no API key, but the processor's own signature of the body's bytes.
//!
//! Whoever is not an account's processor learns nothing but that. Nothing of a body or signature is logged or repeated.

use std::rc::Rc;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::web::{self, ServiceConfig};
use florin_engine::views::{Answer, Refused};
use serde::Serialize;
use utoipa::ToSchema;

use crate::body;
use crate::endpoint::COMMON_FORM;
use crate::observe::Observer;
use crate::rate_limit::{Class, LimitHeaders, Quota, Subject};
use crate::reply::{self, respond};
use crate::state::State;

/// Where processors send their webhooks.
pub(crate) const PATH: &str = "/v1/processor_webhooks/{account}";

/// The most bytes a webhook may have.
const MAX_WEBHOOK_BYTES: usize = 256 * 1024;

/// How many webhooks each account takes, which may all come at once. Only those accounts are counted that exist.
const QUOTA: Quota = Quota { name: "webhooks", limit: 1000, seconds: 10 };

/// That a webhook was received.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookReceived {
    /// Always true.
    received: bool,
}

/// Registers the route; every method but POST is 405.
pub(crate) fn register(config: &mut ServiceConfig, state: &State) {
    let others = reply::method_not_allowed(state, PATH, &["POST"], COMMON_FORM);
    let observer = Rc::new(Observer::new("POST", PATH));
    let state = state.clone();
    let post = web::post().to(move |request: HttpRequest, payload: web::Payload| {
        let (state, observer) = (state.clone(), Rc::clone(&observer));
        async move {
            let started = Instant::now();
            let request_id = state.request_ids.next();
            let received = receive(&state, request, payload).await;
            let answer = match received {
                Ok(()) => Answer::new(200, &WebhookReceived { received: true }),
                Err(refused) => refused.to_answer(&request_id),
            };
            observer.observe(answer.status, &request_id, started.elapsed());
            respond(&answer, &request_id, LimitHeaders::default())
        }
    });
    config.service(web::resource(PATH).route(post).default_service(web::route().to(others)));
}

async fn receive(state: &State, request: HttpRequest, payload: web::Payload) -> Result<(), Refused> {
    let account = request.match_info().get("account").unwrap_or_default();
    if !state.engine.has_account(account) {
        return Err(Refused::processor_account_unknown());
    }
    let subject = Subject::of_name("webhooks", account);
    if !state.limiter.admit(Class::Requests, subject, &[QUOTA]).await.is_admitted() {
        return Err(Refused::too_many_webhooks());
    }
    let deadline = state.settings.body_deadline;
    let bytes = body::read_bytes(&request, &mut payload.into_inner(), MAX_WEBHOOK_BYTES, deadline).await?;
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let webhook = state.engine.verify_webhook(account, &header, &bytes)?;
    let limit = state.settings.request_deadline;
    match tokio::time::timeout(limit, state.engine.note_webhook(webhook)).await {
        Ok(noted) => noted.map(drop),
        Err(_) => Err(Refused::outcome_unknown()),
    }
}
