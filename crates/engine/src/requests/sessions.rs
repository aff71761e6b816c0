//! What callers ask for about sessions and users.

use chrono::{DateTime, Utc};
use florin_domain::{Device, Email, Reason, Role, SessionId, TenantId, UserName};
use secrecy::SecretString;

/// Signing in with a password.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Who, normalized.
    pub email: Email,
    /// Their password.
    pub password: SecretString,
    /// A code of their second factor, or a recovery code.
    pub code: Option<SecretString>,
    /// Of which tenant, where the address is known in several.
    pub tenant_id: Option<TenantId>,
    /// Whether the session is for real money.
    pub livemode: bool,
    /// What the client tells of itself.
    pub device: Device,
}

/// Getting new tokens for a refresh token.
#[derive(Clone, Debug)]
pub struct RefreshTokens {
    /// The refresh token.
    pub token: SecretString,
    /// Whether it is to be replaced.
    pub rotates: bool,
    /// What the client tells of itself.
    pub device: Device,
}

/// Ending a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeSession {
    /// Which.
    pub id: SessionId,
    /// Why.
    pub reason: Option<Reason>,
}

/// Which sessions are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// Created later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// A user to make.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Their address, normalized.
    pub email: Email,
    /// What they are called.
    pub name: Option<UserName>,
    /// What they are there for.
    pub role: Role,
    /// Their first password.
    pub password: SecretString,
}

/// Changes of a user; what is `None` stays.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ChangeUser {
    /// What they are called; `Some(None)` for nothing.
    pub name: Option<Option<UserName>>,
    /// What they are there for.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub enabled: Option<bool>,
}

/// Another password.
#[derive(Clone, Debug)]
pub struct SetPassword {
    /// The one so far, where users change their own.
    pub current: Option<SecretString>,
    /// The new one.
    pub password: SecretString,
}
