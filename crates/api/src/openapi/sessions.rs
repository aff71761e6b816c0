//! The operations on sessions and users, and what they take.

use florin_domain::{
    ClientVersion, DeviceId, Email, MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, Reason, Role, SessionId,
    TenantId, UserId, UserName,
};
use florin_engine::views::schema::{NamedSchema, nullable, string, text};
use florin_engine::views::{
    ErrorCode, RecoveryCodesResponse, SessionEndedResponse, SessionResponse, TokensResponse,
    TotpOfferResponse, TotpStatus, UserResponse,
};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem, PathsBuilder};
use utoipa::openapi::{ComponentsBuilder, Object, ObjectBuilder, Type};

use super::bodies::object;
use super::call::{Call, LIST};
use super::operations::and;
use super::parameters::page;
use super::{Named, schema};

const SESSIONS: &str = "Sessions";
const USERS: &str = "Users";
const OF_USER: &[&str] =
    &["findUser", "updateUser", "setUserPassword", "offerUserTotp", "dropUserTotp", "confirmUserTotp"];

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    let users = PathItem::new(HttpMethod::Get, list_users());
    let user = PathItem::new(HttpMethod::Get, find_user());
    let totp = PathItem::new(HttpMethod::Post, offer_totp());
    builder
        .path("/v1/auth/token", PathItem::new(HttpMethod::Post, token()))
        .path("/v1/auth/refresh", PathItem::new(HttpMethod::Post, refresh()))
        .path("/v1/auth/session", PathItem::new(HttpMethod::Delete, revoke()))
        .path("/v1/auth/sessions", PathItem::new(HttpMethod::Get, list_sessions()))
        .path("/v1/users", and(users, HttpMethod::Post, create_user()))
        .path("/v1/users/{id}", and(user, HttpMethod::Patch, update_user()))
        .path("/v1/users/{id}/password", PathItem::new(HttpMethod::Post, set_password()))
        .path("/v1/users/{id}/totp", and(totp, HttpMethod::Delete, drop_totp()))
        .path("/v1/users/{id}/totp/confirm", PathItem::new(HttpMethod::Post, confirm_totp()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    builder
        .schema("CreateSession", token_body())
        .schema("RefreshSession", refresh_body())
        .schema("RevokeSession", revoke_body())
        .schema("CreateUser", user_body())
        .schema("UpdateUser", update_body())
        .schema("SetUserPassword", password_body())
        .schema("OfferUserTotp", object([]))
        .schema("ConfirmUserTotp", confirm_body())
}

/// What the operations answer.
pub(super) fn schemas() -> [Named; 7] {
    [
        schema::<TokensResponse<'_>>(),
        schema::<SessionEndedResponse>(),
        schema::<SessionResponse<'_>>(),
        schema::<UserResponse<'_>>(),
        schema::<TotpStatus>(),
        schema::<TotpOfferResponse<'_>>(),
        schema::<RecoveryCodesResponse<'_>>(),
    ]
}

fn token() -> Operation {
    Call::with_body("createSession", "Exchange an API key, or a password, for a session", "CreateSession")
        .about(
            "With an API key the session has its tenant, mode and scopes, and ends with it. With `email` and `password` \
             no key is sent; the session has the scopes of the user's role.",
        )
        .tag(SESSIONS)
        .answers(201, "The session's tokens, shown this once.", "SessionTokens")
        .refuses(&[
            ErrorCode::ParameterMissing,
            ErrorCode::ParametersConflict,
            ErrorCode::LoginFailed,
            ErrorCode::TotpRequired,
            ErrorCode::LoginThrottled,
            ErrorCode::CredentialsKeyMissing,
        ])
        .build()
}

fn refresh() -> Operation {
    Call::with_body("refreshSession", "Get new tokens for a refresh token", "RefreshSession")
        .about(
            "The refresh token is sent as `Authorization: Bearer`. With rotation it is replaced, and presented again later it \
             ends the session, since somebody must have copied it. A client that has not got the answer may send the \
             same request again within 30 seconds, as long as the successor is unused, and gets the same answer.",
        )
        .tag(SESSIONS)
        .answers(200, "The session's new tokens.", "SessionTokens")
        .refuses(&[
            ErrorCode::RefreshTokenInvalid,
            ErrorCode::RefreshTokenExpired,
            ErrorCode::TokenRotationFailed,
        ])
        .build()
}

fn revoke() -> Operation {
    Call::with_body("revokeSession", "End a session", "RevokeSession")
        .about(
            "One's own, or any as an administrator. No request that is sent after the answer gets in with its tokens. \
             Again, the answer is the same.",
        )
        .tag(SESSIONS)
        .body_required()
        .answers(200, "The session has ended.", "SessionEnded")
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::SessionNotFound])
        .build()
}

fn list_sessions() -> Operation {
    Call::get("listSessions", "List one's sessions")
        .about("The sessions of the API key or user that live, in the caller's mode.")
        .tag(SESSIONS)
        .takes(page::<SessionId>())
        .answers(200, "A page of sessions, newest first.", "SessionList")
        .refuses(LIST)
        .build()
}

fn create_user() -> Operation {
    Call::post("createUser", "Make a user", "CreateUser")
        .about("Users work in both modes, so that a test key can't make any.")
        .tag(USERS)
        .body_required()
        .answers(201, "The user.", "User")
        .leads_to(OF_USER)
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::EmailTaken])
        .build()
}

fn list_users() -> Operation {
    Call::get("listUsers", "List users")
        .tag(USERS)
        .takes(page::<UserId>())
        .answers(200, "A page of users, newest first.", "UserList")
        .refuses(LIST)
        .build()
}

fn find_user() -> Operation {
    of_user(Call::get("findUser", "Retrieve a user"))
        .about("Users may ask for themselves, as `me`, too.")
        .answers(200, "The user.", "User")
        .build()
}

fn update_user() -> Operation {
    of_user(Call::with_body("updateUser", "Change a user", "UpdateUser"))
        .about("Users who are disabled lose their sessions at once, and don't get them back.")
        .answers(200, "The user.", "User")
        .refuses(&[ErrorCode::FieldImmutable])
        .build()
}

fn set_password() -> Operation {
    of_user(Call::with_body("setUserPassword", "Set a user's password", "SetUserPassword"))
        .about("Users who change their own send the current one. All of the user's sessions end.")
        .body_required()
        .answers(200, "The user.", "User")
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::LoginThrottled])
        .build()
}

fn offer_totp() -> Operation {
    of_user(Call::with_body("offerUserTotp", "Begin a second factor", "OfferUserTotp"))
        .about("For users themselves. Codes are asked for once the first one has confirmed it.")
        .answers(200, "The secret for an authenticator app, shown this once.", "TotpOffer")
        .refuses(&[ErrorCode::TotpNotPending, ErrorCode::CredentialsKeyMissing])
        .build()
}

fn confirm_totp() -> Operation {
    of_user(Call::with_body("confirmUserTotp", "Switch a second factor on", "ConfirmUserTotp"))
        .about("By a code, which proves that the authenticator has the secret.")
        .body_required()
        .answers(200, "Recovery codes for when the authenticator is lost, shown this once.", "RecoveryCodes")
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::TotpNotPending, ErrorCode::CredentialsKeyMissing])
        .build()
}

fn drop_totp() -> Operation {
    of_user(Call::get("dropUserTotp", "Switch a second factor off"))
        .about("By users themselves, or by an administrator. All of the user's sessions end.")
        .answers(200, "The user.", "User")
        .refuses(&[ErrorCode::OutcomeUnknown])
        .build()
}

fn of_user(call: Call) -> Call {
    call.tag(USERS).of::<UserId>("The user.", ErrorCode::UserNotFound)
}

fn device() -> [(&'static str, &'static str, Object); 2] {
    [
        (
            "device_id",
            "Which device the session is used on. Another one than before is noted in the audit log.",
            nullable(text(DeviceId::MAX_CHARS).min_length(Some(1))),
        ),
        (
            "client_version",
            "The version of the client.",
            nullable(text(ClientVersion::MAX_CHARS).min_length(Some(1))),
        ),
    ]
}

fn token_body() -> Object {
    let [device_id, client_version] = device();
    let mut fields = object([
        device_id,
        client_version,
        ("email", "Signing in: the user's address.", nullable(text(Email::MAX_CHARS))),
        ("password", "Signing in: the user's password.", nullable(string())),
        ("totp_code", "Signing in: the code of the second factor, or a recovery code.", nullable(string())),
        (
            "tenant_id",
            "Signing in: of which tenant, where the address is used in several.",
            nullable(like::<TenantId>()),
        ),
        (
            "livemode",
            "Signing in: whether the session is for real money; false when absent.",
            nullable(boolean()),
        ),
    ]);
    fields.examples = vec![json!({"device_id": "web-3f92ab1c", "client_version": "2.4.1"})];
    fields
}

fn refresh_body() -> Object {
    let [device_id, client_version] = device();
    let rotates = (
        "rotate_refresh_token",
        "Whether the refresh token is replaced; true when absent. With false it stays valid.",
        nullable(boolean()),
    );
    let mut fields = object([device_id, rotates, client_version]);
    fields.examples = vec![json!({"device_id": "web-3f92ab1c", "client_version": "2.4.1"})];
    fields
}

fn revoke_body() -> Object {
    let mut fields = object([
        ("session_id", "The session to end.", like::<SessionId>().build()),
        ("reason", "Why.", nullable(text(Reason::MAX_CHARS))),
    ]);
    fields.required = vec!["session_id".to_owned()];
    fields.examples = vec![json!({
        "session_id": "sess_01k9dcq4w0e7qs9x3v5m8ffh2a", "reason": "user_logout"
    })];
    fields
}

fn user_body() -> Object {
    let mut fields = object([
        ("email", "The address that the user signs in with.", text(Email::MAX_CHARS).build()),
        ("name", "What they are called.", nullable(text(UserName::MAX_CHARS).min_length(Some(1)))),
        ("role", "What they are there for.", role().build()),
        ("password", "Their first password.", password().build()),
    ]);
    fields.required = ["email", "role", "password"].map(str::to_owned).to_vec();
    fields.examples = vec![json!({
        "email": "ada@example.com", "name": "Ada Lovelace", "role": "operator",
        "password": "correct horse battery"
    })];
    fields
}

fn update_body() -> Object {
    let mut fields = object([
        (
            "name",
            "What they are called; null for nothing.",
            nullable(text(UserName::MAX_CHARS).min_length(Some(1))),
        ),
        ("role", "What they are there for.", nullable(role())),
        ("enabled", "Whether they may sign in.", nullable(boolean())),
    ]);
    fields.examples = vec![json!({"role": "viewer"})];
    fields
}

fn password_body() -> Object {
    let mut fields = object([
        ("current_password", "The password so far, for users who change their own.", nullable(string())),
        ("password", "The new password.", password().build()),
    ]);
    fields.required = vec!["password".to_owned()];
    fields.examples = vec![json!({
        "current_password": "correct horse battery", "password": "staple correct horse"
    })];
    fields
}

fn confirm_body() -> Object {
    let mut fields = object([(
        "code",
        "The code that the authenticator shows.",
        string().pattern(Some("^[0-9]{6}$")).build(),
    )]);
    fields.required = vec!["code".to_owned()];
    fields.examples = vec![json!({"code": "287082"})];
    fields
}

fn password() -> ObjectBuilder {
    string().min_length(Some(MIN_PASSWORD_CHARS)).max_length(Some(MAX_PASSWORD_BYTES))
}

fn role() -> ObjectBuilder {
    string().enum_values(Some(Role::WORDS.iter().copied()))
}

fn boolean() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

fn like<T: NamedSchema>() -> ObjectBuilder {
    ObjectBuilder::from(T::schema())
}
