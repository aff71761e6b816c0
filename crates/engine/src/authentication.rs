//! API keys: from a secret to a caller.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use florin_storage::{StorageError, access};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::{Caller, Scopes};
use crate::engine::{Engine, Inner};
use crate::views::Refused;

/// For how long a key that was found good is not looked up again: a revocation holds after this at the latest.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// More keys than this are not remembered.
const CAPACITY: usize = 10_000;

/// Keys that were found good a moment ago, by the digest of their secret.
#[derive(Default)]
pub(crate) struct KeyCache(RwLock<HashMap<[u8; 32], (Caller, Instant)>>);

impl KeyCache {
    fn get(&self, digest: &[u8; 32]) -> Option<Caller> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (caller, found_at) = keys.get(digest)?;
        (found_at.elapsed() < TRUSTED_FOR).then(|| caller.clone())
    }

    fn put(&self, digest: [u8; 32], caller: Option<Caller>) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match caller {
            Some(caller) => {
                if keys.len() >= CAPACITY {
                    keys.retain(|_, (_, found_at)| found_at.elapsed() < TRUSTED_FOR);
                }
                keys.insert(digest, (caller, Instant::now()));
            }
            None => drop(keys.remove(&digest)),
        }
    }
}

/// The SHA-256 of a secret: all that is stored of it.
pub fn secret_digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

impl Engine {
    /// Who calls with this secret; none for a secret that is unknown or revoked.
    ///
    /// # Errors
    /// 503 when the database can't be asked.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Caller>, Refused> {
        let digest = secret_digest(secret);
        if let Some(caller) = self.inner.keys.get(&digest) {
            return Ok(Some(caller));
        }
        let caller = self.inner.find_caller(digest).await.map_err(|error| {
            tracing::warn!(%error, "an API key could not be looked up");
            Refused::overloaded()
        })?;
        self.inner.keys.put(digest, caller.clone());
        Ok(caller)
    }
}

impl Inner {
    async fn find_caller(&self, digest: [u8; 32]) -> Result<Option<Caller>, StorageError> {
        let found = self.read(move |connection| access::find_key_by_digest(connection, &digest)).await?;
        let Some((key, stored)) = found else { return Ok(None) };
        if !bool::from(stored[..].ct_eq(&digest[..])) || key.revoked_at.is_some() {
            return Ok(None);
        }
        let scopes: Result<Scopes, _> = key.scopes.iter().map(|word| word.parse()).collect();
        Ok(Some(Caller {
            tenant_id: key.realm.tenant_id,
            mode: key.realm.mode,
            key_id: key.id,
            scopes: scopes
                .map_err(|error| StorageError::Corrupt { table: "api_keys", reason: error.to_string() })?,
            limit_per_minute: key.limit_per_minute,
            limit_per_second: key.limit_per_second,
        }))
    }
}
