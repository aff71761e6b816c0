//! All pages on one screen.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig, get, post};
use actix_web::{Error, HttpMessage};

use crate::dashboard::Dashboard;
use crate::headers::add_page_headers;
use crate::pages::{
    access, account, audit_log, customers, events, invoices, journal, new_payment, open_items, overview,
    payment, payment_actions, payment_requests, payments, processor_accounts, settings, users, webhooks,
};
use crate::trouble::Trouble;
use crate::visit::NewCookies;
use crate::{assets, pay, sign_in};

/// How large a form may be.
const LARGEST_FORM: usize = 64 * 1024;

/// Adds the pages to an actix application.
pub fn configure(config: &mut ServiceConfig, dashboard: Dashboard) {
    config.app_data(web::Data::from(dashboard.0));
    config.route("/assets/{file}", get().to(assets::serve));
    pay::configure(config);
    let pages = web::scope("/dashboard")
        .wrap(from_fn(finish))
        .app_data(web::PayloadConfig::new(LARGEST_FORM))
        .route("", get().to(sign_in::door))
        .route("/", get().to(sign_in::door))
        .route("/sign-in", get().to(sign_in::show))
        .route("/sign-in", post().to(sign_in::enter))
        .route("/enter/{secret}", get().to(sign_in::enter_by_link))
        .service(web::scope("/{mode}").configure(of_a_mode))
        .default_service(web::to(nothing_here));
    config.service(pages);
}

/// The pages of one mode.
fn of_a_mode(config: &mut ServiceConfig) {
    config
        .route("", get().to(overview::show))
        .route("/", get().to(overview::show))
        .route("/sign-out", post().to(sign_in::leave))
        .route("/payments", get().to(payments::list))
        .route("/payments/rows", get().to(payments::rows))
        .route("/payments/new", get().to(new_payment::ask))
        .route("/payments/new", post().to(new_payment::create))
        .route("/payments/{id}", get().to(payment::show))
        .route("/payments/{id}/{act}", get().to(payment_actions::ask))
        .route("/payments/{id}/{act}", post().to(payment_actions::act))
        .route("/payment-requests", get().to(payment_requests::list))
        .route("/payment-requests/new", get().to(payment_requests::ask))
        .route("/payment-requests/new", post().to(payment_requests::create))
        .route("/payment-requests/{id}", get().to(payment_requests::show))
        .route("/payment-requests/{id}/{act}", post().to(payment_requests::act))
        .route("/customers", get().to(customers::list))
        .route("/customers/new", get().to(customers::ask))
        .route("/customers/new", post().to(customers::create))
        .route("/customers/{id}", get().to(customers::show))
        .route("/customers/{id}/{act}", post().to(customers::act))
        .route("/invoices", get().to(invoices::list))
        .route("/invoices/new", get().to(invoices::ask))
        .route("/invoices/new", post().to(invoices::create))
        .route("/invoices/{id}", get().to(invoices::show))
        .route("/invoices/{id}/void", post().to(invoices::void))
        .route("/transactions", get().to(journal::list))
        .route("/transactions/{id}", get().to(journal::show))
        .route("/transactions/{id}", post().to(journal::amend))
        .route("/balances", get().to(journal::balances))
        .configure(of_operators);
}

/// The pages of those who look after payments, programs and people.
fn of_operators(config: &mut ServiceConfig) {
    config
        .route("/open-items", get().to(open_items::list))
        .route("/open-items/{id}", get().to(open_items::show))
        .route("/open-items/{id}/{act}", post().to(open_items::act))
        .route("/attempts/{id}/resolve", get().to(open_items::of_attempt))
        .route("/webhooks", get().to(webhooks::list))
        .route("/webhooks/new", get().to(webhooks::ask))
        .route("/webhooks/new", post().to(webhooks::create))
        .route("/webhooks/{id}", get().to(webhooks::show))
        .route("/webhooks/{id}/{act}", post().to(webhooks::act))
        .route("/webhooks/{id}/deliveries/{event}", get().to(webhooks::delivery))
        .route("/webhooks/{id}/deliveries/{event}", post().to(webhooks::redeliver))
        .route("/events", get().to(events::list))
        .route("/events/{id}", get().to(events::show))
        .route("/events/{id}", post().to(events::redeliver))
        .route("/api-keys", get().to(access::list))
        .route("/api-keys/new", get().to(access::ask))
        .route("/api-keys/new", post().to(access::create))
        .route("/api-keys/{id}", get().to(access::show))
        .route("/api-keys/{id}/{act}", post().to(access::act))
        .route("/users", get().to(users::list))
        .route("/users/new", get().to(users::ask))
        .route("/users/new", post().to(users::create))
        .route("/users/{id}", get().to(users::show))
        .route("/users/{id}/{act}", post().to(users::act))
        .route("/account", get().to(account::show))
        .route("/account/{act}", post().to(account::act))
        .route("/account/sessions/{id}", get().to(account::session))
        .route("/account/sessions/{id}", post().to(account::end_session))
        .route("/audit-log", get().to(audit_log::list))
        .route("/audit-log/{id}", get().to(audit_log::show))
        .route("/settings", get().to(settings::show))
        .route("/settings", post().to(settings::change))
        .route("/settings/processors/new", get().to(processor_accounts::ask))
        .route("/settings/processors/new", post().to(processor_accounts::create))
        .route("/settings/processors/{id}", get().to(processor_accounts::show))
        .route("/settings/processors/{id}/{act}", post().to(processor_accounts::act));
}

/// Gives every answer the cookies that were set on the way, and what browsers have to know.
async fn finish<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let mut answer = next.call(request).await?;
    let cookies = answer.request().extensions_mut().remove::<NewCookies>().unwrap_or_default();
    for cookie in &cookies.0 {
        if let Err(error) = answer.response_mut().add_cookie(cookie) {
            tracing::error!(%error, "a cookie could not be set");
        }
    }
    add_page_headers(answer.headers_mut());
    Ok(answer)
}

async fn nothing_here() -> Result<actix_web::HttpResponse, Trouble> {
    Err(Trouble::nothing_here())
}
