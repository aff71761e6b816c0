//! Processor accounts and routes as rows. There are few, so they are read at once.

use std::collections::BTreeSet;

use diesel::prelude::*;
use florin_domain::{ProcessorAccount, ProcessorAccountId, ProcessorRoutes};

use super::payments::reason;
use super::{Run, Violation, name, tenant_name};
use crate::rows::{AccountRow, Realm, RoutesRow, Stored};
use crate::schema::{processor_accounts, processor_routes};
use crate::{AnyConnection, StorageError};

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let mut known: BTreeSet<(Realm, ProcessorAccountId)> = BTreeSet::new();
    for row in processor_accounts::table.load::<AccountRow>(connection)? {
        let id = name(&row.id, ProcessorAccountId::from_bytes);
        match ProcessorAccount::try_from(row) {
            Ok(account) => drop(known.insert(account.key())),
            Err(error) => {
                run.report(Violation::CorruptRow { table: "processor_accounts", id, reason: reason(error) });
            }
        }
    }
    for row in processor_routes::table.load::<RoutesRow>(connection)? {
        let id = tenant_name(&row.tenant_id);
        match ProcessorRoutes::try_from(row) {
            Ok(routes) => check_rules(&routes, &known, run),
            Err(error) => {
                run.report(Violation::CorruptRow { table: "processor_routes", id, reason: reason(error) });
            }
        }
    }
    Ok(())
}

/// A rule names accounts of its own tenant and mode.
fn check_rules(routes: &ProcessorRoutes, known: &BTreeSet<(Realm, ProcessorAccountId)>, run: &mut Run<'_>) {
    let named = routes.rules.iter().flat_map(|rule| &rule.accounts);
    for id in named.filter(|id| !known.contains(&(routes.key(), **id))) {
        let (owner, parent) = (routes.tenant_id.to_string(), id.to_string());
        run.report(Violation::Orphan { table: "processor_routes", id: owner, parent });
    }
}
