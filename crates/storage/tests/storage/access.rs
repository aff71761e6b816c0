//! Tenants and keys.

use chrono::Duration;
use diesel::connection::SimpleConnection;
use florin_domain::{Actor, AuditAction, AuditEntryId, Currency, KeyId, Mode, TenantId};
use florin_storage::access::{
    AuditEntry, NewKey, Tenant, TenantSettings, access_generation, create_key, create_tenant, ensure_key,
    ensure_tenant, find_key, find_key_by_digest, find_tenant, list_keys, list_tenants, note_key_uses,
};
use florin_storage::read::{AuditQuery, Position, Slice, find_tenant_settings, list_audit_log};
use florin_storage::verify::Violation;
use florin_storage::{AnyConnection, Needs, Realm, WorkingSet, begin, commit};

use crate::harness::{on_each_database, run};
use crate::samples::{id_bytes, noon, realm};
use crate::violations::found;

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

fn save(connection: &mut AnyConnection, change: impl FnOnce(&mut WorkingSet)) {
    let mut set = WorkingSet::default();
    begin(connection).unwrap();
    let needs = Needs { api_keys: [(realm(1), key(realm(1), 1).id)].into(), ..Needs::default() };
    set.prepare(connection, &needs).unwrap();
    change(&mut set);
    set.save(connection, 0).unwrap();
    commit(connection).unwrap();
}

#[test]
fn whatever_changes_what_a_key_may_do_counts_the_generation_up_and_nothing_else_does() {
    on_each_database(|database| {
        let mut connection = database.connect();
        create_tenant(&mut connection, &tenant(1)).unwrap();
        let mut last = access_generation(&mut connection).unwrap();
        let mut counted = |connection: &mut AnyConnection| {
            let now = access_generation(connection).unwrap();
            std::mem::replace(&mut last, now) < now
        };
        create_key(&mut connection, &key(realm(1), 1)).unwrap();
        let id = key(realm(1), 1).id;
        assert!(!counted(&mut connection), "nobody remembers a key that was not there");
        note_key_uses(&mut connection, &[(realm(1), id, noon())]).unwrap();
        assert!(!counted(&mut connection), "a use");
        save(&mut connection, |set| {
            let revoked = set.api_key(realm(1), id).unwrap().revoke(noon(), Actor::Operator);
            set.put_api_key(revoked);
        });
        assert!(counted(&mut connection), "a revocation");
        save(&mut connection, |set| set.put_tenant_settings(settings()));
        assert!(counted(&mut connection), "new settings");
        for by_hand in [
            "UPDATE api_keys SET scopes = 'admin'",
            "UPDATE tenant_settings SET currencies = NULL",
            "DELETE FROM tenant_settings",
            "DELETE FROM api_key_uses; DELETE FROM api_keys",
        ] {
            run(&mut connection, by_hand);
            assert!(counted(&mut connection), "{by_hand}");
        }
    });
}

fn settings() -> TenantSettings {
    TenantSettings {
        realm: realm(1),
        currencies: Some(vec![Currency::parse("EUR").unwrap(), Currency::parse("USD").unwrap()]),
        limit_per_minute: Some(0),
        limit_per_second: None,
        revision: 1,
        updated_by: Actor::Operator,
        updated_at: noon(),
    }
}

#[test]
fn settings_are_found_as_they_were_stored_in_their_own_realm_only() {
    on_each_database(|database| {
        let mut connection = database.connect();
        create_tenant(&mut connection, &tenant(1)).unwrap();
        assert_eq!(find_tenant_settings(&mut connection, realm(1)).unwrap(), None);
        save(&mut connection, |set| set.put_tenant_settings(settings()));
        assert_eq!(find_tenant_settings(&mut connection, realm(1)).unwrap(), Some(settings()));
        for other in [Realm { mode: Mode::Live, ..realm(1) }, realm(2)] {
            assert_eq!(find_tenant_settings(&mut connection, other).unwrap(), None);
        }
    });
}

#[test]
fn the_last_use_of_a_key_never_goes_back() {
    on_each_database(|database| {
        let mut connection = database.connect();
        create_tenant(&mut connection, &tenant(1)).unwrap();
        create_key(&mut connection, &key(realm(1), 1)).unwrap();
        let id = key(realm(1), 1).id;
        for (used_at, stands) in [(0, 0), (60, 60), (30, 60)] {
            let at = noon() + Duration::seconds(used_at);
            note_key_uses(&mut connection, &[(realm(1), id, at)]).unwrap();
            let found = find_key(&mut connection, id).unwrap().unwrap();
            assert_eq!(found.last_used_at, Some(noon() + Duration::seconds(stands)));
        }
    });
}

#[test]
fn a_key_works_until_it_is_revoked_or_expires_and_no_longer_when_it_gives_way() {
    on_each_database(|database| {
        let mut connection = database.connect();
        create_tenant(&mut connection, &tenant(1)).unwrap();
        create_key(&mut connection, &key(realm(1), 1)).unwrap();
        let (key, _) = find_key_by_digest(&mut connection, &[1; 32]).unwrap().unwrap();
        let (soon, late) = (noon() + Duration::hours(1), noon() + Duration::days(9));
        assert!(key.works_at(late));
        let giving_way = key.give_way(KeyId::from_bytes(id_bytes(5, 9)), soon, noon(), Actor::Operator);
        assert!(giving_way.works_at(noon()) && !giving_way.works_at(soon));
        let later = giving_way.give_way(KeyId::from_bytes(id_bytes(5, 9)), late, noon(), Actor::Operator);
        assert_eq!(later.expires_at, Some(soon), "it can't outlive its own expiry");
        let revoked = key.revoke(noon(), Actor::Operator);
        assert!(!revoked.works_at(noon()));
        assert_eq!(revoked.revoke(late, Actor::System), revoked);
    });
}

fn entry(number: u32, action: AuditAction, object_id: &str) -> AuditEntry {
    AuditEntry {
        realm: realm(1),
        id: AuditEntryId::from_bytes(id_bytes(6, number)),
        action,
        object_id: object_id.to_owned(),
        actor: Actor::Operator,
        address: Some("2001:db8::1".parse().unwrap()),
        request_id: Some("req_1".to_owned()),
        details: "{}".to_owned(),
    }
}

#[test]
fn the_audit_log_is_read_by_filter_and_never_changed() {
    on_each_database(|database| {
        let mut connection = database.connect();
        create_tenant(&mut connection, &tenant(1)).unwrap();
        let entries = [
            entry(1, AuditAction::ApiKeyCreated, "key_1"),
            entry(2, AuditAction::ApiKeyRevoked, "key_1"),
            entry(3, AuditAction::ApiKeyCreated, "key_2"),
        ];
        save(&mut connection, |set| entries.iter().cloned().for_each(|entry| set.put_audit_entry(entry)));
        let mut listed = |query: AuditQuery| -> Vec<AuditEntry> {
            let slice = Slice::new(10, Position::Offset(0));
            list_audit_log(&mut connection, &query, slice).unwrap().items
        };
        let all = AuditQuery {
            realm: realm(1),
            action: None,
            object_id: None,
            actor: None,
            created_after: None,
            created_before: None,
        };
        let [one, two, three] = entries;
        assert_eq!(listed(all.clone()), [three.clone(), two.clone(), one.clone()]);
        let created = AuditQuery { action: Some(AuditAction::ApiKeyCreated), ..all.clone() };
        assert_eq!(listed(created), [three, one.clone()]);
        assert_eq!(listed(AuditQuery { object_id: Some("key_1".to_owned()), ..all.clone() }), [two, one]);
        assert_eq!(listed(AuditQuery { actor: Some(Actor::System), ..all.clone() }), []);
        assert_eq!(listed(AuditQuery { realm: realm(2), ..all.clone() }), []);
        let by_hand =
            ["UPDATE audit_log SET actor = 'system'", "DELETE FROM audit_log", "TRUNCATE audit_log"];
        let is_sqlite = matches!(connection, AnyConnection::Sqlite(_));
        for sql in by_hand.into_iter().filter(|sql| !is_sqlite || !sql.starts_with("TRUNCATE")) {
            let Err(error) = connection.batch_execute(sql) else { panic!("{sql} was let through") };
            assert!(error.to_string().contains("the audit log is append-only: "), "{sql}: {error}");
        }
    });
}

#[test]
fn verify_misses_the_entry_of_a_change_that_was_not_logged() {
    on_each_database(|database| {
        let mut connection = database.connect();
        create_tenant(&mut connection, &tenant(1)).unwrap();
        create_key(&mut connection, &key(realm(1), 1)).unwrap();
        assert_eq!(found(&mut connection).0, [""; 0], "Florin's own key needs no entry");
        let id = key(realm(1), 1).id;
        let revoke = |set: &mut WorkingSet| {
            let revoked = set.api_key(realm(1), id).unwrap().revoke(noon(), Actor::Operator);
            set.put_api_key(revoked);
        };
        save(&mut connection, revoke);
        let missing = Violation::AuditIncomplete { object_id: id.to_string(), changes: 1, entries: 0 };
        assert_eq!(found(&mut connection).0, [missing.to_string()]);
        let entry = entry(1, AuditAction::ApiKeyRevoked, &id.to_string());
        save(&mut connection, |set| set.put_audit_entry(entry));
        assert_eq!(found(&mut connection).0, [""; 0]);
    });
}
