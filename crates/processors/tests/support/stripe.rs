//! Connectors of Stripe, and requests for them.

#![allow(dead_code, reason = "each test file uses a part of it")]

use florin_domain::{
    Amount, AttemptId, AttemptKind, Currency, MethodRef, MethodType, Mode, PaymentId, RefundId,
};
use florin_processors::stripe::{Stripe, StripeOptions, StripeSettings};
use florin_processors::{
    CaptureRequest, ChargeRequest, DeclineCode, LookUp, Outcome, RefundRequest, VoidRequest,
};
use secrecy::SecretString;
use uuid::Uuid;

pub(crate) const KEY: &str = "sk_test_4eC39HqLyjWDarjtT1zdp7dc";
pub(crate) const WEBHOOK_SECRET: &str = "whsec_hLzW5dXq";

pub(crate) fn settings(api_base: &str) -> StripeSettings {
    StripeSettings {
        name: "stripe".to_owned(),
        mode: Mode::Test,
        secret_key: SecretString::from(KEY),
        webhook_secrets: vec![SecretString::from(WEBHOOK_SECRET)],
        options: StripeOptions {
            api_base: api_base.to_owned(),
            connect_timeout_ms: 2_000,
            answer_timeout_ms: 10_000,
            ..StripeOptions::default()
        },
    }
}

/// The connector of a Stripe that is played at `api_base`.
pub(crate) fn stripe(api_base: &str) -> Stripe {
    Stripe::new(settings(api_base)).unwrap()
}

pub(crate) fn with_options(api_base: &str, change: impl FnOnce(&mut StripeOptions)) -> Stripe {
    let mut settings = settings(api_base);
    change(&mut settings.options);
    Stripe::new(settings).unwrap()
}

/// A client for what a test asks the other side itself. Without TLS, which wants a provider to be chosen.
pub(crate) fn http() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.unwrap().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

/// A charge of 10 dollars that nobody has sent yet.
pub(crate) fn charge(method: &str) -> ChargeRequest {
    ChargeRequest {
        attempt_id: AttemptId::from_uuid(Uuid::now_v7()),
        payment_id: PaymentId::from_uuid(Uuid::now_v7()),
        amount: amount(1000),
        currency: Currency::USD,
        payment_method: MethodRef::parse(method).unwrap(),
        method_type: MethodType::Card,
        description: None,
        return_url: None,
        off_session: false,
    }
}

pub(crate) fn capture(charge: &ChargeRequest, reference: &str, minor: i64) -> CaptureRequest {
    CaptureRequest {
        attempt_id: AttemptId::from_uuid(Uuid::now_v7()),
        payment_id: charge.payment_id,
        reference: reference.to_owned(),
        amount: amount(minor),
        currency: charge.currency,
        payment_method: charge.payment_method.clone(),
    }
}

pub(crate) fn void(charge: &ChargeRequest, reference: &str) -> VoidRequest {
    VoidRequest {
        attempt_id: AttemptId::from_uuid(Uuid::now_v7()),
        payment_id: charge.payment_id,
        reference: reference.to_owned(),
        payment_method: charge.payment_method.clone(),
    }
}

pub(crate) fn refund(charge: &ChargeRequest, reference: &str, minor: i64) -> RefundRequest {
    RefundRequest {
        attempt_id: AttemptId::from_uuid(Uuid::now_v7()),
        refund_id: RefundId::from_uuid(Uuid::now_v7()),
        payment_id: charge.payment_id,
        reference: reference.to_owned(),
        amount: amount(minor),
        currency: charge.currency,
        payment_method: charge.payment_method.clone(),
    }
}

/// What is known of a charge after its answer, which gave `reference` or was lost.
pub(crate) fn about(charge: &ChargeRequest, reference: Option<&str>) -> LookUp {
    LookUp {
        attempt_id: charge.attempt_id,
        kind: AttemptKind::Charge,
        payment_id: charge.payment_id,
        refund_id: None,
        amount: charge.amount,
        currency: charge.currency,
        reference: reference.map(str::to_owned),
        charge_reference: None,
    }
}

pub(crate) fn about_capture(capture: &CaptureRequest) -> LookUp {
    LookUp {
        attempt_id: capture.attempt_id,
        kind: AttemptKind::Capture,
        payment_id: capture.payment_id,
        refund_id: None,
        amount: capture.amount,
        currency: capture.currency,
        reference: None,
        charge_reference: Some(capture.reference.clone()),
    }
}

pub(crate) fn about_void(void: &VoidRequest) -> LookUp {
    LookUp {
        attempt_id: void.attempt_id,
        kind: AttemptKind::Void,
        payment_id: void.payment_id,
        refund_id: None,
        amount: amount(1000),
        currency: Currency::USD,
        reference: None,
        charge_reference: Some(void.reference.clone()),
    }
}

pub(crate) fn about_refund(refund: &RefundRequest, reference: Option<&str>) -> LookUp {
    LookUp {
        attempt_id: refund.attempt_id,
        kind: AttemptKind::Refund,
        payment_id: refund.payment_id,
        refund_id: Some(refund.refund_id),
        amount: refund.amount,
        currency: refund.currency,
        reference: reference.map(str::to_owned),
        charge_reference: Some(refund.reference.clone()),
    }
}

/// The reference of what succeeded.
pub(crate) fn reference(outcome: Outcome) -> String {
    match outcome {
        Outcome::Succeeded { reference } => reference,
        other => panic!("not succeeded: {other:?}"),
    }
}

pub(crate) fn decline_code(outcome: Outcome) -> DeclineCode {
    match outcome {
        Outcome::Declined { code, .. } => code,
        other => panic!("not declined: {other:?}"),
    }
}
