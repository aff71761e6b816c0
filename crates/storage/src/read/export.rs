//! Whole lists, oldest first, for those who keep what they read: page after page of one snapshot.
//!
//! Memory does not grow with the list, whatever is committed meanwhile does not show, and no writer waits for a reader.
//! Deliberately not here: what becomes of the objects.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use florin_domain::{Attempt, Payment, PaymentId, Refund, Transaction};

use super::filter::{Filter, Walk, last_id};
use crate::batch::Lock;
use crate::rows::{Realm, Stored, object_key};
use crate::{AnyConnection, StorageError, load_payments};

/// How many objects are read together.
const PAGE: i64 = 500;

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportQuery {
    /// Whose.
    pub realm: Realm,
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

impl ExportQuery {
    /// All of a realm.
    pub const fn all(realm: Realm) -> Self {
        ExportQuery { realm, created_after: None, created_before: None }
    }

    fn filter(&self, table: &'static str, created_after: Option<DateTime<Utc>>) -> Filter<'static> {
        let mut filter = Filter::new(table, self.realm);
        filter.add_creation(created_after, self.created_before);
        filter
    }
}

/// An object that can be exported.
pub trait Exported: Sized {
    /// Its table.
    #[doc(hidden)]
    const TABLE: &'static str;

    /// Loads the objects of these ids, which are in order.
    #[doc(hidden)]
    fn load_all(
        connection: &mut AnyConnection,
        realm: Realm,
        ids: &[[u8; 16]],
    ) -> Result<Vec<Self>, StorageError>;
}

/// A payment with its attempts.
impl Exported for (Payment, Vec<Attempt>) {
    const TABLE: &'static str = "payments";

    fn load_all(
        connection: &mut AnyConnection,
        realm: Realm,
        ids: &[[u8; 16]],
    ) -> Result<Vec<Self>, StorageError> {
        let keys = ids.iter().map(|id| (realm, PaymentId::from_bytes(*id))).collect();
        load_payments(connection, &keys)
    }
}

macro_rules! exported_as_stored {
    ($object:ty, $table:literal) => {
        impl Exported for $object {
            const TABLE: &'static str = $table;

            fn load_all(
                connection: &mut AnyConnection,
                realm: Realm,
                ids: &[[u8; 16]],
            ) -> Result<Vec<Self>, StorageError> {
                let keys: Vec<_> = ids.iter().map(|id| object_key(realm, *id)).collect();
                <$object as Stored>::load(connection, Lock::None, &keys)
            }
        }
    };
}

exported_as_stored!(Refund, "refunds");
exported_as_stored!(Transaction, "transactions");

/// A list that is being read to its end. The connection is in a transaction until this goes.
pub struct Export<'c, T> {
    connection: &'c mut AnyConnection,
    query: ExportQuery,
    /// Without a beginning: that is `after`. Of two lower bounds SQLite would use one, and not the one that moves.
    filter: Filter<'static>,
    after: Option<[u8; 16]>,
    objects: PhantomData<T>,
}

impl<'c, T: Exported> Export<'c, T> {
    /// Begins to read what there is now. The connection must not be in a transaction; it is given back as it was.
    ///
    /// # Errors
    /// As the database gives cause.
    pub fn begin(connection: &'c mut AnyConnection, query: &ExportQuery) -> Result<Self, StorageError> {
        let begin = match connection {
            AnyConnection::Postgres(_) => BEGIN_ON_POSTGRES,
            AnyConnection::Sqlite(_) => BEGIN_ON_SQLITE,
        };
        let filter = query.filter(T::TABLE, None);
        let after = query.created_after.and_then(last_id);
        let export = Export { connection, query: *query, filter, after, objects: PhantomData };
        export.connection.batch_execute(begin)?;
        Ok(export)
    }

    /// How many objects there are in all, those that have been read included.
    ///
    /// # Errors
    /// As the database gives cause.
    pub fn count(&mut self) -> Result<u64, StorageError> {
        let count = self.query.filter(T::TABLE, self.query.created_after).count(self.connection, None)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// The next objects, oldest first; none at the end.
    ///
    /// # Errors
    /// As the database and its rows give cause; then the export is not complete, and can't be gone on with.
    pub fn next_page(&mut self) -> Result<Vec<T>, StorageError> {
        let walk = Walk { after: self.after, newest_first: false, skip: 0, take: PAGE };
        let ids = self.filter.ids(self.connection, &walk)?;
        let Some(last) = ids.last() else { return Ok(Vec::new()) };
        self.after = Some(*last);
        let objects = T::load_all(self.connection, self.filter.realm(), &ids)?;
        if objects.len() == ids.len() {
            return Ok(objects);
        }
        let reason = format!("{} objects of {} were found by their ids", objects.len(), ids.len());
        Err(StorageError::corrupt(T::TABLE, reason))
    }
}

impl<T> Drop for Export<'_, T> {
    fn drop(&mut self) {
        if let Err(error) = self.connection.batch_execute("ROLLBACK") {
            // Nothing was written, and a connection that can't roll back is of no use to anybody.
            tracing::debug!(%error, "the end of an export was not heard by the database");
        }
    }
}

/// The query at the end takes the snapshot. Who reads the export may be slow: no time-out of ours ends it. Pages go by
/// key, which the planner might not believe of a table whose statistics are old.
const BEGIN_ON_POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL enable_seqscan = off; \
     SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SELECT 1";

/// The query takes the snapshot, which a deferred transaction by itself does not.
const BEGIN_ON_SQLITE: &str = "BEGIN DEFERRED; SELECT count(*) FROM sqlite_schema";
