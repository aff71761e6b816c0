//! Users: people who sign in with a password, and maybe a second factor.
//!
//! Not here: hashing passwords and computing codes, which are algorithms, and what a role may do, which the engine's
//! scopes say.

use chrono::{DateTime, Utc};

use crate::{Actor, Email, SealedCredentials, TenantId, TextRefused, UserId, UserName};

named_enum! {
    /// What a user is there for.
    Role {
        /// May do everything, also make users and keys.
        Admin => "admin",
        /// Works with payments, customers and invoices.
        Operator => "operator",
        /// Reads.
        Viewer => "viewer",
    }
}

/// How many characters a password has at least.
pub const MIN_PASSWORD_CHARS: usize = 12;
/// How many bytes a password has at most.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;

/// Whether a password may be set: by its length alone, so that nobody has to invent characters.
///
/// ```
/// use florin_domain::is_password_acceptable;
/// assert!(is_password_acceptable("correct horse"));
/// assert!(!is_password_acceptable("short"));
/// ```
#[must_use]
pub fn is_password_acceptable(password: &str) -> bool {
    password.len() <= MAX_PASSWORD_BYTES && password.chars().count() >= MIN_PASSWORD_CHARS
}

/// The address as users are told apart by it: whoever owns `Ada@Example.com` owns `ada@example.com`.
///
/// # Errors
/// [`TextRefused`] when it is no address.
///
/// ```
/// use florin_domain::normalize_email;
/// assert_eq!(normalize_email(" Ada@Example.com ")?.as_str(), "ada@example.com");
/// # Ok::<(), florin_domain::TextRefused>(())
/// ```
pub fn normalize_email(text: &str) -> Result<Email, TextRefused> {
    Email::parse(text.trim().to_lowercase())
}

/// The second factor: codes that an app makes from a secret, one for each 30 seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecondFactor {
    /// There is none.
    #[default]
    Off,
    /// The secret was handed out, and no code has come yet.
    Pending {
        /// The secret, encrypted.
        secret: SealedCredentials,
    },
    /// A code is asked for at each login.
    On {
        /// The secret, encrypted.
        secret: SealedCredentials,
        /// The latest step whose code was used: neither it nor an earlier one is taken again.
        last_step: i64,
        /// SHA-256 of the recovery codes that are left.
        recovery: Vec<[u8; 32]>,
    },
}

/// Somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user; its creation time is the id's own.
    pub id: UserId,
    /// Whose.
    pub tenant_id: TenantId,
    /// The address, normalized; no two users of a tenant have the same.
    pub email: Email,
    /// What they are called.
    pub name: Option<UserName>,
    /// What they are there for.
    pub role: Role,
    /// The password's hash, in PHC's string format.
    pub password_hash: String,
    /// Counts what ends all sessions: another password, another second factor, being disabled, signing out everywhere.
    pub epoch: i64,
    /// The second factor.
    pub second_factor: SecondFactor,
    /// Since when they can't sign in any more.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Counts the changes from 1, but for logins.
    pub revision: i64,
    /// How many of the changes are in the audit log.
    pub logged: i64,
    /// Who made them.
    pub created_by: Actor,
    /// Who changed them last.
    pub updated_by: Actor,
    /// When they were changed last.
    pub updated_at: DateTime<Utc>,
}

/// What is used up of a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The code of that step.
    Step(i64),
    /// The recovery code with that SHA-256.
    Recovery([u8; 32]),
}

impl User {
    /// The user with another name or role.
    #[must_use]
    pub fn change(
        &self,
        name: Option<Option<UserName>>,
        role: Option<Role>,
        at: DateTime<Utc>,
        by: Actor,
    ) -> User {
        User {
            name: name.unwrap_or_else(|| self.name.clone()),
            role: role.unwrap_or(self.role),
            ..self.changed(at, by)
        }
    }

    /// The user as they are when they may sign in, or may not any more. Their sessions end with the latter, for good.
    #[must_use]
    pub fn enable(&self, enabled: bool, at: DateTime<Utc>, by: Actor) -> User {
        if enabled == self.disabled_at.is_none() {
            return self.clone();
        }
        let user = self.changed(at, by);
        if enabled {
            User { disabled_at: None, ..user }
        } else {
            User { disabled_at: Some(at), ..user.next_epoch() }
        }
    }

    /// The user with another password. All sessions end.
    #[must_use]
    pub fn set_password(&self, hash: String, at: DateTime<Utc>, by: Actor) -> User {
        User { password_hash: hash, ..self.changed(at, by).next_epoch() }
    }

    /// The user with the same password, hashed anew. Nothing ends.
    #[must_use]
    pub fn rehash(&self, hash: String) -> User {
        User { password_hash: hash, revision: self.revision.saturating_add(1), ..self.clone() }
    }

    /// The user who was handed a secret. What they had before stays off or on until a code proves it: a second factor
    /// that is on is not replaced by one that is pending.
    #[must_use]
    pub fn offer_second_factor(&self, secret: SealedCredentials, at: DateTime<Utc>, by: Actor) -> User {
        User { second_factor: SecondFactor::Pending { secret }, ..self.changed(at, by) }
    }

    /// The user who has proved to have the secret, by the code of that step.
    #[must_use]
    pub fn confirm_second_factor(
        &self,
        step: i64,
        recovery: Vec<[u8; 32]>,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Option<User> {
        let SecondFactor::Pending { secret } = &self.second_factor else { return None };
        let second_factor = SecondFactor::On { secret: secret.clone(), last_step: step, recovery };
        Some(User { second_factor, ..self.changed(at, by) })
    }

    /// The user without a second factor. All sessions end.
    #[must_use]
    pub fn drop_second_factor(&self, at: DateTime<Utc>, by: Actor) -> User {
        User { second_factor: SecondFactor::Off, ..self.changed(at, by).next_epoch() }
    }

    /// The user without a session that goes on: whoever has one has to sign in again.
    #[must_use]
    pub fn end_sessions(&self, at: DateTime<Utc>, by: Actor) -> User {
        self.changed(at, by).next_epoch()
    }

    /// The user whose code or recovery code is used up; none where it was before.
    #[must_use]
    pub fn use_up(&self, proof: Proof) -> Option<User> {
        let SecondFactor::On { secret, last_step, recovery } = &self.second_factor else { return None };
        let (last_step, recovery) = match proof {
            Proof::Step(step) if step > *last_step => (step, recovery.clone()),
            Proof::Step(_) => return None,
            Proof::Recovery(digest) => {
                let rest: Vec<_> = recovery.iter().copied().filter(|left| *left != digest).collect();
                if rest.len() == recovery.len() {
                    return None;
                }
                (*last_step, rest)
            }
        };
        let second_factor = SecondFactor::On { secret: secret.clone(), last_step, recovery };
        Some(User { second_factor, revision: self.revision.saturating_add(1), ..self.clone() })
    }

    fn next_epoch(self) -> User {
        User { epoch: self.epoch.saturating_add(1), ..self }
    }

    fn changed(&self, at: DateTime<Utc>, by: Actor) -> User {
        User {
            revision: self.revision.saturating_add(1),
            logged: self.logged.saturating_add(1),
            updated_by: by,
            updated_at: at,
            ..self.clone()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn user() -> User {
        User {
            id: UserId::from_bytes([1; 16]),
            tenant_id: TenantId::from_bytes([2; 16]),
            email: normalize_email("ada@example.com").unwrap(),
            name: None,
            role: Role::Viewer,
            password_hash: "$argon2id$1".to_owned(),
            epoch: 1,
            second_factor: SecondFactor::Off,
            disabled_at: None,
            revision: 1,
            logged: 1,
            created_by: Actor::Operator,
            updated_by: Actor::Operator,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn secret() -> SealedCredentials {
        SealedCredentials { key_id: "k".to_owned(), bytes: vec![1] }
    }

    #[test]
    fn what_takes_trust_away_ends_sessions_and_nothing_else_does() {
        let user = user();
        let on = user
            .offer_second_factor(secret(), AT, Actor::Operator)
            .confirm_second_factor(5, vec![[1; 32]], AT, Actor::Operator)
            .unwrap();
        let disabled = user.enable(false, AT, Actor::Operator);
        for (name, after, ends) in [
            ("another role", user.change(None, Some(Role::Admin), AT, Actor::Operator), false),
            ("the same password", user.rehash("$argon2id$2".to_owned()), false),
            ("a code", on.use_up(Proof::Step(6)).unwrap(), false),
            ("a second factor", on.clone(), false),
            ("enabled again", disabled.enable(true, AT, Actor::Operator), true),
            ("disabled", disabled, true),
            ("another password", user.set_password("$argon2id$3".to_owned(), AT, Actor::Operator), true),
            ("signed out everywhere", user.end_sessions(AT, Actor::Operator), true),
            ("no second factor", on.drop_second_factor(AT, Actor::Operator), true),
        ] {
            assert_eq!(after.epoch > user.epoch, ends, "{name}");
            assert!(after.revision > user.revision, "{name}");
        }
        assert_eq!(user.enable(true, AT, Actor::Operator), user, "it is");
    }

    #[test]
    fn a_code_is_good_once() {
        let on = user()
            .offer_second_factor(secret(), AT, Actor::Operator)
            .confirm_second_factor(5, vec![[1; 32], [2; 32]], AT, Actor::Operator)
            .unwrap();
        assert_eq!(on.use_up(Proof::Step(5)), None, "the one that confirmed it");
        assert_eq!(on.use_up(Proof::Step(4)), None, "an earlier one");
        let used = on.use_up(Proof::Step(6)).unwrap();
        assert_eq!(used.use_up(Proof::Step(6)), None);
        let used = used.use_up(Proof::Recovery([1; 32])).unwrap();
        assert_eq!(used.use_up(Proof::Recovery([1; 32])), None);
        assert!(used.use_up(Proof::Recovery([2; 32])).is_some());
        assert_eq!(user().use_up(Proof::Step(9)), None, "there is no second factor");
        assert_eq!(on.confirm_second_factor(9, Vec::new(), AT, Actor::Operator), None, "it is on already");
    }
}
