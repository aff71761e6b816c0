//! Errors in Flexprice's form.

use std::sync::Arc;

use florin_engine::views::{Answer, to_json};
use serde::{Deserialize, Serialize};

/// The common form, as far as it is needed here.
#[derive(Deserialize)]
struct Common {
    error: Facts,
}

/// What Florin tells of an error; Flexprice's clients find it as `details`.
#[derive(Deserialize, Serialize)]
struct Facts {
    code: String,
    #[serde(skip_serializing)]
    message: String,
    #[serde(rename = "type")]
    kind: String,
    param: Option<String>,
    payment_id: Option<String>,
    request_id: String,
}

/// The body of an error. Flexprice's SDKs know it in two forms, of which this is the sum.
#[derive(Serialize)]
struct FlexpriceError<'a> {
    success: bool,
    error: Detail<'a>,
    code: &'static str,
    message: &'a str,
    http_status_code: u16,
    details: &'a Facts,
}

/// The JavaScript SDK shows nothing else of an error, so Florin's code is what is internal about it.
#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
    internal_error: &'a str,
}

/// Codes whose messages tell amounts as `/v1` does, which is not how they are sent here.
const TELL_AMOUNTS: [&str; 2] = ["amount_exceeds_invoice", "insufficient_credits"];

/// The same answer, when it is an error with Flexprice's body and status.
pub(crate) fn in_flexprice_form(answer: Answer) -> Answer {
    if answer.status < 400 {
        return answer;
    }
    let Ok(Common { mut error }) = serde_json::from_str(&answer.body) else { return answer };
    if TELL_AMOUNTS.contains(&&*error.code) {
        error.message.push_str(" These amounts are in the currency's minor unit.");
    }
    let status = match answer.status {
        402 => 400,
        status => status,
    };
    let body = FlexpriceError {
        success: false,
        error: Detail { message: &error.message, internal_error: &error.code },
        code: code_word(answer.status, &error),
        message: &error.message,
        http_status_code: status,
        details: &error,
    };
    Answer { status, body: Arc::from(to_json(&body, 512)), ..answer }
}

/// The error in the words that Flexprice's SDKs list. `status` is that of `/v1`.
fn code_word(status: u16, error: &Facts) -> &'static str {
    let is_of_the_key = error.kind == "idempotency_error";
    match status {
        400 if error.code.starts_with("payment_not_") => "invalid_operation",
        401 | 403 => "permission_denied",
        404 => "not_found",
        409 | 422 if is_of_the_key => "already_exists",
        402 | 405 | 409 => "invalid_operation",
        429 => "too_many_requests",
        503 => "service_unavailable",
        500.. => "internal_error",
        _ => "validation_error",
    }
}
