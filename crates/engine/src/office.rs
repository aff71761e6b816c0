//! What an operator does about tenants and API keys by the command line: the same decisions as the API's, in a
//! transaction of their own, beside whatever servers run on the database.

use std::sync::Arc;

use florin_domain::{AuditAction, KeyId, Mode, TenantId, User, UserId, is_password_acceptable};
use florin_storage::access::{
    ApiKey, Tenant, TenantSettings, create_tenant, find_key, find_tenant, rename_tenant,
};
use florin_storage::sessions::find_user_anywhere;
use florin_storage::{AnyConnection, Needs, Realm, StorageError, WorkingSet, begin, commit, rollback};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::clock::{Clock, IdSource};
use crate::commands::{
    AddUser, AlterUser, Alteration, Change, ChangeTenant, Desk, IssueKey, ReplaceKey, Requester, RevokeKey,
};
use crate::generations::HEARD_AFTER;
use crate::passwords::{PasswordSettings, hash_password};
use crate::requests::{ChangeSettings, ChangeUser, CreateApiKey, CreateUser, RotateApiKey};
use crate::secret::{FreshKey, NoRandomness};
use crate::views::Refused;
use crate::writer::Deciding;

/// The slot of the counters that is added to. Nothing that is done here is counted.
const SLOT: i64 = 0;

/// Where an operator does it.
pub struct Office {
    connection: AnyConnection,
    clock: Arc<dyn Clock>,
    ids: IdSource,
}

/// Why it was not done. Nothing has happened then.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    NoTenant(TenantId),
    /// There is no such key.
    #[error("there is no key {0}")]
    NoKey(KeyId),
    /// There is no such user.
    #[error("there is no user {0}")]
    NoUser(UserId),
    /// The rules are against it.
    #[error("{0}")]
    Refused(String),
    /// No key could be made.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The database is not there, or refused something.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        NotDone::Refused(refused.message)
    }
}

impl Office {
    /// An office over a connection that is in no transaction.
    pub fn new(connection: AnyConnection, clock: Arc<dyn Clock>) -> Self {
        Office { connection, clock, ids: IdSource::new() }
    }

    /// Makes a tenant.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn create_tenant(&mut self, name: &str) -> Result<Tenant, NotDone> {
        let id = TenantId::from_uuid(self.ids.next(self.clock.now()));
        let tenant = Tenant { id, name: name.to_owned() };
        let details = json!({ "name": name });
        self.in_transaction(|office| {
            create_tenant(&mut office.connection, &tenant)?;
            office.log_in_both_modes(id, AuditAction::TenantCreated, &details)
        })?;
        Ok(tenant)
    }

    /// Gives a tenant another name.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn rename_tenant(&mut self, id: TenantId, name: &str) -> Result<(), NotDone> {
        let before = self.tenant(id)?.name;
        let details = json!({ "before": before, "after": name });
        self.in_transaction(|office| {
            rename_tenant(&mut office.connection, id, name)?;
            office.log_in_both_modes(id, AuditAction::TenantRenamed, &details)
        })
    }

    /// Changes a tenant's settings in one mode.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn change_settings(
        &mut self,
        realm: Realm,
        change: ChangeSettings,
    ) -> Result<TenantSettings, NotDone> {
        let change = ChangeTenant { tenant: self.tenant(realm.tenant_id)?, change };
        self.change(realm, &change, |on| Ok(change.decide(on)))
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn create_key(&mut self, realm: Realm, request: CreateApiKey) -> Result<(ApiKey, FreshKey), NotDone> {
        self.tenant(realm.tenant_id)?;
        let issue = IssueKey { fresh: self.fresh_key(realm.mode)?, request };
        let key = self.change(realm, &issue, |on| issue.decide(on))?;
        Ok((key, issue.fresh))
    }

    /// Gives a key a successor, and time to be replaced.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn rotate_key(&mut self, id: KeyId, request: RotateApiKey) -> Result<(ApiKey, FreshKey), NotDone> {
        let realm = self.key(id)?.realm;
        let replace = ReplaceKey { id, fresh: self.fresh_key(realm.mode)?, request };
        let key = self.change(realm, &replace, |on| replace.decide(on))?;
        Ok((key, replace.fresh))
    }

    /// Takes a key away, and says whether it was there to be taken away.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn revoke_key(&mut self, id: KeyId) -> Result<(ApiKey, bool), NotDone> {
        let realm = self.key(id)?.realm;
        let revoke = RevokeKey { id };
        self.change(realm, &revoke, |on| revoke.decide(on))
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn create_user(&mut self, tenant: TenantId, request: CreateUser) -> Result<User, NotDone> {
        self.tenant(tenant)?;
        let password_hash = hash_new(&request.password)?;
        let CreateUser { email, name, role, .. } = request;
        let id = UserId::from_uuid(self.ids.next(self.clock.now()));
        let add = AddUser { id, email, name, role, password_hash };
        self.change(of_both_modes(tenant), &add, |on| add.decide(on))
    }

    /// Changes a user.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn change_user(&mut self, id: UserId, change: ChangeUser) -> Result<User, NotDone> {
        self.alter_user(id, Alteration::Change(change))
    }

    /// Gives a user another password. All of their sessions end.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn reset_password(&mut self, id: UserId, password: SecretString) -> Result<User, NotDone> {
        let hash = hash_new(&password)?;
        self.alter_user(id, Alteration::Password { hash, known: None })
    }

    /// Switches a user's second factor off. All of their sessions end.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn drop_second_factor(&mut self, id: UserId) -> Result<User, NotDone> {
        self.alter_user(id, Alteration::DropFactor)
    }

    fn alter_user(&mut self, id: UserId, alteration: Alteration) -> Result<User, NotDone> {
        let user = find_user_anywhere(&mut self.connection, id)?.ok_or(NotDone::NoUser(id))?;
        let alter = AlterUser { id, alteration };
        self.change(of_both_modes(user.tenant_id), &alter, |on| alter.decide(on))
    }

    fn tenant(&mut self, id: TenantId) -> Result<Tenant, NotDone> {
        find_tenant(&mut self.connection, id)?.ok_or(NotDone::NoTenant(id))
    }

    fn key(&mut self, id: KeyId) -> Result<ApiKey, NotDone> {
        find_key(&mut self.connection, id)?.ok_or(NotDone::NoKey(id))
    }

    fn fresh_key(&self, mode: Mode) -> Result<FreshKey, NotDone> {
        let id = KeyId::from_uuid(self.ids.next(self.clock.now()));
        Ok(FreshKey::generate(mode, id)?)
    }

    /// One change, decided and saved in one transaction. Every process has heard of it then.
    fn change<T, C: Change>(
        &mut self,
        realm: Realm,
        change: &C,
        decide: impl FnOnce(&mut Desk<'_>) -> Result<T, Refused>,
    ) -> Result<T, NotDone> {
        let decided = self.in_transaction(|office| {
            let (mut set, mut needs) = (WorkingSet::default(), Needs::default());
            change.needs(realm, &mut needs);
            set.prepare(&mut office.connection, &needs)?;
            let decided = office.at_desk(realm, &mut set, decide)?;
            set.save(&mut office.connection, SLOT)?;
            Ok(decided)
        })?;
        if C::takes_access(200) {
            std::thread::sleep(HEARD_AFTER);
        }
        Ok(decided)
    }

    fn log_in_both_modes(
        &mut self,
        id: TenantId,
        action: AuditAction,
        details: &serde_json::Value,
    ) -> Result<(), NotDone> {
        let mut set = WorkingSet::default();
        for mode in [Mode::Test, Mode::Live] {
            let realm = Realm { tenant_id: id, mode };
            self.at_desk(realm, &mut set, |on| {
                on.log(action, id, details);
                Ok(())
            })?;
        }
        Ok(set.save(&mut self.connection, SLOT)?)
    }

    fn at_desk<T>(
        &self,
        realm: Realm,
        set: &mut WorkingSet,
        decide: impl FnOnce(&mut Desk<'_>) -> Result<T, Refused>,
    ) -> Result<T, NotDone> {
        let deciding = Deciding { at: self.clock.now(), ids: &self.ids, listening: None, public_url: "" };
        let requester = Requester::operator(realm);
        let mut desk =
            Desk { set, deciding: &deciding, realm, actor: requester.actor, requester: &requester };
        Ok(decide(&mut desk)?)
    }

    fn in_transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Office) -> Result<T, NotDone>,
    ) -> Result<T, NotDone> {
        begin(&mut self.connection)?;
        match work(self) {
            Ok(done) => {
                commit(&mut self.connection)?;
                Ok(done)
            }
            Err(error) => {
                // When this fails too, the connection is lost, and the database rolls back by itself.
                let _broken = rollback(&mut self.connection);
                Err(error)
            }
        }
    }
}

/// Users have no mode; what is done about them is logged in both.
fn of_both_modes(tenant_id: TenantId) -> Realm {
    Realm { tenant_id, mode: Mode::Live }
}

fn hash_new(password: &SecretString) -> Result<String, NotDone> {
    if !is_password_acceptable(password.expose_secret()) {
        return Err(Refused::password_unacceptable().into());
    }
    Ok(hash_password(PasswordSettings::default(), password)?)
}
