//! Events and counters as rows: they are only ever added to.

use std::sync::Arc;

use florin_domain::EventId;

use super::{REALM, Realm, object_key};
use crate::batch::{Kind, Row, Table, Value};

/// An event, in its final form.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whose.
    pub realm: Realm,
    /// The event; its creation time is the id's own.
    pub id: EventId,
    /// Its type, such as `payment.succeeded`.
    pub kind: &'static str,
    /// The object that it tells of.
    pub object_id: [u8; 16],
    /// Counts the object's events from 1.
    pub sequence: i64,
    /// The object as JSON.
    pub snapshot: Arc<str>,
}

/// The table of events.
pub(crate) static EVENTS: Table = Table {
    name: "events",
    key: &[REALM[0], REALM[1], ("id", Kind::Bytes)],
    fixed: &[
        ("type", Kind::Text),
        ("object_id", Kind::Bytes),
        ("sequence", Kind::Int),
        ("snapshot", Kind::Text),
    ],
    changing: &[],
};

/// The table of counters.
pub(crate) static COUNTERS: Table = Table {
    name: "counters",
    key: &[REALM[0], REALM[1], ("name", Kind::Text), ("slot", Kind::Int)],
    fixed: &[("total", Kind::Int)],
    changing: &[],
};

/// A new event's row.
pub(crate) fn event_row(event: &Event) -> Row<'_> {
    let mut row = object_key(event.realm, event.id.bytes());
    row.extend([
        Value::text(Some(event.kind)),
        Value::Id(event.object_id),
        Value::Int(event.sequence),
        Value::text(Some(&event.snapshot)),
    ]);
    row
}

/// What is added to a counter.
pub(crate) fn count_row<'a>(realm: Realm, name: &'a str, slot: i64, by: i64) -> Row<'a> {
    let [tenant, mode] = realm.values();
    vec![tenant, mode, Value::text(Some(name)), Value::Int(slot), Value::Int(by)]
}
