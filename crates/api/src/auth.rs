//! Handlers of sessions: exchanging credentials for one, refreshing it, ending it, listing one's own.
//!
//! Two of the calls are open to everybody, since they bring what is to be looked at: a password, or a refresh token.

use std::sync::Arc;

use florin_domain::{ClientVersion, Device, DeviceId, Reason, SessionId, TenantId, normalize_email};
use florin_engine::Stranger;
use florin_engine::access::Context;
use florin_engine::requests::{RefreshTokens, RevokeSession, SessionFilter, SignIn};
use florin_engine::views::{Answer, ErrorCode, Refused, to_json};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::call::{Call, OpenCall};
use crate::credentials;
use crate::fields::{Fields, missing};
use crate::query::PAGE_PARAMETERS;
use crate::rate_limit::TryKind;

/// The fields of `POST /v1/auth/token`.
pub(crate) const TOKEN_FIELDS: &[&str] =
    &["device_id", "client_version", "email", "password", "totp_code", "tenant_id", "livemode"];
/// The fields of `POST /v1/auth/refresh`.
pub(crate) const REFRESH_FIELDS: &[&str] = &["device_id", "rotate_refresh_token", "client_version"];
/// The fields of `DELETE /v1/auth/session`.
pub(crate) const REVOKE_FIELDS: &[&str] = &["session_id", "reason"];

pub(crate) async fn token(mut call: OpenCall) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let mut fields = Fields::new(body, TOKEN_FIELDS)?;
    let device = device(&mut fields)?;
    if fields.is_given("email") || fields.is_given("password") {
        if credentials::are_presented(&call.request) {
            let message = "Send an API key, or email and password, but not both.";
            return Err(Refused::new(ErrorCode::ParametersConflict, message).param("email"));
        }
        let request = sign_in(&mut fields, device)?;
        admit(&call).await?;
        return Ok(call.state.engine.sign_in(stranger(&call), request).await);
    }
    if let Some(field) = ["totp_code", "tenant_id", "livemode"].into_iter().find(|name| fields.is_given(name))
    {
        let message = format!("{field} goes with email and password; an API key has a tenant and a mode.");
        return Err(Refused::new(ErrorCode::ParametersConflict, message).param(field));
    }
    let secret = credentials::secret_of(&call.request)?;
    let caller = call.state.engine.authenticate(secret).await?.ok_or_else(credentials::wrong)?;
    call.state.limiter.check(&caller).await.1?;
    let context = Context { caller, request_id: call.request_id.clone(), address: call.address };
    Ok(call.state.engine.exchange_key(context, device).await)
}

pub(crate) async fn refresh(mut call: OpenCall) -> Result<Answer, Refused> {
    let token =
        credentials::secret_of(&call.request).map_err(|_no_token| Refused::refresh_token_invalid())?;
    let token = token.into();
    let body = call.body().await?;
    let mut fields = Fields::new(body, REFRESH_FIELDS)?;
    let rotates = fields.boolean("rotate_refresh_token")?.unwrap_or(true);
    let request = RefreshTokens { token, rotates, device: device(&mut fields)? };
    Ok(call.state.engine.refresh_session(stranger(&call), request).await)
}

pub(crate) async fn revoke(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let mut fields = Fields::new(body, REVOKE_FIELDS)?;
    let reason = fields.text("reason", Reason::parse)?;
    let id = fields.id::<SessionId>("session_id", Refused::session_not_found)?;
    let id = id.ok_or_else(|| missing("session_id", "Send session_id: the session to end."))?;
    Ok(call.state.engine.revoke_session(call.context, RevokeSession { id, reason }).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&PAGE_PARAMETERS)?;
    let page = query.page::<SessionId>(SessionId::PREFIX, SessionId::uuid)?;
    let filter = SessionFilter {
        created_after: query.time("created_after")?,
        created_before: query.time("created_before")?,
    };
    Ok(call.state.engine.list_sessions(call.context, filter, page).await)
}

/// An error as sessions' clients know it: beside the common form, its code and message under two names of their own.
pub(crate) fn in_session_form(answer: Answer) -> Answer {
    if answer.status < 400 {
        return answer;
    }
    let Ok(body) = serde_json::from_str::<Common<'_>>(&answer.body) else { return answer };
    let Ok(facts) = serde_json::from_str::<Facts>(body.error.get()) else { return answer };
    let told = SessionError { error: body.error, error_code: &facts.code, error_description: &facts.message };
    let body = Arc::from(to_json(&told, 512));
    Answer { body, ..answer }
}

#[derive(Deserialize)]
struct Common<'a> {
    #[serde(borrow)]
    error: &'a RawValue,
}

#[derive(Deserialize)]
struct Facts {
    code: String,
    message: String,
}

#[derive(Serialize)]
struct SessionError<'a> {
    error: &'a RawValue,
    error_code: &'a str,
    error_description: &'a str,
}

async fn admit(call: &OpenCall) -> Result<(), Refused> {
    let admitted = call.state.limiter.admit_try(TryKind::SignIn, call.address).await;
    admitted.map_err(Refused::login_throttled)
}

fn stranger(call: &OpenCall) -> Stranger {
    Stranger { request_id: call.request_id.clone(), address: call.address }
}

fn device(fields: &mut Fields) -> Result<Device, Refused> {
    Ok(Device {
        device_id: fields.text("device_id", DeviceId::parse)?,
        client_version: fields.text("client_version", ClientVersion::parse)?,
    })
}

fn sign_in(fields: &mut Fields, device: Device) -> Result<SignIn, Refused> {
    let email = fields.text("email", |text| normalize_email(&text))?;
    let email = email.ok_or_else(|| missing("email", "Send email: the user's e-mail address."))?;
    let password = fields.string("password", "a string")?;
    let password = password.ok_or_else(|| missing("password", "Send password: the user's password."))?;
    if password.len() > florin_domain::MAX_PASSWORD_BYTES {
        return Err(Refused::login_failed());
    }
    Ok(SignIn {
        email,
        password: password.into(),
        code: fields.string("totp_code", "a string of digits, or a recovery code")?.map(Into::into),
        tenant_id: fields.id::<TenantId>("tenant_id", Refused::login_failed)?,
        livemode: fields.boolean("livemode")?.unwrap_or(false),
        device,
    })
}
