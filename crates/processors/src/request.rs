//! What a processor is asked to do.
//!
//! Every request carries the id of the attempt it belongs to. That id is the idempotency key at the processor: the same
//! id sent twice has one effect.

use florin_domain::{Amount, AttemptId, AttemptKind, Currency, MethodRef, MethodType, PaymentId, RefundId};

/// One thing to do at a processor.
#[derive(Clone, Debug)]
pub enum Request {
    /// Reserve money.
    Authorize(ChargeRequest),
    /// Take money.
    Charge(ChargeRequest),
    /// Take money that was reserved.
    Capture(CaptureRequest),
    /// Give up a reservation.
    Void(VoidRequest),
    /// Give money back.
    Refund(RefundRequest),
}

impl Request {
    /// The attempt, which is the idempotency key.
    pub fn attempt_id(&self) -> AttemptId {
        match self {
            Request::Authorize(charge) | Request::Charge(charge) => charge.attempt_id,
            Request::Capture(capture) => capture.attempt_id,
            Request::Void(void) => void.attempt_id,
            Request::Refund(refund) => refund.attempt_id,
        }
    }

    /// The payment that the request is about.
    pub fn payment_id(&self) -> PaymentId {
        match self {
            Request::Authorize(charge) | Request::Charge(charge) => charge.payment_id,
            Request::Capture(capture) => capture.payment_id,
            Request::Void(void) => void.payment_id,
            Request::Refund(refund) => refund.payment_id,
        }
    }

    /// What kind of attempt this is.
    pub fn kind(&self) -> AttemptKind {
        match self {
            Request::Authorize(_) | Request::Charge(_) => AttemptKind::Charge,
            Request::Capture(_) => AttemptKind::Capture,
            Request::Void(_) => AttemptKind::Void,
            Request::Refund(_) => AttemptKind::Refund,
        }
    }

    /// The payment method that the payment was, or is to be, charged to.
    pub fn payment_method(&self) -> &MethodRef {
        match self {
            Request::Authorize(charge) | Request::Charge(charge) => &charge.payment_method,
            Request::Capture(capture) => &capture.payment_method,
            Request::Void(void) => &void.payment_method,
            Request::Refund(refund) => &refund.payment_method,
        }
    }
}

/// Takes `amount` from a payment method, or reserves it: which of the two says the operation that it is given to.
#[derive(Clone, Debug)]
pub struct ChargeRequest {
    /// The attempt, which is the idempotency key.
    pub attempt_id: AttemptId,
    /// The payment it is for.
    pub payment_id: PaymentId,
    /// How much, in minor units of `currency`.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What to charge.
    pub payment_method: MethodRef,
    /// What kind of payment method it is.
    pub method_type: MethodType,
    /// What the payer reads on a statement, where the processor can show it.
    pub description: Option<String>,
    /// Where a payer comes back to after having acted.
    pub return_url: Option<String>,
    /// Whether nobody is there to act, so that a charge that needs the payer is to be declined.
    pub off_session: bool,
}

/// Takes money that an earlier charge reserved.
#[derive(Clone, Debug)]
pub struct CaptureRequest {
    /// The attempt, which is the idempotency key.
    pub attempt_id: AttemptId,
    /// The payment it is for.
    pub payment_id: PaymentId,
    /// The processor's reference of the authorization.
    pub reference: String,
    /// How much, in minor units of `currency`; at most what was authorized.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What was authorized.
    pub payment_method: MethodRef,
}

/// Gives up the money that an earlier charge reserved.
#[derive(Clone, Debug)]
pub struct VoidRequest {
    /// The attempt, which is the idempotency key.
    pub attempt_id: AttemptId,
    /// The payment it is for.
    pub payment_id: PaymentId,
    /// The processor's reference of the authorization.
    pub reference: String,
    /// What was authorized.
    pub payment_method: MethodRef,
}

/// Gives back money that was captured.
#[derive(Clone, Debug)]
pub struct RefundRequest {
    /// The attempt, which is the idempotency key.
    pub attempt_id: AttemptId,
    /// The refund it carries out.
    pub refund_id: RefundId,
    /// The payment it is for.
    pub payment_id: PaymentId,
    /// The processor's reference of the charge.
    pub reference: String,
    /// How much, in minor units of `currency`.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What was charged.
    pub payment_method: MethodRef,
}
