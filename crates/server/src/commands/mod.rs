//! What each command does. Serving is in `server`.

mod dev;
mod export;
mod keys;
mod listen;
mod processors;
mod recovery;
mod remote;
mod tenants;
mod trigger;
mod users;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use florin_engine::Office;
use florin_storage::{AnyConnection, DatabaseUrl, check_schema, migrate};

use crate::claim::{Claim, check_filesystem};
use crate::cli::{Cli, Command};
use crate::clock::now;
use crate::failure::Failure;
use crate::output::print_lines;
use crate::settings::{Purpose, Settings};
use crate::{logging, server};

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    // These ask a server, which has settings of its own.
    match &cli.command {
        Command::Listen(arguments) => return listen::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Trigger(arguments) => return trigger::run(arguments).map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let purpose = if matches!(cli.command, Command::Dev(_)) { Purpose::Dev } else { Purpose::Other };
    let settings = Settings::load(purpose, &cli.flags())?;
    logging::start(&settings);
    match cli.command {
        Command::Dev(arguments) => dev::run(&settings, arguments.demo)?,
        Command::Serve(_) => serve(&settings)?,
        Command::Migrate => migrate_and_tell(&settings.database_url)?,
        Command::Tenants(command) => tenants::run(&settings, command)?,
        Command::Keys(command) => keys::run(&settings, command)?,
        Command::Users(command) => users::run(&settings, command)?,
        Command::Processors(command) => processors::run(&settings, command)?,
        Command::OpenItems(command) => recovery::open_items(&settings, command)?,
        Command::Attempts(command) => recovery::attempts(&settings, command)?,
        Command::Reconcile(arguments) => return recovery::reconcile(&settings, &arguments),
        Command::Verify(arguments) => return verify::run(&settings, &arguments),
        Command::Export(arguments) => export::run(&settings, &arguments)?,
        Command::Listen(_) | Command::Trigger(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(settings: &Settings) -> Result<(), Failure> {
    if !settings.migrate {
        refuse_missing_file(&settings.database_url)?;
    }
    let _claim = Claim::lay(&settings.database_url)?;
    if settings.migrate {
        let applied = migrate(&settings.database_url)?;
        tracing::info!(?applied, "migrated");
    }
    drop(open(&settings.database_url)?);
    server::run(settings, |url, _| print_lines([format!("listening on {url}")]))
}

fn migrate_and_tell(url: &DatabaseUrl) -> Result<(), Failure> {
    if let Some(path) = url.sqlite_path() {
        check_filesystem(path)?;
    }
    let applied = migrate(url)?;
    if applied.is_empty() {
        print_lines(["nothing to apply: the database has this version's schema"])?;
    } else {
        print_lines(applied.iter().map(|version| format!("applied {version}")))?;
    }
    Ok(())
}

/// A connection to a database that is there and has this version's schema.
fn open(url: &DatabaseUrl) -> Result<AnyConnection, Failure> {
    refuse_missing_file(url)?;
    let mut connection = url.connect()?;
    check_schema(&mut connection)?;
    Ok(connection)
}

/// Where tenants and keys are changed.
fn office(url: &DatabaseUrl) -> Result<Office, Failure> {
    Ok(Office::new(open(url)?, Arc::new(now)))
}

/// Opening would make an empty file of a misspelled name.
fn refuse_missing_file(url: &DatabaseUrl) -> Result<(), Failure> {
    let Some(path) = url.sqlite_path() else { return Ok(()) };
    check_filesystem(path)?;
    if path.exists() { Ok(()) } else { Err(Failure::NoDatabase(path.to_owned())) }
}

/// Refuses a name that people could not read or the database would not take.
fn check_name(name: &str, least: usize) -> Result<(), Failure> {
    let length = name.chars().count();
    if (least..=200).contains(&length) { Ok(()) } else { Err(Failure::NameLength { length, least }) }
}
