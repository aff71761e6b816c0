//! `florin tenants`.

use florin_domain::TenantId;
use florin_storage::access::{Tenant, create_tenant, list_tenants};

use super::{check_name, open};
use crate::cli::Tenants;
use crate::clock::new_uuid;
use crate::failure::Failure;
use crate::output::print_lines;
use crate::settings::Settings;

pub(super) fn run(settings: &Settings, command: Tenants) -> Result<(), Failure> {
    match command {
        Tenants::Create { name } => {
            check_name(&name, 1)?;
            let tenant = Tenant { id: TenantId::from_uuid(new_uuid()), name };
            create_tenant(&mut open(&settings.database_url)?, &tenant)?;
            print_lines([tenant.id])?;
        }
        Tenants::List => {
            let tenants = list_tenants(&mut open(&settings.database_url)?)?;
            print_lines(tenants.iter().map(|tenant| format!("{}\t{}", tenant.id, tenant.name)))?;
        }
    }
    Ok(())
}
