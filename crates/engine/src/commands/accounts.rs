//! Adding and changing processor accounts, and setting routes.

use std::collections::BTreeSet;

use florin_domain::{
    AccountChange, ProcessorAccount, ProcessorAccountId, ProcessorName, ProcessorRoutes,
    RESERVED_PROCESSOR_NAMES, RouteRule, SealedCredentials,
};
use florin_storage::{Needs, Realm};

use super::change::{Change, Desk, Made};
use crate::views::{ErrorCode, ProcessorAccountResponse, ProcessorRoutesResponse, Refused};

/// Adds an account, whose credentials are encrypted already.
pub(crate) struct AddAccount(pub(crate) ProcessorAccount);

impl AddAccount {
    /// The account, once its name is known to be free.
    pub(crate) fn decide(&self, on: &mut Desk<'_>) -> Result<ProcessorAccount, Refused> {
        check_name(on, &self.0.name)?;
        on.set.put_account(self.0.clone());
        Ok(self.0.clone())
    }
}

impl Change for AddAccount {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.processor_realms.insert(realm);
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let account = self.decide(on)?;
        Ok(Made::new(201, &ProcessorAccountResponse::new(&account), account.id))
    }
}

/// What becomes of an account.
#[derive(Clone, Debug)]
pub(crate) enum Alter {
    /// Other settings, another place, enabled or disabled.
    Change(AccountChange),
    /// Other credentials.
    Rotate(SealedCredentials),
    /// The same credentials, encrypted with another key; only if they still are what they were when that was done.
    Reseal { before: SealedCredentials, after: SealedCredentials },
}

/// Changes an account.
pub(crate) struct AlterAccount {
    pub(crate) id: ProcessorAccountId,
    pub(crate) alter: Alter,
}

impl AlterAccount {
    /// The account after the change.
    pub(crate) fn decide(&self, on: &mut Desk<'_>) -> Result<ProcessorAccount, Refused> {
        let account = on.set.account(on.realm, self.id).ok_or_else(Refused::processor_account_not_found)?;
        let (at, by) = (on.deciding.at, on.actor);
        let changed = match &self.alter {
            Alter::Change(change) => account.change(change.clone(), at, by),
            Alter::Rotate(credentials) => account.rotate(credentials.clone(), at, by),
            Alter::Reseal { before, .. } if account.credentials != *before => return Ok(account.clone()),
            Alter::Reseal { after, .. } => account.reseal(after.clone(), at),
        };
        on.set.put_account(changed.clone());
        Ok(changed)
    }
}

impl Change for AlterAccount {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.processor_realms.insert(realm);
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let account = self.decide(on)?;
        Ok(Made::new(200, &ProcessorAccountResponse::new(&account), account.id))
    }
}

/// Sets all rules of the routes.
pub(crate) struct SetRoutes(pub(crate) Vec<RouteRule>);

impl Change for SetRoutes {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.processor_realms.insert(realm);
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        for rule in &self.0 {
            check_rule(on, rule)?;
        }
        let routes = ProcessorRoutes {
            tenant_id: on.realm.tenant_id,
            mode: on.realm.mode,
            rules: self.0.clone(),
            revision: on.set.routes(on.realm).map_or(1, |routes| routes.revision.saturating_add(1)),
            updated_by: on.actor,
            updated_at: on.deciding.at,
        };
        let made = Made::new(200, &ProcessorRoutesResponse::new(on.realm, Some(&routes)), "processor_routes");
        on.set.put_routes(routes);
        Ok(made)
    }
}

/// A name is an account's for ever, and some are Florin's own.
fn check_name(on: &Desk<'_>, name: &ProcessorName) -> Result<(), Refused> {
    if RESERVED_PROCESSOR_NAMES.contains(&name.as_str()) {
        let message = format!("The name {name} is one of Florin's own; send another.");
        return Err(Refused::new(ErrorCode::ProcessorNameTaken, message).param("name"));
    }
    match on.set.accounts(on.realm).find(|account| account.name == *name) {
        Some(account) => {
            let message = format!("The processor account {} has this name; send another.", account.id);
            Err(Refused::new(ErrorCode::ProcessorNameTaken, message).param("name"))
        }
        None => Ok(()),
    }
}

/// A rule names accounts that there are, each once.
fn check_rule(on: &Desk<'_>, rule: &RouteRule) -> Result<(), Refused> {
    let unknown = rule.accounts.iter().find(|id| on.set.account(on.realm, **id).is_none());
    if unknown.is_some() {
        return Err(Refused::processor_account_not_found().param("rules"));
    }
    let each: BTreeSet<_> = rule.accounts.iter().collect();
    if each.len() < rule.accounts.len() {
        let message = "A rule names an account twice; name each once.";
        return Err(Refused::new(ErrorCode::ParameterInvalid, message).param("rules"));
    }
    Ok(())
}
