//! Counters against what they count.

use std::collections::BTreeMap;

use diesel::sql_types::{BigInt, Binary, Bool, Text};

use super::{Run, Violation, tenant_name};
use crate::batch::Statement;
use crate::counters::REFUNDS;
use crate::{AnyConnection, StorageError};

/// Counts by tenant, mode and counter.
type Counts = BTreeMap<(Vec<u8>, bool, String), i64>;

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let stored = "SELECT tenant_id, livemode, name, CAST(sum(total) AS BIGINT) FROM counters \
        GROUP BY tenant_id, livemode, name";
    let payments = "SELECT tenant_id, livemode, 'payments.' || state, count(*) FROM payments \
        GROUP BY tenant_id, livemode, state";
    let refunds = "SELECT tenant_id, livemode, '', count(*) FROM refunds GROUP BY tenant_id, livemode";
    let stored = load(connection, stored)?;
    let mut counted = load(connection, payments)?;
    for ((tenant_id, livemode, _), count) in load(connection, refunds)? {
        counted.insert((tenant_id, livemode, REFUNDS.to_owned()), count);
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
