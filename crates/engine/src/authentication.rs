//! API keys and access tokens: from a secret to a caller.
//!
//! What is found of one is remembered together with the generation that was asked for before, and trusted by those
//! requests only that find the generation unchanged. Whoever takes away a key, a session or what a user may do changes the
//! generation in the same commit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use florin_domain::{KeyText, SessionOwner, TokenKind, TokenText};
use florin_storage::access::{ApiKey, TenantSettings, find_key_by_digest, note_key_uses};
use florin_storage::read::{find_api_key, find_tenant_settings};
use florin_storage::sessions::{find_token, find_user, note_session_uses};
use florin_storage::{AnyConnection, Realm, StorageError};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::{Caller, Credential, Scopes};
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
    fn put(&self, digest: [u8; 32], caller: Option<&Caller>) -> Option<Arc<Uses>> {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = keys.remove(&digest);
        let caller = caller?.clone();
        if keys.len() >= CAPACITY {
            keys.retain(|_, known| known.caller.generation == caller.generation);
            if keys.len() >= CAPACITY {
                keys.clear();
            }
        }
        let uses = before.map_or_else(Arc::default, |known| known.uses);
        keys.insert(digest, Known { caller, uses: Arc::clone(&uses) });
        Some(uses)
    }

    /// The uses that were not written down yet, each with what to set when it is.
    fn not_noted(&self) -> Vec<(Realm, Credential, i64, Arc<Uses>)> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_key = |known: &Known| {
            let last = known.uses.last.load(Ordering::Relaxed);
            let is_new = last > known.uses.noted.load(Ordering::Relaxed);
            is_new.then(|| (known.caller.realm(), known.caller.credential, last, Arc::clone(&known.uses)))
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
        if known.is_none() && opens_nothing(secret) {
            return Ok(None);
        }
        // Before the key itself is read: what changes in between is found by the next request.
        let generation = inner.generations.current().await.map_err(|error| not_found_out(&error))?;
        if let Some(known) = known.filter(|known| known.caller.generation == generation) {
            return Ok(admit(known.caller, &known.uses, inner.now()));
        }
        let kind = TokenText::recognize(secret);
        let caller = inner.find_caller(digest, kind).await.map_err(|error| not_found_out(&error))?;
        let caller = caller.map(|caller| Caller { generation, ..caller });
        let uses = inner.keys.put(digest, caller.as_ref());
        Ok(caller.zip(uses).and_then(|(caller, uses)| admit(caller, &uses, inner.now())))
    }

    /// Writes down now when keys were used last. It is done every minute; this is for operators and tests that can't
    /// wait.
    pub async fn note_key_uses_now(&self) {
        self.inner.note_uses().await;
    }
}

/// Whether the text alone tells: it was mistyped or made up, or is a token that is for something else.
fn opens_nothing(secret: &str) -> bool {
    match TokenText::recognize(secret) {
        TokenText::Sound { kind, .. } => kind != TokenKind::Access,
        TokenText::Mistyped => true,
        TokenText::Other => KeyText::recognize(secret) == KeyText::Mistyped,
    }
}

fn not_found_out(error: &StorageError) -> Refused {
    tracing::warn!(%error, "an API key or token could not be looked up");
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
    /// Whether a caller who was let in would certainly be let in again. When anybody lost something since, or it can't be
    /// found out, they have to show their credential once more.
    pub(crate) async fn still_admits(&self, caller: &Caller) -> bool {
        let is_in_time = caller.expires_at.is_none_or(|expires_at| self.now() < expires_at);
        is_in_time && self.generations.current().await.is_ok_and(|generation| generation == caller.generation)
    }

    async fn find_caller(&self, digest: [u8; 32], kind: TokenText) -> Result<Option<Caller>, StorageError> {
        let now = self.now();
        match kind {
            TokenText::Other => self.read(move |connection| caller_by_key(connection, &digest, now)).await,
            TokenText::Sound { .. } | TokenText::Mistyped => {
                self.read(move |connection| caller_by_token(connection, &digest, now)).await
            }
        }
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
        let (mut of_keys, mut of_sessions) = (Vec::new(), Vec::new());
        for (realm, credential, at, _) in &not_noted {
            let Some(at) = DateTime::from_timestamp_micros(*at) else { continue };
            match credential {
                Credential::Key(id) => of_keys.push((*realm, *id, at)),
                Credential::KeySession { session, .. } | Credential::UserSession { session, .. } => {
                    of_sessions.push((*realm, *session, at));
                }
            }
        }
        let note = move |connection: &mut _| {
            note_key_uses(connection, &of_keys)?;
            note_session_uses(connection, &of_sessions)
        };
        match self.read(note).await {
            Ok(()) => not_noted.iter().for_each(|(_, _, at, uses)| uses.noted.store(*at, Ordering::Relaxed)),
            Err(error) => {
                tracing::warn!(%error, "the last use of keys and sessions could not be written down")
            }
        }
    }
}

fn caller_by_key(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Caller>, StorageError> {
    let Some((key, stored)) = find_key_by_digest(connection, digest)? else { return Ok(None) };
    if !bool::from(stored[..].ct_eq(&digest[..])) || !key.works_at(now) {
        return Ok(None);
    }
    let settings = find_tenant_settings(connection, key.realm)?;
    caller_of_key(&key, settings.as_ref()).map(Some)
}

fn caller_by_token(
    connection: &mut AnyConnection,
    digest: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Caller>, StorageError> {
    let Some((token, session)) = find_token(connection, digest)? else { return Ok(None) };
    let is_open = token.kind == TokenKind::Access && now < token.expires_at && session.lives_at(now);
    if !bool::from(token.digest[..].ct_eq(&digest[..])) || !is_open {
        return Ok(None);
    }
    let realm = token.realm;
    let settings = find_tenant_settings(connection, realm)?;
    let expires_at = token.expires_at.min(session.expires_at);
    let caller = match session.owner {
        SessionOwner::Key(id) => {
            let key = find_api_key(connection, realm, id)?.filter(|key| key.works_at(now));
            let Some(key) = key else { return Ok(None) };
            let credential = Credential::KeySession { key: id, session: session.id };
            Caller { credential, ..caller_of_key(&key, settings.as_ref())? }
        }
        SessionOwner::User { id, epoch } => {
            let user = find_user(connection, realm.tenant_id, id)?;
            let user = user.filter(|user| user.disabled_at.is_none() && user.epoch == epoch);
            let Some(user) = user else { return Ok(None) };
            let settings = settings.as_ref();
            Caller {
                tenant_id: realm.tenant_id,
                mode: realm.mode,
                credential: Credential::UserSession { user: id, epoch, session: session.id },
                scopes: Scopes::from(user.role),
                limit_per_minute: settings.and_then(|tenant| tenant.limit_per_minute),
                limit_per_second: settings.and_then(|tenant| tenant.limit_per_second),
                own_limits: (None, None),
                expires_at: None,
                grants_until: None,
                generation: 0,
                currencies: settings.and_then(|tenant| tenant.currencies.clone()).map(Arc::from),
            }
        }
    };
    let expires_at = caller.expires_at.map_or(expires_at, |owner| owner.min(expires_at));
    Ok(Some(Caller { expires_at: Some(expires_at), ..caller }))
}

fn caller_of_key(key: &ApiKey, settings: Option<&TenantSettings>) -> Result<Caller, StorageError> {
    let scopes: Result<Scopes, _> = key.scopes.iter().map(|word| word.parse()).collect();
    Ok(Caller {
        tenant_id: key.realm.tenant_id,
        mode: key.realm.mode,
        credential: Credential::Key(key.id),
        scopes: scopes
            .map_err(|error| StorageError::Corrupt { table: "api_keys", reason: error.to_string() })?,
        limit_per_minute: key.limit_per_minute.or(settings.and_then(|tenant| tenant.limit_per_minute)),
        limit_per_second: key.limit_per_second.or(settings.and_then(|tenant| tenant.limit_per_second)),
        own_limits: (key.limit_per_minute, key.limit_per_second),
        expires_at: key.expires_at,
        grants_until: key.expires_at,
        generation: 0,
        currencies: settings.and_then(|tenant| tenant.currencies.clone()).map(Arc::from),
    })
}
