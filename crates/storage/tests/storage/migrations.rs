//! Bringing a database to the schema.

use std::thread;

use florin_storage::{StorageError, check_schema, migrate};

use crate::harness::{on_each_database, on_each_empty_database, run};

#[test]
fn an_empty_database_gets_every_table_and_a_second_migration_changes_nothing() {
    on_each_empty_database(|database| {
        assert!(check_schema(&mut database.connect()).is_err());
        assert!(!migrate(&database.url).unwrap().is_empty());
        check_schema(&mut database.connect()).unwrap();
        assert!(migrate(&database.url).unwrap().is_empty());
        check_schema(&mut database.connect()).unwrap();
    });
}

#[test]
fn of_four_processes_that_migrate_at_once_one_does_and_all_succeed() {
    on_each_empty_database(|database| {
        let applied = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| migrate(&database.url).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(applied.iter().filter(|applied| !applied.is_empty()).count(), 1);
        check_schema(&mut database.connect()).unwrap();
    });
}

#[test]
fn a_newer_schema_is_refused_with_a_message_that_names_the_migration() {
    on_each_database(|database| {
        let mut connection = database.connect();
        run(&mut connection, "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
        for refused in [migrate(&database.url).map(drop), check_schema(&mut connection)] {
            let Err(StorageError::Schema(message)) = refused else { panic!("the schema was accepted") };
            assert!(message.contains("99990101000000") && message.contains("newer Florin"), "{message}");
        }
    });
}

#[test]
fn an_older_schema_is_refused_with_a_message_that_says_what_to_do() {
    on_each_database(|database| {
        let mut connection = database.connect();
        run(&mut connection, "DELETE FROM __diesel_schema_migrations");
        let Err(StorageError::Schema(message)) = check_schema(&mut connection) else {
            panic!("it was accepted")
        };
        assert!(message.contains("florin migrate"), "{message}");
    });
}
