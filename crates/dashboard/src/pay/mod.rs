//! The page on which a customer pays a payment request, at `/pay/{token}`.
//!
//! Whoever has the link may see it and pay. A form is sent by POST and answered by the way back to the page, which shows
//! what has become of it, so that loading it again pays nothing. It needs no script, but for Stripe's own element, which
//! sends the card's number to Stripe from a frame of Stripe's; here a number that looks like a card's is refused.
//! `docs/payment-page.md` tells more.

mod language;
mod locale;
mod page;
mod view;
mod words;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::headers::page as render;
pub(crate) use language::Language;

/// For pages with Stripe's element: its script, its frames and its requests too, as Stripe documents them.
const STRIPE_POLICY: &str = "default-src 'none'; script-src 'self' https://js.stripe.com https://*.js.stripe.com; \
     style-src 'self'; img-src 'self' data:; connect-src 'self' https://api.stripe.com; \
     frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'";

/// Adds the page.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config.service(
        web::resource("/pay/{token}")
            .route(web::get().to(page::show))
            .route(web::method(Method::HEAD).to(page::show))
            .route(web::post().to(page::pay))
            .default_service(web::route().to(others)),
    );
}

async fn others() -> HttpResponse {
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, HEAD, POST")).finish()
}

/// A page with what all of them have: nothing of it is kept, and nobody whom it links to hears of it, since its address
/// is all that is needed to see it.
fn answer(status: StatusCode, template: &impl Template, has_stripe: bool) -> HttpResponse {
    let mut answer = render(status, template);
    let headers = answer.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if has_stripe {
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(opener, HeaderValue::from_static("same-origin-allow-popups"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(STRIPE_POLICY));
    }
    answer
}

/// Whether a browser says that another site sends the form. With `no-referrer` there is no usable `Origin`.
fn is_from_elsewhere(request: &HttpRequest) -> bool {
    let site = request.headers().get("sec-fetch-site");
    site.is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}
