//! `florin keys`.

use std::io::Read;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{KeyId, KeyText, Mode};
use florin_engine::access::{Scope, Scopes};
use florin_engine::requests::{CreateApiKey, RotateApiKey};
use florin_engine::{FreshKey, secret_digest, secret_hint};
use florin_storage::Realm;
use florin_storage::access::{ApiKey, NewKey, find_tenant, list_keys};

use super::{check_name, office, open};
use crate::cli::{CreateKey, Keys, RotateKey};
use crate::clock::now;
use crate::failure::Failure;
use crate::output::print_lines;
use crate::settings::Settings;

pub(super) fn run(settings: &Settings, command: Keys) -> Result<(), Failure> {
    match command {
        Keys::Create(request) => create(settings, request),
        Keys::List { tenant } => {
            let mut connection = open(&settings.database_url)?;
            find_tenant(&mut connection, tenant)?.ok_or(Failure::NoTenant(tenant))?;
            let keys = list_keys(&mut connection, tenant)?;
            Ok(print_lines(keys.iter().map(|key| describe(key, now())))?)
        }
        Keys::Rotate(request) => rotate(settings, &request),
        Keys::Revoke { key_id } => revoke(settings, key_id),
        Keys::Check => check(),
    }
}

fn create(settings: &Settings, request: CreateKey) -> Result<(), Failure> {
    check_name(&request.name, 0)?;
    let realm = Realm { tenant_id: request.tenant, mode: Mode::from(request.mode) };
    let scopes = if request.scopes.is_empty() { vec![Scope::Admin] } else { request.scopes };
    let request = CreateApiKey {
        name: request.name,
        scopes: scopes.into_iter().collect::<Scopes>(),
        expires_at: request.expires,
        limit_per_minute: request.rate_limit_per_minute,
        limit_per_second: request.rate_limit_per_second,
    };
    let (key, fresh) = office(&settings.database_url)?.create_key(realm, request)?;
    show(&key, &fresh, "made")
}

fn rotate(settings: &Settings, request: &RotateKey) -> Result<(), Failure> {
    let overlap = TimeDelta::seconds(i64::from(request.overlap_seconds));
    let rotation = RotateApiKey { overlap, expires_at: request.expires };
    let (key, fresh) = office(&settings.database_url)?.rotate_key(request.key_id, rotation)?;
    show(&key, &fresh, "made")?;
    eprintln!("{} works for another {} s", request.key_id, request.overlap_seconds);
    Ok(())
}

/// The only time that a key is shown.
fn show(key: &ApiKey, fresh: &FreshKey, done: &str) -> Result<(), Failure> {
    print_lines([fresh.reveal()])?;
    eprintln!(
        "{done} {} with the scopes {}; this is the only time the key is shown, so keep it now",
        key.id,
        key.scopes.join(" ")
    );
    Ok(())
}

/// A key as Florin itself stores it.
pub(super) fn new_key(id: KeyId, realm: Realm, name: String, scopes: &[Scope], secret: &str) -> NewKey {
    NewKey {
        id,
        realm,
        name,
        scopes: scopes.iter().map(ToString::to_string).collect(),
        limit_per_minute: None,
        limit_per_second: None,
        secret_digest: secret_digest(secret),
        secret_hint: secret_hint(secret),
    }
}

fn describe(key: &ApiKey, now: DateTime<Utc>) -> String {
    let time = |at: DateTime<Utc>| at.format("%FT%TZ").to_string();
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", time(at)),
        (None, Some(at)) if at <= now => format!("expired {}", time(at)),
        (None, Some(at)) => format!("active until {}", time(at)),
        (None, None) => "active".to_owned(),
    };
    let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {}", time(at)));
    let scopes = key.scopes.join(" ");
    let mode = key.realm.mode;
    format!("{}\t{mode}\t{}\t{}\t{scopes}\t{state}\t{used}", key.id, key.name, key.secret_hint)
}

fn revoke(settings: &Settings, id: KeyId) -> Result<(), Failure> {
    let (key, was_there) = office(&settings.database_url)?.revoke_key(id)?;
    if was_there {
        eprintln!("revoked {id} ({})", key.secret_hint);
    } else {
        eprintln!("{id} ({}) had been revoked before", key.secret_hint);
    }
    Ok(())
}

/// Says what a key is, without a database. It comes by standard input: arguments are seen by everybody on the machine.
fn check() -> Result<(), Failure> {
    let mut text = String::new();
    std::io::stdin().lock().take(1024).read_to_string(&mut text)?;
    match KeyText::recognize(text.trim()) {
        KeyText::Sound { mode, id } => Ok(print_lines([format!("{id}\t{mode}")])?),
        KeyText::Mistyped => {
            Err(Failure::NotAKey("it has the form of an API key, but its checksum is wrong: it was mistyped"))
        }
        KeyText::Other => Err(Failure::NotAKey("it is no API key with a checksum")),
    }
}
