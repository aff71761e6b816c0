//! Sessions: lists of those that live.

use chrono::{DateTime, Utc};
use florin_domain::{Session, SessionOwner};

use super::filter::Filter;
use super::objects::list;
use super::{Listed, Slice};
use crate::batch::Value;
use crate::rows::Realm;
use crate::{AnyConnection, StorageError};

/// Which sessions are wanted: the owner's that live at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionQuery {
    /// Whose.
    pub realm: Realm,
    /// What they were exchanged for.
    pub owner: SessionOwner,
    /// When they live.
    pub live_at: DateTime<Utc>,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// A part of a list of sessions.
///
/// # Errors
/// As the database and its rows give cause.
pub fn list_sessions(
    connection: &mut AnyConnection,
    query: &SessionQuery,
    slice: Slice,
) -> Result<Listed<Session>, StorageError> {
    let mut filter = Filter::new("sessions", query.realm);
    match query.owner {
        SessionOwner::Key(id) => filter.add("key_id = ?", vec![Value::Id(id.bytes())]),
        SessionOwner::User { id, epoch } => {
            filter.add("user_id = ?", vec![Value::Id(id.bytes())]);
            filter.add("user_epoch = ?", vec![Value::Int(epoch)]);
        }
    }
    let at = query.live_at.timestamp_micros();
    filter.add("ended_at IS NULL", Vec::new());
    filter.add("expires_at > ?", vec![Value::Int(at)]);
    filter.add("refresh_expires_at > ?", vec![Value::Int(at)]);
    filter.add_creation(query.created_after, query.created_before);
    list(connection, &filter, None, slice)
}
