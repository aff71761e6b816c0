//! Tenants and keys.

use chrono::Duration;
use florin_domain::{KeyId, Mode, TenantId};
use florin_storage::Realm;
use florin_storage::access::{
    NewKey, Tenant, create_key, create_tenant, ensure_key, ensure_tenant, find_key, find_key_by_digest,
    find_tenant, list_keys, list_tenants, revoke_key,
};

use crate::harness::on_each_database;
use crate::samples::{id_bytes, noon, realm};

fn tenant(number: u32) -> Tenant {
    Tenant { id: realm(number).tenant_id, name: format!("Tenant {number}") }
}

fn key(realm: Realm, number: u8) -> NewKey {
    NewKey {
        id: KeyId::from_bytes(id_bytes(5, number.into())),
        realm,
        name: "Shop".to_owned(),
        scopes: vec!["payments:read".to_owned(), "refunds:write".to_owned()],
        limit_per_minute: Some(100),
        limit_per_second: None,
        secret_digest: [number; 32],
        secret_hint: "mnop".to_owned(),
    }
}

#[test]
fn tenants_are_found_as_they_were_made_and_listed_oldest_first() {
    on_each_database(|database| {
        let mut connection = database.connect();
        for number in [2, 1] {
            create_tenant(&mut connection, &tenant(number)).unwrap();
        }
        assert_eq!(list_tenants(&mut connection).unwrap(), [tenant(1), tenant(2)]);
        assert_eq!(find_tenant(&mut connection, tenant(2).id).unwrap(), Some(tenant(2)));
        assert_eq!(find_tenant(&mut connection, TenantId::from_bytes([7; 16])).unwrap(), None);
        assert!(create_tenant(&mut connection, &tenant(1)).is_err());
        ensure_tenant(&mut connection, &tenant(1)).unwrap();
        ensure_tenant(&mut connection, &tenant(3)).unwrap();
        assert_eq!(list_tenants(&mut connection).unwrap().len(), 3);
        let nameless = Tenant { name: String::new(), ..tenant(4) };
        assert!(create_tenant(&mut connection, &nameless).is_err());
    });
}

#[test]
fn a_key_is_found_by_the_digest_of_its_secret_alone() {
    on_each_database(|database| {
        let mut connection = database.connect();
        create_tenant(&mut connection, &tenant(1)).unwrap();
        create_key(&mut connection, &key(realm(1), 1)).unwrap();
        let (found, digest) = find_key_by_digest(&mut connection, &[1; 32]).unwrap().unwrap();
        assert_eq!((found.id, found.realm, digest), (key(realm(1), 1).id, realm(1), [1; 32]));
        assert_eq!(found.scopes, ["payments:read", "refunds:write"]);
        assert_eq!((found.limit_per_minute, found.limit_per_second), (Some(100), None));
        assert_eq!((found.secret_hint.as_str(), found.revoked_at), ("mnop", None));
        assert_eq!(find_key(&mut connection, found.id).unwrap(), Some(found));
        assert!(find_key_by_digest(&mut connection, &[2; 32]).unwrap().is_none());
    });
}

#[test]
fn no_two_keys_share_a_secret_and_none_is_without_a_tenant() {
    on_each_database(|database| {
        let mut connection = database.connect();
        for number in [1, 2] {
            create_tenant(&mut connection, &tenant(number)).unwrap();
        }
        create_key(&mut connection, &key(realm(1), 1)).unwrap();
        let same_secret = NewKey { secret_digest: [1; 32], ..key(realm(2), 2) };
        assert!(create_key(&mut connection, &same_secret).is_err());
        assert!(create_key(&mut connection, &key(realm(3), 3)).is_err());
        assert_eq!(ensure_key(&mut connection, &same_secret).unwrap().realm, realm(1));
        assert_eq!(ensure_key(&mut connection, &key(realm(2), 2)).unwrap().realm, realm(2));
        assert_eq!(ensure_key(&mut connection, &key(realm(2), 2)).unwrap().realm, realm(2));
        let same_id = NewKey { id: key(realm(2), 2).id, ..key(realm(2), 9) };
        assert!(ensure_key(&mut connection, &same_id).is_err());
    });
}

#[test]
fn a_tenants_keys_are_listed_by_mode_and_age_without_those_of_others() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let live = Realm { mode: Mode::Live, ..realm(1) };
        for number in [1, 2] {
            create_tenant(&mut connection, &tenant(number)).unwrap();
        }
        for key in [key(live, 1), key(realm(1), 3), key(realm(1), 2), key(realm(2), 4)] {
            create_key(&mut connection, &key).unwrap();
        }
        let listed = list_keys(&mut connection, tenant(1).id).unwrap();
        let ids: Vec<_> = listed.iter().map(|key| (key.realm.mode, key.id)).collect();
        let id = |number| key(live, number).id;
        assert_eq!(ids, [(Mode::Test, id(2)), (Mode::Test, id(3)), (Mode::Live, id(1))]);
    });
}

#[test]
fn a_key_is_revoked_once_by_its_own_tenant_and_stays_listed() {
    on_each_database(|database| {
        let mut connection = database.connect();
        create_tenant(&mut connection, &tenant(1)).unwrap();
        let new = key(realm(1), 1);
        create_key(&mut connection, &new).unwrap();
        assert!(!revoke_key(&mut connection, tenant(2).id, new.id, noon()).unwrap());
        assert!(revoke_key(&mut connection, tenant(1).id, new.id, noon()).unwrap());
        assert!(!revoke_key(&mut connection, tenant(1).id, new.id, noon() + Duration::seconds(9)).unwrap());
        let (found, _) = find_key_by_digest(&mut connection, &[1; 32]).unwrap().unwrap();
        assert_eq!(found.revoked_at, Some(noon()));
        assert_eq!(list_keys(&mut connection, tenant(1).id).unwrap(), [found]);
    });
}
