//! Users: made and changed by administrators, and what users do about their own password and second factor.

use chrono::{DateTime, Utc};
use florin_domain::{RECOVERY_CODES, SecondFactor, User, UserId, is_password_acceptable};
use florin_storage::sessions::{find_user, list_users};
use secrecy::{ExposeSecret, SecretString};

use crate::access::{Caller, Context, Credential, Scope};
use crate::commands::{AddUser, AlterUser, Alteration, Requester};
use crate::engine::{Engine, Inner};
use crate::logins::LoginAttempt;
use crate::reading::{list_answer, page_of, unavailable};
use crate::requests::{ChangeUser, CreateUser, Idempotency, Page, SetPassword};
use crate::totp::{TotpSecret, recovery_code, recovery_digest};
use crate::views::{Answer, Refused, UserResponse};

impl Engine {
    /// Makes a user.
    pub async fn create_user(
        &self,
        context: Context,
        request: CreateUser,
        idempotency: Option<Idempotency>,
    ) -> Answer {
        let requester = Requester::from(&context);
        let made = async {
            may_manage(&context.caller)?;
            let password_hash = self.inner.hash_password(request.password.clone()).await?;
            let id = UserId::from_uuid(self.inner.ids.next(self.inner.now()));
            let CreateUser { email, name, role, .. } = request;
            Ok::<_, Refused>(AddUser { id, email, name, role, password_hash })
        };
        match made.await {
            Ok(add) => self.inner.change(requester, add, 201, idempotency).await,
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Changes a user's name or role, or whether they may sign in.
    pub async fn change_user(&self, context: Context, id: UserId, change: ChangeUser) -> Answer {
        let requester = Requester::from(&context);
        if let Err(refused) =
            self.inner.user(&context.caller, id).await.and_then(|_| may_manage(&context.caller))
        {
            return requester.refuse(refused);
        }
        self.inner
            .change(requester, AlterUser { id, alteration: Alteration::Change(change) }, 200, None)
            .await
    }

    /// Gives a user another password. All of their sessions end.
    pub async fn set_password(&self, context: Context, id: UserId, request: SetPassword) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.new_password(&context, id, request).await {
            Ok(alteration) => self.inner.change(requester, AlterUser { id, alteration }, 200, None).await,
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Hands a user the secret of a second factor.
    pub async fn offer_totp(&self, context: Context, id: UserId) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.new_factor(&context.caller, id).await {
            Ok(alteration) => self.inner.change(requester, AlterUser { id, alteration }, 200, None).await,
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Switches a user's second factor on, by a code that proves that they have its secret.
    pub async fn confirm_totp(&self, context: Context, id: UserId, code: String) -> Answer {
        let requester = Requester::from(&context);
        match self.inner.proven_factor(&context, id, &code).await {
            Ok(alteration) => self.inner.change(requester, AlterUser { id, alteration }, 200, None).await,
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Switches a user's second factor off. All of their sessions end.
    pub async fn drop_totp(&self, context: Context, id: UserId) -> Answer {
        let requester = Requester::from(&context);
        let caller = &context.caller;
        let allowed = |_| is_themself(caller, id).or_else(|_| may_manage(caller));
        if let Err(refused) = self.inner.user(caller, id).await.and_then(allowed) {
            return requester.refuse(refused);
        }
        self.inner.change(requester, AlterUser { id, alteration: Alteration::DropFactor }, 200, None).await
    }

    /// Ends all sessions of a user, in both modes: one's own, or anybody's as an administrator.
    pub async fn end_sessions(&self, context: Context, id: UserId) -> Answer {
        let requester = Requester::from(&context);
        let caller = &context.caller;
        let allowed = |_| is_themself(caller, id).or_else(|_| may_manage(caller));
        if let Err(refused) = self.inner.user(caller, id).await.and_then(allowed) {
            return requester.refuse(refused);
        }
        self.inner.change(requester, AlterUser { id, alteration: Alteration::EndSessions }, 200, None).await
    }

    /// A user: one's own, or any as an administrator.
    pub async fn find_user(&self, context: Context, id: UserId) -> Answer {
        let requester = Requester::from(&context);
        let sees = is_themself(&context.caller, id).is_ok() || context.caller.scopes.allows(Scope::Admin);
        match self.inner.user(&context.caller, id).await {
            Ok(user) if sees => Answer::new(200, &UserResponse::new(&user)),
            Ok(_) => requester.refuse(Refused::only_the_user_themself()),
            Err(refused) => requester.refuse(refused),
        }
    }

    /// A list of the tenant's users. There are few, so that they are read at once.
    pub async fn list_users(
        &self,
        context: Context,
        created_after: Option<DateTime<Utc>>,
        created_before: Option<DateTime<Utc>>,
        page: Page,
    ) -> Answer {
        let requester = Requester::from(&context);
        let tenant = requester.realm.tenant_id;
        let read = move |connection: &mut _| list_users(connection, tenant);
        let answer = |mut users: Vec<User>| {
            users.reverse();
            let is_wanted = |at: DateTime<Utc>| {
                created_after.is_none_or(|after| at > after)
                    && created_before.is_none_or(|before| at < before)
            };
            users.retain(|user| is_wanted(user.id.created_at()));
            let listed = page_of(users, |user| user.id.uuid(), page);
            Ok(list_answer(&listed, |user: &User| (user.id.to_string(), UserResponse::new(user))))
        };
        self.inner.answer_with(&requester, read, answer).await
    }
}

impl Inner {
    /// The hash of a new password that may be set.
    pub(crate) async fn hash_password(&self, password: SecretString) -> Result<String, Refused> {
        if !is_password_acceptable(password.expose_secret()) {
            return Err(Refused::password_unacceptable());
        }
        self.passwords.hash(self.handle(), password).await
    }

    async fn user(&self, caller: &Caller, id: UserId) -> Result<User, Refused> {
        let tenant = caller.tenant_id;
        let found = self.read(move |connection| find_user(connection, tenant, id)).await;
        found.map_err(|error| unavailable(&error))?.ok_or_else(Refused::user_not_found)
    }

    /// A password by those who know the one so far, or by an administrator for somebody else.
    async fn new_password(
        &self,
        context: &Context,
        id: UserId,
        request: SetPassword,
    ) -> Result<Alteration, Refused> {
        let user = self.user(&context.caller, id).await?;
        let known = if is_themself(&context.caller, id).is_ok() {
            let current = request.current.ok_or_else(Refused::password_wrong)?;
            self.check_password(context, &user, current).await?;
            Some(user.password_hash)
        } else {
            may_manage(&context.caller)?;
            None
        };
        Ok(Alteration::Password { hash: self.hash_password(request.password).await?, known })
    }

    /// Whoever has found an open session must not find the password by trying, either.
    async fn check_password(
        &self,
        context: &Context,
        user: &User,
        password: SecretString,
    ) -> Result<(), Refused> {
        let attempt = LoginAttempt::new(user.email.as_str(), context.address);
        self.begin_login(attempt).await?;
        let verified =
            self.passwords.verify(self.handle(), password, Some(user.password_hash.clone())).await?;
        if !verified.is_right {
            return Err(Refused::password_wrong());
        }
        self.forgive_login(attempt, true).await;
        Ok(())
    }

    async fn new_factor(&self, caller: &Caller, id: UserId) -> Result<Alteration, Refused> {
        let user = self.user(caller, id).await?;
        is_themself(caller, id)?;
        let secret = TotpSecret::random().map_err(|error| {
            tracing::error!(%error, "no second factor could be made");
            Refused::internal()
        })?;
        let sealed = self.settings.vault.seal_factor(user.tenant_id, id, &secret).map_err(|error| {
            tracing::warn!(%error, "a second factor can't be encrypted");
            Refused::factor_has_no_key()
        })?;
        Ok(Alteration::OfferFactor {
            sealed,
            secret: secret.to_base32(),
            url: secret.to_url(user.email.as_str()),
        })
    }

    async fn proven_factor(&self, context: &Context, id: UserId, code: &str) -> Result<Alteration, Refused> {
        let user = self.user(&context.caller, id).await?;
        is_themself(&context.caller, id)?;
        let SecondFactor::Pending { secret: sealed } = user.second_factor else {
            return Err(Refused::totp_not_pending());
        };
        let secret = self.settings.vault.open_factor(user.tenant_id, id, &sealed).map_err(|error| {
            tracing::error!(%error, user = %id, "a second factor can't be decrypted");
            Refused::factor_has_no_key()
        })?;
        let step = secret.step_of(code.trim(), self.now()).ok_or_else(Refused::totp_code_wrong)?;
        let codes: Result<Vec<_>, _> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
        let codes = codes.map_err(|error| {
            tracing::error!(%error, "no recovery codes could be made");
            Refused::internal()
        })?;
        let with_digest = |code: String| {
            let digest = recovery_digest(&code);
            (code, digest)
        };
        Ok(Alteration::ConfirmFactor { sealed, step, recovery: codes.into_iter().map(with_digest).collect() })
    }
}

/// Users work in both modes, so that whoever makes one grants access to both.
fn may_manage(caller: &Caller) -> Result<(), Refused> {
    if !caller.scopes.allows(Scope::Admin) {
        let message = format!("Users are managed with the scope {}; this caller lacks it.", Scope::Admin);
        return Err(Refused::new(crate::views::ErrorCode::PermissionDenied, message));
    }
    match caller.credential {
        Credential::UserSession { .. } => Ok(()),
        Credential::Key(_) | Credential::KeySession { .. } if caller.mode.is_live() => Ok(()),
        Credential::Key(_) | Credential::KeySession { .. } => Err(Refused::users_need_live_access()),
    }
}

fn is_themself(caller: &Caller, id: UserId) -> Result<(), Refused> {
    match caller.credential {
        Credential::UserSession { user, .. } if user == id => Ok(()),
        Credential::UserSession { .. } | Credential::Key(_) | Credential::KeySession { .. } => {
            Err(Refused::only_the_user_themself())
        }
    }
}
