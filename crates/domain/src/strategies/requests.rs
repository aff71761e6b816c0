//! Payment requests.

use chrono::TimeDelta;
use proptest::option::of;
use proptest::prelude::*;

use super::payments::{capture_method, destination};
use super::values::*;
use crate::{
    Actor, CaptureMethod, Destination, NewPaymentRequest, PageToken, PaymentRequest, PaymentRequestId,
    PaymentRequestType,
};

/// Any token of a page.
pub fn page_token() -> impl Strategy<Value = PageToken> {
    "[0-9A-Za-z]{24}".prop_filter_map("allowed", |text| PageToken::parse(text).ok())
}

/// What any new payment request may be made of: to be paid for up to a day, or for ever.
pub fn new_payment_request() -> impl Strategy<Value = NewPaymentRequest> {
    let identity = (uuid_v7(), tenant_id(), mode(), page_token());
    let terms = (of(destination()), any::<bool>(), amount(), currency(), capture_method());
    let notes = (of(description()), of(customer_id()), metadata(), of(1..86_400_000_i64), actor());
    (identity, terms, notes).prop_map(|((uuid, tenant_id, mode, token), terms, notes)| {
        let id = PaymentRequestId::from_uuid(uuid);
        let (destination, is_subscription, amount, currency, capture_method): (
            Option<Destination>,
            bool,
            _,
            _,
            CaptureMethod,
        ) = terms;
        let (description, customer_id, metadata, lasts, created_by): (_, _, _, _, Actor) = notes;
        let other =
            if is_subscription { PaymentRequestType::Subscription } else { PaymentRequestType::Product };
        let until = |lasts| id.created_at().checked_add_signed(TimeDelta::milliseconds(lasts));
        NewPaymentRequest {
            id,
            tenant_id,
            mode,
            token,
            kind: if destination.is_some() { PaymentRequestType::Invoice } else { other },
            amount,
            currency,
            description,
            customer_id,
            destination,
            capture_method,
            expires_at: lasts.and_then(until),
            success_url: None,
            metadata,
            created_by,
        }
    })
}

/// Any payment request that nobody has paid.
pub fn payment_request() -> impl Strategy<Value = PaymentRequest> {
    new_payment_request().prop_filter_map("allowed", |terms| PaymentRequest::create(terms).ok())
}
