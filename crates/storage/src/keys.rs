//! Idempotency keys beyond claiming and answering: freeing a claim.

use std::collections::BTreeSet;

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
