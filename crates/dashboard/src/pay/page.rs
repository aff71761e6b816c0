//! Showing the page, and paying on it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use florin_domain::{MethodRef, PageToken, TextRefused, contains_card_number};
use florin_engine::views::{ErrorCode, Refused};
use florin_engine::{PayOutcome, PayTry, PaymentPage};

use super::language::Language;
use super::view::{NoticePage, Place, RequestPage};
use super::words::Notice;
use super::{answer, is_from_elsewhere};
use crate::dashboard::{Shared, Tried};

/// More than any form of the page has.
const MAX_FORM_BYTES: usize = 4096;

/// How long a form may take to arrive.
const FORM_DEADLINE: Duration = Duration::from_secs(10);

/// In the query of the page: the payer's try came after the request had been paid.
const PAID_BEFORE: &str = "before=1";

/// In the query of the page: the payer comes back from where they had to act.
pub(super) const RETURNED: &str = "back=1";

/// When a page that can't be shown is worth another look, in seconds.
const SOON: u32 = 2;

/// What the payer sent.
struct Form {
    processor: String,
    method: MethodRef,
}

/// Why a form can't be used.
enum Unusable {
    /// It has a card's number in it.
    CardNumber,
    /// It names no way to pay.
    NoMethod,
    /// It did not arrive.
    Unread(StatusCode),
}

/// Shows the page. To whoever comes back from their bank it is shown once what they did there was looked up, and at its own
/// address, so that loading it again asks nobody.
pub(super) async fn show(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let place = place(&request);
    if request.method() == Method::GET && has(&request, RETURNED) {
        if let Ok(token) = token(&request) {
            shared.engine.payer_returned(&token).await;
        }
        return back(&place, false);
    }
    match find(&request, &shared, &place).await {
        Ok((_, page)) => {
            let view = RequestPage::new(&place, &page, None);
            answer(view.status(false), &view, view.has_stripe())
        }
        Err(instead) => instead,
    }
}

/// Pays, and leads back to the page.
pub(super) async fn pay(request: HttpRequest, payload: Payload, shared: web::Data<Shared>) -> HttpResponse {
    let place = place(&request);
    let words = place.words();
    if is_from_elsewhere(&request) {
        return tell(&place, StatusCode::FORBIDDEN, &words.not_from_here);
    }
    let read = read_form(payload).await;
    let (token, page) = match find(&request, &shared, &place).await {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    let again = |problem| {
        let view = RequestPage::new(&place, &page, Some(problem));
        answer(view.status(true), &view, view.has_stripe())
    };
    let form = match read {
        Ok(form) => form,
        Err(Unusable::CardNumber) => return again(words.problems.card_number),
        Err(Unusable::NoMethod) => return again(words.problems.no_method),
        Err(Unusable::Unread(status)) => return tell(&place, status, &words.busy),
    };
    let address = (shared.settings.address_of)(&request);
    if let Err(seconds) = (shared.settings.admit)(Tried::Paying, address).await {
        return wait(&place, StatusCode::TOO_MANY_REQUESTS, &words.slow_down, seconds);
    }
    let Form { processor, method } = form;
    let pay = PayTry {
        processor,
        method,
        method_type: None,
        return_query: place.return_query(),
        address,
        request_id: request_id(),
    };
    match shared.engine.pay_request(&token, pay).await {
        Ok(None) => tell(&place, StatusCode::NOT_FOUND, &words.not_found),
        Ok(Some(PayOutcome::Refused(refused))) if !passes(&refused) => {
            again(words.problems.about(refused.code))
        }
        Ok(Some(outcome)) => follow(&place, &outcome),
        Err(_) => wait(&place, StatusCode::SERVICE_UNAVAILABLE, &words.busy, SOON),
    }
}

/// Whether a refusal has nothing to do with the payer or the request.
fn passes(refused: &Refused) -> bool {
    matches!(refused.code, ErrorCode::Overloaded | ErrorCode::OutcomeUnknown)
}

/// What follows from a try.
fn follow(place: &Place, outcome: &PayOutcome) -> HttpResponse {
    match outcome {
        PayOutcome::Refused(_) => wait(place, StatusCode::SERVICE_UNAVAILABLE, &place.words().busy, SOON),
        PayOutcome::AlreadyPaid => back(place, true),
        // The page shows each of these as it stands.
        PayOutcome::Paid
        | PayOutcome::Declined(_)
        | PayOutcome::ActionRequired { .. }
        | PayOutcome::Pending
        | PayOutcome::BeingPaid
        | PayOutcome::Expired
        | PayOutcome::Canceled
        | PayOutcome::TooManyTries => back(place, false),
    }
}

fn place(request: &HttpRequest) -> Place {
    Place {
        language: Language::of(request),
        is_chosen: Language::chosen(request).is_some(),
        paid_before: has(request, PAID_BEFORE),
        path: request.path().to_owned(),
    }
}

fn has(request: &HttpRequest, wanted: &str) -> bool {
    request.query_string().split('&').any(|pair| pair == wanted)
}

fn token(request: &HttpRequest) -> Result<PageToken, TextRefused> {
    PageToken::parse(request.match_info().get("token").unwrap_or_default())
}

/// What the page shows, or the page that is shown instead.
async fn find(
    request: &HttpRequest,
    shared: &Shared,
    place: &Place,
) -> Result<(PageToken, PaymentPage), HttpResponse> {
    let missing = || tell(place, StatusCode::NOT_FOUND, &place.words().not_found);
    let token = token(request).map_err(|_| missing())?;
    match shared.engine.payment_page(&token).await {
        Ok(Some(page)) => Ok((token, page)),
        Ok(None) => Err(missing()),
        Err(_) => Err(wait(place, StatusCode::SERVICE_UNAVAILABLE, &place.words().busy, SOON)),
    }
}

async fn read_form(payload: Payload) -> Result<Form, Unusable> {
    let reading = tokio::time::timeout(FORM_DEADLINE, payload.to_bytes_limited(MAX_FORM_BYTES));
    let bytes = match reading.await {
        Ok(Ok(Ok(bytes))) => bytes,
        Ok(Ok(Err(_))) => return Err(Unusable::Unread(StatusCode::BAD_REQUEST)),
        Ok(Err(_)) => return Err(Unusable::Unread(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => return Err(Unusable::Unread(StatusCode::REQUEST_TIMEOUT)),
    };
    let (mut processor, mut method) = (String::new(), String::new());
    for (name, value) in form_urlencoded::parse(&bytes) {
        // Whatever field it was typed into, ours or not.
        if contains_card_number(&name) || contains_card_number(&value) {
            return Err(Unusable::CardNumber);
        }
        match &*name {
            "processor" => processor = value.into_owned(),
            "method" => method = value.into_owned(),
            _ => {}
        }
    }
    let method = MethodRef::parse(method).map_err(|_| Unusable::NoMethod)?;
    Ok(Form { processor, method })
}

/// The way back to the page, by GET.
fn back(place: &Place, paid_before: bool) -> HttpResponse {
    let here = if paid_before { place.here_with(PAID_BEFORE) } else { place.here() };
    let mut answer = HttpResponse::SeeOther().insert_header((header::LOCATION, here)).finish();
    crate::headers::add_page_headers(answer.headers_mut());
    answer.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}

fn tell(place: &Place, status: StatusCode, notice: &Notice) -> HttpResponse {
    answer(status, &NoticePage::new(place, notice, 0), false)
}

/// A page that says when to try again.
fn wait(place: &Place, status: StatusCode, notice: &Notice, seconds: u32) -> HttpResponse {
    let mut answer = answer(status, &NoticePage::new(place, notice, seconds), false);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

/// By which a try is found in the log.
fn request_id() -> Arc<str> {
    let mut bytes = [0; 12];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Arc::from(format!("page_{}", hex::encode(bytes))),
        Err(_) => Arc::from("page"),
    }
}
