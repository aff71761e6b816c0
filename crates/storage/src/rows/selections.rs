//! What is selected by key: the columns in the order of the rows' fields.

use super::{REALM, Realm};
use crate::batch::{Kind, Row, Selection, Value};

/// Payments by their ids.
pub(crate) static PAYMENTS_BY_ID: Selection = Selection {
    table: "payments",
    columns: "tenant_id, livemode, id, revision, event_count, state, amount, currency, amount_authorized, \
        amount_captured, amount_refunded, amount_held, amount_returned, capture_method, payment_method_id, \
        payment_method_type, idempotency_key, description, metadata, return_url, off_session, under_way, charge_count, \
        processor, processor_reference, next_action_url, failure_code, failure_message, cancel_requested_at, \
        cancellation_reason, authorization_expires_at, authorized_at, succeeded_at, failed_at, canceled_at, \
        refunded_at, created_by, updated_by, updated_at",
    prefix: "",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// Payments by their ids, each with its attempts: a row per attempt, or one without.
pub(crate) static PAYMENTS_WITH_ATTEMPTS: Selection = Selection {
    table: "payments LEFT JOIN attempts ON attempts.tenant_id = payments.tenant_id \
        AND attempts.livemode = payments.livemode AND attempts.payment_id = payments.id",
    columns: "payments.tenant_id, payments.livemode, payments.id, payments.revision, payments.event_count, \
        payments.state, payments.amount, payments.currency, payments.amount_authorized, payments.amount_captured, \
        payments.amount_refunded, payments.amount_held, payments.amount_returned, payments.capture_method, \
        payments.payment_method_id, payments.payment_method_type, payments.idempotency_key, payments.description, \
        payments.metadata, payments.return_url, payments.off_session, payments.under_way, payments.charge_count, \
        payments.processor, payments.processor_reference, payments.next_action_url, payments.failure_code, \
        payments.failure_message, payments.cancel_requested_at, payments.cancellation_reason, \
        payments.authorization_expires_at, payments.authorized_at, payments.succeeded_at, payments.failed_at, \
        payments.canceled_at, payments.refunded_at, payments.created_by, payments.updated_by, payments.updated_at, \
        attempts.tenant_id, attempts.livemode, attempts.payment_id, attempts.id, attempts.revision, \
        attempts.refund_id, attempts.kind, attempts.number, attempts.status, attempts.amount, attempts.capture, \
        attempts.payment_method_id, attempts.processor, attempts.processor_reference, attempts.failure_code, \
        attempts.failure_message, attempts.due_at, attempts.lookups, attempts.created_by, attempts.updated_by, \
        attempts.updated_at",
    prefix: "payments.",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "payments.tenant_id, payments.livemode, payments.id, attempts.id",
};

/// Attempts by their payments.
pub(crate) static ATTEMPTS_BY_PAYMENT: Selection = Selection {
    table: "attempts",
    columns: "tenant_id, livemode, payment_id, id, revision, refund_id, kind, number, status, amount, capture, \
        payment_method_id, processor, processor_reference, failure_code, failure_message, due_at, lookups, created_by, \
        updated_by, updated_at",
    prefix: "",
    key: &[REALM[0], REALM[1], ("payment_id", Kind::Bytes)],
    order: "tenant_id, livemode, payment_id, id",
};

const REFUND_COLUMNS: &str = "tenant_id, livemode, id, payment_id, revision, event_count, amount, currency, status, reason, metadata, \
    processor_reference, failure_code, failure_message, created_by, updated_at";

/// Refunds by their ids.
pub(crate) static REFUNDS_BY_ID: Selection = Selection {
    table: "refunds",
    columns: REFUND_COLUMNS,
    prefix: "",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// Refunds by their payments.
pub(crate) static REFUNDS_BY_PAYMENT: Selection = Selection {
    table: "refunds",
    columns: REFUND_COLUMNS,
    prefix: "",
    key: &[REALM[0], REALM[1], ("payment_id", Kind::Bytes)],
    order: "tenant_id, livemode, payment_id, id",
};

/// Idempotency keys by their digests.
pub(crate) static KEYS_BY_DIGEST: Selection = Selection {
    table: "idempotency_keys",
    columns: "tenant_id, livemode, digest, revision, request_digest, payment_id, refund_id, created_at, \
        running_until, success_status, answer_status, answer_body",
    prefix: "",
    key: &[REALM[0], REALM[1], ("digest", Kind::Bytes)],
    order: "tenant_id, livemode, digest",
};

/// The key of an object of a realm.
pub(crate) fn object_key<'a>(realm: Realm, id: [u8; 16]) -> Row<'a> {
    let [tenant, mode] = realm.values();
    vec![tenant, mode, Value::Id(id)]
}
