//! `florin tenants`.

use florin_domain::Mode;
use florin_engine::requests::ChangeSettings;
use florin_storage::Realm;
use florin_storage::access::{Tenant, TenantSettings, find_tenant, list_tenants};
use florin_storage::read::find_tenant_settings;

use super::{check_name, office, open};
use crate::cli::{SetTenant, Tenants};
use crate::failure::Failure;
use crate::output::print_lines;
use crate::settings::Settings;

pub(super) fn run(settings: &Settings, command: Tenants) -> Result<(), Failure> {
    match command {
        Tenants::Create { name } => {
            check_name(&name, 1)?;
            let tenant = office(&settings.database_url)?.create_tenant(&name)?;
            Ok(print_lines([tenant.id])?)
        }
        Tenants::List => {
            let tenants = list_tenants(&mut open(&settings.database_url)?)?;
            Ok(print_lines(tenants.iter().map(|tenant| format!("{}\t{}", tenant.id, tenant.name)))?)
        }
        Tenants::Rename { tenant, name } => {
            check_name(&name, 1)?;
            Ok(office(&settings.database_url)?.rename_tenant(tenant, &name)?)
        }
        Tenants::Show { tenant: id } => {
            let mut connection = open(&settings.database_url)?;
            let tenant = find_tenant(&mut connection, id)?.ok_or(Failure::NoTenant(id))?;
            let mut lines = vec![describe(&tenant)];
            for mode in [Mode::Test, Mode::Live] {
                let found = find_tenant_settings(&mut connection, Realm { tenant_id: id, mode })?;
                lines.push(describe_settings(mode, found.as_ref()));
            }
            Ok(print_lines(lines)?)
        }
        Tenants::Set(request) => set(settings, request),
    }
}

fn set(settings: &Settings, request: SetTenant) -> Result<(), Failure> {
    let realm = Realm { tenant_id: request.tenant, mode: Mode::from(request.mode) };
    let currencies = request.currencies.map(|words| words.0);
    let change = ChangeSettings {
        currencies,
        limit_per_minute: request.rate_limit_per_minute.map(|limit| limit.0),
        limit_per_second: request.rate_limit_per_second.map(|limit| limit.0),
    };
    let changed = office(&settings.database_url)?.change_settings(realm, change)?;
    Ok(print_lines([describe_settings(realm.mode, Some(&changed))])?)
}

fn describe(tenant: &Tenant) -> String {
    format!("{}\t{}", tenant.id, tenant.name)
}

fn describe_settings(mode: Mode, settings: Option<&TenantSettings>) -> String {
    let currencies = settings.and_then(|settings| settings.currencies.as_ref()).map_or_else(
        || "all".to_owned(),
        |taken| taken.iter().map(|currency| currency.code()).collect::<Vec<_>>().join(","),
    );
    let limit = |limit: Option<u32>| match limit {
        None => "the server's own".to_owned(),
        Some(0) => "none".to_owned(),
        Some(limit) => limit.to_string(),
    };
    let minute = limit(settings.and_then(|settings| settings.limit_per_minute));
    let second = limit(settings.and_then(|settings| settings.limit_per_second));
    format!("{mode}\tcurrencies {currencies}\tlimit a minute: {minute}\tlimit a second: {second}")
}
