//! Processors' events as rows: each is there once, and none ever changes.

use chrono::{DateTime, Utc};

use super::{DigestKey, REALM, Realm};
use crate::batch::{Kind, Row, Table, Value};

/// An event of a processor, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorEventRecord {
    /// Whose account it came for.
    pub realm: Realm,
    /// Of the account and the event's id: what it is told again by.
    pub digest: [u8; 32],
    /// The account's name.
    pub processor: String,
    /// The processor's own id of it.
    pub event_id: String,
    /// What kind of event it is, in the processor's words.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// The table of processors' events.
pub(crate) static PROCESSOR_EVENTS: Table = Table {
    name: "processor_events",
    key: &[REALM[0], REALM[1], ("digest", Kind::Bytes)],
    fixed: &[
        ("processor", Kind::Text),
        ("event_id", Kind::Text),
        ("type", Kind::Text),
        ("subject", Kind::Text),
        ("received_at", Kind::Int),
    ],
    changing: &[],
};

impl ProcessorEventRecord {
    /// What it is told again by.
    pub fn key(&self) -> DigestKey {
        (self.realm, self.digest)
    }
}

/// A new event's row.
pub(crate) fn processor_event_row(event: &ProcessorEventRecord) -> Row<'_> {
    let [tenant, mode] = event.realm.values();
    vec![
        tenant,
        mode,
        Value::Bytes(&event.digest),
        Value::text(Some(&event.processor)),
        Value::text(Some(&event.event_id)),
        Value::text(Some(&event.kind)),
        Value::text(Some(&event.subject)),
        Value::Int(event.received_at.timestamp_micros()),
    ]
}
