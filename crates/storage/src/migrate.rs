//! Bringing a database to this program's schema, one process at a time, and refusing a newer one.

use std::fs::File;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{AnyConnection, DatabaseUrl, StorageError};

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Any number will do, as long as no other program that shares the database uses it.
const ADVISORY_LOCK: &str = "7311027746118152557";

/// Applies the migrations that are missing, and says which.
///
/// # Errors
/// [`StorageError::Schema`] when the database is newer than this program or a migration fails;
/// [`StorageError::Unavailable`] when it can't be reached.
pub fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, StorageError> {
    if url.is_pooled() {
        return nothing_to_migrate(url);
    }
    let _lock = url.sqlite_path().map(lock_file).transpose()?;
    match url.connect()? {
        AnyConnection::Postgres(mut connection) => {
            connection
                .batch_execute(&format!("SET lock_timeout = 0; SELECT pg_advisory_lock({ADVISORY_LOCK})"))?;
            refuse_newer(&mut connection, &names::<Pg>(&POSTGRES)?)?;
            applied(connection.run_pending_migrations(POSTGRES))
        }
        AnyConnection::Sqlite(mut connection) => {
            refuse_newer(&mut connection, &names::<Sqlite>(&SQLITE)?)?;
            applied(connection.run_pending_migrations(SQLITE))
        }
    }
}

/// Behind a pooler no lock lasts longer than a transaction, so there nothing is migrated.
fn nothing_to_migrate(url: &DatabaseUrl) -> Result<Vec<String>, StorageError> {
    match check_schema(&mut url.connect()?) {
        Ok(()) => Ok(Vec::new()),
        Err(StorageError::Schema(reason)) => Err(StorageError::Schema(format!(
            "{reason}; migrations need PostgreSQL's own address, not the pooler's"
        ))),
        Err(error) => Err(error),
    }
}

/// Checks that the schema is this program's own.
///
/// # Errors
/// [`StorageError::Schema`] when it is older or newer.
pub fn check_schema(connection: &mut AnyConnection) -> Result<(), StorageError> {
    let pending = match connection {
        AnyConnection::Postgres(connection) => {
            refuse_newer(connection, &names::<Pg>(&POSTGRES)?)?;
            connection.has_pending_migration(POSTGRES)
        }
        AnyConnection::Sqlite(connection) => {
            refuse_newer(connection, &names::<Sqlite>(&SQLITE)?)?;
            connection.has_pending_migration(SQLITE)
        }
    };
    match pending {
        Ok(false) => Ok(()),
        Ok(true) => Err(StorageError::Schema(
            "the database's schema is older than this program: run florin migrate".into(),
        )),
        Err(error) => Err(StorageError::Schema(error.to_string())),
    }
}

/// Runs all migrations within whatever transaction the connection is in.
#[cfg(test)]
pub(crate) fn run_all(connection: &mut AnyConnection) {
    fn run<DB: diesel::backend::Backend>(
        source: &EmbeddedMigrations,
        connection: &mut dyn diesel::connection::BoxableConnection<DB>,
    ) {
        let migrations: Vec<Box<dyn Migration<DB>>> = source.migrations().unwrap();
        migrations.iter().for_each(|migration| migration.run(connection).unwrap());
    }
    match connection {
        AnyConnection::Postgres(connection) => run::<Pg>(&POSTGRES, connection),
        AnyConnection::Sqlite(connection) => run::<Sqlite>(&SQLITE, connection),
    }
}

fn applied<V: std::fmt::Display>(
    result: Result<Vec<V>, Box<dyn std::error::Error + Send + Sync>>,
) -> Result<Vec<String>, StorageError> {
    match result {
        Ok(versions) => Ok(versions.iter().map(ToString::to_string).collect()),
        Err(error) => Err(StorageError::Schema(format!("a migration failed: {error}"))),
    }
}

fn names<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>, StorageError> {
    let migrations: Vec<Box<dyn Migration<DB>>> =
        source.migrations().map_err(|error| StorageError::Schema(error.to_string()))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn refuse_newer<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    known: &[String],
) -> Result<(), StorageError> {
    let applied = connection.applied_migrations().map_err(|error| StorageError::Schema(error.to_string()))?;
    match applied.iter().map(ToString::to_string).find(|version| !known.contains(version)) {
        None => Ok(()),
        Some(version) => Err(StorageError::Schema(format!(
            "the database has migration {version}, which this program does not know: it was migrated by a newer Florin; run that one"
        ))),
    }
}

/// The lock lives as long as the file is open.
fn lock_file(database: &Path) -> Result<File, StorageError> {
    let path = database.with_added_extension("migrating");
    let lock = File::create(&path).and_then(|file| file.lock().map(|()| file));
    lock.map_err(|error| StorageError::Unavailable(format!("can't write {}: {error}", path.display())))
}
