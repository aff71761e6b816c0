//! `florin keys`.

use florin_domain::{KeyId, Mode, TenantId};
use florin_engine::access::Scope;
use florin_engine::secret_digest;
use florin_storage::access::{ApiKey, NewKey, create_key, find_key, find_tenant, list_keys, revoke_key};
use florin_storage::{AnyConnection, Realm};

use super::{check_name, open};
use crate::cli::{CreateKey, Keys};
use crate::clock::{new_uuid, now};
use crate::failure::Failure;
use crate::output::print_lines;
use crate::secret::{Secret, hint};
use crate::settings::Settings;

pub(super) fn run(settings: &Settings, command: Keys) -> Result<(), Failure> {
    match command {
        Keys::Create(request) => create(settings, request),
        Keys::List { tenant } => {
            let mut connection = open(&settings.database_url)?;
            check_tenant(&mut connection, tenant)?;
            Ok(print_lines(list_keys(&mut connection, tenant)?.iter().map(describe))?)
        }
        Keys::Revoke { key_id } => revoke(&mut open(&settings.database_url)?, key_id),
    }
}

fn create(settings: &Settings, request: CreateKey) -> Result<(), Failure> {
    check_name(&request.name, 0)?;
    let mut connection = open(&settings.database_url)?;
    check_tenant(&mut connection, request.tenant)?;
    let mode = Mode::from(request.mode);
    let secret = Secret::generate(mode)?;
    let scopes = if request.scopes.is_empty() { vec![Scope::Admin] } else { request.scopes };
    let realm = Realm { tenant_id: request.tenant, mode };
    let key = new_key(KeyId::from_uuid(new_uuid()), realm, request.name, &scopes, secret.reveal());
    create_key(&mut connection, &key)?;
    print_lines([secret.reveal()])?;
    eprintln!(
        "made {} with the scopes {}; this is the only time the key is shown, so keep it now",
        key.id,
        key.scopes.join(" ")
    );
    Ok(())
}

/// A key as it is stored.
pub(super) fn new_key(id: KeyId, realm: Realm, name: String, scopes: &[Scope], secret: &str) -> NewKey {
    NewKey {
        id,
        realm,
        name,
        scopes: scopes.iter().map(ToString::to_string).collect(),
        limit_per_minute: None,
        limit_per_second: None,
        secret_digest: secret_digest(secret),
        secret_hint: hint(secret),
    }
}

fn check_tenant(connection: &mut AnyConnection, id: TenantId) -> Result<(), Failure> {
    find_tenant(connection, id)?.map(|_| ()).ok_or(Failure::NoTenant(id))
}

fn describe(key: &ApiKey) -> String {
    let mode = if key.realm.mode.is_live() { "live" } else { "test" };
    let state = key.revoked_at.map_or("active".to_owned(), |at| format!("revoked {}", at.format("%FT%TZ")));
    format!("{}\t{mode}\t{}\t{}\t{}\t{state}", key.id, key.name, key.secret_hint, key.scopes.join(" "))
}

fn revoke(connection: &mut AnyConnection, id: KeyId) -> Result<(), Failure> {
    let key = find_key(connection, id)?.ok_or(Failure::NoKey(id))?;
    if revoke_key(connection, key.realm.tenant_id, id, now())? {
        eprintln!("revoked {id} ({})", key.secret_hint);
    } else {
        eprintln!("{id} ({}) had been revoked before", key.secret_hint);
    }
    Ok(())
}
