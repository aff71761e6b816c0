//! That a person is told of each attempt that waits for one.

use diesel::sql_types::{Binary, Bool};
use florin_domain::{AttemptId, PaymentId};

use super::{Key, Run, Violation, name, next_page};
use crate::{AnyConnection, StorageError};

/// Attempts that need review and that no open item is about.
const UNTOLD: &str = "SELECT c.tenant_id, c.livemode, c.id, c.payment_id FROM attempts c LEFT JOIN open_items i \
    ON i.tenant_id = c.tenant_id AND i.livemode = c.livemode AND i.payment_id = c.payment_id \
    AND i.attempt_id = c.id AND i.type = 'needs_review' AND i.status = 'open' \
    WHERE c.status = 'needs_review' AND i.id IS NULL";

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    type SqlType = (Binary, Bool, Binary, Binary);
    type Found = (Vec<u8>, bool, Vec<u8>, Vec<u8>);
    let mut after: Option<Key> = None;
    loop {
        let columns = ["c.tenant_id", "c.livemode", "c.id"];
        let statement = next_page::<SqlType>(UNTOLD, "AND", columns, after.as_ref());
        let rows: Vec<Found> = statement.load(connection)?;
        for (_, _, id, payment) in &rows {
            let (attempt_id, payment_id) =
                (name(id, AttemptId::from_bytes), name(payment, PaymentId::from_bytes));
            run.report(Violation::ReviewUntold { attempt_id, payment_id });
        }
        let Some((tenant_id, livemode, id, _)) = rows.into_iter().next_back() else { return Ok(()) };
        after = Some((tenant_id, livemode, id));
    }
}
