//! Handlers of users: parse, call the engine, answer.

use florin_domain::{Role, UserId, UserName, normalize_email};
use florin_engine::access::Credential;
use florin_engine::requests::{ChangeUser, CreateUser, SetPassword};
use florin_engine::views::{Answer, Refused};
use secrecy::SecretString;

use crate::call::Call;
use crate::fields::{Fields, missing, refuse_immutable};
use crate::idempotency;
use crate::query::PAGE_PARAMETERS;

/// The fields of `POST /v1/users`.
pub(crate) const USER_FIELDS: &[&str] = &["email", "name", "role", "password"];
/// The fields of `PATCH /v1/users/{id}`.
pub(crate) const UPDATE_FIELDS: &[&str] = &["name", "role", "enabled"];
/// What else a user has.
const FIXED_FIELDS: &[&str] =
    &["id", "email", "totp", "tenant_id", "created_by", "updated_by", "created_at", "updated_at"];
/// The fields of `POST /v1/users/{id}/password`.
pub(crate) const PASSWORD_FIELDS: &[&str] = &["current_password", "password"];
/// The fields of `POST /v1/users/{id}/totp/confirm`.
pub(crate) const CONFIRM_FIELDS: &[&str] = &["code"];

pub(crate) async fn create(mut call: Call) -> Result<Answer, Refused> {
    let body = call.body().await?;
    let idempotency = idempotency::by_header(&call.request, "POST /v1/users".to_owned(), &body)?;
    let mut fields = Fields::new(body, USER_FIELDS)?;
    let email = fields.text("email", |text| normalize_email(&text))?;
    let role = fields.word("role", Role::WORDS)?;
    let request = CreateUser {
        email: email
            .ok_or_else(|| missing("email", "Send email: the address that the user signs in with."))?,
        name: fields.text("name", UserName::parse)?,
        role: role.ok_or_else(|| missing("role", "Send role: admin, operator or viewer."))?,
        password: password(&mut fields)?,
    };
    Ok(call.state.engine.create_user(call.context, request, idempotency).await)
}

pub(crate) async fn list(call: Call) -> Result<Answer, Refused> {
    let mut query = call.query(&PAGE_PARAMETERS)?;
    let page = query.page::<UserId>(UserId::PREFIX, UserId::uuid)?;
    let (after, before) = (query.time("created_after")?, query.time("created_before")?);
    Ok(call.state.engine.list_users(call.context, after, before, page).await)
}

pub(crate) async fn find(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = user_id(&call)?;
    Ok(call.state.engine.find_user(call.context, id).await)
}

pub(crate) async fn update(mut call: Call) -> Result<Answer, Refused> {
    let id = user_id(&call)?;
    let body = call.body().await?;
    refuse_immutable(&body, FIXED_FIELDS, UPDATE_FIELDS)?;
    let mut fields = Fields::new(body, UPDATE_FIELDS)?;
    let change = ChangeUser {
        name: fields.erasable_text("name", UserName::parse)?,
        role: fields.word("role", Role::WORDS)?,
        enabled: fields.boolean("enabled")?,
    };
    Ok(call.state.engine.change_user(call.context, id, change).await)
}

pub(crate) async fn set_password(mut call: Call) -> Result<Answer, Refused> {
    let id = user_id(&call)?;
    let body = call.body().await?;
    let mut fields = Fields::new(body, PASSWORD_FIELDS)?;
    let request = SetPassword {
        current: fields.string("current_password", "a string")?.map(SecretString::from),
        password: password(&mut fields)?,
    };
    Ok(call.state.engine.set_password(call.context, id, request).await)
}

pub(crate) async fn offer_totp(mut call: Call) -> Result<Answer, Refused> {
    let id = user_id(&call)?;
    let body = call.body().await?;
    Fields::new(body, &[])?;
    Ok(call.state.engine.offer_totp(call.context, id).await)
}

pub(crate) async fn confirm_totp(mut call: Call) -> Result<Answer, Refused> {
    let id = user_id(&call)?;
    let body = call.body().await?;
    let mut fields = Fields::new(body, CONFIRM_FIELDS)?;
    let code = fields.string("code", "a string of six digits")?;
    let code =
        code.ok_or_else(|| missing("code", "Send code: the six digits that the authenticator shows."))?;
    Ok(call.state.engine.confirm_totp(call.context, id, code).await)
}

pub(crate) async fn drop_totp(call: Call) -> Result<Answer, Refused> {
    call.query(&[])?;
    let id = user_id(&call)?;
    Ok(call.state.engine.drop_totp(call.context, id).await)
}

/// The user in the path; `me` is whoever is signed in.
fn user_id(call: &Call) -> Result<UserId, Refused> {
    match (call.request.match_info().get("id"), call.context.caller.credential) {
        (Some("me"), Credential::UserSession { user, .. }) => Ok(user),
        _ => call.path_id(Refused::user_not_found),
    }
}

fn password(fields: &mut Fields) -> Result<SecretString, Refused> {
    let text = fields.string("password", "a string")?;
    let text = text.ok_or_else(|| missing("password", "Send password: at least 12 characters."))?;
    Ok(text.into())
}
