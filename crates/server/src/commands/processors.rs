//! `florin processors`.

use std::io::{IsTerminal, Read, stdin};

use florin_domain::{AccountChange, Metadata, Mode, ProcessorAccount, ProcessorAccountId, TenantId};
use florin_engine::requests::{CreateProcessorAccount, Credentials};
use florin_engine::{Operator, Vault};
use florin_processors::SandboxConnector;
use florin_storage::access::find_tenant;
use florin_storage::{AnyConnection, Realm, read};

use super::open;
use crate::cli::{AddProcessor, CredentialsFrom, Processors};
use crate::clock::now;
use crate::failure::Failure;
use crate::output::print_lines;
use crate::server::connectors;
use crate::settings::Settings;

/// Longer credentials are none.
const MAX_CREDENTIALS_BYTES: u64 = 64 * 1024;

pub(super) fn run(settings: &Settings, command: Processors) -> Result<(), Failure> {
    let operator = operator(&settings.credentials_key);
    let mut connection = open(&settings.database_url)?;
    match command {
        Processors::Add(request) => add(&operator, &mut connection, request),
        Processors::List { tenant } => list(&mut connection, tenant),
        Processors::Enable { account_id } => enable(&operator, &mut connection, account_id, true),
        Processors::Disable { account_id } => enable(&operator, &mut connection, account_id, false),
        Processors::Rotate { account_id, from } => {
            let account = find(&mut connection, account_id)?;
            operator.rotate(&mut connection, &account, credentials(&from)?)?;
            eprintln!("replaced the credentials of {account_id} ({})", account.name);
            Ok(())
        }
        Processors::Reencrypt => {
            let (changed, all) = operator.reencrypt(&mut connection)?;
            eprintln!("encrypted the credentials of {changed} of {all} processor accounts anew");
            let (changed, all) = operator.reencrypt_secrets(&mut connection)?;
            eprintln!("encrypted {changed} of {all} second factors and webhook secrets anew");
            Ok(())
        }
    }
}

fn operator(vault: &Vault) -> Operator {
    Operator::new(connectors(SandboxConnector::unconnected()), vault.clone(), now())
}

fn add(operator: &Operator, connection: &mut AnyConnection, request: AddProcessor) -> Result<(), Failure> {
    check_tenant(connection, request.tenant)?;
    let realm = Realm { tenant_id: request.tenant, mode: request.mode.into() };
    let settings = Metadata::new(request.settings.into_iter().collect())?;
    let account = CreateProcessorAccount {
        name: request.name,
        connector: request.connector,
        credentials: credentials(&request.from)?,
        settings,
        enabled: true,
        position: request.position,
    };
    let account = operator.add(connection, realm, account)?;
    Ok(print_lines([account.id.to_string()])?)
}

fn list(connection: &mut AnyConnection, tenant_id: TenantId) -> Result<(), Failure> {
    check_tenant(connection, tenant_id)?;
    let mut lines = Vec::new();
    for mode in [Mode::Test, Mode::Live] {
        let accounts = read::accounts_of(connection, Realm { tenant_id, mode })?;
        lines.extend(accounts.iter().map(describe));
    }
    Ok(print_lines(lines)?)
}

fn enable(
    operator: &Operator,
    connection: &mut AnyConnection,
    id: ProcessorAccountId,
    enabled: bool,
) -> Result<(), Failure> {
    let account = find(connection, id)?;
    let change = AccountChange { enabled: Some(enabled), ..AccountChange::default() };
    operator.change(connection, &account, change)?;
    eprintln!("{} {id} ({})", if enabled { "enabled" } else { "disabled" }, account.name);
    Ok(())
}

/// An account by its id, whose tenant an operator need not know.
fn find(connection: &mut AnyConnection, id: ProcessorAccountId) -> Result<ProcessorAccount, Failure> {
    let (accounts, _) = read::directory(connection)?;
    accounts.into_iter().find(|account| account.id == id).ok_or(Failure::NoProcessorAccount(id))
}

fn check_tenant(connection: &mut AnyConnection, id: TenantId) -> Result<(), Failure> {
    find_tenant(connection, id)?.map(drop).ok_or(Failure::NoTenant(id))
}

fn describe(account: &ProcessorAccount) -> String {
    let state = if account.enabled { "enabled" } else { "disabled" };
    let (id, mode, name, connector) = (account.id, account.mode, &account.name, &account.connector);
    let (position, key) = (account.position.number(), &account.credentials.key_id);
    format!("{id}\t{mode}\t{name}\t{connector}\t{position}\t{key}\t{state}")
}

/// Reads credentials, and repeats nothing of them.
fn credentials(from: &CredentialsFrom) -> Result<Credentials, Failure> {
    let text = match &from.credentials_env {
        Some(name) => std::env::var(name).map_err(|_| Failure::NoVariable(name.clone()))?,
        None => {
            if stdin().is_terminal() {
                eprintln!("type the credentials, a JSON object, and end with Ctrl-D:");
            }
            let mut text = String::new();
            stdin().take(MAX_CREDENTIALS_BYTES).read_to_string(&mut text).map_err(Failure::Input)?;
            text
        }
    };
    Ok(Credentials::from_json(text.trim())?)
}
