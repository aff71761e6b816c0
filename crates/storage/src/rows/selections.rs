//! What is selected by key: the columns in the order of the rows' fields.

use super::{REALM, Realm};
use crate::batch::{Kind, Row, Selection, Value};

/// The columns of payments, in the order of a row's fields.
pub(crate) const PAYMENT_COLUMNS: &str = "payments.tenant_id, payments.livemode, payments.id, payments.revision, payments.event_count, payments.state, \
    payments.amount, payments.currency, payments.amount_authorized, payments.amount_captured, \
    payments.amount_refunded, payments.amount_held, payments.amount_returned, payments.capture_method, \
    payments.payment_method_id, payments.payment_method_type, payments.idempotency_key, payments.description, \
    payments.metadata, payments.return_url, payments.off_session, payments.under_way, payments.charge_count, \
    payments.processor, payments.processor_reference, payments.next_action_url, payments.failure_code, \
    payments.failure_message, payments.cancel_requested_at, payments.cancellation_reason, \
    payments.authorization_expires_at, payments.authorized_at, payments.succeeded_at, payments.failed_at, \
    payments.canceled_at, payments.refunded_at, payments.created_by, payments.updated_by, payments.updated_at, \
    payments.customer_id, payments.invoice_id, payments.invoice_number, payments.payment_request_id";

/// The columns of attempts, in the order of a row's fields.
const ATTEMPT_COLUMNS: &str = "attempts.tenant_id, attempts.livemode, attempts.payment_id, attempts.id, attempts.revision, attempts.refund_id, \
    attempts.kind, attempts.number, attempts.status, attempts.amount, attempts.capture, attempts.payment_method_id, \
    attempts.processor, attempts.processor_reference, attempts.failure_code, attempts.failure_message, \
    attempts.due_at, attempts.lookups, attempts.created_by, attempts.updated_by, attempts.updated_at";

/// Payments by their ids.
pub(crate) static PAYMENTS_BY_ID: Selection = Selection {
    table: "payments",
    join: "",
    columns: &[PAYMENT_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// Payments by their ids, each with its attempts: a row per attempt, or one without.
pub(crate) static PAYMENTS_WITH_ATTEMPTS: Selection = Selection {
    table: "payments",
    join: " LEFT JOIN attempts ON attempts.tenant_id = payments.tenant_id AND attempts.livemode = payments.livemode \
        AND attempts.payment_id = payments.id",
    columns: &[PAYMENT_COLUMNS, ATTEMPT_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "payments.tenant_id, payments.livemode, payments.id, attempts.id",
};

/// Payments by their invoices.
pub(crate) static PAYMENTS_BY_INVOICE: Selection = Selection {
    table: "payments",
    join: "",
    columns: &[PAYMENT_COLUMNS],
    key: &[REALM[0], REALM[1], ("invoice_id", Kind::Bytes)],
    order: "tenant_id, livemode, invoice_id, id",
};

/// Payments by their payment requests.
pub(crate) static PAYMENTS_BY_REQUEST: Selection = Selection {
    table: "payments",
    join: "",
    columns: &[PAYMENT_COLUMNS],
    key: &[REALM[0], REALM[1], ("payment_request_id", Kind::Bytes)],
    order: "tenant_id, livemode, payment_request_id, id",
};

/// Attempts by their payments.
pub(crate) static ATTEMPTS_BY_PAYMENT: Selection = Selection {
    table: "attempts",
    join: "",
    columns: &[ATTEMPT_COLUMNS],
    key: &[REALM[0], REALM[1], ("payment_id", Kind::Bytes)],
    order: "tenant_id, livemode, payment_id, id",
};

const REFUND_COLUMNS: &str = "tenant_id, livemode, id, payment_id, revision, event_count, amount, currency, status, reason, metadata, \
    processor_reference, failure_code, failure_message, created_by, updated_at";

/// Refunds by their ids.
pub(crate) static REFUNDS_BY_ID: Selection = Selection {
    table: "refunds",
    join: "",
    columns: &[REFUND_COLUMNS],
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    order: "tenant_id, livemode, id",
};

/// Refunds by their payments.
pub(crate) static REFUNDS_BY_PAYMENT: Selection = Selection {
    table: "refunds",
    join: "",
    columns: &[REFUND_COLUMNS],
    key: &[REALM[0], REALM[1], ("payment_id", Kind::Bytes)],
    order: "tenant_id, livemode, payment_id, id",
};

/// Idempotency keys by their digests.
pub(crate) static KEYS_BY_DIGEST: Selection = Selection {
    table: "idempotency_keys",
    join: "",
    columns: &["tenant_id, livemode, digest, revision, request_digest, payment_id, refund_id, created_at, \
        running_until, success_status, answer_status, answer_body, object_id"],
    key: &[REALM[0], REALM[1], ("digest", Kind::Bytes)],
    order: "tenant_id, livemode, digest",
};

/// The key of an object of a realm.
pub(crate) fn object_key<'a>(realm: Realm, id: [u8; 16]) -> Row<'a> {
    let [tenant, mode] = realm.values();
    vec![tenant, mode, Value::Id(id)]
}
