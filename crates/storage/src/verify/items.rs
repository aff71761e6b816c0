//! That each attempt that waits for a person is one that a person is told of, and no other.

use diesel::sql_types::{Binary, Bool};
use florin_domain::{AttemptId, OpenItemId, PaymentId};

use super::{Key, Run, Violation, name, next_page};
use crate::{AnyConnection, StorageError};

/// Attempts that need review and that no open item is about.
const UNTOLD: &str = "SELECT c.tenant_id, c.livemode, c.id, c.payment_id FROM attempts c LEFT JOIN open_items i \
    ON i.tenant_id = c.tenant_id AND i.livemode = c.livemode AND i.payment_id = c.payment_id \
    AND i.attempt_id = c.id AND i.type = 'needs_review' AND i.status = 'open' \
    WHERE c.status = 'needs_review' AND i.id IS NULL";

/// Open items of reviews that are over.
const STALE: &str = "SELECT c.tenant_id, c.livemode, c.id, c.payment_id FROM open_items c LEFT JOIN attempts a \
    ON a.tenant_id = c.tenant_id AND a.livemode = c.livemode AND a.payment_id = c.payment_id \
    AND a.id = c.attempt_id AND a.status = 'needs_review' \
    WHERE c.type = 'needs_review' AND c.status = 'open' AND a.id IS NULL";

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let of = |bytes: &[u8]| name(bytes, PaymentId::from_bytes);
    each(connection, UNTOLD, |id, payment| {
        let (attempt_id, payment_id) = (name(id, AttemptId::from_bytes), of(payment));
        run.report(Violation::ReviewUntold { attempt_id, payment_id });
    })?;
    each(connection, STALE, |id, payment| {
        let (item_id, payment_id) = (name(id, OpenItemId::from_bytes), of(payment));
        run.report(Violation::ReviewOver { item_id, payment_id });
    })
}

/// Tells the id and the payment of each row that is selected.
fn each(
    connection: &mut AnyConnection,
    select: &'static str,
    mut tell: impl FnMut(&[u8], &[u8]),
) -> Result<(), StorageError> {
    type SqlType = (Binary, Bool, Binary, diesel::sql_types::Nullable<Binary>);
    type Found = (Vec<u8>, bool, Vec<u8>, Option<Vec<u8>>);
    let mut after: Option<Key> = None;
    loop {
        let columns = ["c.tenant_id", "c.livemode", "c.id"];
        let statement = next_page::<SqlType>(select, "AND", columns, after.as_ref());
        let rows: Vec<Found> = statement.load(connection)?;
        for (_, _, id, payment) in &rows {
            tell(id, payment.as_deref().unwrap_or_default());
        }
        let Some((tenant_id, livemode, id, _)) = rows.into_iter().next_back() else { return Ok(()) };
        after = Some((tenant_id, livemode, id));
    }
}
