//! What tests ask for, and how they read the answers.

use florin_domain::{Amount, CaptureMethod, Currency, IdempotencyKey, Metadata, MethodRef, PaymentId};
use florin_engine::requests::{CreatePayment, CreateRefund, Idempotency};
use florin_engine::views::Answer;
use serde_json::Value;

/// A charge of 10.00 USD.
pub(crate) fn create(method: &str) -> CreatePayment {
    CreatePayment {
        amount: amount(1000),
        currency: Currency::parse("USD").expect("a currency"),
        payment_method: Some(self::method(method)),
        payment_method_type: None,
        customer_id: None,
        invoice_id: None,
        process_payment: true,
        capture_method: CaptureMethod::Automatic,
        return_url: None,
        off_session: false,
        description: None,
        metadata: Metadata::default(),
        idempotency_key: None,
    }
}

/// An authorization of 10.00 USD.
pub(crate) fn authorize(method: &str) -> CreatePayment {
    CreatePayment { capture_method: CaptureMethod::Manual, ..create(method) }
}

/// A payment of 10.00 USD that is charged later.
pub(crate) fn record(method: &str) -> CreatePayment {
    CreatePayment { process_payment: false, ..create(method) }
}

/// A refund of so much.
pub(crate) fn refund(minor: i64) -> CreateRefund {
    CreateRefund { amount: Some(amount(minor)), ..CreateRefund::default() }
}

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("an amount")
}

pub(crate) fn method(id: &str) -> MethodRef {
    MethodRef::parse(id).expect("a payment method")
}

/// The use of a key on a path, for a body that stands for itself.
pub(crate) fn idempotency(key: &str, scope: &str, body: u8) -> Option<Idempotency> {
    let key = IdempotencyKey::parse(key).expect("a key");
    Some(Idempotency { key, scope: scope.to_owned(), request_digest: [body; 32] })
}

/// The use of a key for the creation of a payment.
pub(crate) fn creation(key: &str) -> Option<Idempotency> {
    idempotency(key, "POST /v1/payments", 1)
}

pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("JSON")
}

/// The payment that an answer is about.
pub(crate) fn id(answer: &Answer) -> PaymentId {
    json(answer)["id"].as_str().expect("an id").parse().expect("a payment's id")
}

/// The status of an answer and, of an error, its code.
pub(crate) fn told(answer: &Answer) -> (u16, String) {
    (answer.status, json(answer)["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// As [`told`], for comparisons.
pub(crate) fn tells(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
