//! All pages on one screen.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig, get, post};
use actix_web::{Error, HttpMessage};

use crate::dashboard::Dashboard;
use crate::headers::add_page_headers;
use crate::pages::{payment, payment_actions, payments};
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
        .route("/sign-out", post().to(sign_in::leave))
        .route("/payments", get().to(payments::list))
        .route("/payments/rows", get().to(payments::rows))
        .route("/payments/{id}", get().to(payment::show))
        .route("/payments/{id}/{act}", get().to(payment_actions::ask))
        .route("/payments/{id}/{act}", post().to(payment_actions::act));
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
