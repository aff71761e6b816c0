//! Removing events that are too old, and their deliveries with them.

use chrono::{DateTime, Utc};
use diesel::sql_types::Binary;
use florin_domain::{DeliveryStatus, EventId, Mode, WebhookEndpoint, delivery_id};

use super::deliveries::of_endpoint;
use super::delivery_log::load_deliveries;
use crate::access::list_tenants;
use crate::batch::{Lock, Statement, Value};
use crate::forgetting::PAGE;
use crate::rows::{Reader, Realm, load_endpoints_of};
use crate::{AnyConnection, StorageError, in_transaction};

const IN: Reader = Reader("events");

/// Events that are too old, on their way out: some at a time, so that others write in between.
#[derive(Debug)]
pub struct OldEvents {
    /// The realms that were not looked at to their end.
    realms: Vec<Realm>,
    /// Up to which event of the last of them.
    after: [u8; 16],
    end: [u8; 16],
}

impl OldEvents {
    /// Those from before a time, except such as are still to be delivered to an endpoint that is enabled.
    ///
    /// # Errors
    /// As the database and its rows give cause.
    pub fn before(connection: &mut AnyConnection, before: DateTime<Utc>) -> Result<Self, StorageError> {
        let tenants = list_tenants(connection)?;
        let realms = tenants
            .iter()
            .flat_map(|tenant| [Mode::Test, Mode::Live].map(|mode| Realm { tenant_id: tenant.id, mode }));
        Ok(OldEvents { realms: realms.collect(), after: [0; 16], end: EventId::first_at(before).bytes() })
    }

    /// Removes the next of them, a hundred at most, together with their deliveries. Says how many it removed; none when
    /// there are no more.
    ///
    /// # Errors
    /// As the database and its rows give cause. What was removed until then stays removed.
    pub fn remove_some(&mut self, connection: &mut AnyConnection) -> Result<Option<usize>, StorageError> {
        while let Some(realm) = self.realms.last().copied() {
            let page = old_events(connection, realm, self.after, self.end)?;
            let Some(last) = page.last() else {
                self.realms.pop();
                self.after = [0; 16];
                continue;
            };
            self.after = last.bytes();
            let endpoints = load_endpoints_of(connection, Lock::None, &[realm.values().into()])?;
            let removed =
                in_transaction(connection, |connection| remove(connection, realm, &page, &endpoints))?;
            return Ok(Some(removed));
        }
        Ok(None)
    }
}

fn old_events(
    connection: &mut AnyConnection,
    realm: Realm,
    after: [u8; 16],
    end: [u8; 16],
) -> Result<Vec<EventId>, StorageError> {
    let [tenant, mode] = realm.values();
    let ids: Vec<Vec<u8>> = Statement::<Binary>::new("SELECT id FROM events WHERE tenant_id = ")
        .value(tenant)
        .sql(" AND livemode = ")
        .value(mode)
        .sql(" AND id > ")
        .value(Value::Id(after))
        .sql(" AND id < ")
        .value(Value::Id(end))
        .sql(" ORDER BY id LIMIT ")
        .value(Value::Int(PAGE))
        .load(connection)?;
    ids.iter().map(|id| IN.id(id, EventId::from_bytes)).collect()
}

fn remove(
    connection: &mut AnyConnection,
    realm: Realm,
    events: &[EventId],
    endpoints: &[WebhookEndpoint],
) -> Result<usize, StorageError> {
    let mut removed = events.to_vec();
    // One that is disabled, or gone, will never get what waits for it.
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.enabled) {
        let ids: Vec<_> = removed.iter().map(|event| delivery_id(*event, endpoint.id).bytes()).collect();
        for delivery in load_deliveries(connection, (realm, endpoint.id), &ids)? {
            if delivery.status == DeliveryStatus::Pending {
                removed.retain(|event| *event != delivery.event_id);
            }
        }
    }
    let Some(last) = removed.last() else { return Ok(0) };
    Statement::<()>::new("UPDATE event_log SET removed = ")
        .value(Value::Id(last.bytes()))
        .sql(" WHERE removed < ")
        .value(Value::Id(last.bytes()))
        .execute(connection)?;
    for endpoint in endpoints {
        let ids: Vec<_> = removed.iter().map(|event| delivery_id(*event, endpoint.id).bytes()).collect();
        for (table, column) in [
            ("DELETE FROM webhook_tries", " AND delivery_id IN ("),
            ("DELETE FROM webhook_deliveries", " AND id IN ("),
        ] {
            let statement = of_endpoint(Statement::<()>::new(table).rare(), realm, endpoint.id).sql(column);
            any_of(statement, &ids).execute(connection)?;
        }
    }
    let [tenant, mode] = realm.values();
    let statement = Statement::<()>::new("DELETE FROM events WHERE tenant_id = ").rare().value(tenant);
    let statement = statement.sql(" AND livemode = ").value(mode).sql(" AND id IN (");
    any_of(statement, &removed.iter().map(|event| event.bytes()).collect::<Vec<_>>()).execute(connection)
}

/// Goes on with ids and a closing parenthesis.
fn any_of<'a>(mut statement: Statement<'a>, ids: &[[u8; 16]]) -> Statement<'a> {
    for (index, id) in ids.iter().enumerate() {
        statement = statement.sql(if index > 0 { ", " } else { "" }).value(Value::Id(*id));
    }
    statement.sql(")")
}
