//! Sessions and users, as callers see them.

use chrono::{DateTime, Utc};
use florin_domain::{Actor, Role, SecondFactor, Session, SessionId, TenantId, User, UserId, UserName};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment::as_text;
use super::{Timestamp, schema};

/// What a session's holder gets.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SessionTokens)]
pub struct TokensResponse<'a> {
    /// Opens the API, as `Authorization: Bearer`, until `expires_at`.
    pub access_token: &'a str,
    /// Gets new tokens from `POST /v1/auth/refresh`, and opens nothing else.
    pub refresh_token: &'a str,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// From when on the access token opens nothing.
    #[schema(value_type = schema::TimeSchema)]
    pub expires_at: Timestamp,
    /// From when on the refresh token opens nothing.
    #[schema(value_type = schema::TimeSchema)]
    pub refresh_token_expires_at: Timestamp,
    /// The session.
    #[schema(value_type = schema::SessionIdSchema)]
    pub session_id: SessionId,
}

impl<'a> TokensResponse<'a> {
    /// The current tokens of a session.
    pub fn new(session: &Session, access_token: &'a str, refresh_token: &'a str) -> Self {
        TokensResponse {
            access_token,
            refresh_token,
            token_type: "Bearer",
            expires_at: Timestamp(session.access_expires_at),
            refresh_token_expires_at: Timestamp(session.refresh_expires_at),
            session_id: session.id,
        }
    }
}

/// That a session has ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SessionEnded)]
pub struct SessionEndedResponse {
    /// Always true.
    pub success: bool,
    /// The session.
    #[schema(value_type = schema::SessionIdSchema)]
    pub invalidated_session_id: SessionId,
    /// How many tokens stopped working by it.
    pub revoked_tokens: u32,
    /// When that was.
    #[schema(value_type = schema::TimeSchema)]
    pub revoked_at: Timestamp,
}

impl SessionEndedResponse {
    /// The view of a session that has ended; none for one that has not.
    pub fn new(session: &Session) -> Option<Self> {
        let ended = session.ended.as_ref()?;
        Some(SessionEndedResponse {
            success: true,
            invalidated_session_id: session.id,
            revoked_tokens: ended.tokens,
            revoked_at: Timestamp(ended.at),
        })
    }
}

/// A session that lives.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionResponse<'a> {
    /// The session.
    #[schema(value_type = schema::SessionIdSchema)]
    pub id: SessionId,
    /// Whether it is the one that the request was made in.
    pub current: bool,
    /// On which device it is used, as its client said last.
    #[schema(required)]
    pub device_id: Option<&'a str>,
    /// The client's version, as it said last.
    #[schema(required)]
    pub client_version: Option<&'a str>,
    /// When it was used last, to a minute or so.
    #[schema(value_type = schema::TimeSchema)]
    pub last_seen_at: Timestamp,
    /// From when on its refresh token opens nothing, unless it is used before.
    #[schema(value_type = schema::TimeSchema)]
    pub refresh_token_expires_at: Timestamp,
    /// When it ends, however often it is refreshed.
    #[schema(value_type = schema::TimeSchema)]
    pub expires_at: Timestamp,
    /// Whether it is for real money.
    pub livemode: bool,
    /// Whose it is.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// The key or the user that it was exchanged for.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// When it began.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
}

impl<'a> SessionResponse<'a> {
    /// The view of a session, for a caller whose own may be `current`, with when it was noted to be used last.
    pub fn new(session: &'a Session, current: Option<SessionId>, seen: Option<DateTime<Utc>>) -> Self {
        let last_seen_at = seen.map_or(session.updated_at, |seen| seen.max(session.updated_at));
        SessionResponse {
            id: session.id,
            current: current == Some(session.id),
            device_id: session.device.device_id.as_ref().map(florin_domain::DeviceId::as_str),
            client_version: session.device.client_version.as_ref().map(florin_domain::ClientVersion::as_str),
            last_seen_at: Timestamp(last_seen_at),
            refresh_token_expires_at: Timestamp(session.refresh_expires_at),
            expires_at: Timestamp(session.expires_at),
            livemode: session.mode.is_live(),
            tenant_id: session.tenant_id,
            created_by: session.owner.actor(),
            created_at: Timestamp(session.id.created_at()),
        }
    }
}

/// Whether codes are asked for when a user signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TotpStatus {
    /// They are not.
    Off,
    /// Not yet: the secret was handed out, and no code has confirmed it.
    Pending,
    /// They are.
    On,
}

/// Somebody who signs in with a password. They work in both modes.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserResponse<'a> {
    /// The user.
    #[schema(value_type = schema::UserIdSchema)]
    pub id: UserId,
    /// Their address, trimmed and in lower case.
    pub email: &'a str,
    /// What they are called.
    #[schema(required)]
    pub name: Option<&'a str>,
    /// What they are there for: `admin` may do everything, `operator` works with payments, `viewer` reads.
    #[schema(value_type = schema::RoleSchema)]
    pub role: Role,
    /// Whether they may sign in.
    pub enabled: bool,
    /// Whether codes are asked for when they do.
    pub totp: TotpStatus,
    /// Whose they are.
    #[schema(value_type = schema::TenantIdSchema)]
    pub tenant_id: TenantId,
    /// Who made them.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub created_by: Actor,
    /// Who changed them last.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = schema::ActorSchema)]
    pub updated_by: Actor,
    /// When they were made.
    #[schema(value_type = schema::TimeSchema)]
    pub created_at: Timestamp,
    /// When they were changed last.
    #[schema(value_type = schema::TimeSchema)]
    pub updated_at: Timestamp,
}

impl<'a> UserResponse<'a> {
    /// The view of a user, in which there is nothing of a password.
    pub fn new(user: &'a User) -> Self {
        UserResponse {
            id: user.id,
            email: user.email.as_str(),
            name: user.name.as_ref().map(UserName::as_str),
            role: user.role,
            enabled: user.disabled_at.is_none(),
            totp: match user.second_factor {
                SecondFactor::Off => TotpStatus::Off,
                SecondFactor::Pending { .. } => TotpStatus::Pending,
                SecondFactor::On { .. } => TotpStatus::On,
            },
            tenant_id: user.tenant_id,
            created_by: user.created_by,
            updated_by: user.updated_by,
            created_at: Timestamp(user.id.created_at()),
            updated_at: Timestamp(user.updated_at),
        }
    }
}

/// The secret of a second factor, shown once. A code confirms it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TotpOffer)]
pub struct TotpOfferResponse<'a> {
    /// Whose it is.
    #[schema(value_type = schema::UserIdSchema)]
    pub user_id: UserId,
    /// To be typed into an authenticator app.
    pub secret: &'a str,
    /// The same for a QR code.
    pub otpauth_url: &'a str,
}

/// Codes for when the authenticator is lost, each good once, shown once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub struct RecoveryCodesResponse<'a> {
    /// Whose they are.
    #[schema(value_type = schema::UserIdSchema)]
    pub user_id: UserId,
    /// The codes.
    pub recovery_codes: Vec<&'a str>,
}
