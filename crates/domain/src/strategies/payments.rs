//! Payments, refunds and attempts, and the words and sums they are described in.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::history::{history, refund_history};
use super::values::*;
use crate::{
    Attempt, AttemptKind, AttemptStart, AttemptStatus, CaptureMethod, Destination, Facts, Failure,
    FailureCode, MethodType, NewPayment, NewRefund, Operation, Payment, PaymentRecord, PaymentStatus, Refund,
    RefundStatus, Settlement, State, Status, Step, Sums, Total,
};

macro_rules! word_strategies {
    ($($function:ident: $enum:ident, $doc:literal;)+) => {$(
        #[doc = $doc]
        pub fn $function() -> impl Strategy<Value = $enum> {
            select($enum::ALL.to_vec())
        }
    )+};
}

word_strategies! {
    attempt_kind: AttemptKind, "Any kind of attempt.";
    attempt_status: AttemptStatus, "Any status of an attempt.";
    failure_code: FailureCode, "Any reason of a failure.";
    capture_method: CaptureMethod, "Any time of capture.";
    method_type: MethodType, "Any kind of payment method.";
    operation: Operation, "Any operation that a payment may wait for.";
    refund_status: RefundStatus, "Any status of a refund.";
    state: State, "Any state of a payment.";
    step: Step, "Any step of the status machine.";
    status: Status, "Any word of `status`.";
    payment_status: PaymentStatus, "Any word of `payment_status`.";
}

/// Any failure.
pub fn failure() -> impl Strategy<Value = Failure> {
    (failure_code(), "[ -~]{0,40}").prop_map(|(code, message)| Failure { code, message })
}

/// Anything that an attempt may come to; success more often than the rest.
pub fn settlement() -> impl Strategy<Value = Settlement> {
    prop_oneof![
        5 => Just(Settlement::Succeeded),
        2 => failure().prop_map(Settlement::Failed),
        1 => Just(Settlement::Pending),
        1 => "https://pay\\.example/[a-z]{1,8}".prop_map(|url| Settlement::RequiresAction { url }),
        1 => Just(Settlement::Unknown),
        1 => Just(Settlement::NeedsReview),
    ]
}

/// Sums that keep the money rules for a payment of some amount, and that amount as facts.
pub fn facts() -> impl Strategy<Value = Facts> {
    (amount(), total(), total(), total(), total(), total()).prop_filter_map(
        "within the rules",
        |(amount, authorized, captured, refunded, held, returned)| {
            let authorized = authorized.min(Total::from(amount));
            let captured = captured.min(authorized);
            let refunded = refunded.min(captured);
            let held = held.min(captured.checked_sub(refunded)?);
            let returned = returned.min(captured);
            Facts::new(amount, Sums { authorized, captured, refunded, held, returned }).ok()
        },
    )
}

/// Any sums, most of which break the money rules.
pub fn sums() -> impl Strategy<Value = Sums> {
    (total(), total(), total(), total(), total()).prop_map(
        |(authorized, captured, refunded, held, returned)| Sums {
            authorized,
            captured,
            refunded,
            held,
            returned,
        },
    )
}

/// Any invoice that a payment may be for.
pub fn destination() -> impl Strategy<Value = Destination> {
    (invoice_id(), invoice_number())
        .prop_map(|(invoice_id, invoice_number)| Destination { invoice_id, invoice_number })
}

/// What any new payment may be made of.
pub fn new_payment() -> impl Strategy<Value = NewPayment> {
    let identity = (payment_id(), tenant_id(), mode(), actor());
    let terms = (amount(), currency(), capture_method(), of(method_ref()), method_type());
    let notes = (of(description()), metadata(), of(idempotency_key()));
    let purpose = (of(customer_id()), of(destination()));
    let session = (of("https://shop\\.example/[a-z]{0,8}"), any::<bool>());
    (identity, terms, notes, purpose, session).prop_map(|(identity, terms, notes, purpose, session)| {
        let (id, tenant_id, mode, created_by) = identity;
        let (amount, currency, capture_method, payment_method, method_type) = terms;
        let (description, metadata, idempotency_key) = notes;
        let (customer_id, destination) = purpose;
        let (return_url, off_session) = session;
        NewPayment {
            id,
            tenant_id,
            mode,
            amount,
            currency,
            capture_method,
            customer_id,
            destination,
            request_id: None,
            payment_method,
            method_type,
            description,
            metadata,
            idempotency_key,
            return_url,
            off_session,
            created_by,
        }
    })
}

/// What any new refund may be made of. The amount is not looked at for what is left.
pub fn new_refund() -> impl Strategy<Value = NewRefund> {
    (refund_id(), of(amount()), of(reason()), metadata())
        .prop_map(|(id, amount, reason, metadata)| NewRefund { id, amount, reason, metadata })
}

/// Any start of an attempt.
pub fn attempt_start() -> impl Strategy<Value = AttemptStart> {
    (attempt_id(), "[a-z]{1,12}", time(), time(), actor()).prop_map(|(id, processor, one, other, by)| {
        AttemptStart { id, processor, lease_until: one.max(other), at: one.min(other), by }
    })
}

/// Any payment that legal operations lead to.
pub fn payment() -> impl Strategy<Value = Payment> {
    history().prop_map(|history| history.payment)
}

/// All that is known of any payment.
pub fn payment_record() -> impl Strategy<Value = PaymentRecord> {
    payment().prop_map(Payment::into_record)
}

/// Any attempt that legal operations lead to.
pub fn attempt() -> impl Strategy<Value = Attempt> {
    refund_history().prop_flat_map(|history| select(history.attempts))
}

/// Any refund that legal operations lead to.
pub fn refund() -> impl Strategy<Value = Refund> {
    refund_history().prop_flat_map(|history| select(history.refunds))
}
