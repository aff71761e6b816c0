//! Webhook endpoints as rows, the events that tell of them, and deliveries: each is the one of its event and endpoint.

use diesel::sql_types::{Binary, Bool};
use florin_domain::{DeliveryId, EventId, WebhookEndpoint, WebhookEndpointId, delivery_id};

use super::events::{Totals, load_totals};
use super::payments::reason;
use super::{Key, Run, Violation, name, next_page};
use crate::rows::{ENDPOINT_COLUMNS, EndpointRow};
use crate::{AnyConnection, StorageError, schema};

pub(super) fn check(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    check_endpoints(connection, run)?;
    check_deliveries(connection, run)
}

fn check_endpoints(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    let columns = ["tenant_id", "livemode", "id"];
    let mut after: Option<Key> = None;
    loop {
        let select = format!("SELECT {ENDPOINT_COLUMNS} FROM webhook_endpoints");
        let statement =
            next_page::<schema::webhook_endpoints::SqlType>(select, "WHERE", columns, after.as_ref());
        let rows: Vec<EndpointRow> = statement.load(connection)?;
        let keys: Vec<Key> =
            rows.iter().map(|row| (row.tenant_id.clone(), row.livemode, row.id.clone())).collect();
        let Some(last) = keys.last() else { return Ok(()) };
        let totals = load_totals(connection, &keys)?;
        for (row, key) in rows.into_iter().zip(&keys) {
            let id = name(&row.id, WebhookEndpointId::from_bytes);
            match WebhookEndpoint::try_from(row) {
                Ok(endpoint) => Totals::check(totals.get(key), &id, endpoint.event_count, run),
                Err(error) => {
                    run.report(Violation::CorruptRow {
                        table: "webhook_endpoints",
                        id,
                        reason: reason(error),
                    });
                }
            }
        }
        after = Some(last.clone());
    }
}

fn check_deliveries(connection: &mut AnyConnection, run: &mut Run<'_>) -> Result<(), StorageError> {
    type Found = (Vec<u8>, bool, Vec<u8>, Vec<u8>, Vec<u8>);
    // By the delivery alone: no two of a tenant have one id.
    let columns = ["tenant_id", "livemode", "id"];
    let mut after: Option<Key> = None;
    loop {
        let select = "SELECT tenant_id, livemode, id, endpoint_id, event_id FROM webhook_deliveries";
        let statement =
            next_page::<(Binary, Bool, Binary, Binary, Binary)>(select, "WHERE", columns, after.as_ref());
        let rows: Vec<Found> = statement.load(connection)?;
        let Some((tenant_id, livemode, id, ..)) = rows.last() else { return Ok(()) };
        after = Some((tenant_id.clone(), *livemode, id.clone()));
        for (_, _, id, endpoint_id, event_id) in &rows {
            let bytes = |bytes: &Vec<u8>| <[u8; 16]>::try_from(bytes.as_slice()).unwrap_or_default();
            let expected = delivery_id(
                EventId::from_bytes(bytes(event_id)),
                WebhookEndpointId::from_bytes(bytes(endpoint_id)),
            );
            if expected.bytes() != bytes(id) {
                let (id, reason) = (name(id, DeliveryId::from_bytes), format!("its id should be {expected}"));
                run.report(Violation::CorruptRow { table: "webhook_deliveries", id, reason });
            }
        }
    }
}
