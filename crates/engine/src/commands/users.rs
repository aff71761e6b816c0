//! Making and changing users, each change with its entry in the audit log of both modes.

use florin_domain::{
    Actor, AuditAction, Email, Role, SealedCredentials, SecondFactor, User, UserId, UserName,
};
use florin_storage::{Needs, Realm};
use serde_json::{Value, json};

use super::change::{Change, Desk, Made};
use crate::requests::ChangeUser;
use crate::views::{RecoveryCodesResponse, Refused, TotpOfferResponse, UserResponse};

/// Makes a user.
pub(crate) struct AddUser {
    pub(crate) id: UserId,
    pub(crate) email: Email,
    pub(crate) name: Option<UserName>,
    pub(crate) role: Role,
    pub(crate) password_hash: String,
}

impl AddUser {
    pub(crate) fn decide(&self, on: &mut Desk<'_>) -> Result<User, Refused> {
        let tenant_id = on.realm.tenant_id;
        if on.set.is_email_taken(tenant_id, self.email.as_str()) {
            return Err(Refused::email_taken());
        }
        let user = User {
            id: self.id,
            tenant_id,
            email: self.email.clone(),
            name: self.name.clone(),
            role: self.role,
            password_hash: self.password_hash.clone(),
            epoch: 1,
            second_factor: SecondFactor::Off,
            disabled_at: None,
            revision: 1,
            logged: 1,
            created_by: on.actor,
            updated_by: on.actor,
            updated_at: self.id.created_at(),
        };
        on.log_in_both_modes(
            AuditAction::UserCreated,
            user.id,
            &json!({ "email": user.email.as_str(), "role": user.role.as_str() }),
        );
        on.set.put_user(user.clone());
        Ok(user)
    }
}

impl Change for AddUser {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.user_emails.insert((realm.tenant_id, self.email.as_str().to_owned()));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let user = self.decide(on)?;
        Ok(Made::new(201, &UserResponse::new(&user), user.id))
    }
}

/// A change of a user that is there.
pub(crate) struct AlterUser {
    pub(crate) id: UserId,
    pub(crate) alteration: Alteration,
}

/// How a user is changed.
pub(crate) enum Alteration {
    /// Name, role, and whether they may sign in.
    Change(ChangeUser),
    /// Another password, hashed; by whoever knew the password with the other hash, or by an administrator.
    Password { hash: String, known: Option<String> },
    /// A secret for a second factor, encrypted, and as it is shown to the user.
    OfferFactor { sealed: SealedCredentials, secret: String, url: String },
    /// A code of that step proves that the user has the secret that was encrypted so.
    ConfirmFactor { sealed: SealedCredentials, step: i64, recovery: Vec<(String, [u8; 32])> },
    /// No second factor any more.
    DropFactor,
    /// No session any more.
    EndSessions,
}

impl AlterUser {
    /// The user as they are then.
    pub(crate) fn decide(&self, on: &mut Desk<'_>) -> Result<User, Refused> {
        let (at, by) = (on.deciding.at, on.actor);
        let user = on.set.user(on.realm.tenant_id, self.id).ok_or_else(Refused::user_not_found)?.clone();
        let after = match &self.alteration {
            Alteration::Change(change) => return Ok(change_user(on, user, change)),
            Alteration::Password { hash, known } => {
                if known.as_ref().is_some_and(|known| *known != user.password_hash) {
                    return Err(Refused::password_wrong());
                }
                on.log_in_both_modes(AuditAction::UserPasswordChanged, user.id, &nothing());
                user.set_password(hash.clone(), at, by)
            }
            Alteration::OfferFactor { sealed, .. } => {
                if matches!(user.second_factor, SecondFactor::On { .. }) {
                    return Err(Refused::totp_already_on());
                }
                on.log_in_both_modes(AuditAction::UserTotpOffered, user.id, &nothing());
                user.offer_second_factor(sealed.clone(), at, by)
            }
            Alteration::ConfirmFactor { sealed, step, recovery } => {
                let is_that =
                    matches!(&user.second_factor, SecondFactor::Pending { secret } if secret == sealed);
                let digests = recovery.iter().map(|(_, digest)| *digest).collect();
                let confirmed = user.confirm_second_factor(*step, digests, at, by).filter(|_| is_that);
                let confirmed = confirmed.ok_or_else(Refused::totp_not_pending)?;
                on.log_in_both_modes(AuditAction::UserTotpEnabled, user.id, &nothing());
                confirmed
            }
            Alteration::DropFactor => {
                if user.second_factor == SecondFactor::Off {
                    return Ok(user);
                }
                on.log_in_both_modes(AuditAction::UserTotpDisabled, user.id, &nothing());
                user.drop_second_factor(at, by)
            }
            Alteration::EndSessions => {
                on.log_in_both_modes(AuditAction::UserSessionsEnded, user.id, &nothing());
                user.end_sessions(at, by)
            }
        };
        on.set.put_user(after.clone());
        Ok(after)
    }
}

impl Change for AlterUser {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.users.insert((realm.tenant_id, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let user = self.decide(on)?;
        let made = Made::new(200, &UserResponse::new(&user), user.id);
        Ok(match &self.alteration {
            Alteration::OfferFactor { secret, url, .. } => {
                made.shown_once(&TotpOfferResponse { user_id: user.id, secret, otpauth_url: url })
            }
            Alteration::ConfirmFactor { recovery, .. } => {
                let recovery_codes = recovery.iter().map(|(code, _)| code.as_str()).collect();
                made.shown_once(&RecoveryCodesResponse { user_id: user.id, recovery_codes })
            }
            Alteration::Change(_)
            | Alteration::Password { .. }
            | Alteration::DropFactor
            | Alteration::EndSessions => made,
        })
    }

    fn takes_access(status: u16) -> bool {
        status < 300
    }
}

/// Each part of a change has an entry of its own; what is as it was has none.
fn change_user(on: &mut Desk<'_>, user: User, change: &ChangeUser) -> User {
    let (at, by): (_, Actor) = (on.deciding.at, on.actor);
    let mut after = user.clone();
    let named = change.name.clone().filter(|name| *name != user.name);
    let role = change.role.filter(|role| *role != user.role);
    if named.is_some() || role.is_some() {
        let text = |name: &Option<UserName>| name.as_ref().map(ToString::to_string);
        let details = json!({
            "before": { "name": text(&user.name), "role": user.role.as_str() },
            "after": {
                "name": text(named.as_ref().unwrap_or(&user.name)),
                "role": role.unwrap_or(user.role).as_str(),
            },
        });
        on.log_in_both_modes(AuditAction::UserChanged, user.id, &details);
        after = after.change(named, role, at, by);
    }
    if let Some(enabled) = change.enabled.filter(|enabled| *enabled != user.disabled_at.is_none()) {
        let action = if enabled { AuditAction::UserEnabled } else { AuditAction::UserDisabled };
        on.log_in_both_modes(action, user.id, &nothing());
        after = after.enable(enabled, at, by);
    }
    if after != user {
        on.set.put_user(after.clone());
    }
    after
}

fn nothing() -> Value {
    json!({})
}
