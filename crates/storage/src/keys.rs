//! Idempotency keys beyond claiming and answering: freeing a claim, forgetting old answers.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::rows::DigestKey;
use crate::schema::idempotency_keys as k;
use crate::{AnyConnection, StorageError};

/// Frees keys that were claimed by a request which was then refused without an effect.
pub(crate) fn delete(connection: &mut AnyConnection, keys: &BTreeSet<DigestKey>) -> Result<(), StorageError> {
    for (realm, digest) in keys {
        diesel::delete(k::table)
            .filter(k::tenant_id.eq(&realm.tenant_id.bytes()[..]))
            .filter(k::livemode.eq(realm.mode.is_live()))
            .filter(k::digest.eq(&digest[..]))
            .execute(connection)?;
    }
    Ok(())
}

/// Forgets the answers given to keys that were first used before `before`; the keys stay bound to their objects.
///
/// # Errors
/// As the database gives cause.
pub fn forget_answers(connection: &mut AnyConnection, before: DateTime<Utc>) -> Result<usize, StorageError> {
    let forgotten = diesel::update(k::table)
        .filter(k::created_at.lt(before.timestamp_micros()))
        .filter(k::answer_body.is_not_null())
        .set(k::answer_body.eq(None::<String>))
        .execute(connection)?;
    Ok(forgotten)
}
