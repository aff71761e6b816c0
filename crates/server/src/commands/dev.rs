//! `florin dev`: a server with all that it needs, made on the spot.

use florin_domain::{KeyId, Mode, Role, TenantId, UserId, UserName, normalize_email};
use florin_engine::access::Scope;
use florin_engine::requests::CreateUser;
use florin_engine::{FreshKey, NotDone};
use florin_storage::access::{Tenant, ensure_key, ensure_tenant};
use florin_storage::sessions::list_users;
use florin_storage::{DatabaseUrl, Realm, migrate};
use uuid::Uuid;

use super::keys::new_key;
use super::office;
use crate::claim::Claim;
use crate::demo::{self, Filled, SHOP};
use crate::failure::Failure;
use crate::output::print_lines;
use crate::secret::DOCUMENTED_KEY;
use crate::server;
use crate::settings::Settings;

/// Who signs in to the sandbox's dashboard.
const SANDBOX_EMAIL: &str = "sandbox@florin.invalid";

/// The sandbox tenant and its key have the same ids everywhere: `ten_…` and `key_…` of these.
const SANDBOX_TENANT: Uuid = Uuid::from_u128(0x0194_1f29_7c00_7000_8000_0000_0000_0001);
const SANDBOX_KEY: Uuid = Uuid::from_u128(0x0194_1f29_7c00_7000_8000_0000_0000_0002);

/// With a seed, the sandbox is filled before it is served.
pub(super) fn run(settings: &Settings, demo: Option<u64>) -> Result<(), Failure> {
    let _claim = Claim::lay(&settings.database_url)?;
    let applied = migrate(&settings.database_url)?;
    if !applied.is_empty() {
        tracing::info!(?applied, "migrated");
    }
    make_sandbox(&settings.database_url)?;
    if let Some(seed) = demo {
        fill_sandbox(settings, seed)?;
    }
    let user = sandbox_user(&settings.database_url)?;
    server::run(settings, |url, dashboard| {
        let link = dashboard.sign_in_link(TenantId::from_uuid(SANDBOX_TENANT), user);
        print_lines(banner(url, link.as_deref().unwrap_or("/dashboard"), &settings.database_url))
    })
}

fn make_sandbox(url: &DatabaseUrl) -> Result<(), Failure> {
    let mut connection = url.connect()?;
    let tenant_id = TenantId::from_uuid(SANDBOX_TENANT);
    ensure_tenant(&mut connection, &Tenant { id: tenant_id, name: "Sandbox".to_owned() })?;
    let realm = Realm { tenant_id, mode: Mode::Test };
    let name = "the documented key".to_owned();
    let key = new_key(KeyId::from_uuid(SANDBOX_KEY), realm, name, &[Scope::Admin], DOCUMENTED_KEY);
    let found = ensure_key(&mut connection, &key)?;
    if found.realm == realm { Ok(()) } else { Err(Failure::DocumentedKeyTaken(found.realm.tenant_id)) }
}

/// Fills it with the demo's payments, and gives it the name of the demo's shop.
fn fill_sandbox(settings: &Settings, seed: u64) -> Result<(), Failure> {
    let tenant_id = TenantId::from_uuid(SANDBOX_TENANT);
    let realm = Realm { tenant_id, mode: Mode::Test };
    match demo::fill(settings, realm, KeyId::from_uuid(SANDBOX_KEY), seed)? {
        Filled::Before => tracing::info!("the demo's payments are there already"),
        Filled::Now => office(&settings.database_url)?.rename_tenant(tenant_id, SHOP)?,
    }
    Ok(())
}

/// The sandbox's administrator, who signs in by the printed link. Nobody knows their password: it is made up here.
fn sandbox_user(url: &DatabaseUrl) -> Result<UserId, Failure> {
    let tenant_id = TenantId::from_uuid(SANDBOX_TENANT);
    let found = list_users(&mut url.connect()?, tenant_id)?;
    if let Some(user) = found.iter().find(|user| user.email.as_str() == SANDBOX_EMAIL) {
        return Ok(user.id);
    }
    let email = normalize_email(SANDBOX_EMAIL).expect("it is an address");
    let name = UserName::parse("Sandbox").ok();
    let random = FreshKey::generate(Mode::Test, KeyId::from_uuid(SANDBOX_KEY)).map_err(NotDone::from)?;
    let password = random.reveal().to_owned().into();
    let request = CreateUser { email, name, role: Role::Admin, password };
    Ok(office(url)?.create_user(tenant_id, request)?.id)
}

/// What is printed once the server listens.
fn banner(url: &str, link: &str, database: &DatabaseUrl) -> Vec<String> {
    vec![
        format!("listening on {url}"),
        String::new(),
        format!("  API key   {DOCUMENTED_KEY}   (test mode; works in this sandbox only)"),
        format!("  database  {database}"),
        format!("  API docs  {url}/docs"),
        format!("  Dashboard {url}{link}"),
        "            (signs you in, once, within an hour)".to_owned(),
        String::new(),
        "Make a payment:".to_owned(),
        String::new(),
        format!("  curl {url}/v1/payments \\"),
        format!("    -H 'Authorization: Bearer {DOCUMENTED_KEY}' \\"),
        "    -H 'Content-Type: application/json' \\".to_owned(),
        r#"    -d '{"amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success"}'"#.to_owned(),
        String::new(),
        "Ctrl-C ends it.".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use florin_storage::access::{create_key, list_keys, list_tenants};

    use super::*;

    fn temporary() -> (tempfile::TempDir, DatabaseUrl) {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("florin.db"));
        migrate(&url).unwrap();
        (folder, url)
    }

    #[test]
    fn the_sandbox_is_made_once_and_found_again() {
        let (_folder, url) = temporary();
        make_sandbox(&url).unwrap();
        make_sandbox(&url).unwrap();
        let mut connection = url.connect().unwrap();
        assert_eq!(list_tenants(&mut connection).unwrap().len(), 1);
        let keys = list_keys(&mut connection, TenantId::from_uuid(SANDBOX_TENANT)).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].scopes, ["admin"]);
    }

    #[test]
    fn a_database_in_which_somebody_else_has_the_documented_key_is_refused() {
        let (_folder, url) = temporary();
        let id = TenantId::from_uuid(crate::clock::new_uuid());
        let mut connection = url.connect().unwrap();
        ensure_tenant(&mut connection, &Tenant { id, name: "Other".to_owned() }).unwrap();
        let realm = Realm { tenant_id: id, mode: Mode::Test };
        let key_id = KeyId::from_uuid(crate::clock::new_uuid());
        let key = new_key(key_id, realm, String::new(), &[Scope::Admin], DOCUMENTED_KEY);
        create_key(&mut connection, &key).unwrap();
        assert!(matches!(make_sandbox(&url), Err(Failure::DocumentedKeyTaken(tenant)) if tenant == id));
    }
}
