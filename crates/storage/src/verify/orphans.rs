//! Rows that belong to an object which does not exist.

use diesel::sql_types::{Binary, Bool};
use florin_domain::{
    AttemptId, CustomerId, DeliveryId, EventId, InvoiceId, PaymentId, PaymentRequestId, RefundId,
    StoredMethodId, TransactionId, WebhookEndpointId,
};

use super::{Key, Run, Violation, hexadecimal, name, next_page};
use crate::{AnyConnection, StorageError};

/// A way in which rows may lack what they belong to.
struct Lack {
    table: &'static str,
    select: &'static str,
    /// The names of the row and of what it lacks.
    names: fn(&[u8], &[u8]) -> (String, String),
}

static LACKS: [Lack; 21] = [
    Lack {
        table: "attempts",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.payment_id FROM attempts c LEFT JOIN payments p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.payment_id WHERE p.id IS NULL",
        names: |id, parent| (name(id, AttemptId::from_bytes), name(parent, PaymentId::from_bytes)),
    },
    Lack {
        table: "attempts",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.refund_id FROM attempts c LEFT JOIN refunds p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.refund_id \
            AND p.payment_id = c.payment_id WHERE c.refund_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, AttemptId::from_bytes), name(parent, RefundId::from_bytes)),
    },
    Lack {
        table: "refunds",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.payment_id FROM refunds c LEFT JOIN payments p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.payment_id WHERE p.id IS NULL",
        names: |id, parent| (name(id, RefundId::from_bytes), name(parent, PaymentId::from_bytes)),
    },
    Lack {
        table: "events",
        select: "SELECT c.tenant_id, c.livemode, c.object_id AS id, c.object_id FROM event_totals c \
            LEFT JOIN payments p ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.object_id \
            LEFT JOIN refunds r ON r.tenant_id = c.tenant_id AND r.livemode = c.livemode AND r.id = c.object_id \
            LEFT JOIN invoices i ON i.tenant_id = c.tenant_id AND i.livemode = c.livemode AND i.id = c.object_id \
            LEFT JOIN payment_methods m ON m.tenant_id = c.tenant_id AND m.livemode = c.livemode \
            AND m.id = c.object_id \
            LEFT JOIN webhook_endpoints w ON w.tenant_id = c.tenant_id AND w.livemode = c.livemode \
            AND w.id = c.object_id \
            LEFT JOIN payment_requests q ON q.tenant_id = c.tenant_id AND q.livemode = c.livemode \
            AND q.id = c.object_id \
            WHERE p.id IS NULL AND r.id IS NULL AND i.id IS NULL AND m.id IS NULL AND w.id IS NULL \
            AND q.id IS NULL",
        names: |_, parent| ("an event".to_owned(), format!("object {}", hexadecimal(parent))),
    },
    Lack {
        table: "webhook_deliveries",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.event_id FROM webhook_deliveries c LEFT JOIN events p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.event_id WHERE p.id IS NULL",
        names: |id, parent| (name(id, DeliveryId::from_bytes), name(parent, EventId::from_bytes)),
    },
    Lack {
        table: "webhook_deliveries",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.endpoint_id FROM webhook_deliveries c \
            LEFT JOIN webhook_endpoints p ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode \
            AND p.id = c.endpoint_id WHERE p.id IS NULL",
        names: |id, parent| (name(id, DeliveryId::from_bytes), name(parent, WebhookEndpointId::from_bytes)),
    },
    Lack {
        table: "idempotency_keys",
        select: "SELECT c.tenant_id, c.livemode, c.digest, c.payment_id FROM idempotency_keys c \
            LEFT JOIN payments p ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.payment_id \
            WHERE c.payment_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (hexadecimal(id), name(parent, PaymentId::from_bytes)),
    },
    Lack {
        table: "idempotency_keys",
        select: "SELECT c.tenant_id, c.livemode, c.digest, c.refund_id FROM idempotency_keys c \
            LEFT JOIN refunds p ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.refund_id \
            WHERE c.refund_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (hexadecimal(id), name(parent, RefundId::from_bytes)),
    },
    Lack {
        table: "transactions",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.payment_id FROM transactions c LEFT JOIN payments p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.payment_id \
            WHERE c.payment_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, TransactionId::from_bytes), name(parent, PaymentId::from_bytes)),
    },
    Lack {
        table: "transactions",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.customer_id FROM transactions c LEFT JOIN customers p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.customer_id \
            WHERE c.customer_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, TransactionId::from_bytes), name(parent, CustomerId::from_bytes)),
    },
    Lack {
        table: "payments",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.invoice_id FROM payments c LEFT JOIN invoices p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.invoice_id \
            WHERE c.invoice_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, PaymentId::from_bytes), name(parent, InvoiceId::from_bytes)),
    },
    Lack {
        table: "payments",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.customer_id FROM payments c LEFT JOIN customers p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.customer_id \
            WHERE c.customer_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, PaymentId::from_bytes), name(parent, CustomerId::from_bytes)),
    },
    Lack {
        table: "payments",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.payment_request_id FROM payments c \
            LEFT JOIN payment_requests p ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode \
            AND p.id = c.payment_request_id WHERE c.payment_request_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, PaymentId::from_bytes), name(parent, PaymentRequestId::from_bytes)),
    },
    Lack {
        table: "payment_requests",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.payment_id FROM payment_requests c \
            LEFT JOIN payments p ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.payment_id \
            WHERE c.payment_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, PaymentRequestId::from_bytes), name(parent, PaymentId::from_bytes)),
    },
    Lack {
        table: "payment_requests",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.invoice_id FROM payment_requests c LEFT JOIN invoices p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.invoice_id \
            WHERE c.invoice_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, PaymentRequestId::from_bytes), name(parent, InvoiceId::from_bytes)),
    },
    Lack {
        table: "payment_requests",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.customer_id FROM payment_requests c LEFT JOIN customers p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.customer_id \
            WHERE c.customer_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, PaymentRequestId::from_bytes), name(parent, CustomerId::from_bytes)),
    },
    Lack {
        table: "invoices",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.customer_id FROM invoices c LEFT JOIN customers p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.customer_id \
            WHERE c.customer_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, InvoiceId::from_bytes), name(parent, CustomerId::from_bytes)),
    },
    Lack {
        table: "payment_methods",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.customer_id FROM payment_methods c LEFT JOIN customers p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.customer_id \
            WHERE c.customer_id IS NOT NULL AND p.id IS NULL",
        names: |id, parent| (name(id, StoredMethodId::from_bytes), name(parent, CustomerId::from_bytes)),
    },
    Lack {
        table: "payment_methods",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.id FROM payment_methods c LEFT JOIN processor_accounts p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.name = c.processor \
            WHERE c.processor IS NOT NULL AND p.id IS NULL",
        names: |id, _| (name(id, StoredMethodId::from_bytes), "a processor account".to_owned()),
    },
    Lack {
        table: "credit_accounts",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.id FROM (SELECT DISTINCT tenant_id, livemode, \
            customer_id AS id FROM credit_accounts) c LEFT JOIN customers p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.id WHERE p.id IS NULL",
        names: |_, parent| ("an account".to_owned(), name(parent, CustomerId::from_bytes)),
    },
    Lack {
        table: "amendments",
        select: "SELECT c.tenant_id, c.livemode, c.id, c.id FROM (SELECT DISTINCT tenant_id, livemode, \
            transaction_id AS id FROM amendments) c LEFT JOIN transactions p \
            ON p.tenant_id = c.tenant_id AND p.livemode = c.livemode AND p.id = c.id WHERE p.id IS NULL",
        names: |_, parent| ("an amendment".to_owned(), name(parent, TransactionId::from_bytes)),
    },
];

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    for lack in &LACKS {
        check_lack(connection, lack, run)?;
    }
    Ok(())
}

fn check_lack(connection: &mut AnyConnection, lack: &Lack, run: &mut Run<'_>) -> Result<(), StorageError> {
    type SqlType = (Binary, Bool, Binary, Binary);
    type Found = (Vec<u8>, bool, Vec<u8>, Vec<u8>);
    let id = match lack.table {
        "events" => "c.object_id",
        "idempotency_keys" => "c.digest",
        _ => "c.id",
    };
    let mut after: Option<Key> = None;
    loop {
        let columns = ["c.tenant_id", "c.livemode", id];
        let statement = next_page::<SqlType>(lack.select, "AND", columns, after.as_ref());
        let rows: Vec<Found> = statement.load(connection)?;
        for (_, _, id, parent) in &rows {
            let (id, parent) = (lack.names)(id, parent);
            run.report(Violation::Orphan { table: lack.table, id, parent });
        }
        let Some((tenant_id, livemode, id, _)) = rows.into_iter().next_back() else { return Ok(()) };
        after = Some((tenant_id, livemode, id));
    }
}
