//! Processor accounts and routes: stored, found again, changed by one at a time, and verified.

use florin_domain::{
    Actor, Metadata, ProcessorAccount, ProcessorAccountId, ProcessorName, ProcessorRoutes, RouteRule,
    SealedCredentials,
};
use florin_storage::{AnyConnection, Needs, Realm, StorageError, WorkingSet, begin, commit, read, rollback};

use crate::harness::{on_each_database, run};
use crate::samples::{id_bytes, realm};
use crate::violations::found;

fn account(realm: Realm, number: u32, name: &str) -> ProcessorAccount {
    let id = ProcessorAccountId::from_bytes(id_bytes(9, number));
    ProcessorAccount {
        id,
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        name: ProcessorName::parse(name).unwrap(),
        connector: ProcessorName::parse("stripe").unwrap(),
        settings: Metadata::default(),
        credentials: SealedCredentials { key_id: "0123456789abcdef".to_owned(), bytes: vec![7; 60] },
        credentials_changed_at: id.created_at(),
        enabled: true,
        position: florin_domain::AccountPosition::default(),
        revision: 1,
        created_by: Actor::System,
        updated_by: Actor::System,
        updated_at: id.created_at(),
    }
}

fn routes(realm: Realm, accounts: Vec<ProcessorAccountId>) -> ProcessorRoutes {
    ProcessorRoutes {
        tenant_id: realm.tenant_id,
        mode: realm.mode,
        rules: vec![RouteRule { payment_method_type: None, currency: None, accounts }],
        revision: 1,
        updated_by: Actor::System,
        updated_at: ProcessorAccountId::from_bytes(id_bytes(9, 1)).created_at(),
    }
}

/// Loads what a realm has, changes it, and saves it, in one transaction.
fn change(
    connection: &mut AnyConnection,
    realm: Realm,
    change: impl FnOnce(&mut WorkingSet),
) -> Result<(), StorageError> {
    let (mut set, mut needs) = (WorkingSet::default(), Needs::default());
    needs.processor_realms.insert(realm);
    begin(connection)?;
    set.prepare(connection, &needs)?;
    change(&mut set);
    match set.save(connection, 0) {
        Ok(()) => commit(connection),
        Err(error) => {
            rollback(connection)?;
            Err(error)
        }
    }
}

/// Two accounts and a rule that names both.
fn store(connection: &mut AnyConnection) -> [ProcessorAccount; 2] {
    let tenant = florin_storage::access::Tenant { id: realm(1).tenant_id, name: "Shop".to_owned() };
    florin_storage::access::ensure_tenant(connection, &tenant).unwrap();
    let accounts = [account(realm(1), 1, "eu"), account(realm(1), 2, "us")];
    change(connection, realm(1), |set| {
        accounts.iter().for_each(|account| set.put_account(account.clone()));
        set.put_routes(routes(realm(1), accounts.iter().map(|account| account.id).collect()));
    })
    .unwrap();
    accounts
}

#[test]
fn accounts_and_routes_are_found_as_they_were_stored_and_by_their_own_tenant_only() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let accounts = store(&mut connection);
        assert_eq!(read::accounts_of(&mut connection, realm(1)).unwrap(), accounts);
        let found_routes = read::routes_of(&mut connection, realm(1)).unwrap().unwrap();
        assert_eq!(found_routes.rules[0].accounts, [accounts[0].id, accounts[1].id]);
        assert_eq!(
            read::find_account(&mut connection, realm(1), accounts[1].id).unwrap().unwrap(),
            accounts[1]
        );
        assert_eq!(read::find_account(&mut connection, realm(2), accounts[1].id).unwrap(), None);
        assert!(read::accounts_of(&mut connection, realm(2)).unwrap().is_empty());
        assert_eq!(read::routes_of(&mut connection, realm(2)).unwrap(), None);
        let (all, all_routes) = read::directory(&mut connection).unwrap();
        assert_eq!((all.len(), all_routes.len()), (2, 1));
        assert_eq!(found(&mut connection).0, Vec::<String>::new());
    });
}

#[test]
fn every_change_changes_the_directorys_version() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let mut seen = vec![read::directory_version(&mut connection).unwrap()];
        let [mut first, _] = store(&mut connection);
        seen.push(read::directory_version(&mut connection).unwrap());
        first.enabled = false;
        first.revision += 1;
        change(&mut connection, realm(1), |set| set.put_account(first)).unwrap();
        seen.push(read::directory_version(&mut connection).unwrap());
        let changed = ProcessorRoutes { revision: 2, ..routes(realm(1), Vec::new()) };
        change(&mut connection, realm(1), |set| set.put_routes(changed)).unwrap();
        seen.push(read::directory_version(&mut connection).unwrap());
        assert!(seen.windows(2).all(|two| two[0] < two[1]), "{seen:?}");
    });
}

#[test]
fn two_accounts_of_one_name_are_refused_by_the_database_too() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store(&mut connection);
        let twice = account(realm(1), 3, "eu");
        assert!(change(&mut connection, realm(1), |set| set.put_account(twice)).is_err());
        // In the other mode it is another account.
        let live = Realm { mode: florin_domain::Mode::Live, ..realm(1) };
        change(&mut connection, live, |set| set.put_account(account(live, 4, "eu"))).unwrap();
    });
}

#[test]
fn verify_names_accounts_and_routes_that_are_broken() {
    for (planted, expected) in [
        ("UPDATE processor_accounts SET settings = '['", "in processor_accounts: "),
        ("UPDATE processor_accounts SET name = 'E U' WHERE name = 'eu'", "in processor_accounts: "),
        ("UPDATE processor_routes SET rules = '{}'", "in processor_routes: "),
        ("DELETE FROM processor_accounts WHERE name = 'us'", "in processor_routes belongs to pacc_"),
    ] {
        on_each_database(|database| {
            let mut connection = database.connect();
            store(&mut connection);
            run(&mut connection, planted);
            assert!(read::directory(&mut connection).is_ok(), "the others can still be used");
            let violations = found(&mut connection).0;
            assert!(
                violations.iter().any(|violation| violation.contains(expected)),
                "{planted}: {violations:?}"
            );
        });
    }
}
