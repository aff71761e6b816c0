//! Counters against what they count, and balances against the journal.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Binary, Bool, Text};

use super::{Run, Violation, tenant_name};
use crate::batch::Statement;
use crate::{AnyConnection, StorageError};

/// Counts by tenant, mode and counter.
type Counts = BTreeMap<(Vec<u8>, bool, String), i64>;

/// The counters as they stand.
const STORED: &str = "SELECT tenant_id, livemode, name, CAST(sum(total) AS BIGINT) FROM counters \
    GROUP BY tenant_id, livemode, name";

/// What was debited less what was credited. An amount out of range would break the sum; it is reported as a bad row.
const BALANCES: &str = "SELECT tenant_id, livemode, 'balance:' || account || ':' || currency, \
    CAST(sum(amount) AS BIGINT) FROM ( \
    SELECT tenant_id, livemode, debit_account AS account, currency, sum(amount) AS amount FROM transactions \
    WHERE amount BETWEEN 1 AND 999999999999 GROUP BY tenant_id, livemode, debit_account, currency \
    UNION ALL \
    SELECT tenant_id, livemode, credit_account, currency, -sum(amount) FROM transactions \
    WHERE amount BETWEEN 1 AND 999999999999 GROUP BY tenant_id, livemode, credit_account, currency \
    ) AS postings GROUP BY tenant_id, livemode, account, currency";

/// What they should be.
const COUNTED: [&str; 8] = [
    "SELECT tenant_id, livemode, 'payments.' || state, count(*) FROM payments GROUP BY tenant_id, livemode, state",
    "SELECT tenant_id, livemode, 'refunds', count(*) FROM refunds GROUP BY tenant_id, livemode",
    "SELECT tenant_id, livemode, 'customers', count(*) FROM customers GROUP BY tenant_id, livemode",
    "SELECT tenant_id, livemode, 'payment_methods', count(*) FROM payment_methods WHERE detached_at IS NULL \
        GROUP BY tenant_id, livemode",
    "SELECT tenant_id, livemode, 'payment_requests.' || state, count(*) FROM payment_requests \
        GROUP BY tenant_id, livemode, state",
    "SELECT tenant_id, livemode, 'invoices.' || status, count(*) FROM invoices GROUP BY tenant_id, livemode, status",
    "SELECT tenant_id, livemode, 'transactions.' || type, count(*) FROM transactions \
        GROUP BY tenant_id, livemode, type",
    BALANCES,
];

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let stored = load(connection, STORED)?;
    let mut counted = Counts::new();
    for select in COUNTED {
        counted.append(&mut load(connection, select)?);
    }
    for key in stored.keys().chain(counted.keys().filter(|key| !stored.contains_key(key))) {
        let of = |counts: &Counts| counts.get(key).copied().unwrap_or_default();
        let (stored, counted) = (of(&stored), of(&counted));
        if stored != counted {
            let (tenant_id, livemode, name) = key;
            run.report(Violation::CounterDiffers {
                tenant_id: tenant_name(tenant_id),
                livemode: *livemode,
                name: name.clone(),
                stored,
                counted,
            });
        }
    }
    Ok(())
}

fn load(connection: &mut AnyConnection, select: &'static str) -> Result<Counts, StorageError> {
    type SqlType = (Binary, Bool, Text, BigInt);
    let rows: Vec<(Vec<u8>, bool, String, i64)> = Statement::<SqlType>::new(select).load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(tenant_id, livemode, name, count)| ((tenant_id, livemode, name), count))
        .collect())
}
