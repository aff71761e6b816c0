//! API keys: from a secret to a caller.
//!
//! What is found of a key is remembered together with the generation that was asked for before, and trusted by those
//! requests only that find the generation unchanged. Whoever revokes a key changes the generation in the same commit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use florin_domain::{KeyId, KeyText};
use florin_storage::access::{find_key_by_digest, note_key_uses};
use florin_storage::read::find_tenant_settings;
use florin_storage::{Realm, StorageError};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::{Caller, Scopes};
use crate::engine::{Engine, Inner};
use crate::views::Refused;

/// More keys than this are not remembered.
const CAPACITY: usize = 10_000;

/// How often it is written down when keys were used last.
const NOTE_USES_EVERY: Duration = Duration::from_secs(60);

/// What is remembered of keys, by the digest of their secret.
#[derive(Default)]
pub(crate) struct KeyCache(RwLock<HashMap<[u8; 32], Known>>);

/// A key that was found to work.
#[derive(Clone)]
struct Known {
    caller: Caller,
    generation: i64,
    uses: Arc<Uses>,
}

/// When a key was used last, in microseconds: the last time, and the last that was written down.
#[derive(Default)]
struct Uses {
    last: AtomicI64,
    noted: AtomicI64,
}

impl KeyCache {
    /// What is remembered, of whatever generation.
    fn get(&self, digest: &[u8; 32]) -> Option<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// Remembers a key, or forgets it.
    fn put(&self, digest: [u8; 32], generation: i64, caller: Option<&Caller>) -> Option<Arc<Uses>> {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = keys.remove(&digest);
        let caller = caller?.clone();
        if keys.len() >= CAPACITY {
            keys.retain(|_, known| known.generation == generation);
            if keys.len() >= CAPACITY {
                keys.clear();
            }
        }
        let uses = before.map_or_else(Arc::default, |known| known.uses);
        keys.insert(digest, Known { caller, generation, uses: Arc::clone(&uses) });
        Some(uses)
    }

    /// The uses that were not written down yet, each with what to set when it is.
    fn not_noted(&self) -> Vec<(Realm, KeyId, i64, Arc<Uses>)> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_key = |known: &Known| {
            let last = known.uses.last.load(Ordering::Relaxed);
            let is_new = last > known.uses.noted.load(Ordering::Relaxed);
            is_new.then(|| (known.caller.realm(), known.caller.key_id, last, Arc::clone(&known.uses)))
        };
        keys.values().filter_map(of_key).collect()
    }
}

/// The SHA-256 of a secret: all that is stored of it.
pub fn secret_digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

impl Engine {
    /// Who calls with this secret; none for a secret that is unknown, expired or revoked.
    ///
    /// # Errors
    /// 503 when the database can't be asked.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Caller>, Refused> {
        let inner = &self.inner;
        let digest = secret_digest(secret);
        let known = inner.keys.get(&digest);
        if known.is_none() && KeyText::recognize(secret) == KeyText::Mistyped {
            return Ok(None);
        }
        // Before the key itself is read: what changes in between is found by the next request.
        let generation = inner.generations.current().await.map_err(|error| not_found_out(&error))?;
        if let Some(known) = known.filter(|known| known.generation == generation) {
            return Ok(admit(known.caller, &known.uses, inner.now()));
        }
        let caller = inner.find_caller(digest).await.map_err(|error| not_found_out(&error))?;
        let uses = inner.keys.put(digest, generation, caller.as_ref());
        Ok(caller.zip(uses).and_then(|(caller, uses)| admit(caller, &uses, inner.now())))
    }

    /// Writes down now when keys were used last. It is done every minute; this is for operators and tests that can't
    /// wait.
    pub async fn note_key_uses_now(&self) {
        self.inner.note_uses().await;
    }
}

fn not_found_out(error: &StorageError) -> Refused {
    tracing::warn!(%error, "an API key could not be looked up");
    Refused::overloaded()
}

fn admit(caller: Caller, uses: &Uses, now: DateTime<Utc>) -> Option<Caller> {
    if caller.expires_at.is_some_and(|expires_at| now >= expires_at) {
        return None;
    }
    uses.last.store(now.timestamp_micros(), Ordering::Relaxed);
    Some(caller)
}

impl Inner {
    async fn find_caller(&self, digest: [u8; 32]) -> Result<Option<Caller>, StorageError> {
        let now = self.now();
        let read = move |connection: &mut _| {
            let Some((key, stored)) = find_key_by_digest(connection, &digest)? else { return Ok(None) };
            if !bool::from(stored[..].ct_eq(&digest[..])) || !key.works_at(now) {
                return Ok(None);
            }
            let settings = find_tenant_settings(connection, key.realm)?;
            Ok(Some((key, settings)))
        };
        let Some((key, settings)) = self.read(read).await? else { return Ok(None) };
        let scopes: Result<Scopes, _> = key.scopes.iter().map(|word| word.parse()).collect();
        let of_tenant = settings.as_ref();
        Ok(Some(Caller {
            tenant_id: key.realm.tenant_id,
            mode: key.realm.mode,
            key_id: key.id,
            scopes: scopes
                .map_err(|error| StorageError::Corrupt { table: "api_keys", reason: error.to_string() })?,
            limit_per_minute: key.limit_per_minute.or(of_tenant.and_then(|tenant| tenant.limit_per_minute)),
            limit_per_second: key.limit_per_second.or(of_tenant.and_then(|tenant| tenant.limit_per_second)),
            own_limits: (key.limit_per_minute, key.limit_per_second),
            expires_at: key.expires_at,
            currencies: settings.and_then(|tenant| tenant.currencies).map(Arc::from),
        }))
    }

    /// Writes down every minute when keys were used last, and once more at the end.
    pub(crate) async fn note_uses_periodically(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(NOTE_USES_EVERY);
        while !self.is_closed() {
            ticks.tick().await;
            self.note_uses().await;
        }
    }

    pub(crate) async fn note_uses(&self) {
        let not_noted = self.keys.not_noted();
        if not_noted.is_empty() {
            return;
        }
        let uses: Vec<_> = not_noted
            .iter()
            .filter_map(|(realm, id, at, _)| Some((*realm, *id, DateTime::from_timestamp_micros(*at)?)))
            .collect();
        match self.read(move |connection| note_key_uses(connection, &uses)).await {
            Ok(()) => not_noted.iter().for_each(|(_, _, at, uses)| uses.noted.store(*at, Ordering::Relaxed)),
            Err(error) => tracing::warn!(%error, "the last use of keys could not be written down"),
        }
    }
}
