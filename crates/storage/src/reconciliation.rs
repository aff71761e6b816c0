//! Which windows of which processors were compared, and by whom: one process of many has the lease of a window.
//!
//! Not of the writer's: nothing here is a payment's.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Binary, Nullable};
use florin_domain::{Account, PaymentId, RefundId, TransactionType};

use crate::batch::{Statement, Value};
use crate::recovery::AHEAD;
use crate::rows::{Reader, Realm};
use crate::{AnyConnection, StorageError};

const IN: Reader = Reader("transactions");

/// A window of a processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowKey {
    /// Whose account it is.
    pub realm: Realm,
    /// The account's name.
    pub processor: String,
    /// The first instant of the window.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
}

impl WindowKey {
    fn values(&self) -> [Value<'_>; 5] {
        let [tenant, mode] = self.realm.values();
        [
            tenant,
            mode,
            Value::text(Some(&self.processor)),
            Value::Int(self.from.timestamp_micros()),
            Value::Int(self.until.timestamp_micros()),
        ]
    }

    fn push<'a, ST>(&'a self, mut statement: Statement<'a, ST>) -> Statement<'a, ST> {
        let names = ["tenant_id", "livemode", "processor", "window_from", "window_until"];
        for (index, (name, value)) in names.into_iter().zip(self.values()).enumerate() {
            statement =
                statement.sql(if index > 0 { " AND " } else { " WHERE " }).sql(name).sql(" = ").value(value);
        }
        statement
    }
}

/// Takes the lease of a window that is neither compared nor being compared. False when somebody else has it, or it is
/// done. A lease that ends later than one that is taken now was taken before the clock was set back, and is over.
///
/// # Errors
/// As the database gives cause.
pub fn lease_window(
    connection: &mut AnyConnection,
    key: &WindowKey,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, StorageError> {
    let [tenant, mode, processor, from, to] = key.values();
    let statement = Statement::<()>::new(
        "INSERT INTO reconciliations (tenant_id, livemode, processor, window_from, window_until, leased_until, \
         compared, raised) VALUES (",
    );
    let statement =
        statement.value(tenant).sql(", ").value(mode).sql(", ").value(processor).sql(", ").value(from);
    let statement = statement.sql(", ").value(to).sql(", ").value(Value::Int(until.timestamp_micros()));
    let statement = statement.sql(
        ", 0, 0) ON CONFLICT (tenant_id, livemode, processor, window_from, window_until) \
         DO UPDATE SET leased_until = excluded.leased_until \
         WHERE reconciliations.finished_at IS NULL AND (reconciliations.leased_until <= ",
    );
    let statement =
        statement.value(Value::Int(now.timestamp_micros())).sql(" OR reconciliations.leased_until > ");
    let latest = until.checked_add_signed(AHEAD).unwrap_or(until);
    Ok(statement.value(Value::Int(latest.timestamp_micros())).sql(")").execute(connection)? > 0)
}

/// Goes on with a lease. False when somebody else has taken it meanwhile.
///
/// # Errors
/// As the database gives cause.
pub fn renew_window(
    connection: &mut AnyConnection,
    key: &WindowKey,
    (held, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<bool, StorageError> {
    let statement = Statement::<()>::new("UPDATE reconciliations SET leased_until = ");
    let statement = key.push(statement.value(Value::Int(until.timestamp_micros())));
    let statement = statement.sql(" AND finished_at IS NULL AND leased_until = ");
    Ok(statement.value(Value::Int(held.timestamp_micros())).execute(connection)? > 0)
}

/// Writes down that a window is compared.
///
/// # Errors
/// As the database gives cause.
pub fn finish_window(
    connection: &mut AnyConnection,
    key: &WindowKey,
    at: DateTime<Utc>,
    (compared, raised): (i64, i64),
) -> Result<(), StorageError> {
    let statement = Statement::<()>::new("UPDATE reconciliations SET finished_at = ");
    let statement = statement.value(Value::Int(at.timestamp_micros())).sql(", compared = ");
    let statement = statement.value(Value::Int(compared)).sql(", raised = ").value(Value::Int(raised));
    key.push(statement).execute(connection)?;
    Ok(())
}

/// A movement of the journal through a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookedMovement {
    /// The transaction's id, from which the next page goes on.
    pub id: [u8; 16],
    /// The payment.
    pub payment_id: PaymentId,
    /// The refund, where it is one.
    pub refund_id: Option<RefundId>,
}

/// The charges and refunds that were booked through a processor in a window, in the order of booking: at most `limit` of
/// them after the transaction `after`.
///
/// # Errors
/// As the database and its rows give cause.
pub fn booked_movements(
    connection: &mut AnyConnection,
    key: &WindowKey,
    after: Option<[u8; 16]>,
    limit: u32,
) -> Result<Vec<BookedMovement>, StorageError> {
    use florin_domain::TransactionId;
    let [tenant, mode] = key.realm.values();
    let account = Account::ProcessorClearing(key.processor.clone());
    let mut statement = Statement::<(Binary, Nullable<Binary>, Nullable<Binary>)>::new(
        "SELECT id, payment_id, refund_id FROM transactions WHERE tenant_id = ",
    );
    statement = statement.value(tenant).sql(" AND livemode = ").value(mode);
    statement = match after {
        Some(after) => statement.sql(" AND id > ").value(Value::Id(after)),
        None => statement.sql(" AND id >= ").value(Value::Id(TransactionId::first_at(key.from).bytes())),
    };
    statement = statement.sql(" AND id < ").value(Value::Id(TransactionId::first_at(key.until).bytes()));
    for (words, kind, side) in [
        (" AND ((type = ", TransactionType::Charge, " AND debit_account = "),
        (") OR (type = ", TransactionType::Refund, " AND credit_account = "),
    ] {
        statement = statement.sql(words).value(Value::owned(kind)).sql(side).value(Value::owned(&account));
    }
    statement = statement.sql(")) ORDER BY id LIMIT ").value(Value::Int(i64::from(limit)));
    type Found = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);
    let rows: Vec<Found> = statement.load(connection)?;
    let movements = rows.into_iter().map(|(id, payment_id, refund_id)| {
        let payment_id = payment_id.ok_or_else(|| StorageError::corrupt(IN.0, "a charge is of a payment"))?;
        Ok(BookedMovement {
            id: IN.id(&id, |bytes| bytes)?,
            payment_id: IN.id(&payment_id, PaymentId::from_bytes)?,
            refund_id: IN.id_opt(refund_id.as_deref(), RefundId::from_bytes)?,
        })
    });
    movements.collect()
}
